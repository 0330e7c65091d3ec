//! Streams whose peer goes away with answers unread: what the kernel had received before is still delivered.

use std::cell::Cell;
use std::io::Write;
use std::rc::Rc;

use crate::net_support::{World, echo, frame, small_net};
use corelane_runtime::net::{CloseReason, Flow, Net};

const FRAMES: usize = 1000;

fn numbered() -> Vec<u8> {
    (0..FRAMES).flat_map(|n| frame(&(n as u32).to_be_bytes())).collect()
}

/// The peer's kernel answers a close with unread bytes by a reset, so the first echo fails. All frames count all the same.
#[test]
fn frames_before_a_reset_are_delivered_although_no_answer_can_be_sent() {
    let mut world = World::listening(small_net(), echo);
    let (mut client, conn) = world.connect();
    world.driver.send(conn, &frame(b"unread")).unwrap();
    world.run_until_idle();
    client.write_all(&numbered()).unwrap();
    drop(client);
    world.until("closed", |world| world.actor.reason(conn).is_some());
    assert_eq!(world.actor.bytes_of(conn).len(), numbered().len());
    assert_eq!(world.actor.bytes_of(conn), numbered());
    assert_eq!(world.actor.reason(conn), Some(CloseReason::Socket));
    assert!(world.driver.unsent_bytes() > 0, "what was discarded is counted");
    assert_eq!(world.driver.open_connections(), 0);
}

/// A frame may be held for other reasons than room to answer. It waits, and what is behind it too.
#[test]
fn frames_held_at_a_reset_are_delivered_once_their_handler_takes_them() {
    let takes = Rc::new(Cell::new(false));
    let taking = takes.clone();
    let mut world = World::listening(
        small_net(),
        move |net, conn, frame| {
            if taking.get() { echo(net, conn, frame) } else { Flow::Hold }
        },
    );
    let (mut client, conn) = world.connect();
    world.driver.send(conn, &frame(b"unread")).unwrap();
    world.run_until_idle();
    client.write_all(&numbered()).unwrap();
    world.until("a frame is held", |world| world.driver.holds_input());
    drop(client);
    world.run_until_idle();
    // Fails, and so tells the driver of the reset.
    world.driver.send(conn, &frame(b"lost")).unwrap();
    world.run_until_idle();
    assert!(world.actor.closed.is_empty() && world.driver.holds_input());
    assert_eq!(world.driver.send_room(conn), small_net().send_buffer_bytes as usize, "sends are discarded");
    takes.set(true);
    world.until("closed", |world| world.actor.reason(conn).is_some());
    assert_eq!(world.actor.bytes_of(conn), numbered());
    assert_eq!(world.actor.reason(conn), Some(CloseReason::Socket));
}

/// A peer that has ended its side and then resets is not told apart: its frames come first, and then its end.
#[test]
fn frames_before_a_close_without_reading_are_delivered() {
    let mut world = World::listening(small_net(), echo);
    let (mut client, conn) = world.connect();
    client.write_all(&numbered()).unwrap();
    drop(client);
    world.until("closed", |world| world.actor.reason(conn).is_some());
    assert_eq!(world.actor.bytes_of(conn), numbered());
}

/// What is sent is discarded, but not at once: whoever sends while there is room must come to an end.
#[test]
fn a_handler_that_sends_until_there_is_no_room_ends_at_a_reset() {
    let most = Rc::new(Cell::new(0));
    let sends = most.clone();
    let mut world = World::listening(small_net(), move |net, conn, _| {
        let sent = (0..1000).take_while(|_| net.send(conn, &[7; 512]).is_ok()).count();
        sends.set(sent.max(sends.get()));
        Flow::Taken
    });
    let (mut client, conn) = world.connect();
    world.driver.send(conn, &frame(b"unread")).unwrap();
    world.run_until_idle();
    client.write_all(&numbered()).unwrap();
    drop(client);
    world.until("closed", |world| world.actor.reason(conn).is_some());
    assert_eq!(world.actor.frames_of(conn).len(), FRAMES, "and all that came is delivered");
    assert_eq!(most.get(), small_net().send_buffer_bytes as usize / 512);
    assert!(world.driver.unsent_bytes() > 0, "what was discarded is counted");
}

/// A handler that waits for room is told of it, because what it sends is discarded.
#[test]
fn a_handler_that_waits_for_room_is_told_at_a_reset() {
    let mut world = World::listening(small_net(), echo);
    let (mut client, conn) = world.connect();
    world.fill(conn);
    client.write_all(&frame(&[1; 120]).repeat(20)).unwrap();
    world.until("a frame is held", |world| world.driver.holds_input());
    world.actor.writable.clear();
    drop(client);
    world.until("closed", |world| world.actor.reason(conn).is_some());
    assert_eq!(world.actor.frames_of(conn).len(), 20);
    assert_eq!(world.actor.writable.len(), 1);
}

/// Nothing is received any more then, which would tell of the end.
#[test]
fn a_reset_that_is_seen_just_before_a_stop_ends_the_connection_too() {
    let mut world = World::listening(small_net(), echo);
    let (mut client, conn) = world.connect();
    world.fill(conn);
    client.write_all(&frame(&[1])).unwrap();
    world.until("a frame is held", |world| world.driver.holds_input());
    drop(client);
    world.until("the frame is taken", |world| !world.driver.holds_input());
    world.driver.stop_reading();
    world.until("closed", |world| world.actor.reason(conn).is_some());
    assert_eq!(world.actor.reason(conn), Some(CloseReason::Socket));
}
