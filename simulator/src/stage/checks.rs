//! What a run waits for, and the rules that are checked once it rests.

use std::collections::{BTreeMap, BTreeSet};

use corelane_actors::{market_data::FeedCount, publisher::PublisherCount, session::SessionCount};
use corelane_runtime::telemetry::{Counters, Metric};

use super::{Spec, Stage, of_client};
use crate::{
    feed::{OtherVenue, QUIET_NS},
    ledger::State,
    stream::Stream,
};

/// How long a pause may keep the venue from asking the other venue: that which is looked at, and some more.
const ASKS_LATE_NS: u64 = 300_000_000;

impl Stage {
    /// What anybody still waits for.
    pub(super) fn waits_for(&mut self, spec: &Spec) -> Option<String> {
        let present = self.clients.iter().filter(|client| !spec.without_clients.contains(&client.index));
        let mut waiting = present.filter_map(|client| client.waits_for(&self.oracle.answers[client.index]));
        let client = waiting.next();
        let tape = &self.oracle.tape;
        client
            .or_else(|| self.operator.waits_for())
            .or_else(|| self.subscriber.as_ref()?.waits_for(tape))
            .or_else(|| self.feed_waits_for())
            .or_else(|| self.breakers_wait_for())
            // It ends the day of a venue that halts by itself.
            .or_else(|| (self.halt.is_some() && !self.operator.has_ended).then(|| "the desk: the day".to_owned()))
    }

    /// The other venue has revealed that something is missing, and was not asked for it since.
    pub(super) fn check_was_asked(&mut self) -> Result<(), String> {
        let now_ns = self.world.now_ns();
        let is_settled = self.other.as_ref().is_some_and(|other| other.is_settled(now_ns))
            && !self.host.was_paused_since(now_ns.saturating_sub(ASKS_LATE_NS))
            && self.world.simulation().failures().is_empty();
        match self.feed_waits_for().filter(|_| is_settled) {
            Some(what) => Err(format!("{what}; it does not ask for what it lacks")),
            None => Ok(()),
        }
    }

    /// The other venue loses a packet, and what would answer the first request for it, and is quiet then: nothing but the venue's
    /// own timer makes it ask again.
    pub(super) fn check_asks_again(&mut self) -> Result<(), String> {
        let Stage { other, world, .. } = self;
        let Some(other) = other else { return Ok(()) };
        let answers = other.answers;
        if !other.reveal_loss(world) {
            return Ok(());
        }
        self.pass(QUIET_NS)?;
        let was_asked = self.other.as_ref().is_some_and(|other| other.answers > answers);
        match self.feed_waits_for() {
            Some(what) => Err(format!("{what}; it does not ask again for what it lacks")),
            None if !was_asked => Err("the feed in: it does not ask again for what it lacks".to_owned()),
            None => Ok(()),
        }
    }

    /// The sites that were reached.
    pub(super) fn reached(&mut self) -> BTreeSet<&'static str> {
        let faults = self.world.faults().iter().map(|fault| fault.source.name());
        let counts = [
            ("edge.full", self.counters.session.get(SessionCount::Holds)),
            ("session.slow-reader", self.counters.session.get(SessionCount::SlowReader)),
            ("publisher.refused", self.counters.feed_out.feed.get(PublisherCount::Refused)),
            ("market-data.restarts", self.counters.feed_in.feed.get(FeedCount::Restarts)),
        ];
        let counted = counts.into_iter().filter(|(_, count)| *count > 0).map(|(name, _)| name);
        let panicked = std::mem::take(&mut self.panics.reached);
        faults.chain(counted).chain(self.oracle.marks.reached()).chain(panicked).collect()
    }

    /// Whether the venue knows the other venue's prices.
    fn feed_waits_for(&mut self) -> Option<String> {
        let other = self.other.as_ref().filter(|other| other.can_be_complete())?;
        let tops = self.tops.as_mut()?;
        while let Some(top) = tops.receive() {
            self.last_tops.insert(top.body.locate.0, top.body);
        }
        for (locate, (bid, ask)) in (1..).zip(other.best()) {
            let known = self.last_tops.get(&locate).map(|top| (top.bid.price, top.ask.price, top.stale));
            if known != Some((bid as u32, ask as u32, 0)) {
                let counts = shown(&self.counters.feed_in.feed) + &shown(&self.counters.feed_in.recovery);
                return Some(format!(
                    "the feed in: instrument {locate} is at {bid}/{ask}, the venue has {known:?};{counts}"
                ));
            }
        }
        None
    }

    /// Whether breakers keep entry shut for no reason: nothing that they watch fails any more.
    fn breakers_wait_for(&self) -> Option<String> {
        let feed_is_complete = self.other.as_ref().is_none_or(OtherVenue::can_be_complete);
        let is_shut = self.halt.is_none() && feed_is_complete && self.operator.is_entry_shut();
        is_shut.then(|| "the breakers: entry is shut".to_owned())
    }

    /// What rests, by the model, by the feed and by the clients.
    pub(super) fn check_books(&self) -> Result<(), String> {
        let resting: BTreeMap<u64, u32> = self.oracle.resting().collect();
        let books = self.clients.iter().map(|client| &client.ledger);
        let orders = books.flat_map(|ledger| ledger.live().iter().filter_map(|&user_ref| ledger.order(user_ref)));
        let owned: BTreeMap<u64, u32> = orders.map(|order| (order.order_ref, order.open)).collect();
        if owned != resting {
            return Err(format!("clients own {owned:?}, and the model has {resting:?}"));
        }
        match self.subscriber.as_ref().filter(|one| one.is_complete(&self.oracle.tape)) {
            Some(subscriber) if subscriber.book != resting => {
                Err(format!("the feed shows {:?}, and the model has {resting:?}", subscriber.book))
            }
            _ => Ok(()),
        }
    }

    /// The sums over the whole run.
    pub(super) fn check_end(&mut self) -> Result<(), String> {
        let live: usize = self.clients.iter().map(|client| client.ledger.live().len()).sum();
        if live > 0 {
            return Err(format!("{live} orders are open after the end of the day"));
        }
        for client in &self.clients {
            let orders = client.ledger.orders();
            let silent = |state| matches!(state, State::Unanswered);
            // A replace of what is not open any more gets no answer; every other request that was sequenced has one.
            let forgotten =
                orders.iter().find(|order| order.is_sequenced && silent(order.state) && order.request.code != b'U');
            if let Some(order) = forgotten {
                return Err(of_client(client.index, &format!("{:?} has no answer", order.request)));
            }
        }
        for locate in 0..=self.members.instruments.len() {
            let positions = self.clients.iter().map(|client| client.ledger.positions[locate]);
            let (shares, cash) = positions.fold((0, 0), |(shares, cash), one| (shares + one.shares, cash + one.cash));
            if (shares, cash) != (0, 0) {
                return Err(format!(
                    "instrument {locate}: over all clients {shares} shares and {cash} of cash are left"
                ));
            }
        }
        if let Some(subscriber) = self.subscriber.as_ref().filter(|one| one.is_complete(&self.oracle.tape))
            && !subscriber.book.is_empty()
        {
            return Err(format!("the feed leaves {} orders after the end of the day", subscriber.book.len()));
        }
        let counted = self.counters.session.get(SessionCount::Requests);
        let answers: u64 = self.oracle.answers.iter().map(Stream::len).sum();
        let told = self.counters.session.get(SessionCount::Answers);
        if (counted, told) != (self.oracle.requests, answers) {
            let sequenced = self.oracle.requests;
            return Err(format!("counters: {counted} requests and {told} answers, and not {sequenced} and {answers}"));
        }
        self.world.note(answers);
        self.oracle.marks.check_end(&self.counters.session)
    }
}

/// The counters that are not zero.
fn shown<K: Metric>(counters: &Counters<K>) -> String {
    counters.iter().filter(|(_, count)| *count > 0).map(|(name, count)| format!(" {}={count}", name.label())).collect()
}
