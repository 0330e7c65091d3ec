//! A topology in a world with links: bytes in any pieces, slow readers, lost connections, dead ones, stalls; and the same
//! again for the same seed.

mod support;

use std::{net::SocketAddr, time::Duration};

use corelane_runtime::{
    actor::{Actor, Context, NetActor, Step},
    clock::ClockFault,
    net::{CloseReason, ConnId, DriverConfig, EndpointSpec, Flow, FrameError, Framer},
    simulation::{Happening, LinkId, LinkSpec, Socket, Stalls, World},
    supervision::{Backoff, Escalation, Strategy, SupervisorSpec},
    topology::{ShardSpec, Topology},
};
use support::{Log, two_cpus};

const MS: u64 = 1_000_000;

/// A length byte, and as many bytes.
struct LengthByte;

impl Framer for LengthByte {
    fn frame_len(&self, bytes: &[u8]) -> Result<Option<usize>, FrameError> {
        match bytes.first() {
            Some(0) => Err(FrameError::Malformed),
            Some(255) => panic!("a length that nobody sends"),
            first => Ok(first.map(|&length| 1 + usize::from(length))),
        }
    }
}

/// Sends every frame back, or holds it while there is no room; says no more to a peer that has ended its side.
struct Echo(Log<String>);

impl Actor for Echo {
    type In = ();
    type Out = ();
    const OUTPUTS_MAX: usize = 0;

    fn on_message(&mut self, _: &mut Context<'_, ()>, (): &()) -> Step {
        Step::Done
    }
}

impl NetActor for Echo {
    fn on_frame(&mut self, ctx: &mut Context<'_, ()>, conn: ConnId, frame: &[u8]) -> Flow {
        match ctx.net.send(conn, frame) {
            Ok(()) => Flow::Taken,
            Err(_) => Flow::Hold,
        }
    }
    fn on_half_close(&mut self, ctx: &mut Context<'_, ()>, conn: ConnId) {
        ctx.net.close(conn, CloseReason::Peer);
    }
    fn on_close(
        &mut self,
        _: &mut Context<'_, ()>,
        _: corelane_runtime::net::EndpointId,
        _: ConnId,
        reason: CloseReason,
    ) {
        self.0.push(format!("{reason:?}"));
    }
}

/// An echo in a world; its socket, and the reasons for which its connections ended.
fn world(seed: u64) -> (World, Socket, Log<String>) {
    world_at(seed, 0)
}

fn world_at(seed: u64, start_ns: u64) -> (World, Socket, Log<String>) {
    let addr: SocketAddr = ([127, 0, 0, 1], 9000).into();
    let mut topology = Topology::new();
    let net =
        DriverConfig { send_buffer_bytes: 4096, connections_max: 2, max_frame_bytes: 256, ..DriverConfig::default() };
    let shard = topology.shard(ShardSpec::new("echo", two_cpus()[0]).net(net));
    let listen = EndpointSpec::Listen { addr, framer: Box::new(LengthByte), backlog: 8 };
    let ends = Log::new();
    let log = ends.clone();
    let echo = topology.net_actor(shard, "echo", vec![listen], move |_| Echo(log));
    let simulation = topology.simulate().unwrap();
    let socket = simulation.sockets(echo)[0];
    (simulation.into_world(seed, start_ns), socket, ends)
}

fn peer() -> SocketAddr {
    ([10, 0, 0, 1], 4000).into()
}

/// Frames of all lengths.
fn frames(count: usize) -> Vec<u8> {
    (0..count)
        .flat_map(|number| {
            let length = 1 + (number * 37 % 200) as u8;
            [vec![length], vec![number as u8; length.into()]].concat()
        })
        .collect()
}

/// Runs for a time, and returns what has come on a link and whether it has ended.
fn heard(world: &mut World, link: LinkId, ms: u64) -> (Vec<u8>, bool) {
    let (mut bytes, mut ended) = (Vec::new(), false);
    let until_ns = world.now_ns() + ms * MS;
    while let Some(happening) = world.next(until_ns) {
        match happening {
            Happening::Readable(readable) if readable == link => drop(world.read(link, &mut bytes)),
            Happening::Ended(over) => ended |= over == link,
            _ => {}
        }
    }
    (bytes, ended)
}

#[test]
fn bytes_come_back_in_order_whatever_pieces_and_delays_a_seed_gives_them() {
    for seed in 0..50 {
        let (mut world, socket, ends) = world(seed);
        world.set_stalls(Stalls { parts_per_million: 200_000, stall_ns_max: 20 * MS });
        let spec = LinkSpec { split_ppm: 500_000, late_ppm: 100_000, late_ns_max: 5 * MS, ..LinkSpec::default() };
        let link = world.connect(socket, peer(), 1 << 20, spec);
        let sent = frames(200);
        sent.chunks(61).for_each(|piece| world.write(link, piece));
        assert_eq!(heard(&mut world, link, 2_000).0, sent, "seed {seed}");
        assert!(!world.faults().is_empty(), "seed {seed}");
        world.finish(link);
        let (rest, ended) = heard(&mut world, link, 2_000);
        world.close(link);
        assert_eq!((rest.len(), ended), (0, true), "seed {seed}");
        let _ = heard(&mut world, link, 10);
        assert_eq!(ends.entries(), ["Peer"], "seed {seed}");
    }
}

#[test]
fn a_paused_shard_does_nothing_until_it_is_resumed() {
    let (mut world, socket, _) = world(3);
    let link = world.connect(socket, peer(), 1 << 20, LinkSpec::default());
    let sent = frames(20);
    world.write(link, &sent[..100]);
    world.pause(socket.shard);
    world.write(link, &sent[100..]);
    assert_eq!(heard(&mut world, link, 1_000), (Vec::new(), false));
    world.resume(socket.shard);
    assert_eq!(heard(&mut world, link, 10), (sent, false));
}

#[test]
fn a_wall_clock_that_is_set_by_an_hour_moves_the_shards_time_by_half_a_millisecond_in_a_second() {
    let hour_ns = 3_600_000 * MS;
    for (by_ns, expected_ms) in [(hour_ns as i64, 2_000), (-(hour_ns as i64), 1_998)] {
        let (mut world, socket, _) = world_at(4, 9 * hour_ns);
        let link = world.connect(socket, peer(), 1 << 20, LinkSpec::default());
        world.inject(ClockFault::WallClockSet { by_ns });
        for second in 1..=2 {
            let _ = heard(&mut world, link, 999);
            // Its time is read at its turns.
            world.write(link, &[1, second]);
            assert_eq!(heard(&mut world, link, 1), (vec![1, second], false));
        }
        // The last turn was after 1,999 ms.
        let time_ns = world.simulation().status().clock.time_of_day_ns;
        assert!((time_ns - 9 * hour_ns).abs_diff(expected_ms * MS) < MS / 10, "{time_ns}");
    }
}

#[test]
fn what_a_slow_reader_leaves_fills_the_window_and_the_socket_and_then_holds_the_actor() {
    let (mut world, socket, ends) = world(1);
    let spec = LinkSpec { window_bytes: 2048, ..LinkSpec::default() };
    let link = world.connect(socket, peer(), 1 << 20, spec);
    world.set_reading(link, false);
    let sent = frames(400);
    world.write(link, &sent);
    assert_eq!(heard(&mut world, link, 1_000), (Vec::new(), false));
    world.set_reading(link, true);
    let (come, ended) = heard(&mut world, link, 1_000);
    assert_eq!((come == sent, ended), (true, false), "{} of {} bytes", come.len(), sent.len());
    assert!(ends.entries().is_empty());
}

#[test]
fn a_lost_connection_ends_on_both_sides_and_a_dead_one_on_neither() {
    let (mut world, socket, ends) = world(1);
    let [lost, dead] = [1, 2].map(|key| world.connect(socket, peer(), key << 20, LinkSpec::default()));
    assert!(!heard(&mut world, lost, 10).1);
    world.vanish(dead);
    world.write(dead, b"\x01a");
    assert_eq!(heard(&mut world, dead, 100), (Vec::new(), false));
    world.reset(lost);
    assert!(heard(&mut world, lost, 100).1);
    assert_eq!((world.was_reset(lost), world.was_reset(dead)), (true, false));
    assert_eq!(ends.entries(), ["Socket"]);
}

#[test]
fn bytes_that_are_no_frame_and_a_connection_too_many_end_it() {
    let (mut world, socket, ends) = world(3);
    let [bad, good] = [1, 2].map(|key| world.connect(socket, peer(), key << 20, LinkSpec::default()));
    assert!(!heard(&mut world, good, 1).1);
    let third = world.connect(socket, peer(), 3 << 20, LinkSpec::default());
    assert_eq!(heard(&mut world, third, 1), (Vec::new(), true));
    world.write(bad, b"\x01a\x00");
    assert_eq!(heard(&mut world, bad, 1), (b"\x01a".to_vec(), true));
    assert_eq!(ends.entries(), ["BadFrame"]);
    world.write(good, b"\x01b");
    assert_eq!(heard(&mut world, good, 100).0, b"\x01b");
}

#[test]
fn a_seed_gives_the_same_run_again_and_another_seed_another() {
    let run = |seed| {
        let (mut world, socket, _) = world(seed);
        world.set_stalls(Stalls { parts_per_million: 100_000, stall_ns_max: MS });
        let spec = LinkSpec { late_ppm: 50_000, reset_ppm: 2_000, ..LinkSpec::default() };
        let link = world.connect(socket, peer(), 1 << 20, spec);
        frames(100).chunks(100).for_each(|piece| world.write(link, piece));
        let _ = heard(&mut world, link, 1_000);
        (world.trace(), world.faults().to_vec())
    };
    assert_eq!(run(7), run(7));
    assert_ne!(run(7).0, run(8).0);
}

#[test]
fn a_shard_that_panics_outside_of_its_actors_is_gone_with_its_sockets() {
    let (mut world, socket, _) = world(3);
    let before = world.connect(socket, peer(), 1, LinkSpec::default());
    world.write(before, &[255]);
    assert_eq!(world.next(10 * MS), Some(Happening::Ended(before)));
    let after = world.connect(socket, peer(), 2, LinkSpec::default());
    assert_eq!(world.next(20 * MS), Some(Happening::Ended(after)), "nobody listens any more");
    let simulation = world.simulation();
    assert_eq!(simulation.escalation(), Some(Escalation::Halt));
    assert_eq!(simulation.down().collect::<Vec<_>>(), ["echo"]);
    assert!(simulation.failures()[0].message.as_str().contains("nobody sends"));
}

/// Fails on the first frame.
struct Fragile;

impl Actor for Fragile {
    type In = ();
    type Out = ();
    const OUTPUTS_MAX: usize = 0;

    fn on_message(&mut self, _: &mut Context<'_, ()>, (): &()) -> Step {
        Step::Done
    }
}

impl NetActor for Fragile {
    fn on_frame(&mut self, _: &mut Context<'_, ()>, _: ConnId, _: &[u8]) -> Flow {
        panic!("as the test wants");
    }
}

#[test]
fn an_actor_is_restarted_in_time_though_nothing_else_happens() {
    let mut topology = Topology::new();
    let shard = topology.shard(ShardSpec::new("fragile", two_cpus()[0]));
    let addr: SocketAddr = ([127, 0, 0, 1], 9000).into();
    let listen = EndpointSpec::Listen { addr, framer: Box::new(LengthByte), backlog: 8 };
    let fragile = topology.net_actor(shard, "fragile", vec![listen], |_| Fragile);
    let wait = Duration::from_millis(50);
    let backoff = Backoff { first: wait, max: wait, jitter_percent: 0, reset_after: Duration::ZERO };
    let supervisor = topology.supervisor(SupervisorSpec::new("all", Strategy::OneForOne).backoff(backoff));
    topology.supervise(supervisor, fragile, |_| Fragile);
    let simulation = topology.simulate().unwrap();
    let socket = simulation.sockets(fragile)[0];
    let mut world = simulation.into_world(1, 0);
    let link = world.connect(socket, peer(), 1, LinkSpec::default());
    world.write(link, b"\x01a");
    assert!(heard(&mut world, link, 20).1, "its connections end with it");
    world.close(link);
    let _ = heard(&mut world, link, 20);
    assert_eq!(world.simulation().down().collect::<Vec<_>>(), ["fragile"]);
    let _ = heard(&mut world, link, 100);
    assert_eq!(world.simulation().down().count(), 0);
}
