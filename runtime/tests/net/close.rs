//! How connections end, by either side, and how outgoing ones are made again.

use std::cell::Cell;
use std::collections::HashSet;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::rc::Rc;
use std::time::Duration;

use crate::net_support::{LISTENER, LengthPrefixed, World, echo, frame, listen, small_net, take};
use corelane_runtime::net::{
    CloseReason, ConnId, DriverConfig, EndpointId, EndpointSpec, Flow, Net, NetError, SendError,
};

#[test]
fn bytes_that_are_no_frames_close_their_connection_only() {
    let cases: [(&str, Vec<u8>); 4] = [
        ("longer than max_frame, in one piece", frame(&[0; 127])),
        ("a length that would never arrive", vec![0xff, 0xff, 1]),
        ("zero length", vec![0, 0]),
        ("behind a good frame", [frame(b"good"), vec![0, 0, 1]].concat()),
    ];
    let mut world = World::listening(small_net(), echo);
    let (mut neighbour, _) = world.connect();
    for (what, bytes) in cases {
        let (mut client, conn) = world.connect();
        client.write_all(&bytes).unwrap();
        if bytes[0] == 0xff {
            // The framer cannot tell before max_frame bytes are there.
            client.write_all(&[0; 200]).unwrap();
        }
        world.until(what, |world| world.actor.reason(conn) == Some(CloseReason::BadFrame));
        assert_eq!(world.driver.send(conn, b"x"), Err(SendError::Closed));
        assert_eq!(world.exchange(&mut neighbour, &frame(b"ok"), 4), frame(b"ok"), "{what}");
    }
    assert_eq!(world.driver.counters().closed_for(CloseReason::BadFrame), 4);
}

#[test]
fn a_half_closed_peer_still_gets_its_answers() {
    let mut world = World::listening(small_net(), echo);
    let (mut client, conn) = world.connect();
    let stream = frame(&[1; 100]).repeat(30);
    client.write_all(&stream).unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    assert_eq!(world.read_to_end(&mut client), stream);
    world.until("closed", |world| world.actor.reason(conn) == Some(CloseReason::Peer));
}

/// R10
#[test]
fn a_half_closed_peer_gets_answers_until_its_handler_closes() {
    let mut world = World::listening(small_net(), take);
    world.actor.keeps_half_closed = true;
    let (mut client, conn) = world.connect();
    client.write_all(&[frame(b"request"), frame(b"cut off")[..5].to_vec()].concat()).unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    world.until("the half-close", |world| world.actor.half_closed == [conn]);
    assert_eq!(world.actor.frames_of(conn), [frame(b"request")], "what came before is taken first");
    for answer in [b"later", b"and 2", b"and 3"] {
        world.driver.send(conn, &frame(answer)).unwrap();
        world.run_until_idle();
        assert_eq!(world.exchange(&mut client, &[], 7), frame(answer));
    }
    assert_eq!((world.actor.half_closed.len(), world.driver.open_connections()), (1, 1), "told once, and not closed");
    assert!(!world.driver.has_pending());
    world.driver.send(conn, &frame(b"last")).unwrap();
    world.driver.close(conn, CloseReason::Peer);
    assert_eq!(world.read_to_end(&mut client), frame(b"last"));
    world.until("closed", |world| world.actor.reason(conn) == Some(CloseReason::Peer));
}

/// R10
#[test]
fn a_half_closed_peer_that_is_gone_is_noticed_when_something_is_sent() {
    let mut world = World::listening(small_net(), take);
    world.actor.keeps_half_closed = true;
    let (client, conn) = world.connect();
    drop(client);
    world.until("the half-close", |world| world.actor.half_closed == [conn]);
    world.until("closed", |world| {
        let _ = world.driver.send(conn, &frame(b"x"));
        world.actor.reason(conn) == Some(CloseReason::Socket)
    });
}

/// R10: held frames come before the end.
#[test]
fn a_half_close_waits_for_held_frames() {
    let room = Rc::new(Cell::new(false));
    let has_room = room.clone();
    let mut world = World::listening(small_net(), move |_, _, _| if has_room.get() { Flow::Taken } else { Flow::Hold });
    let (mut client, conn) = world.connect();
    client.write_all(&frame(b"x").repeat(300)).unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    world.run_until_idle();
    assert!(world.actor.half_closed.is_empty() && world.driver.holds_input());
    room.set(true);
    world.until("closed", |world| world.actor.reason(conn) == Some(CloseReason::Peer));
    assert_eq!(world.actor.frames_of(conn).len(), 300);
}

/// R6: its slot would never be free again.
#[test]
fn a_dead_peer_whose_frame_is_held_for_room_to_answer_is_closed() {
    let mut world = World::listening(small_net(), echo);
    let (mut client, conn) = world.connect();
    world.fill(conn);
    client.write_all(&frame(&[1; 120]).repeat(40)).unwrap();
    world.until("a frame is held", |world| world.driver.holds_input());
    // Unread bytes make it a reset.
    drop(client);
    world.until("closed", |world| world.actor.reason(conn) == Some(CloseReason::Socket));
    assert!(world.driver.open_connections() == 0 && !world.driver.holds_input());
}

/// R9
#[test]
fn a_closed_endpoint_ends_its_connections_and_takes_no_more() {
    let mut world = World::new(small_net(), vec![listen(), listen()], echo);
    let other = world.driver.local_addr(EndpointId(1)).unwrap();
    let (mut client, conn) = world.connect();
    let mut neighbour = TcpStream::connect(other).unwrap();
    world.driver.send(conn, &frame(b"queued")).unwrap();
    world.driver.close_endpoint(LISTENER);
    assert_eq!(world.read_to_end(&mut client), frame(b"queued"));
    drop(client);
    world.until("closed", |world| world.actor.reason(conn) == Some(CloseReason::Local));
    world.until("the listener is closed", |world| TcpStream::connect(world.addr()).is_err());
    assert_eq!(world.exchange(&mut neighbour, &frame(b"on"), 4), frame(b"on"), "the other endpoint goes on");
    world.driver.close_endpoint(EndpointId(7));
}

#[test]
fn a_reset_ends_the_connection() {
    let mut world = World::listening(small_net(), echo);
    let (client, conn) = world.connect();
    let linger = rustix::net::sockopt::set_socket_linger(&client, Some(Duration::ZERO));
    linger.unwrap();
    drop(client);
    world.until("closed", |world| world.actor.reason(conn) == Some(CloseReason::Socket));
    assert_eq!(world.driver.open_connections(), 0);
}

#[test]
fn a_slots_next_connection_is_not_reached_by_the_old_handle() {
    let config = DriverConfig { connections_max: 1, ..small_net() };
    let mut world = World::listening(config, take);
    let mut old: Vec<ConnId> = Vec::new();
    for n in 0..20u8 {
        let (mut client, conn) = world.connect();
        for &stale in &old {
            assert_eq!(world.driver.send(stale, &frame(b"stale")), Err(SendError::Closed));
            assert_eq!(world.driver.send_room(stale), 0);
            world.driver.close(stale, CloseReason::Local);
        }
        world.driver.send(conn, &frame(&[n])).unwrap();
        assert_eq!(world.exchange(&mut client, &[], 3), frame(&[n]), "only its own bytes");
        client.write_all(&frame(&[n])).unwrap();
        drop(client);
        world.until("closed", |world| world.actor.reason(conn).is_some());
        assert_eq!(world.actor.frames_of(conn), [&frame(&[n])[..]]);
        old.push(conn);
    }
    assert!(old.iter().all(|conn| conn.slot == 0));
    assert_eq!(old.iter().collect::<HashSet<_>>().len(), 20, "each has its own generation");
}

#[test]
fn a_local_close_flushes_first() {
    let mut world = World::listening(small_net(), |net, conn, frame| {
        net.send(conn, frame).unwrap();
        net.close(conn, CloseReason::Local);
        assert_eq!(net.send(conn, frame), Err(SendError::Closed));
        Flow::Taken
    });
    let (mut client, conn) = world.connect();
    // The second frame arrives with the first and is discarded; without a lingering close it would reset the
    // connection and could cost the client its answer.
    client.write_all(&frame(&[8; 100]).repeat(2)).unwrap();
    assert_eq!(world.read_to_end(&mut client), frame(&[8; 100]));
    drop(client);
    world.until("closed", |world| world.actor.reason(conn) == Some(CloseReason::Local));
    assert_eq!(world.actor.frames.len(), 1);
}

#[test]
fn a_close_that_waits_for_its_peer_can_be_cut_short() {
    let mut world = World::listening(small_net(), take);
    let (mut client, conn) = world.connect();
    world.driver.send(conn, &frame(b"last")).unwrap();
    for reason in [CloseReason::Local, CloseReason::Shutdown] {
        world.driver.close(conn, reason);
        world.run_until_idle();
        assert_eq!(world.driver.open_connections(), 1, "it waits for the peer's end");
    }
    world.driver.close(conn, CloseReason::TooMany);
    world.run_until_idle();
    assert_eq!(world.actor.reason(conn), Some(CloseReason::Local), "the first reason counts");
    assert_eq!((world.driver.open_connections(), world.driver.next_deadline_ns()), (0, None));
    assert_eq!(world.read_to_end(&mut client), frame(b"last"), "what was sent still arrives");
}

#[test]
fn a_close_ends_even_if_the_peer_never_reads_or_never_closes() {
    let mut world = World::listening(small_net(), take);
    let (_deaf, deaf) = world.connect();
    let (_mute, mute) = world.connect();
    world.fill(deaf);
    world.driver.close_all(CloseReason::Shutdown);
    world.run_until_idle();
    assert_eq!(world.driver.open_connections(), 2, "both get their time");
    assert!(world.driver.next_deadline_ns().is_some());
    world.skip(Duration::from_secs(3));
    world.until("both are given up", |world| world.driver.open_connections() == 0);
    for conn in [deaf, mute] {
        assert_eq!(world.actor.reason(conn), Some(CloseReason::Shutdown));
    }
    assert!(world.driver.counters().unsent_bytes > 0);
    assert_eq!(world.driver.next_deadline_ns(), None);
}

/// Reads until the end, and returns the number of bytes and how it ended.
fn read_all(client: &mut TcpStream) -> (usize, Result<(), ErrorKind>) {
    client.set_nonblocking(false).unwrap();
    client.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let (mut received, mut chunk) = (0, vec![0; 1 << 16]);
    loop {
        match client.read(&mut chunk) {
            Ok(0) => return (received, Ok(())),
            Ok(bytes) => received += bytes,
            Err(error) => return (received, Err(error.kind())),
        }
    }
}

/// Its input has ended, by either side, so no completion tells of the peer. What it does not read waits in the kernel, which
/// would not tell it for minutes.
#[test]
fn a_peer_whose_input_has_ended_and_that_does_not_read_is_reset() {
    for by_handler in [false, true] {
        let mut world = World::listening(small_net(), take);
        world.actor.keeps_half_closed = true;
        let (_full, full) = world.connect();
        let (mut client, conn) = world.connect();
        // So much that the driver can hand all of it to the kernel, which cannot hand all of it to the peer's.
        for _ in 0..world.fill(full) / 4 * 3 / 512 {
            world.until("room", |world| world.driver.send(conn, &[0; 512]).is_ok());
        }
        if by_handler {
            world.driver.end_input(conn);
        } else {
            client.shutdown(Shutdown::Write).unwrap();
        }
        world.until("the half-close", |world| world.actor.half_closed == [conn]);
        world.stop_clock();
        world.driver.close(conn, CloseReason::Peer);
        world.skip(Duration::from_millis(1900));
        assert_eq!(world.driver.open_connections(), 2, "it gets its time");
        assert!(world.driver.next_deadline_ns().is_some(), "a parked shard looks again");
        // Its kernel may still take a little after the close has begun, and so be given as much time again.
        world.skip(Duration::from_millis(2200));
        world.until("it is given up", |world| world.driver.open_connections() == 1);
        assert!(world.driver.counters().unsent_bytes > 0);
        assert_eq!(read_all(&mut client).1, Err(ErrorKind::ConnectionReset), "by handler: {by_handler}");
    }
}

/// It gets all that was sent, in its own time.
#[test]
fn a_peer_whose_input_has_ended_and_that_reads_late_gets_everything() {
    for by_handler in [false, true] {
        let mut world = World::listening(small_net(), take);
        world.actor.keeps_half_closed = true;
        let (mut client, conn) = world.connect();
        let queued = world.fill(conn);
        if by_handler {
            world.driver.end_input(conn);
        } else {
            client.shutdown(Shutdown::Write).unwrap();
        }
        world.until("the half-close", |world| world.actor.half_closed == [conn]);
        world.driver.close(conn, CloseReason::Peer);
        world.run_until_idle();
        let reader = std::thread::spawn(move || read_all(&mut client));
        world.until("it is closed", |world| world.driver.open_connections() == 0);
        assert_eq!(reader.join().unwrap(), (queued, Ok(())), "by handler: {by_handler}");
        assert_eq!(world.driver.counters().unsent_bytes, 0);
    }
}

/// A closing connection whose peer has not yet read what is queued for it: with us too, or with the kernel alone. Its input has
/// ended if `is_half_closed`. Returns its client, and how much is queued.
fn closing_before_its_peer_reads(
    world: &mut World,
    all_is_with_the_kernel: bool,
    is_half_closed: bool,
) -> (TcpStream, usize) {
    world.actor.keeps_half_closed = true;
    let (mut client, conn) = world.connect();
    // It does not grow as the client reads.
    rustix::net::sockopt::set_socket_recv_buffer_size(&client, 1 << 16).unwrap();
    let mut queued = 0;
    if all_is_with_the_kernel {
        let (full, its_conn) = world.connect();
        let all = world.fill(its_conn) / 4 * 3 / 512 * 512;
        for _ in 0..all / 512 {
            world.until("room", |world| world.driver.send(conn, &[0; 512]).is_ok());
        }
        queued += all;
        let all_room = small_net().send_buffer_bytes as usize;
        world.until("all is with the kernel", |world| world.driver.send_room(conn) == all_room);
        drop(full);
        world.until("it has the host for itself", |world| world.driver.open_connections() == 1);
    } else {
        queued += world.fill(conn);
    }
    if is_half_closed {
        client.shutdown(Shutdown::Write).unwrap();
        world.until("the half-close", |world| world.actor.half_closed == [conn]);
    }
    world.stop_clock();
    world.driver.close(conn, CloseReason::Local);
    world.run_until_idle();
    // More than its kernel has.
    client.set_nonblocking(false).unwrap();
    let mut begun = vec![0; queued / 8];
    client.read_exact(&mut begun).unwrap();
    (client, queued - begun.len())
}

/// The peer of a closing connection reads the rest, which is then closed.
fn gets_the_rest(mut world: World, mut client: TcpStream, left: usize, case: (bool, bool)) {
    let unsent_bytes = world.driver.counters().unsent_bytes;
    assert_eq!(world.read_to_end(&mut client).len(), left, "{case:?}");
    drop(client);
    // It is looked at now and then.
    world.skip(Duration::from_secs(4));
    world.until("it is closed", |world| world.driver.open_connections() == 0);
    assert_eq!(world.driver.counters().unsent_bytes, unsent_bytes, "{case:?}");
}

const CLOSING: [(bool, bool); 4] = [(false, false), (false, true), (true, false), (true, true)];

#[test]
fn a_peer_that_still_reads_when_its_time_is_up_gets_as_much_again() {
    for case in CLOSING {
        let mut world = World::listening(small_net(), take);
        let (client, left) = closing_before_its_peer_reads(&mut world, case.0, case.1);
        world.skip(Duration::from_millis(3_800));
        assert_eq!(world.driver.open_connections(), 1, "{case:?}");
        gets_the_rest(world, client, left, case);
    }
}

/// The kernel would go on for a peer that reads a byte a minute.
#[test]
fn a_peer_that_reads_on_and_on_is_reset_at_last() {
    for case in CLOSING {
        let mut world = World::listening(small_net(), take);
        let (mut client, left) = closing_before_its_peer_reads(&mut world, case.0, case.1);
        let unsent_before = world.driver.counters().unsent_bytes;
        let mut read = 0;
        for _ in 0..42 {
            world.skip(Duration::from_millis(100));
            read += client.read(&mut [0; 512]).unwrap();
        }
        world.until("it is given up", |world| world.driver.open_connections() == 0);
        let (rest, end) = read_all(&mut client);
        assert_eq!(end, Err(ErrorKind::ConnectionReset), "{case:?}");
        let unsent = (world.driver.counters().unsent_bytes - unsent_before) as usize;
        assert!(unsent > 0 && read + rest + unsent >= left, "{case:?}: {read} and {rest} of {left}, {unsent}");
    }
}

/// The process was suspended, or its host: nothing could be sent to the peer meanwhile.
#[test]
fn a_pause_of_the_process_costs_a_peer_none_of_its_time() {
    for case in CLOSING {
        let mut world = World::listening(small_net(), take);
        let (client, left) = closing_before_its_peer_reads(&mut world, case.0, case.1);
        for _ in 0..5 {
            world.pause(Duration::from_secs(3_600));
            world.run_until_idle();
        }
        assert_eq!(world.driver.open_connections(), 1, "{case:?}");
        gets_the_rest(world, client, left, case);
    }
}

/// A peer that closes while answers are on their way resets them: nothing is waited for.
#[test]
fn a_peer_that_is_gone_when_its_answers_come_is_not_waited_for() {
    let mut world = World::listening(small_net(), take);
    world.actor.keeps_half_closed = true;
    let (client, conn) = world.connect();
    world.fill(conn);
    client.shutdown(Shutdown::Write).unwrap();
    world.until("the half-close", |world| world.actor.half_closed == [conn]);
    world.driver.close(conn, CloseReason::Peer);
    drop(client);
    world.until("it is closed", |world| world.driver.open_connections() == 0);
}

#[test]
fn a_stop_spares_handlers_that_have_more_and_counts_what_it_cuts_off() {
    let mut world = World::listening(small_net(), take);
    let (_mute, mute) = world.connect();
    let (mut deaf, conn) = world.connect();
    let mut queued = 0;
    world.until("the buffers fill", |world| {
        while world.driver.send(conn, &[0; 512]).is_ok() {
            queued += 512;
        }
        world.run_until_idle();
        world.driver.send_room(conn) < 512
    });
    world.driver.close_served();
    world.run_until_idle();
    assert_eq!(world.driver.send(mute, &[0; 512]), Err(SendError::Closed));
    assert_eq!(world.driver.send(conn, &[0; 512]), Err(SendError::Full), "its handler waits for room");
    world.driver.cut_off_all();
    world.until("both are cut off", |world| world.driver.open_connections() == 0);
    let (mut received, mut chunk) = (0, vec![0; 1 << 16]);
    while let Ok(length @ 1..) = deaf.read(&mut chunk) {
        received += length as u64;
    }
    // The kernel held most of it.
    let unsent = world.driver.counters().unsent_bytes;
    assert!(received + unsent >= queued, "{received} of {queued} bytes arrived, {unsent} count as unsent");
    assert_eq!(unsent, world.driver.unsent_bytes());
}

#[test]
fn a_stop_refuses_new_peers_then_input_then_closes() {
    let mut world = World::listening(small_net(), echo);
    let (mut client, conn) = world.connect();
    world.driver.stop_accepting();
    world.until("the listener is closed", |world| TcpStream::connect(world.addr()).is_err());
    assert_eq!(world.exchange(&mut client, &frame(b"on"), 4), frame(b"on"), "those inside go on");
    world.driver.stop_reading();
    world.run_until_idle();
    let frames = world.driver.counters().frames;
    client.write_all(&frame(b"unread")).unwrap();
    world.run_until_idle();
    assert_eq!(world.driver.counters().frames, frames);
    world.driver.send(conn, &frame(b"bye")).unwrap();
    world.driver.close_all(CloseReason::Shutdown);
    assert_eq!(world.read_to_end(&mut client), frame(b"bye"));
    drop(client);
    world.until("closed", |world| world.actor.reason(conn) == Some(CloseReason::Shutdown));
    assert_eq!((world.driver.open_connections(), world.driver.has_pending()), (0, false));
}

#[test]
fn an_outgoing_connection_is_made_lost_and_made_again() {
    let peer = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = peer.local_addr().unwrap();
    let connect = EndpointSpec::Connect { addr, framer: Box::new(LengthPrefixed) };
    let mut world = World::new(small_net(), vec![listen(), connect], echo);
    let outgoing = EndpointId(1);
    for round in 0..3 {
        world.until("established", |world| world.actor.opened.len() == round + 1);
        let (endpoint, conn, to) = world.actor.opened[round];
        assert_eq!((endpoint, to), (outgoing, addr));
        assert!(matches!(world.driver.reconnect(outgoing), Err(NetError::Reconnect { .. })), "it is there already");
        let (mut accepted, _) = peer.accept().unwrap();
        assert_eq!(world.exchange(&mut accepted, &frame(b"ping"), 6), frame(b"ping"));
        drop(accepted);
        world.until("lost", |world| world.actor.reason(conn) == Some(CloseReason::Peer));
        world.driver.reconnect(outgoing).unwrap();
    }
    assert_eq!(world.driver.local_addr(outgoing), None);
    assert!(matches!(world.driver.reconnect(LISTENER), Err(NetError::Reconnect { .. })));
    world.driver.close_all(CloseReason::Shutdown);
    world.until("closed", |world| world.driver.open_connections() == 0);
    assert!(matches!(world.driver.reconnect(outgoing), Err(NetError::Reconnect { .. })), "not while the shard stops");
}

#[test]
fn a_refused_connection_is_reported() {
    // A host of its own: a test beside this one could be given the port that is let go here.
    let addr = TcpListener::bind("127.0.0.2:0").unwrap().local_addr().unwrap();
    let connect = EndpointSpec::Connect { addr, framer: Box::new(LengthPrefixed) };
    let mut world = World::new(small_net(), vec![connect], echo);
    world.until("refused", |world| world.actor.closed.len() == 1);
    assert_eq!(world.actor.closed[0].2, CloseReason::Socket);
    assert!(world.actor.opened.is_empty());
    assert_eq!(world.driver.counters().connect_errors, 1);
}
