//! What the check of a topology accepts comes to rest under random loads, and loses nothing on edges with backpressure. What
//! is known to deadlock is refused.
//!
//! A random topology has a few actors on a few shards and edges of every kind between them. Each message may be passed on a
//! few times, so that the traffic ends; a topology that is not at rest then stands still.

use std::{
    cell::Cell,
    hash::{BuildHasher, RandomState},
};

use crate::random_topology::{Edge, INPUTS_MAX, Input, Kind, PORTS, Plan, Run};
use crate::support::{AsIs, Note, Play, Replayable, out, shard, two_cpus};
use corelane_runtime::{
    edge::port::Port,
    sequencer::Sequencer,
    topology::{EdgeSpec, Idle, Topology, check::TopologyError},
};
use proptest::{
    prelude::*,
    test_runner::{RngSeed, TestRunner},
};

const CASES: u32 = 400;

/// A kind of edge that its producer never waits for.
fn kind_without_waits() -> impl Strategy<Value = Kind> {
    prop_oneof![
        2 => Just(Kind::Admission),
        2 => (1..12u32).prop_map(Kind::InFlight),
        1 => Just(Kind::DropNewest),
        1 => Just(Kind::Conflate),
        1 => Just(Kind::Mailbox),
    ]
}

fn edges(actors: usize) -> impl Strategy<Value = Vec<Edge>> {
    let ends = (0..actors, 1..actors).prop_map(move |(from, ahead)| (from, (from + ahead) % actors));
    // Some are smaller than what lets their producer run a step.
    let beyond_in_flight = prop_oneof![20 => (4..9usize).prop_map(Some), 1 => Just(None)];
    // Most of the edges that lead back to an actor declared before are never waited for: else most topologies are refused.
    let edge = (ends, kind_without_waits(), 0..20, beyond_in_flight, 1..5usize);
    let edge = edge.prop_map(|((from, to), other, chance, beyond_in_flight, small)| {
        let waits = if from < to { chance < 14 } else { chance == 0 };
        let kind = if waits { Kind::Backpressure } else { other };
        let in_flight = if let Kind::InFlight(most) = kind { most as usize } else { 0 };
        let capacity = beyond_in_flight.map_or(small, |beyond| in_flight + beyond);
        Edge { from, to, kind, capacity }
    });
    prop::collection::vec(edge, actors..=actors * PORTS)
}

fn plan() -> impl Strategy<Value = Plan> {
    (2..=6usize, 1..=3usize).prop_flat_map(|(actors, shards)| {
        let input = (0..actors, 1..8usize, 1..60u64, 0..=5u32);
        let input = input.prop_map(|(to, capacity, messages, hops)| Input { to, capacity, messages, hops });
        (
            prop::collection::vec(0..shards, actors),
            edges(actors),
            prop::collection::vec(input, 1..=INPUTS_MAX),
            1..4usize,
            any::<u64>(),
        )
            .prop_map(move |(actors, edges, inputs, take, salt)| Plan {
                shards,
                actors,
                edges,
                inputs,
                take,
                salt,
            })
    })
}

#[test]
fn what_is_accepted_comes_to_rest_and_loses_nothing() {
    // To make a run again, give its seed in PROPTEST_RNG_SEED.
    let given = std::env::var("PROPTEST_RNG_SEED").ok().map(|seed| seed.parse().expect("a seed is a number"));
    let seed = given.unwrap_or_else(|| RandomState::new().hash_one(()));
    println!("PROPTEST_RNG_SEED={seed}");
    let config = ProptestConfig {
        cases: CASES,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(seed),
        ..ProptestConfig::default()
    };
    let (accepted, circles, messages) = (Cell::new(0), Cell::new(0), Cell::new(0));
    let result = TestRunner::new(config).run(&plan(), |plan| match Run::new(&plan) {
        Ok(run) => {
            let passed = run.finish().map_err(TestCaseError::fail)?;
            accepted.set(accepted.get() + 1);
            circles.set(circles.get() + u32::from(plan.has_circle()));
            messages.set(messages.get() + passed);
            Ok(())
        }
        Err(errors) => {
            use TopologyError as E;
            let expected = |error: &E| matches!(error, E::Deadlock { .. } | E::CapacityTooSmall { .. });
            prop_assert!(errors.0.iter().all(expected), "{}", errors);
            Ok(())
        }
    });
    result.unwrap_or_else(|failure| panic!("{failure}"));
    let (accepted, circles, messages) = (accepted.get(), circles.get(), messages.get());
    println!("{accepted} of {CASES} accepted, {circles} with a circle; {messages} messages");
    // Otherwise nothing was tried.
    assert!(accepted > CASES / 4 && circles > CASES / 8 && messages > 100 * u64::from(CASES));
}

/// Edges between actors, by their numbers.
type Edges = &'static [(usize, usize, Kind)];

#[test]
fn known_deadlocks_are_refused() {
    use Kind::{Admission, Backpressure, Conflate, DropNewest, InFlight};
    let cases: [(&str, Edges); 6] = [
        ("request and reply", &[(0, 1, Backpressure), (1, 0, Backpressure)]),
        ("a ring of three", &[(0, 1, Backpressure), (1, 2, Backpressure), (2, 0, Backpressure)]),
        (
            "one of two circles is broken",
            &[(0, 1, Backpressure), (1, 0, Admission), (1, 2, Backpressure), (2, 1, Backpressure)],
        ),
        (
            "a circle behind edges that never wait",
            &[(0, 1, DropNewest), (1, 2, Conflate), (2, 3, Backpressure), (3, 2, Backpressure), (3, 0, InFlight(2))],
        ),
        ("two edges one way, one of them waits", &[(0, 1, InFlight(1)), (0, 1, Backpressure), (1, 0, Backpressure)]),
        (
            "a long way around",
            &[
                (0, 1, Backpressure),
                (1, 2, Backpressure),
                (2, 3, Backpressure),
                (3, 4, Backpressure),
                (4, 0, Backpressure),
            ],
        ),
    ];
    for (case, edges) in cases {
        for shards in 1..=2 {
            let edges = edges.iter().map(|&(from, to, kind)| Edge { from, to, kind, capacity: 8 }).collect();
            let actors = (0..5).map(|actor| actor % shards).collect();
            let plan = Plan { shards, actors, edges, inputs: Vec::new(), take: 1, salt: 0 };
            let errors = Run::new(&plan).err().unwrap_or_else(|| panic!("accepted: {case}"));
            assert!(matches!(errors.0[..], [TopologyError::Deadlock { .. }]), "{case}: {errors}");
        }
    }
}

#[test]
fn a_circle_through_a_sequenced_actor_is_refused() {
    let mut topology = Topology::new();
    let shard = shard(&mut topology, "only", two_cpus()[0], Idle::Spin);
    let sequencer = topology.actor(shard, "sequencer", || Sequencer::new(AsIs));
    let actor = topology.sequenced(shard, "actor", Replayable::<Port<Note>, 1>::relay);
    let outside = topology.actor(shard, "outside", Play::<Port<Note>, 1>::relay);
    topology.leave_open(sequencer, |out| &mut out.record);
    topology.connect(sequencer, |out| &mut out.group, actor, EdgeSpec::backpressure(4));
    topology.connect(actor, out, outside, EdgeSpec::backpressure(4));
    topology.connect(outside, out, sequencer, EdgeSpec::backpressure(4));
    let errors = topology.check().unwrap_err();
    let circle = ["sequencer.group", "actor.out", "outside.out"].map(str::to_owned).to_vec();
    assert_eq!(errors.0, [TopologyError::Deadlock { edges: circle }]);
}
