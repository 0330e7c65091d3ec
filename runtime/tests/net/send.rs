//! How bytes leave: by system call or through the ring, as far as the peer takes them.

use std::io::{ErrorKind, Write};
use std::time::Duration;

use crate::net_support::{FILLER, World, echo, frame, small_net, take};
use corelane_runtime::net::{CloseReason, DriverConfig, Net, SendError};

#[test]
fn a_slow_reader_is_refused_and_told_when_there_is_room() {
    let mut world = World::listening(small_net(), take);
    let (mut client, conn) = world.connect();
    let sent = world.fill(conn);
    assert!(world.driver.counters().send_full > 0 && world.driver.has_pending());
    assert_eq!(world.driver.send(conn, &[0; 5000]), Err(SendError::TooLong));
    world.actor.writable.clear();
    let received = world.exchange(&mut client, &[], sent);
    assert!(received == vec![FILLER; sent]);
    world.until("on_writable", |world| world.actor.writable == [conn]);
    assert_eq!(world.driver.send_room(conn), 4096);
    world.run_until_idle();
    assert_eq!(world.actor.writable.len(), 1, "told once");

    // One that never reads again is cut off at once, with what it did not take counted.
    world.fill(conn);
    world.driver.close(conn, CloseReason::SlowReader);
    world.until("closed", |world| world.actor.reason(conn) == Some(CloseReason::SlowReader));
    assert!(world.driver.counters().unsent_bytes > 0);
    client.set_nonblocking(false).unwrap();
    let end = std::io::copy(&mut client, &mut std::io::sink());
    assert_eq!(end.unwrap_err().kind(), ErrorKind::ConnectionReset, "the kernel keeps nothing for it either");
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
