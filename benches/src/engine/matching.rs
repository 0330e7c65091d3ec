//! Ours without sequencer, order actor and risk: the matching actor alone, with its events and its encoded feed. It is
//! what the published crates do, and driven as [`group`](super::group).

use std::ops::Range;

use corelane_actors::{
    matching::{Event, Matching, MatchingIn, NewOrder, OrderSlot, Outcome},
    messages::Publication,
    order::OrderIn,
};
use corelane_codecs::ouch::{CancelReason, Liquidity};
use corelane_runtime::{
    net::DriverConfig,
    simulation::Simulation,
    topology::{EdgeSpec, ExternalReceiver, ExternalSender, Idle, ShardSpec, Topology},
};

use super::{
    Commands, Engine, Op, Totals,
    group::{CAPACITY, config},
};

/// See the [module](self).
pub struct MatchingAlone {
    simulation: Simulation,
    requests: ExternalSender<MatchingIn>,
    events: ExternalReceiver<OrderIn>,
    publications: ExternalReceiver<Publication>,
    /// Commands sent and answered; each has one event that says that it was accepted or cancelled, in their order.
    sent: usize,
    answered: usize,
    totals: Totals,
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
        let config = config(commands);
        let matching = topology.actor(shard, "matching", move || Matching::new(&config));
        let requests = topology.external_sender("requests", matching, EdgeSpec::backpressure(CAPACITY));
        let events = topology.external_receiver(matching, |out| &mut out.events, EdgeSpec::backpressure(CAPACITY));
        let publications =
            topology.external_receiver(matching, |out| &mut out.publications, EdgeSpec::backpressure(CAPACITY));
        let simulation = topology.simulate().unwrap_or_else(|errors| panic!("{errors}"));
        MatchingAlone { simulation, requests, events, publications, sent: 0, answered: 0, totals: Totals::default() }
    }

    fn turn(&mut self, done: &mut impl FnMut(Range<usize>)) -> usize {
        let worked = self.simulation.turn();
        let first = self.answered;
        while let Some(event) = self.events.receive() {
            let OrderIn::Event(Event { what, .. }) = event.body else { continue };
            match what {
                Outcome::Executed { quantity, liquidity: Liquidity::Added, .. } => {
                    self.totals.trades += 1;
                    self.totals.shares += u64::from(quantity);
                }
                Outcome::Executed { .. } => {}
                Outcome::Accepted { .. } | Outcome::Canceled { .. } => {
                    self.totals.canceled += u64::from(matches!(what, Outcome::Canceled { .. }));
                    self.answered += 1;
                }
                other => panic!("no command leads to this: {other:?}"),
            }
        }
        while self.publications.receive().is_some() {}
        if self.answered > first {
            done(first..self.answered);
        }
        worked
    }
}

impl Engine for MatchingAlone {
    #[inline]
    fn execute(&mut self, commands: &Commands, places: Range<usize>, done: &mut impl FnMut(Range<usize>)) {
        for place in places {
            let request = match *commands.at(place) {
                Op::Enter { instrument, account, slot, buys, quantity, price, .. } => MatchingIn::Enter(NewOrder {
                    slot: OrderSlot(slot),
                    account: account.into(),
                    locate: instrument + 1,
                    buys,
                    immediate: false,
                    quantity,
                    price: price as u32,
                    executions_max: u32::MAX,
                }),
                Op::Cancel { slot, .. } => {
                    let reason = CancelReason::UserRequested;
                    MatchingIn::Cancel { slot: OrderSlot(slot), quantity: u32::MAX, reason }
                }
            };
            assert!(self.requests.send(request).is_ok(), "there is room for a batch");
            self.sent += 1;
        }
        while self.answered < self.sent {
            self.turn(done);
        }
    }

    fn finish(&mut self, done: &mut impl FnMut(Range<usize>)) -> Totals {
        while self.turn(done) > 0 {}
        assert_eq!(self.simulation.failures(), []);
        self.totals
    }
}
