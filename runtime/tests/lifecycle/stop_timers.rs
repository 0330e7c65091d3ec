//! A stop of actors whose timers never end.

use std::time::Duration;

use crate::support::{Note, Play, drain, note, numbers, options, out, send_all, shard, two_cpus};
use corelane_runtime::{
    edge::port::Port,
    topology::{EdgeSpec, Idle, Topology},
};

type One = Play<Port<Note>, 1>;

/// Relays, with a timer that is set again as soon as it fires.
fn ticking() -> One {
    let mut actor = One::relay();
    actor.on_start = Box::new(|ctx, ()| assert!(ctx.set_timer(1, 0).is_ok()));
    actor.on_timer = Box::new(|ctx, token| assert!(ctx.set_timer(1, token).is_ok()));
    actor
}

#[test]
fn timers_that_send_nothing_keep_no_stop() {
    for idle in [Idle::Park, Idle::Backoff] {
        let [one, two] = two_cpus();
        let mut topology = Topology::new();
        let shards = [shard(&mut topology, "one", one, idle), shard(&mut topology, "two", two, idle)];
        let chain: Vec<_> = (0..4).map(|n| topology.actor(shards[n % 2], format!("relay {n}"), ticking)).collect();
        let mut sender = topology.external_sender("in", chain[0], EdgeSpec::backpressure(64));
        chain.windows(2).for_each(|pair| topology.connect(pair[0], out, pair[1], EdgeSpec::backpressure(2)));
        let mut receiver = topology.external_receiver(chain[3], out, EdgeSpec::backpressure(1000));
        let running = topology.start(options().drain_deadline(Duration::from_secs(3))).unwrap();
        send_all(&mut sender, (0..300).map(note));
        let outcome = running.stop();
        assert!(outcome.drained, "{idle:?}: {:?}", outcome.problems());
        assert_eq!(numbers(&drain(&mut receiver)), (0..300).collect::<Vec<_>>(), "{idle:?}");
    }
}
