//! A seeded flow of orders with predictable answers.

use std::collections::VecDeque;

use corelane_codecs::ouch::{Outbound, RejectReason};
use corelane_codecs::price::Price;

use super::{Completion, Expected, Instrument, Limits, Mismatch, Model, Request, Rules, Script};
use corelane_market::Rng;

/// The initial capacity of a session for unanswered requests.
const PENDING: usize = 16_384;

/// The relative frequencies of the kinds of requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mix {
    /// Day orders near the touch, which mostly rest.
    pub rest: u32,
    /// Day orders that trade immediately.
    pub cross: u32,
    /// Immediate-or-cancel orders. Some of them trade, often in part.
    pub immediate: u32,
    /// Cancels of whole orders.
    pub cancel: u32,
    /// Partial cancels.
    pub reduce: u32,
    /// Replaces with a smaller quantity, a larger one, or another price.
    pub replace: u32,
    /// Cancels and replaces without effect, which get no answer.
    pub silent: u32,
    /// Orders that the venue must reject, for every reason that its limits allow.
    pub violation: u32,
}

impl Mix {
    /// Orders that enter, rest and are cancelled, the shortest path through the venue, for comparison with an echo. The
    /// bound on open orders triggers some of the cancels.
    pub const ENTER_AND_CANCEL: Self =
        Self { rest: 1, cross: 0, immediate: 0, cancel: 1, reduce: 0, replace: 0, silent: 0, violation: 0 };

    pub(super) const fn total(&self) -> u32 {
        self.rest
            + self.cross
            + self.immediate
            + self.cancel
            + self.reduce
            + self.replace
            + self.silent
            + self.violation
    }
}

impl Default for Mix {
    /// A mix in which two of a hundred requests are violations and one is silent, and every second order is cancelled
    /// before it trades.
    fn default() -> Self {
        Self { rest: 40, cross: 12, immediate: 8, cancel: 22, reduce: 6, replace: 9, silent: 1, violation: 2 }
    }
}

/// The parameters of a [`MarketScript`].
#[derive(Clone, Debug)]
pub struct MarketSpec {
    /// The seed. The same seed gives the same requests.
    pub seed: u64,
    /// The instruments of each session. Nobody else may trade them, which makes the answers predictable.
    pub sessions: Vec<Vec<Instrument>>,
    /// The venue's limits.
    pub limits: Limits,
    /// The venue's choices where the protocol allows several.
    pub rules: Rules,
    /// The mix of requests.
    pub mix: Mix,
    /// The maximum number of open orders per session. At the maximum, the session cancels its oldest order.
    pub open_orders_max: usize,
    /// The number of each session's first order. It must be above all numbers that the port has used that day.
    pub first_user_ref: u32,
    /// The reasons with which an overloaded venue may reject any order. Such a reject is counted, and the order is
    /// treated as never entered. Empty for a run below saturation.
    pub overload_reasons: Vec<RejectReason>,
}

/// A script with one flow per entry of [`MarketSpec::sessions`].
///
/// Requests are generated from the orders that the session *will* have open once all sent requests are handled. Answers
/// are checked against a second model, which handles a request when its first answer is due. The requests thus depend
/// only on the seed, and a reject by an overloaded venue does not derail the checks.
#[derive(Clone, Debug)]
pub struct MarketScript {
    spec: MarketSpec,
    flows: Vec<Flow>,
}

#[derive(Clone, Debug)]
pub(super) struct Flow {
    pub(super) rng: Rng,
    pub(super) instruments: Vec<Instrument>,
    /// The mid price around which each instrument trades.
    pub(super) middles: Vec<Price>,
    pub(super) next_user_ref: u32,
    pub(super) intended: Model,
    /// A scratch buffer for the answers of the intended model.
    unread: VecDeque<Expected>,
    /// Generated requests that the confirmed model has not handled yet.
    pending: VecDeque<Request>,
    confirmed: Model,
    expected: VecDeque<Expected>,
    last: LastSeen,
}

/// The last values of the fields that must not go back from answer to answer.
#[derive(Clone, Copy, Debug, Default)]
struct LastSeen {
    timestamp_ns: u64,
    order_ref: u64,
    match_number: u64,
}

impl MarketScript {
    /// Creates the script.
    ///
    /// # Panics
    /// If the mix is all zero, a session has no instrument, or an instrument's tick or lot is zero.
    #[must_use]
    pub fn new(spec: MarketSpec) -> Self {
        assert!(spec.mix.total() > 0, "the mix must not be all zero");
        let flows = spec.sessions.iter().enumerate().map(|(index, instruments)| {
            assert!(!instruments.is_empty(), "session {index} has no instrument");
            for instrument in instruments {
                assert!(
                    instrument.tick > Price::ZERO && instrument.lot > 0,
                    "tick and lot of {} must be above zero",
                    instrument.symbol
                );
            }
            let model = Model::new(instruments.clone(), spec.limits, spec.rules);
            Flow {
                rng: Rng::for_part(spec.seed, index),
                instruments: instruments.clone(),
                middles: instruments.iter().map(|one| one.on_tick(one.reference_price.raw())).collect(),
                next_user_ref: spec.first_user_ref,
                intended: model.clone(),
                unread: VecDeque::with_capacity(64),
                pending: VecDeque::with_capacity(PENDING),
                confirmed: model,
                expected: VecDeque::with_capacity(64),
                last: LastSeen::default(),
            }
        });
        Self { flows: flows.collect(), spec }
    }

    /// The number after all numbers used so far: the [`MarketSpec::first_user_ref`] of the next script for the same
    /// ports.
    #[must_use]
    pub fn next_user_ref(&self) -> u32 {
        let next = self.flows.iter().map(|flow| flow.next_user_ref);
        next.max().unwrap_or(self.spec.first_user_ref)
    }

    /// The number of this session's open orders at the venue, according to the answers so far.
    #[must_use]
    pub fn open_orders(&self, session: usize) -> usize {
        self.flows[session].confirmed.orders().len()
    }
}

impl Script for MarketScript {
    fn next(&mut self, session: usize, out: &mut Vec<u8>) {
        let flow = &mut self.flows[session];
        let request = flow.choose(&self.spec);
        flow.intended.apply(request, &mut flow.unread);
        flow.unread.clear();
        flow.pending.push_back(request);
        request.encode(out);
    }

    fn check(&mut self, session: usize, answer: &Outbound<'_>) -> Result<Completion, Mismatch> {
        self.flows[session].check(answer, &self.spec.overload_reasons)
    }

    fn withdraw(&mut self, session: usize) {
        let flow = &mut self.flows[session];
        flow.pending.pop_back();
        flow.intended = flow.confirmed.clone();
        for request in &flow.pending {
            flow.intended.apply(*request, &mut flow.unread);
        }
        flow.unread.clear();
    }

    fn owed(&self, session: usize, outstanding: usize) -> u64 {
        let flow = &self.flows[session];
        let mut model = flow.confirmed.clone();
        let mut expected = flow.expected.clone();
        for request in flow.pending.iter().take(outstanding) {
            model.apply(*request, &mut expected);
        }
        expected.len() as u64
    }

    fn closing(&mut self, session: usize, out: &mut Vec<u8>) -> bool {
        let flow = &mut self.flows[session];
        // An open order at the venue that no closing request has cancelled yet.
        let asked = |user_ref| {
            flow.pending.iter().any(
                |request| matches!(request, Request::Cancel { user_ref: asked, quantity: 0 } if *asked == user_ref),
            )
        };
        let left = flow.confirmed.orders().iter().find(|order| !asked(order.user_ref));
        let Some(user_ref) = left.map(|order| order.user_ref) else {
            return false;
        };
        let request = Request::Cancel { user_ref, quantity: 0 };
        flow.intended.apply(request, &mut flow.unread);
        flow.unread.clear();
        flow.pending.push_back(request);
        request.encode(out);
        true
    }
}

impl Flow {
    fn check(&mut self, answer: &Outbound<'_>, overload_reasons: &[RejectReason]) -> Result<Completion, Mismatch> {
        let mut completion = Completion::Further;
        if self.expected.is_empty() {
            let mut unanswered = 0;
            loop {
                let Some(&request) = self.pending.front() else {
                    return Err(mismatch("no answer", answer));
                };
                if refused_by_overload(&request, answer, overload_reasons) {
                    self.pending.pop_front();
                    return Ok(Completion::First { unanswered });
                }
                self.pending.pop_front();
                self.confirmed.apply(request, &mut self.expected);
                if !self.expected.is_empty() {
                    break;
                }
                unanswered += 1;
            }
            completion = Completion::First { unanswered };
        }
        match self.expected.pop_front() {
            Some(expected) if expected.is(answer) => {
                self.check_order(&expected, answer)?;
                Ok(completion)
            }
            Some(expected) => Err(mismatch(&expected.to_string(), answer)),
            None => Err(mismatch("no answer", answer)),
        }
    }

    /// Checks that times never go back, that references and match numbers increase, and that both sides of a trade
    /// share a match number.
    fn check_order(&mut self, expected: &Expected, answer: &Outbound<'_>) -> Result<(), Mismatch> {
        let last = self.last;
        let timestamp_ns = answer.timestamp_ns();
        if timestamp_ns < last.timestamp_ns {
            let expected = format!("a time of at least {} ns", last.timestamp_ns);
            return Err(mismatch(&expected, answer));
        }
        self.last.timestamp_ns = timestamp_ns;
        match (expected, answer) {
            (Expected::Accepted { .. }, Outbound::Accepted(actual, _)) => {
                self.last.order_ref = actual.order_ref.get();
            }
            (Expected::Replaced { kept_priority, .. }, Outbound::Replaced(actual, _)) => {
                let order_ref = actual.order_ref.get();
                if *kept_priority && order_ref <= last.order_ref {
                    return Ok(());
                }
                self.last.order_ref = order_ref;
            }
            (Expected::Executed { second_side, .. }, Outbound::Executed(actual, _)) => {
                let match_number = actual.match_number.get();
                let fits =
                    if *second_side { match_number == last.match_number } else { match_number > last.match_number };
                if !fits {
                    let which = if *second_side { "equal to" } else { "above" };
                    let expected = format!("a match number {which} {}", last.match_number);
                    return Err(mismatch(&expected, answer));
                }
                self.last.match_number = match_number;
                return Ok(());
            }
            _ => return Ok(()),
        }
        if self.last.order_ref <= last.order_ref {
            let expected = format!("an order reference above {}", last.order_ref);
            return Err(mismatch(&expected, answer));
        }
        Ok(())
    }
}

fn refused_by_overload(request: &Request, answer: &Outbound<'_>, overload_reasons: &[RejectReason]) -> bool {
    let (Outbound::Rejected(rejected, _), Some(reason)) = (answer, reject_reason(answer)) else {
        return false;
    };
    let number = match request {
        Request::Enter { user_ref, .. } | Request::Replace { user_ref, .. } => *user_ref,
        Request::Cancel { .. } => return false,
    };
    rejected.user_ref_num.get() == number && overload_reasons.contains(&reason)
}

fn reject_reason(answer: &Outbound<'_>) -> Option<RejectReason> {
    match answer {
        Outbound::Rejected(rejected, _) => rejected.reason(),
        _ => None,
    }
}

fn mismatch(expected: &str, answer: &Outbound<'_>) -> Mismatch {
    Mismatch { expected: expected.to_owned(), actual: format!("{answer:?}") }
}
