//! Order is kept and nothing is lost, over edges as small as allowed, within shards and across them, at any pace.

use std::collections::BTreeMap;

use crate::support::{
    Note, Play, Replayable, Two, drain, left, note, options, right, send_all, shard, two_cpus, until,
};
use corelane_runtime::{
    actor::Step,
    message::{Header, SequenceNumber},
    topology::{ActorId, EdgeSpec, ExternalReceiver, ExternalSender, Idle, Refused, Topology},
};
use proptest::prelude::*;

type Node = Play<Two, 1>;

/// Actors in a row, each sending all it gets on both its ports, to actors behind it; the last one's go out.
#[derive(Clone, Debug)]
struct Plan {
    nodes: Vec<NodePlan>,
    /// Capacity of the edges in and out.
    ends: usize,
}

#[derive(Clone, Debug)]
struct NodePlan {
    shard: usize,
    /// How many actors further its ports lead, and their capacities; `None` is left open.
    left: (usize, usize),
    right: Option<(usize, usize)>,
}

fn plans() -> impl Strategy<Value = Plan> {
    let node = (0..3usize, (1..3usize, 2..6usize), prop::option::of((1..4usize, 2..6usize)))
        .prop_map(|(shard, left, right)| NodePlan { shard, left, right });
    (prop::collection::vec(node, 1..6), 2..6usize).prop_map(|(nodes, ends)| Plan { nodes, ends })
}

impl Plan {
    fn target(&self, node: usize, (further, _): (usize, usize)) -> usize {
        (node + further).min(self.nodes.len())
    }

    /// The model: every way from the first actor out, as a number with a digit for each port taken.
    fn ways(&self, node: usize, way: u64) -> Vec<u64> {
        if node == self.nodes.len() {
            return vec![way];
        }
        let plan = &self.nodes[node];
        let lefts = self.ways(self.target(node, plan.left), way * 3 + 1);
        let rights = plan.right.map(|right| self.ways(self.target(node, right), way * 3 + 2));
        lefts.into_iter().chain(rights.into_iter().flatten()).collect()
    }

    fn build(
        &self,
        idle: [Idle; 3],
        cpus: [usize; 3],
    ) -> (Topology, ExternalSender<Note>, Vec<ExternalReceiver<Note>>) {
        let mut topology = Topology::new();
        let shards: Vec<_> = (0..3).map(|n| shard(&mut topology, &format!("shard {n}"), cpus[n], idle[n])).collect();
        let nodes: Vec<ActorId<Node>> = self
            .nodes
            .iter()
            .enumerate()
            .map(|(n, plan)| {
                topology.actor(shards[plan.shard], format!("node {n}"), || {
                    Node::new(|ctx, note| {
                        ctx.out.left.send(Note { from: note.from * 3 + 1, ..note });
                        ctx.out.right.send(Note { from: note.from * 3 + 2, ..note });
                        Step::Done
                    })
                })
            })
            .collect();
        let sender = topology.external_sender("in", nodes[0], EdgeSpec::backpressure(self.ends));
        let mut receivers = Vec::new();
        for (n, plan) in self.nodes.iter().enumerate() {
            let ports = [(left as fn(&mut Two) -> &mut _, Some(plan.left)), (right, plan.right)];
            for (port, edge) in ports {
                let Some(edge) = edge else {
                    topology.leave_open(nodes[n], port);
                    continue;
                };
                match nodes.get(self.target(n, edge)) {
                    Some(&to) => topology.connect(nodes[n], port, to, EdgeSpec::backpressure(edge.1)),
                    None => {
                        receivers.push(topology.external_receiver(nodes[n], port, EdgeSpec::backpressure(self.ends)))
                    }
                }
            }
        }
        (topology, sender, receivers)
    }

    /// Every way was gone by every message, in order.
    fn check(&self, arrived: &[Note], messages: u64) {
        let mut by_way: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
        arrived.iter().for_each(|note| by_way.entry(note.from).or_default().push(note.number));
        let expected: BTreeMap<u64, Vec<u64>> =
            self.ways(0, 0).into_iter().map(|way| (way, (0..messages).collect())).collect();
        assert_eq!(by_way, expected);
    }
}

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config(300))]

    #[test]
    fn in_simulation(
        plan in plans(),
        mut pace in prop::collection::vec((0..4u64, prop::collection::vec(0..3usize, 8)), 1..10),
    ) {
        const MESSAGES: u64 = 60;
        pace.push((1, vec![1; 8]));
        let [one, two] = two_cpus();
        let (topology, mut sender, mut receivers) = plan.build([Idle::Park; 3], [one, two, one]);
        let mut simulation = topology.simulate().unwrap();
        let (mut sent, mut arrived, mut idle) = (0, Vec::new(), 0);
        for (send, takes) in pace.iter().cycle() {
            for _ in 0..*send {
                if sent < MESSAGES && sender.send(note(sent)).is_ok() {
                    sent += 1;
                }
            }
            let before = arrived.len();
            let work = simulation.turn();
            for (receiver, &take) in receivers.iter_mut().zip(takes.iter().cycle()) {
                arrived.extend((0..take).map_while(|_| receiver.receive()).map(|envelope| envelope.body));
            }
            idle = if work > 0 || arrived.len() > before || sent < MESSAGES { 0 } else { idle + 1 };
            if idle > pace.len() {
                break;
            }
        }
        prop_assert!(simulation.failures().is_empty());
        plan.check(&arrived, MESSAGES);
    }
}

proptest! {
    #![proptest_config(config(25))]

    #[test]
    fn on_threads(plan in plans(), idles in prop::array::uniform3(prop::bool::ANY)) {
        const MESSAGES: u64 = 300;
        let [one, two] = two_cpus();
        let idle = idles.map(|parks| if parks { Idle::Park } else { Idle::Backoff });
        let (topology, mut sender, mut receivers) = plan.build(idle, [one, two, one]);
        let running = topology.start(options()).unwrap();
        let expected = plan.ways(0, 0).len() * MESSAGES as usize;
        let (mut sent, mut arrived) = (0, Vec::new());
        until("everything arrives", || {
            while sent < MESSAGES && sender.send(note(sent)).is_ok() {
                sent += 1;
            }
            receivers.iter_mut().for_each(|receiver| arrived.extend(drain(receiver)));
            arrived.len() >= expected
        });
        prop_assert!(running.stop().drained);
        receivers.iter_mut().for_each(|receiver| arrived.extend(drain(receiver)));
        plan.check(&arrived, MESSAGES);
    }
}

#[test]
fn a_full_sender_hands_the_message_back() {
    let mut topology = Topology::new();
    let shard = shard(&mut topology, "only", two_cpus()[0], Idle::Park);
    let actor = topology.actor(shard, "actor", Play::<corelane_runtime::edge::port::Port<Note>, 1>::relay);
    let mut sender = topology.external_sender("in", actor, EdgeSpec::backpressure(2));
    let mut receiver = topology.external_receiver(actor, crate::support::out, EdgeSpec::backpressure(8));
    let mut simulation = topology.simulate().unwrap();
    assert_eq!([1, 2, 3].map(|n| sender.send(note(n))), [Ok(()), Ok(()), Err(Refused::Full(note(3)))]);
    // What a `main` that returns it prints.
    assert!(format!("{:?}", sender.send(note(3)).unwrap_err()).contains("larger capacity"));
    simulation.run_until_idle();
    send_all(&mut sender, [note(3)]);
    simulation.run_until_idle();
    assert_eq!(crate::support::numbers(&drain(&mut receiver)), [1, 2, 3]);
}

#[test]
fn what_was_numbered_elsewhere_comes_with_its_header() {
    let mut topology = Topology::new();
    let shard = shard(&mut topology, "only", two_cpus()[0], Idle::Park);
    let actor = topology.sequenced(shard, "actor", Replayable::<corelane_runtime::edge::port::Port<Note>, 1>::relay);
    let mut sender = topology.external_sender("in", actor, EdgeSpec::backpressure(3));
    let mut receiver = topology.external_receiver(actor, crate::support::out, EdgeSpec::backpressure(16));
    let mut simulation = topology.simulate().unwrap();
    let header = Header { sequence: SequenceNumber(41), time_ns: 42, ingress_ticks: 43, ..Header::default() };
    sender.batch().send_as(Header { kind: 99, ..header }, note(1)).unwrap();
    simulation.run_until_idle();
    let arrived = receiver.receive().unwrap();
    assert_eq!((arrived.header, arrived.body), (Header { kind: 7, ..header }, note(1)));
}

#[test]
fn a_batch_takes_what_it_has_room_for_and_hands_the_rest_back() {
    let mut topology = Topology::new();
    let shard = shard(&mut topology, "only", two_cpus()[0], Idle::Park);
    let actor = topology.actor(shard, "actor", Play::<corelane_runtime::edge::port::Port<Note>, 1>::relay);
    let mut sender = topology.external_sender("in", actor, EdgeSpec::backpressure(3));
    let mut receiver = topology.external_receiver(actor, crate::support::out, EdgeSpec::backpressure(16));
    let mut simulation = topology.simulate().unwrap();
    drop(sender.batch());
    sender.send(note(1)).unwrap();
    let mut batch = sender.batch();
    assert_eq!([2, 3, 4].map(|number| batch.send(note(number))), [Ok(()), Ok(()), Err(Refused::Full(note(4)))]);
    drop(batch);
    // Around the end of its places.
    simulation.run_until_idle();
    let mut batch = sender.batch();
    assert_eq!([4, 5].map(|number| batch.send(note(number))), [Ok(()), Ok(())]);
    drop(batch);
    simulation.run_until_idle();
    let arrived: Vec<_> = std::iter::from_fn(|| receiver.receive()).collect();
    assert_eq!(arrived.iter().map(|envelope| envelope.body.number).collect::<Vec<_>>(), (1..=5).collect::<Vec<_>>());
    assert!(arrived.iter().all(|envelope| envelope.header.kind == 7), "as one sent by itself");
}
