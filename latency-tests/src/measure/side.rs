//! The rounds of one side, gathered.

use corelane_runtime::{
    running::Status,
    telemetry::{Counter, Timing},
};
use hdrhistogram::Histogram;

use crate::result::{EncodedHistogram, Hop, Percentiles, Role, Round, Side};

/// What one turn showed: the round's figures, and all of the distributions behind them.
#[derive(Clone, Debug, Default)]
pub(super) struct Turn {
    pub round: Round,
    pub intended: Option<Histogram<u64>>,
    pub send: Option<Histogram<u64>>,
    /// The part of it that the server measures by ingress times.
    pub inside: Option<Histogram<u64>>,
}

/// A side under measurement.
pub(super) struct Gathered {
    side: Side,
    /// From where to where the server measures.
    inside_name: &'static str,
    intended: Option<Histogram<u64>>,
    send: Option<Histogram<u64>>,
    inside: Option<Histogram<u64>>,
}

impl Gathered {
    pub(super) fn new(name: &str, role: Role) -> Self {
        let side = Side {
            name: name.to_owned(),
            role,
            rounds: Vec::new(),
            intended: None,
            send: None,
            hops: Vec::new(),
            differs: None,
        };
        Self { side, inside_name: ORDER, intended: None, send: None, inside: None }
    }

    /// What it does not do that ours does.
    pub(super) fn differs(mut self, how: Option<&str>) -> Self {
        self.side.differs = how.map(str::to_owned);
        self
    }

    /// The same, of what the turns have shown.
    pub(super) fn set_differs(&mut self, how: String) {
        self.side.differs = Some(how);
    }

    /// The server measures from where to where this says, instead of an order's way.
    pub(super) fn inside(self, inside_name: &'static str) -> Self {
        Self { inside_name, ..self }
    }

    pub(super) fn add(&mut self, turn: Turn) {
        self.side.rounds.push(turn.round);
        merge(&mut self.intended, turn.intended);
        merge(&mut self.send, turn.send);
        merge(&mut self.inside, turn.inside);
    }

    pub(super) fn finish(mut self) -> Side {
        self.side.hops = match (&self.intended, &self.inside) {
            (Some(whole), Some(inside)) => hops(whole, inside, self.inside_name),
            _ => Vec::new(),
        };
        self.side.intended = self.intended.as_ref().map(Into::into);
        self.side.send = self.send.as_ref().map(Into::into);
        self.side
    }
}

fn merge(total: &mut Option<Histogram<u64>>, part: Option<Histogram<u64>>) {
    match (total, part) {
        (Some(total), Some(part)) => total.add(&part).expect("all histograms of a side have the same bounds"),
        (total @ None, part) => *total = part,
        (Some(_), None) => {}
    }
}

const ORDER: &str = "batch reaped to answer handed to the driver";

/// The way of a request: what the server measured by the ingress times in its messages' headers, and the rest.
fn hops(whole: &Histogram<u64>, inside: &Histogram<u64>, inside_name: &str) -> Vec<Hop> {
    let (all, server) = (Percentiles::from(whole), Percentiles::from(inside));
    let outside = Percentiles {
        count: all.count,
        min_ns: all.min_ns.saturating_sub(server.min_ns),
        mean_ns: (all.mean_ns - server.mean_ns).max(0.0),
        p50_ns: all.p50_ns.saturating_sub(server.p50_ns),
        p90_ns: all.p90_ns.saturating_sub(server.p90_ns),
        p99_ns: all.p99_ns.saturating_sub(server.p99_ns),
        p99_9_ns: all.p99_9_ns.saturating_sub(server.p99_9_ns),
        p99_99_ns: all.p99_99_ns.saturating_sub(server.p99_99_ns),
        max_ns: all.max_ns.saturating_sub(server.max_ns),
    };
    vec![
        Hop { name: "tester, kernel and driver (the rest)".to_owned(), percentiles: outside, histogram: None },
        Hop { name: inside_name.to_owned(), percentiles: server, histogram: Some(EncodedHistogram::new(inside)) },
    ]
}

/// One timing over all shards, `None` if nothing was timed.
pub(super) fn timing(status: &Status, timing: Timing) -> Option<Histogram<u64>> {
    let mut total = None;
    for shard in &status.shards {
        merge(&mut total, Some(shard.timings[timing as usize].clone()));
    }
    total.filter(|total| !total.is_empty())
}

/// One counter over all shards.
pub(super) fn counter(status: &Status, counter: Counter) -> u64 {
    status.shards.iter().map(|shard| shard.counters[counter as usize]).sum()
}

/// What failed inside the server, in words.
pub(super) fn failures(status: &Status) -> impl Iterator<Item = String> + '_ {
    status.failures.iter().map(|(actor, failure)| format!("actor {actor} failed at {}", failure.place))
}
