//! A watched edge counts how often it held its producer.

use crate::support::{Note, Play, Two, left, note, right};
use corelane_runtime::{
    actor::Step,
    telemetry::EdgeCount,
    topology::{EdgeSpec, Topology},
};
use corelane_test_support::shards::simulated;

type Node = Play<Two, 1>;

#[test]
fn holds_are_counted_on_the_edge_without_room_and_on_no_other() {
    let mut topology = Topology::new();
    let shard = simulated(&mut topology, "shard");
    let actor = topology.actor(shard, "actor", || {
        Node::new(|ctx, note: Note| {
            ctx.out.left.send(note);
            Step::Done
        })
    });
    let mut notes = topology.external_sender("notes", actor, EdgeSpec::backpressure(8));
    let mut out = topology.external_receiver(actor, left, EdgeSpec::backpressure(2));
    let _unused = topology.external_receiver(actor, right, EdgeSpec::backpressure(2));
    let (of_left, of_right) = (topology.watch(actor, left), topology.watch(actor, right));
    let mut sim = topology.simulate().unwrap_or_else(|errors| panic!("{errors}"));
    let holds = || (of_left.get(EdgeCount::Holds), of_right.get(EdgeCount::Holds));
    for number in 1..=2 {
        notes.send(note(number)).unwrap();
    }
    sim.turn();
    assert_eq!(holds(), (0, 0), "both fit");
    notes.send(note(3)).unwrap();
    sim.turn();
    let (held, other) = holds();
    assert!(held > 0 && other == 0, "{held}, {other}");
    assert_eq!(out.receive().map(|envelope| envelope.body), Some(note(1)));
    sim.turn();
    assert_eq!(holds(), (held, 0), "it went on");
    let rest: Vec<_> = std::iter::from_fn(|| out.receive()).map(|envelope| envelope.body).collect();
    assert_eq!(rest, [note(2), note(3)]);
}
