//! The prices that the sequencer attaches while market data fails and is restarted, when the sequencer hears late of what market
//! data has sent.

use std::time::Duration;

use crate::group_support::{enter, reference};
use corelane_actors::{
    sequencer_policy::ReferencePolicy,
    types::{Command, Locate, Reference, ReferenceUpdate, SequencerIn},
};
use corelane_runtime::{
    prelude::*,
    supervision::{Backoff, Strategy, SupervisorSpec},
    topology::ActorIndex,
};
use corelane_test_support::shards::simulated;

const SECOND_NS: u64 = 1_000_000_000;
const POISON: u64 = 13;

/// A bid of the feed, or what market data fails on.
#[derive(Clone, Copy)]
struct Bid(u64);

impl Message for Bid {}

/// Says what market data says.
struct Prices;

impl Prices {
    fn send(ctx: &mut Context<'_, Port<SequencerIn>>, locate: Locate, reference: Reference) {
        ctx.out.send(SequencerIn::Reference(ReferenceUpdate { locate, reference }));
    }
}

impl Actor for Prices {
    type In = Bid;
    type Out = Port<SequencerIn>;
    const OUTPUTS_MAX: usize = 1;

    fn on_start(&mut self, ctx: &mut Context<'_, Self::Out>) {
        Prices::send(ctx, Locate::NONE, Reference::default());
    }

    fn on_message(&mut self, ctx: &mut Context<'_, Self::Out>, &Bid(bid): &Bid) -> Step {
        assert_ne!(bid, POISON, "the test wants it");
        Prices::send(ctx, Locate(1), reference(bid, bid + 1));
        Step::Done
    }
}

struct Stage {
    sim: Simulation,
    now_ns: u64,
    feed: ExternalSender<Bid>,
    orders: ExternalSender<SequencerIn>,
    group: ExternalReceiver<Command>,
}

impl Stage {
    /// A sequencer that waits when two commands are unread, and market data that is restarted after a second.
    fn new() -> Stage {
        let mut topology = Topology::new();
        let shard = simulated(&mut topology, "all");
        let prices = topology.actor(shard, "market-data", || Prices);
        let policy = move || Sequencer::new(ReferencePolicy::new(1, Some(prices.into())));
        let sequencer = topology.actor(shard, "sequencer", policy);
        let second = Duration::from_secs(1);
        let spec = SupervisorSpec::new("feeds", Strategy::OneForOne).intensity(9, second);
        let feeds = topology.supervisor(spec.backoff(Backoff { first: second, max: second, ..Backoff::NONE }));
        topology.supervise(feeds, prices, |_| Prices);
        topology.connect(prices, |out| out, sequencer, EdgeSpec::backpressure(8));
        topology.leave_open(sequencer, |out| &mut out.record);
        let feed = topology.external_sender("feed", prices, EdgeSpec::backpressure(8));
        let orders = topology.external_sender("orders", sequencer, EdgeSpec::backpressure(8));
        let group = topology.external_receiver(sequencer, |out| &mut out.group, EdgeSpec::backpressure(2));
        let sim = topology.simulate().unwrap_or_else(|errors| panic!("{errors}"));
        let mut stage = Stage { sim, now_ns: 0, feed, orders, group };
        stage.advance(SECOND_NS);
        stage
    }

    fn advance(&mut self, by_ns: u64) {
        self.now_ns += by_ns;
        self.sim.set_time_ns(self.now_ns);
        self.sim.run_until_idle();
    }

    fn bid(&mut self, bid: u64) {
        assert!(self.feed.send(Bid(bid)).is_ok());
        self.sim.run_until_idle();
    }

    fn order(&mut self) {
        let order = SequencerIn::Command(Command::Enter(enter(0, 1, b'B', 1, 1)));
        assert!(self.orders.send(order).is_ok());
        self.sim.run_until_idle();
    }

    /// The bid that the next command has, and whether it is stale.
    fn attached(&mut self) -> (u64, bool) {
        let Some(Command::Enter(enter)) = self.group.receive().map(|command| command.body) else { panic!("no order") };
        self.sim.run_until_idle();
        (enter.reference.bid.raw(), enter.reference.stale == 1)
    }

    fn priced(&mut self) -> (u64, bool) {
        self.order();
        self.attached()
    }
}

#[test]
fn prices_of_a_market_data_that_has_failed_since_are_stale_however_late_they_are_read() {
    let mut stage = Stage::new();
    stage.bid(10);
    assert_eq!(stage.priced(), (10, false));
    // The group stands still, and with it the sequencer.
    stage.order();
    stage.order();
    for bid in [20, 30] {
        stage.bid(POISON);
        stage.advance(SECOND_NS);
        stage.bid(bid);
    }
    stage.bid(POISON);
    assert_eq!(stage.sim.failures().len(), 3);
    assert_eq!([stage.attached(), stage.attached()], [(10, false); 2]);
    assert_eq!(stage.priced(), (30, true), "the second restart has failed too");
    stage.advance(SECOND_NS);
    assert_eq!(stage.priced(), (30, true), "the third one has no price yet");
    stage.bid(40);
    assert_eq!(stage.priced(), (40, false));
}

#[test]
fn an_end_that_is_heard_of_after_the_next_start_makes_nothing_stale() {
    let source = ActorIndex::new(5);
    let mut policy = ReferencePolicy::new(1, Some(source));
    let mut say = |generation, locate, reference| {
        let update = SequencerIn::Reference(ReferenceUpdate { locate, reference });
        policy.sequence(&update, Origin { generation, ..Origin::default() }, |_| {});
    };
    for generation in [0, 1] {
        say(generation, Locate::NONE, Reference::default());
        say(generation, Locate(1), reference(10, 11));
    }
    let is_stale = |policy: &mut ReferencePolicy| {
        let mut stale = None;
        let order = SequencerIn::Command(Command::Enter(enter(0, 1, b'B', 1, 1)));
        policy.sequence(&order, Origin::default(), |command| match command {
            Command::Enter(enter) => stale = Some(enter.reference.stale),
            other => panic!("{other:?}"),
        });
        stale
    };
    for (generation, stale) in [(0, 0), (1, 1)] {
        policy.on_down(Down { actor: source, sequence: SequenceNumber::NONE, generation });
        assert_eq!(is_stale(&mut policy), Some(stale), "generation {generation} has ended");
    }
}
