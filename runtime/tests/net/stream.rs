//! Streams on real loopback sockets: frames, receive buffers, fairness between connections.

use std::cell::Cell;
use std::collections::HashSet;
use std::io::Write;
use std::net::TcpStream;
use std::rc::Rc;

use crate::net_support::{World, echo, frame, ready, small_net, take};
use corelane_runtime::net::{CloseReason, ConnId, DriverConfig, Flow};

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
