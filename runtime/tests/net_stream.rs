//! Streams on real loopback sockets: framing, bounds, back-pressure, ends.

mod net_support;

use std::cell::Cell;
use std::collections::HashSet;
use std::io::{ErrorKind, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::rc::Rc;
use std::time::Duration;

use corelane_runtime::net::{
    CloseReason, ConnId, DriverConfig, EndpointId, EndpointSpec, Flow, Net, NetError, SendError,
};
use net_support::{LISTENER, LengthPrefixed, World, echo, frame, listen, ready, small_net, take};

#[test]
fn frames_cut_at_every_byte_come_back_whole() {
    let mut world = World::listening(small_net(), echo);
    let (mut client, _) = world.connect();
    let bytes = [frame(b"a"), frame(&[7; 126]), frame(b"xyz"), frame(&[9; 50])].concat();
    for cut in 1..bytes.len() {
        let first = world.driver.counters().received_bytes + cut as u64;
        client.set_nonblocking(false).unwrap();
        client.write_all(&bytes[..cut]).unwrap();
        world.until("the first part", |world| world.driver.counters().received_bytes >= first);
        let answer = world.exchange(&mut client, &bytes[cut..], bytes.len());
        assert_eq!(answer, bytes, "cut at {cut}");
    }
    assert_eq!(world.driver.counters().frames, 4 * (bytes.len() as u64 - 1));
}

#[test]
fn a_byte_at_a_time_pins_no_buffer() {
    let config = DriverConfig { receive_buffers: 1, ..small_net() };
    let mut world = World::listening(config, echo);
    let (mut slow, slow_conn) = world.connect();
    let (mut other, _) = world.connect();
    let bytes = frame(&[3; 60]);
    for (at, byte) in bytes.iter().enumerate() {
        let received = world.driver.counters().received_bytes + 1;
        slow.write_all(&[*byte]).unwrap();
        world.until("the byte", |world| world.driver.counters().received_bytes == received);
        // With the only buffer pinned this would not come back.
        assert_eq!(world.exchange(&mut other, &frame(&[at as u8]), 3), frame(&[at as u8]));
    }
    world.until("the frame", |world| world.actor.bytes_of(slow_conn) == bytes);
}

#[test]
fn connects_beyond_the_limit_are_closed_and_counted() {
    const CLIENTS: usize = 1000;
    let config = DriverConfig { connections_max: 20, ..small_net() };
    let mut world = World::listening(config, echo);
    let addr = world.addr();
    let storm = std::thread::spawn(move || (0..CLIENTS).map(|_| TcpStream::connect(addr).unwrap()).collect::<Vec<_>>());
    world.until("all are accepted or refused", |world| {
        let counters = world.driver.counters();
        counters.accepted + counters.closed_for(CloseReason::TooMany) == CLIENTS as u64
    });
    let clients = storm.join().unwrap();
    assert_eq!((world.driver.open_connections(), world.actor.opened.len()), (20, 20));
    let served: HashSet<_> = world.actor.opened.iter().map(|(_, _, peer)| *peer).collect();
    for mut client in clients {
        if served.contains(&client.local_addr().unwrap()) {
            assert_eq!(world.exchange(&mut client, &frame(b"hi"), 4), frame(b"hi"));
        } else {
            assert_eq!(world.read_to_end(&mut client), b"");
        }
    }
    world.until("slots are free again", |world| world.driver.open_connections() == 0);
    let (mut late, _) = world.connect();
    assert_eq!(world.exchange(&mut late, &frame(b"late"), 6), frame(b"late"));
}

#[test]
fn exhausted_buffers_lose_nothing() {
    let config = DriverConfig { receive_buffers: 2, receive_buffer_bytes: 64, ..small_net() };
    let mut world = World::listening(config, take);
    let mut clients: Vec<_> = (0..4).map(|_| world.connect()).collect();
    let stream: Vec<u8> = (0..200u8).flat_map(|n| frame(&[n; 70])).collect();
    for (client, _) in &mut clients {
        client.write_all(&stream).unwrap();
    }
    world.until("everything", |world| world.driver.counters().frames == 4 * 200);
    for (_, conn) in &clients {
        assert_eq!(world.actor.bytes_of(*conn), stream);
    }
    assert!(world.driver.counters().buffers_exhausted > 0, "{:?}", world.driver.counters());
}

#[test]
fn a_held_connection_waits_alone_and_loses_nothing() {
    let gate = Rc::new(Cell::new(None::<ConnId>));
    let held = gate.clone();
    let config = DriverConfig { receive_buffers: 64, ..small_net() };
    let mut world =
        World::listening(
            config,
            move |net, conn, frame| {
                if held.get() == Some(conn) { Flow::Hold } else { echo(net, conn, frame) }
            },
        );
    let (mut client, conn) = world.connect();
    let (mut neighbour, _) = world.connect();
    gate.set(Some(conn));
    let stream: Vec<u8> = (0..250u8).flat_map(|n| frame(&[n; 100])).collect();
    client.set_nonblocking(true).unwrap();
    let mut written = 0;
    for n in 0..100u8 {
        if written < stream.len() {
            written += ready(client.write(&stream[written..]));
        }
        assert_eq!(world.exchange(&mut neighbour, &frame(&[n]), 3), frame(&[n]));
    }
    assert!(world.actor.frames_of(conn).is_empty());
    assert!(world.driver.counters().holds > 0 && world.driver.has_pending());
    let received = world.driver.counters().received_bytes;
    world.run_until_idle();
    assert_eq!(world.driver.counters().received_bytes, received, "a held connection is not read");

    gate.set(None);
    let answer = world.exchange(&mut client, &stream[written..], stream.len());
    assert!(answer == stream && world.actor.bytes_of(conn) == stream);
}

#[test]
fn held_connections_take_turns_at_what_room_there_is() {
    let room = Rc::new(Cell::new(0));
    let left = room.clone();
    let mut world = World::listening(small_net(), move |_, _, _| {
        let taken = left.get() > 0;
        left.set(left.get() - i32::from(taken));
        if taken { Flow::Taken } else { Flow::Hold }
    });
    let mut clients: Vec<_> = (0..3).map(|_| world.connect()).collect();
    for (client, _) in &mut clients {
        client.write_all(&frame(b"x").repeat(20)).unwrap();
    }
    world.run_until_idle();
    for turn in 1..=20 {
        for _ in 0..3 {
            room.set(1);
            world.poll();
        }
        for (_, conn) in &clients {
            let taken = world.actor.frames_of(*conn).len();
            assert_eq!(taken, turn, "one of three polls is each one's");
        }
    }
}

#[test]
fn a_flood_leaves_room_for_its_neighbour() {
    let config = DriverConfig { receive_buffers: 64, receive_buffer_bytes: 4096, ..small_net() };
    let mut world = World::listening(config, take);
    let (mut flood, flood_conn) = world.connect();
    let (mut neighbour, neighbour_conn) = world.connect();
    flood.write_all(&frame(b"x").repeat(20_000)).unwrap();
    neighbour.write_all(&frame(b"hello")).unwrap();
    world.until("the neighbour", |world| !world.actor.frames_of(neighbour_conn).is_empty());
    assert!(world.actor.frames_of(flood_conn).len() < 2_000);
    assert!(world.driver.counters().budget_cuts > 0);
    world.until("the flood", |world| world.actor.frames_of(flood_conn).len() == 20_000);
}

#[test]
fn a_slow_reader_is_refused_and_told_when_there_is_room() {
    let mut world = World::listening(small_net(), take);
    let (mut client, conn) = world.connect();
    let chunk = [5u8; 1000];
    let mut sent = 0usize;
    world.until("the buffers fill", |world| {
        match world.driver.send(conn, &chunk) {
            Ok(()) => {
                sent += chunk.len();
                false
            }
            Err(error) => {
                assert_eq!(error, SendError::Full);
                // Full also means that the kernel has had its chance to take some.
                world.run_until_idle();
                world.driver.send_room(conn) < chunk.len()
            }
        }
    });
    assert!(world.driver.counters().send_full > 0 && world.driver.has_pending());
    assert_eq!(world.driver.send(conn, &[0; 5000]), Err(SendError::TooLong));
    world.actor.writable.clear();
    let received = world.exchange(&mut client, &[], sent);
    assert!(received.iter().all(|&byte| byte == 5));
    world.until("on_writable", |world| world.actor.writable == [conn]);
    assert_eq!(world.driver.send_room(conn), 4096);
    world.run_until_idle();
    assert_eq!(world.actor.writable.len(), 1, "told once");

    // One that never reads again is cut off at once, with what it did not take counted.
    world.until("the buffers fill again", |world| {
        while world.driver.send(conn, &chunk).is_ok() {}
        world.run_until_idle();
        world.driver.send_room(conn) < chunk.len()
    });
    world.driver.close(conn, CloseReason::SlowReader);
    world.until("closed", |world| world.actor.reason(conn) == Some(CloseReason::SlowReader));
    assert!(world.driver.counters().unsent_bytes > 0);
    client.set_nonblocking(false).unwrap();
    let end = std::io::copy(&mut client, &mut std::io::sink());
    assert_eq!(end.unwrap_err().kind(), ErrorKind::ConnectionReset, "the kernel keeps nothing for it either");
}

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
    world.until("the buffers fill", |world| {
        while world.driver.send(conn, &[0; 512]).is_ok() {}
        world.run_until_idle();
        world.driver.send_room(conn) < 512
    });
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
    world.until("the buffers fill", |world| {
        while world.driver.send(deaf, &[0; 512]).is_ok() {}
        world.run_until_idle();
        world.driver.send_room(deaf) < 512
    });
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

#[test]
fn an_idle_poll_enters_the_kernel_not_at_all_and_misses_nothing() {
    let mut world = World::listening(small_net(), echo);
    let (mut client, _) = world.connect();
    world.exchange(&mut client, &frame(b"warm"), 6);
    world.run_until_idle();
    let (enters, skipped) = (world.driver.counters().enters, world.driver.counters().enters_skipped);
    for _ in 0..1000 {
        world.poll();
    }
    assert_eq!(world.driver.counters().enters, enters);
    assert_eq!(world.driver.counters().enters_skipped, skipped + 1000);
    for n in 0..200u8 {
        assert_eq!(world.exchange(&mut client, &frame(&[n]), 3), frame(&[n]));
    }
}

#[test]
fn many_sockets_share_an_enter() {
    let mut world = World::listening(DriverConfig { receive_buffers: 64, ..small_net() }, echo);
    let mut clients: Vec<_> = (0..8).map(|_| world.connect().0).collect();
    world.run_until_idle();
    let enters = world.driver.counters().enters;
    for client in &mut clients {
        client.write_all(&frame(b"all")).unwrap();
    }
    for client in &mut clients {
        assert_eq!(world.exchange(client, &[], 5), frame(b"all"));
    }
    assert!(world.driver.counters().enters - enters <= 4, "one to receive, one to send and their ends");
    assert_eq!(world.driver.counters().sends_by_call, 0, "they are too many");
}

#[test]
fn a_few_sends_need_no_enter() {
    let mut world = World::listening(small_net(), take);
    let mut clients: Vec<_> = (0..3).map(|_| world.connect()).collect();
    world.run_until_idle();
    for sockets in 1..=3 {
        let (enters, calls) = (world.driver.counters().enters, world.driver.counters().sends_by_call);
        for (_, conn) in &clients[..sockets] {
            world.driver.send(*conn, &frame(b"few")).unwrap();
        }
        world.driver.flush();
        assert_eq!(world.driver.has_pending(), sockets == 3, "a call has ended when it returns");
        for (client, _) in &mut clients[..sockets] {
            assert_eq!(world.exchange(client, &[], 5), frame(b"few"));
        }
        let made = (world.driver.counters().enters - enters, world.driver.counters().sends_by_call - calls);
        assert_eq!(made, if sockets <= 2 { (0, sockets as u64) } else { (1, 0) });
    }
}

#[test]
fn a_send_cut_short_goes_on_through_the_ring() {
    let config = DriverConfig { send_buffer_bytes: 1 << 16, ..small_net() };
    let mut world = World::listening(config, take);
    let (mut client, conn) = world.connect();
    world.run_until_idle();
    let stream: Vec<u8> = (0..20_000_000u32).map(|at| (at / 7) as u8).collect();
    let mut queued = 0;
    // Until the socket takes no more: the kernel ends no send then.
    while !world.driver.has_pending() {
        let end = queued + world.driver.send_room(conn);
        world.driver.send(conn, &stream[queued..end]).unwrap();
        queued = end;
        world.poll();
    }
    let (taken, calls) = (world.driver.counters().sent_bytes, world.driver.counters().sends_by_call);
    assert!(
        taken > 0 && taken < queued as u64 && !taken.is_multiple_of(1 << 16),
        "{taken} of {queued} by {calls} calls"
    );
    assert!(calls > 0);
    let more = world.driver.send_room(conn);
    world.driver.send(conn, &stream[queued..queued + more]).unwrap();
    queued += more;
    world.run_until_idle();
    assert_eq!(world.driver.counters().sends_by_call, calls, "none beside one in flight");
    assert!(world.exchange(&mut client, &[], queued) == stream[..queued], "all of it in order");
    assert_eq!(world.driver.counters().sent_bytes, queued as u64);
}

#[test]
fn a_peer_that_is_gone_ends_the_connection_by_call_as_by_ring() {
    for sends_by_call in [0, 2] {
        let mut world = World::listening(DriverConfig { sends_by_call, ..small_net() }, take);
        let (client, conn) = world.connect();
        // With a receive in flight that would report it first.
        world.driver.stop_reading();
        world.run_until_idle();
        rustix::net::sockopt::set_socket_linger(&client, Some(Duration::ZERO)).unwrap();
        drop(client);
        world.run_until_idle();
        assert_eq!(world.actor.reason(conn), None);
        world.driver.send(conn, &frame(b"lost")).unwrap();
        world.until("closed", |world| world.actor.reason(conn) == Some(CloseReason::Socket));
        assert_eq!(world.driver.counters().sends_by_call, u64::from(sends_by_call > 0));
        assert_eq!((world.driver.counters().unsent_bytes, world.driver.open_connections()), (6, 0));
    }
}

#[test]
fn a_refused_sender_is_told_once_in_a_poll() {
    let mut world = World::listening(small_net(), take);
    let (mut client, conn) = world.connect();
    world.run_until_idle();
    for _ in 0..2 {
        world.driver.send(conn, &[1; 4000]).unwrap();
        assert_eq!(world.driver.send(conn, &[1; 4000]), Err(SendError::Full));
        world.driver.flush();
    }
    assert_eq!(world.driver.counters().sends_by_call, 2);
    world.poll();
    assert_eq!(world.actor.writable, [conn]);
    assert_eq!(world.exchange(&mut client, &[], 8000), [1; 8000]);
}

#[test]
fn a_submission_queue_that_is_too_small_only_costs_enters() {
    let config = DriverConfig { connections_max: 40, submission_entries: 8, receive_buffers: 64, ..small_net() };
    let mut world = World::listening(config, echo);
    let mut clients: Vec<_> = (0..40).map(|_| world.connect().0).collect();
    for n in 0..20u8 {
        for client in &mut clients {
            client.write_all(&frame(&[n])).unwrap();
        }
        for client in &mut clients {
            assert_eq!(world.exchange(client, &[], 3), frame(&[n]));
        }
    }
    assert!(world.driver.counters().early_submits > 0);
}
