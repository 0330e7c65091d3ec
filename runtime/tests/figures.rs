//! Figures of a shard that sleeps: what happened is told, though nothing else happens.

mod support;

use std::{io::Read, net::TcpStream, time::Duration};

use corelane_runtime::{
    actor::{Actor, Context, NetActor, Step},
    net::DriverConfig,
    telemetry::ShardCount,
    topology::{Idle, ShardSpec, Topology},
};
use corelane_test_support::shards::small_net;
use support::{Note, counter, listen_bytewise, options, two_cpus, until};

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
