//! Figures of a shard that sleeps: what happened is told, though nothing else happens.

use std::{io::Read, net::TcpStream, time::Duration};

use crate::support::{Note, Play, counter, listen_bytewise, note, options, out, send_all, two_cpus, until};
use corelane_runtime::{
    actor::{Actor, Context, NetActor, Step},
    edge::port::Port,
    net::DriverConfig,
    telemetry::ShardCount,
    topology::{EdgeSpec, Idle, ShardSpec, Topology},
};
use corelane_test_support::shards::small_net;

struct Quiet;

impl Actor for Quiet {
    type In = Note;
    type Out = ();
    const OUTPUTS_MAX: usize = 0;
    fn on_message(&mut self, _: &mut Context<'_, ()>, _: &Note) -> Step {
        Step::Done
    }
}

impl NetActor for Quiet {}

#[test]
fn connections_that_were_refused_are_told_by_a_shard_that_sleeps() {
    const REFUSED: u64 = 8;
    let mut topology = Topology::new();
    let net = DriverConfig { connections_max: 1, ..small_net() };
    let shard = topology.shard(ShardSpec::new("refuses", two_cpus()[0]).idle(Idle::Park).net(net));
    let actor = topology.net_actor(shard, "quiet", vec![listen_bytewise()], |_| Quiet);
    let running = topology.start(options()).unwrap();
    let addr = running.addresses(actor)[0];
    let only = TcpStream::connect(addr).unwrap();
    until("it is accepted", || counter(&running, 0, ShardCount::NetOpened) == 1);
    for _ in 0..REFUSED {
        let mut refused = TcpStream::connect(addr).unwrap();
        refused.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        assert!(refused.read(&mut [0]).map_or(true, |bytes| bytes == 0));
    }
    until("all are told", || counter(&running, 0, ShardCount::NetTooMany) == REFUSED);
    drop(only);
    assert!(running.stop().drained);
}

#[test]
fn messages_to_an_actor_that_was_given_up_are_dropped_and_not_delivered() {
    let mut topology = Topology::new();
    let shard = topology.shard(ShardSpec::new("given-up", two_cpus()[0]).idle(Idle::Park).net(small_net()));
    let relay = topology.actor(shard, "relay", Play::<Port<Note>, 1>::relay);
    let fails = topology.actor(shard, "fails", || Play::<(), 0>::new(|_, _| panic!("as the test wants")));
    topology.connect(relay, out, fails, EdgeSpec::backpressure(2));
    let mut sender = topology.external_sender("in", relay, EdgeSpec::backpressure(64));
    let running = topology.start(options()).unwrap();
    send_all(&mut sender, (0..50).map(note));
    let outcome = running.stop();
    let count = |name| outcome.status.count(name);
    assert_eq!((count(ShardCount::Messages), count(ShardCount::Dropped)), (50 + 1, 49));
}

#[test]
fn messages_from_outside_that_wait_for_who_is_given_up_are_dropped() {
    let mut topology = Topology::new();
    let shard = topology.shard(ShardSpec::new("given-up", two_cpus()[0]).idle(Idle::Park).net(small_net()));
    let fails = topology.actor(shard, "fails", || Play::<(), 0>::new(|_, _| panic!("as the test wants")));
    let mut sender = topology.external_sender("in", fails, EdgeSpec::backpressure(64));
    // All are there before the first is taken.
    send_all(&mut sender, (0..50).map(note));
    let outcome = topology.start(options()).unwrap().stop();
    let count = |name| outcome.status.count(name);
    assert_eq!((count(ShardCount::Messages), count(ShardCount::Dropped)), (1, 49));
}
