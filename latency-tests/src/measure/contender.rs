//! The rounds of one contender, gathered.

use hdrhistogram::Histogram;

use super::hops::{Stretches, merge};
use crate::result::{Contender, Role, Round};

/// Result of one turn: the round's figures and the distributions behind them.
#[derive(Clone, Debug, Default)]
pub(super) struct Turn {
    pub round: Round,
    pub intended: Option<Histogram<u64>>,
    pub send: Option<Histogram<u64>>,
    /// Stretches of that time.
    pub stretches: Stretches,
}

/// A contender under measurement.
pub(super) struct Gathered {
    contender: Contender,
    /// The stretch that the server measures.
    inside_name: &'static str,
    intended: Option<Histogram<u64>>,
    send: Option<Histogram<u64>>,
    stretches: Stretches,
}

impl Gathered {
    pub(super) fn new(name: &str, role: Role) -> Self {
        let contender = Contender {
            name: name.to_owned(),
            role,
            rounds: Vec::new(),
            intended: None,
            send: None,
            hops: Vec::new(),
            differs: None,
        };
        Self { contender, inside_name: ORDER, intended: None, send: None, stretches: Stretches::default() }
    }

    /// Sets the differences from ours: work that ours does and the contender does not.
    pub(super) fn differs(mut self, how: Option<&str>) -> Self {
        self.contender.differs = how.map(str::to_owned);
        self
    }

    /// Sets the differences from ours that the turns have shown.
    pub(super) fn set_differs(&mut self, how: String) {
        self.contender.differs = Some(how);
    }

    /// The server measures from where to where this says, instead of an order's way.
    pub(super) fn inside(self, inside_name: &'static str) -> Self {
        Self { inside_name, ..self }
    }

    pub(super) fn add(&mut self, turn: Turn) {
        self.contender.rounds.push(turn.round);
        merge(&mut self.intended, turn.intended);
        merge(&mut self.send, turn.send);
        self.stretches.add(turn.stretches);
    }

    pub(super) fn finish(mut self) -> Contender {
        let hops = self.intended.as_ref().map(|whole| self.stretches.hops(whole, self.inside_name));
        self.contender.hops = hops.unwrap_or_default();
        self.contender.intended = self.intended.as_ref().map(Into::into);
        self.contender.send = self.send.as_ref().map(Into::into);
        self.contender
    }
}

/// The stretch that the venue measures of an order.
const ORDER: &str = "batch reaped to answer handed to the driver";
