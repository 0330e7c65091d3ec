//! Parking: the eventfd, the timeout and the last look.

use std::io::{ErrorKind, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use crate::net_support::{World, echo, frame, listen, small_net};
use corelane_runtime::net::{Net, Owners, SendError};
use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};

fn parkable() -> (World, OwnedFd) {
    let mut world = World::new(small_net(), vec![listen()], echo);
    let bell = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK).unwrap();
    world.driver.register_eventfd(bell.as_fd()).unwrap();
    (world, bell)
}

fn rings(bell: &OwnedFd, patience: Duration) -> bool {
    let mut fds = [PollFd::new(bell, PollFlags::IN)];
    poll(&mut fds, Some(&Timespec::try_from(patience).unwrap())).unwrap() == 1
}

fn silence(bell: &OwnedFd) {
    let _ = rustix::io::read(bell, &mut [0; 8]);
}

fn arm(world: &mut World, after: Duration) {
    let now_ns = world.actor.now_ns();
    assert!(world.driver.arm_timeout(now_ns, now_ns + after.as_nanos() as u64));
}

/// Follows the recipe: enable, look once more, sleep.
fn park(world: &mut World, bell: &OwnedFd) {
    world.driver.enable_eventfd();
    while !world.driver.prepare_park() {
        world.poll();
    }
    silence(bell);
}

#[test]
fn traffic_wakes_a_parked_driver() {
    let (mut world, bell) = parkable();
    let (mut client, conn) = world.connect();
    for n in 0..20u8 {
        park(&mut world, &bell);
        client.write_all(&frame(&[n])).unwrap();
        assert!(rings(&bell, Duration::from_secs(10)), "round {n}");
        world.driver.disable_eventfd();
        silence(&bell);
        world.until("the frame", |world| world.actor.frames_of(conn).len() == usize::from(n) + 1);
    }
}

#[test]
fn what_came_before_parking_forbids_it() {
    let (mut world, _bell) = parkable();
    let (mut client, _) = world.connect();
    client.write_all(&frame(b"early")).unwrap();
    // Loopback delivers before `write` returns; the look itself must find it.
    world.driver.enable_eventfd();
    assert!(!world.driver.prepare_park());
    world.until("it", |world| world.actor.frames.len() == 1);
}

#[test]
fn the_timeout_wakes_and_can_be_moved() {
    let (mut world, bell) = parkable();
    world.run_until_idle();
    // Far away, then moved near: only the near one can ring in time.
    for after in [Duration::from_secs(3600), Duration::from_millis(5)] {
        arm(&mut world, after);
    }
    park(&mut world, &bell);
    let parked = Instant::now();
    assert!(rings(&bell, Duration::from_secs(10)));
    assert!(parked.elapsed() < Duration::from_secs(10));
    world.driver.disable_eventfd();
    world.run_until_idle();
    silence(&bell);
    // The next one is armed anew.
    arm(&mut world, Duration::from_millis(1));
    park(&mut world, &bell);
    assert!(rings(&bell, Duration::from_secs(10)));
}

#[test]
fn queued_bytes_leave_before_parking() {
    let (mut world, bell) = parkable();
    let (mut client, conn) = world.connect();
    world.run_until_idle();
    world.driver.send(conn, &frame(b"last words")).unwrap();
    park(&mut world, &bell);
    let mut answer = [0; 12];
    std::io::Read::read_exact(&mut client, &mut answer).unwrap();
    assert_eq!(answer[..], frame(b"last words"));
    world.driver.send(conn, &frame(b"flushed bit")).unwrap();
    world.driver.flush();
    let mut answer = [0; 13];
    std::io::Read::read_exact(&mut client, &mut answer).unwrap();
    assert_eq!(answer[..], frame(b"flushed bit"));
}

/// R3: a timeout that is moved to an earlier time does not keep its shard awake, and one that would be moved to a later time
/// stays where it is.
#[test]
fn moving_the_timeout_forbids_no_sleep_and_rings_no_bell() {
    let (mut world, bell) = parkable();
    world.run_until_idle();
    let before = world.driver.counters().enters;
    arm(&mut world, Duration::from_secs(100));
    // Later times cost nothing.
    let armed = world.driver.counters().enters;
    arm(&mut world, Duration::from_secs(200));
    arm(&mut world, Duration::from_secs(101));
    assert_eq!((armed - before, world.driver.counters().enters), (1, armed));
    for seconds in (50..100).rev() {
        arm(&mut world, Duration::from_secs(seconds));
        world.driver.enable_eventfd();
        assert!(world.driver.prepare_park(), "{seconds}: the move is no reason to stay awake");
        assert!(!rings(&bell, Duration::ZERO), "{seconds}: nor to wake");
        world.driver.disable_eventfd();
    }
}

/// A send by call ends at once, and no completion says so.
#[test]
fn room_that_the_last_look_itself_makes_forbids_the_sleep() {
    let (mut world, bell) = parkable();
    let (_client, conn) = world.connect();
    park(&mut world, &bell);
    world.driver.send(conn, &[1; 4000]).unwrap();
    assert_eq!(world.driver.send(conn, &[1; 4000]), Err(SendError::Full));
    world.driver.enable_eventfd();
    assert!(!world.driver.prepare_park(), "the refused sender is to be told");
    assert_eq!(world.driver.counters().sends_by_call, 1);
    world.poll();
    assert_eq!(world.actor.writable, [conn]);
    assert!(world.driver.prepare_park());
}

/// R6: what waits for a peer that does not read, or for an actor that holds its frame, is no reason to stay awake.
#[test]
fn a_peer_that_does_not_read_and_a_held_frame_forbid_no_sleep() {
    let (mut world, bell) = parkable();
    let (mut client, conn) = world.connect();
    client.write_all(&frame(b"x")).unwrap();
    world.until("the frame", |world| world.actor.frames_of(conn).len() == 1);
    world.fill(conn);
    // The echo holds what it cannot send.
    client.write_all(&frame(&[1; 120])).unwrap();
    world.until("the frame is held", |world| world.driver.holds_input());
    assert!(world.driver.has_pending());
    park(&mut world, &bell);
    assert!(!rings(&bell, Duration::from_millis(50)));
    // Room for the peer wakes the shard.
    client.set_nonblocking(true).unwrap();
    let mut chunk = [0; 1 << 16];
    let begun = Instant::now();
    while !rings(&bell, Duration::ZERO) {
        let _ = std::io::Read::read(&mut client, &mut chunk);
        assert!(begun.elapsed() < Duration::from_secs(10));
    }
    world.driver.disable_eventfd();
    world.until("the held frame is taken", |world| {
        let _ = std::io::Read::read(&mut client, &mut chunk);
        world.actor.frames_of(conn).len() == 2
    });
    assert!(!world.driver.holds_input());
}

/// The last look sends by call, which no completion follows.
#[test]
fn room_made_by_the_last_look_is_told_before_the_sleep() {
    let (mut world, _bell) = parkable();
    let (mut client, conn) = world.connect();
    client.set_nonblocking(true).unwrap();
    let room = small_net().send_buffer_bytes as usize;
    world.run_until_idle();
    // One small send after the other, until one finds the socket full and waits in the ring.
    while world.driver.send_room(conn) == room {
        world.driver.send(conn, &[7; 64]).unwrap();
        world.driver.flush();
        world.run_until_idle();
    }
    // More, until one is refused: from now on, the handler is owed a call.
    while world.driver.send(conn, &[7; 64]).is_ok() {}
    assert!(world.actor.writable.is_empty());
    // The peer reads, until the kernel has room for all that waits.
    let mut chunk = vec![0; 1 << 16];
    let mut silence = Instant::now();
    while silence.elapsed() < Duration::from_millis(50) {
        match client.read(&mut chunk) {
            Ok(length) => {
                assert!(length > 0, "the stream has ended");
                silence = Instant::now();
            }
            Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
        }
    }
    // As a shard that the completion of the send has woken, finds nothing to do and parks again.
    world.driver.enable_eventfd();
    while world.poll() > 0 || !world.driver.prepare_park() {}
    assert!(
        world.driver.send_room(conn) < room / 2 || !world.actor.writable.is_empty(),
        "the shard sleeps with {} of {room} bytes free, and the handler was not told",
        world.driver.send_room(conn)
    );
}
