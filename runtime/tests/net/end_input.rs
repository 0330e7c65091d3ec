//! Streams whose input their handler ends: what has been received is still delivered, then comes the half-close.

use std::cell::Cell;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::rc::Rc;

use crate::net_support::{World, frame, ready, small_net, take};
use corelane_runtime::net::{CloseReason, ConnId, Flow, Net};

/// More than the driver reads while it holds a frame; the rest stays in the kernel.
fn numbered() -> Vec<u8> {
    (0..1000_u32).flat_map(|n| frame(&n.to_be_bytes())).collect()
}

/// A client that has sent [`numbered`], and the switch that lets its handler take what it holds.
fn held() -> (World, TcpStream, ConnId, Rc<Cell<bool>>) {
    let takes = Rc::new(Cell::new(false));
    let taking = takes.clone();
    let mut world = World::listening(small_net(), move |_, _, _| if taking.get() { Flow::Taken } else { Flow::Hold });
    let (mut client, conn) = world.connect();
    client.write_all(&numbered()).unwrap();
    world.until("a frame is held", |world| world.driver.holds_input());
    world.run_until_idle();
    (world, client, conn, takes)
}

#[test]
fn frames_held_or_yet_in_the_kernel_are_delivered_before_the_end() {
    // Also while the driver stops reading.
    for stops in [false, true] {
        let (mut world, mut client, conn, takes) = held();
        if stops {
            world.driver.stop_reading();
            world.run_until_idle();
        }
        world.driver.end_input(conn);
        world.driver.end_input(conn);
        world.run_until_idle();
        assert!(world.actor.half_closed.is_empty(), "a frame is held");
        takes.set(true);
        world.until("closed", |world| world.actor.reason(conn).is_some());
        assert_eq!(world.actor.bytes_of(conn), numbered(), "stops: {stops}");
        assert_eq!((world.actor.half_closed.len(), world.actor.reason(conn)), (1, Some(CloseReason::Peer)));
        assert_eq!(client.read(&mut [0]).unwrap(), 0, "its end");
    }
}

/// Else a peer that sends faster than its frames are taken would have no end.
#[test]
fn a_peer_that_sends_on_is_at_its_end_when_what_came_before_is_taken() {
    let (mut world, mut client, conn, takes) = held();
    world.actor.keeps_half_closed = true;
    world.driver.end_input(conn);
    world.run_until_idle();
    takes.set(true);
    client.set_nonblocking(true).unwrap();
    let late = frame(b"late").repeat(200);
    let mut unwritten: &[u8] = &late;
    world.until("the end", |world| {
        unwritten = &unwritten[ready(client.write(unwritten))..];
        if unwritten.is_empty() {
            unwritten = &late;
        }
        let taken = world.actor.bytes_of(conn).len();
        assert!(taken <= numbered().len(), "{taken} bytes are taken");
        !world.actor.half_closed.is_empty()
    });
    assert_eq!(world.actor.bytes_of(conn), numbered());
    world.run_until_idle();
    assert_eq!((world.actor.half_closed.len(), world.actor.bytes_of(conn).len()), (1, numbered().len()));
    world.driver.send(conn, b"answer").unwrap();
    world.driver.close(conn, CloseReason::Peer);
    assert_eq!(world.read_to_end(&mut client), b"answer");
    world.until("closed", |world| world.actor.reason(conn).is_some());
}

#[test]
fn what_comes_after_the_end_is_lost_and_answers_still_leave() {
    let mut world = World::listening(small_net(), take);
    world.actor.keeps_half_closed = true;
    let (mut client, conn) = world.connect();
    world.driver.end_input(conn);
    world.until("the end", |world| !world.actor.half_closed.is_empty());
    client.write_all(&frame(b"late")).unwrap();
    world.driver.send(conn, b"answer").unwrap();
    world.run_until_idle();
    let mut answer = [0; 6];
    client.read_exact(&mut answer).unwrap();
    assert_eq!((&answer, world.actor.bytes_of(conn)), (b"answer", Vec::new()));
}

#[test]
fn an_end_that_the_peer_has_made_is_told_once() {
    let mut world = World::listening(small_net(), take);
    world.actor.keeps_half_closed = true;
    let (client, conn) = world.connect();
    client.shutdown(Shutdown::Write).unwrap();
    world.until("the end", |world| !world.actor.half_closed.is_empty());
    world.driver.end_input(conn);
    world.run_until_idle();
    assert_eq!(world.actor.half_closed, [conn]);
    world.driver.close(conn, CloseReason::Peer);
    world.driver.end_input(conn);
    world.until("closed", |world| world.actor.reason(conn).is_some());
    assert_eq!(world.actor.half_closed, [conn]);
}
