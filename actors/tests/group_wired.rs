//! Order, risk and matching as three actors that send each other messages say the same, byte for byte, as the group, in
//! which they call each other: at any pace, and with edges so small that they hold each other back.

mod group_support;

use corelane_actors::{
    group::GroupConfig,
    matching::Matching,
    messages::{Command, Publication, Reply},
    order::{Order, OrderIn},
    risk::Risk,
};
use corelane_runtime::{
    cpu,
    message::Header,
    net::DriverConfig,
    sequencer::{Sequencer, SequencerPolicy},
    simulation::Simulation,
    topology::{EdgeSpec, ExternalReceiver, ExternalSender, Idle, ShardSpec, Topology},
};
use group_support::{
    Outputs, Venue, config,
    model::Model,
    streams::{Op, stream},
};
use proptest::prelude::*;

/// Numbers commands for the order actor.
struct ForOrder;

impl SequencerPolicy for ForOrder {
    type In = Command;
    type Out = OrderIn;
    fn sequence(&mut self, input: &Command, emit: impl FnOnce(OrderIn)) {
        emit(OrderIn::Command(*input));
    }
}

/// Sequencer → order → risk → matching → order, in a group of three.
struct Wired {
    sim: Simulation,
    requests: ExternalSender<Command>,
    replies: ExternalReceiver<Reply>,
    publications: ExternalReceiver<Publication>,
}

/// Places of the edges out of the group and between matching and order: the least that a step of matching needs.
const TIGHT: usize = 30;

impl Wired {
    fn new(config: &GroupConfig) -> Wired {
        let mut topology = Topology::new();
        let (cpu, net) = (cpu::allowed_cpus()[0], DriverConfig::default());
        let shard = topology.shard(ShardSpec { name: "hot".to_owned(), cpu, idle: Idle::Spin, net });
        let sequencer = topology.actor(shard, "sequencer", || Sequencer::new(ForOrder));
        let (for_order, for_risk, for_matching) = (config.clone(), config.clone(), config.clone());
        let order = topology.actor(shard, "order", move || Order::new(&for_order));
        let risk = topology.actor(shard, "risk", move || Risk::new(&for_risk));
        let matching = topology.actor(shard, "matching", move || Matching::new(&for_matching));
        topology.group("group", &[order.index(), risk.index(), matching.index()]);
        let requests = topology.external_sender("requests", sequencer, EdgeSpec::backpressure(2));
        topology.connect(sequencer, |out| &mut out.group, order, EdgeSpec::backpressure(2));
        topology.leave_open(sequencer, |out| &mut out.record);
        // The input itself, and a cancel of all its orders for each account whose messages run out by it.
        let per_input = 1 + config.accounts;
        let instructions = EdgeSpec::backpressure(per_input as usize + 1).per_input(per_input);
        topology.connect(order, |out| &mut out.risk, risk, instructions);
        topology.connect(risk, |out| &mut out.matching, matching, instructions);
        topology.connect(risk, |out| &mut out.rejects, order, EdgeSpec::backpressure(2).per_input(1));
        topology.connect(matching, |out| &mut out.events, order, EdgeSpec::backpressure(TIGHT));
        let replies = topology.external_receiver(order, |out| &mut out.replies, EdgeSpec::backpressure(2));
        let publications =
            topology.external_receiver(matching, |out| &mut out.publications, EdgeSpec::backpressure(TIGHT));
        let sim = topology.simulate().unwrap_or_else(|errors| panic!("{errors}"));
        Wired { sim, requests, replies, publications }
    }

    /// One command, and all that it leads to; one reply and `publications` publications are read per turn.
    fn run(&mut self, header: Header, command: Command, publications: usize) -> Outputs {
        let mut outputs = Outputs::default();
        self.sim.set_time_ns(header.time_ns);
        self.requests.send(command).expect("the last input was taken");
        loop {
            let worked = self.sim.turn();
            let before = outputs.replies.len() + outputs.publications.len();
            outputs.replies.extend(self.replies.receive().map(|reply| reply.body));
            let published = std::iter::from_fn(|| self.publications.receive()).take(publications);
            outputs.publications.extend(published.map(|publication| publication.body));
            if worked == 0 && outputs.replies.len() + outputs.publications.len() == before {
                assert_eq!(self.sim.failures(), []);
                return outputs;
            }
        }
    }
}

fn check(config: &GroupConfig, ops: &[Op], publications: usize) -> Result<(), TestCaseError> {
    let (mut group, mut wired) = (Venue::new(config.clone()), Wired::new(config));
    // Only so that the stream is about orders that exist.
    let mut model = Model::new(config.clone());
    for (step, op) in ops.iter().enumerate() {
        let mut outputs = Outputs::default();
        group.sim.set_time_ns(1_000 * step as u64);
        group.send(op.resolve(&model), &mut outputs);
        group.settle(&mut outputs);
        let mut by_wire = Outputs::default();
        for input in group.recorded() {
            model.run(input.header.time_ns, &input.body);
            by_wire = wired.run(input.header, input.body, publications);
        }
        prop_assert_eq!(outputs, by_wire, "step {}: {:?}", step, op);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn the_group_says_what_three_actors_say(ops in stream(160), publications in 1..20_usize) {
        check(&config(), &ops, publications)?;
    }

    /// So few messages that the orders of accounts are cancelled in the middle of others' work.
    #[test]
    fn also_where_messages_run_out(ops in stream(400), publications in 1..20_usize) {
        let config = GroupConfig {
            orders_max: 12,
            levels_max: 6,
            open_orders_per_account_max: 4,
            messages_per_account_max: 96,
            ..config()
        };
        check(&config, &ops, publications)?;
    }
}
