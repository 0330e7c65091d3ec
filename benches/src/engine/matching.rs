//! Ours without sequencer, order entry and risk: matching alone, with its events and its encoded feed. It is what the published
//! crates do. An actor calls matching for each command and counts its events; the feed goes over an edge.

use std::{
    ops::Range,
    sync::{Arc, atomic::Ordering::Relaxed},
};

use corelane_actors::{
    engine::matching::{Events, Matching, Outlets},
    types::{Event, Locate, NewOrder, OrderSlot, Outcome, PortId, Publication, Quantity},
};
use corelane_codecs::{
    ouch::{CancelReason, Liquidity},
    price::{Price, Price4},
};
use corelane_runtime::{
    actor::{Actor, Context, Step},
    message::Message,
    net::DriverConfig,
    ports,
    simulation::Simulation,
    topology::{EdgeSpec, ExternalReceiver, ExternalSender, Idle, ShardSpec, Topology},
};

use super::{
    Commands, Engine, Op, Totals,
    group::{CAPACITY, Progress, config},
};

impl Message for Op {
    fn kind(&self) -> u16 {
        match self {
            Op::Enter { .. } => 1,
            Op::Cancel { .. } => 2,
        }
    }
}

ports! {
    /// Output of [`Matcher`].
    struct MatcherOut {
        /// The feed.
        publications: Publication,
    }
}

/// Matching as an actor of its own.
struct Matcher {
    matching: Matching,
    progress: Arc<Progress>,
    reports: Reports,
}

/// Totals of the events.
#[derive(Default)]
struct Reports {
    /// Commands answered: each has one event that says that it was accepted or cancelled, in their order.
    answered: u64,
    totals: Totals,
}

impl Events for &mut Reports {
    #[inline(always)]
    fn on_event(&mut self, event: Event) {
        match event.what {
            Outcome::Executed { quantity, liquidity: Liquidity::Added, .. } => {
                self.totals.trades += 1;
                self.totals.shares += u64::from(quantity.0);
            }
            Outcome::Executed { .. } => {}
            Outcome::Accepted { .. } => self.answered += 1,
            Outcome::Canceled { .. } => {
                self.totals.canceled += 1;
                self.answered += 1;
            }
            other => panic!("no command leads to this: {other:?}"),
        }
    }
}

impl Matcher {
    #[inline(always)]
    fn run(
        &mut self,
        ctx: &mut Context<'_, MatcherOut>,
        run: impl FnOnce(&mut Matching, &mut Outlets<'_, &mut Reports>) -> Step,
    ) -> Step {
        let time_ns = ctx.time_ns();
        run(&mut self.matching, &mut Outlets::new(&mut self.reports, &mut ctx.out.publications, time_ns))
    }
}

impl Actor for Matcher {
    type In = Op;
    type Out = MatcherOut;
    const OUTPUTS_MAX: usize = Matching::OUTPUTS_MAX;

    #[inline]
    fn on_message(&mut self, ctx: &mut Context<'_, MatcherOut>, op: &Op) -> Step {
        match *op {
            Op::Enter { instrument, port, slot, side, quantity, price, .. } => {
                let order = NewOrder {
                    slot: OrderSlot(slot),
                    port: PortId(port.into()),
                    locate: Locate(instrument + 1),
                    side,
                    immediate: false,
                    quantity: Quantity(quantity),
                    price: Price4::try_from(Price::from_raw(price)).expect("a price of an order"),
                };
                self.run(ctx, |matching, out| matching.enter(out, &order))
            }
            Op::Cancel { slot, .. } => self.run(ctx, |matching, out| {
                matching.cancel(out, OrderSlot(slot), Quantity::MAX, CancelReason::UserRequested);
                Step::Done
            }),
        }
    }

    fn on_more(&mut self, ctx: &mut Context<'_, MatcherOut>) -> Step {
        self.run(ctx, |matching, out| matching.resume(out))
    }

    fn on_batch_end(&mut self, _ctx: &mut Context<'_, MatcherOut>) {
        self.progress.store(self.reports.answered, self.reports.totals);
    }
}

/// See the [module](self).
#[derive(Debug)]
pub struct MatchingAlone {
    simulation: Simulation,
    requests: ExternalSender<Op>,
    publications: ExternalReceiver<Publication>,
    progress: Arc<Progress>,
    /// Commands sent, and those whose answer was seen.
    sent: u64,
    answered: u64,
}

impl MatchingAlone {
    /// Empty books.
    ///
    /// # Panics
    /// If the topology has faults.
    pub fn new(commands: &Commands) -> MatchingAlone {
        let mut topology = Topology::new();
        let net = DriverConfig::default();
        let shard = topology.shard(ShardSpec::new("core", 0).idle(Idle::Spin).net(net));
        let progress = Arc::<Progress>::default();
        let matching = Matching::new(&config(commands));
        let matcher = Matcher { matching, progress: progress.clone(), reports: Reports::default() };
        let matcher = topology.actor(shard, "matching", move || matcher);
        let requests = topology.external_sender("requests", matcher, EdgeSpec::backpressure(CAPACITY));
        let publications =
            topology.external_receiver(matcher, |out| &mut out.publications, EdgeSpec::backpressure(CAPACITY));
        let simulation = topology.simulate().unwrap_or_else(|errors| panic!("{errors}"));
        MatchingAlone { simulation, requests, publications, progress, sent: 0, answered: 0 }
    }

    fn turn(&mut self, done: &mut impl FnMut(Range<usize>)) -> usize {
        let worked = self.simulation.turn();
        while self.publications.receive().is_some() {}
        let answered = self.progress.answered.load(Relaxed);
        if answered > self.answered {
            done(self.answered as usize..answered as usize);
            self.answered = answered;
        }
        worked
    }
}

impl Engine for MatchingAlone {
    #[inline]
    fn execute(&mut self, commands: &Commands, places: Range<usize>, done: &mut impl FnMut(Range<usize>)) {
        self.sent += places.len() as u64;
        let mut batch = self.requests.batch();
        for place in places {
            assert!(batch.send(*commands.at(place)).is_ok(), "there is room for a batch");
        }
        drop(batch);
        while self.answered < self.sent {
            self.turn(done);
        }
    }

    fn finish(&mut self, done: &mut impl FnMut(Range<usize>)) -> Totals {
        while self.turn(done) > 0 {}
        assert_eq!(self.simulation.failures(), []);
        self.progress.totals()
    }
}
