//! Stretches of a request's time: by the tester's own clock, by the kernel's times on the tester's sockets, and by the
//! ingress times that the server measures itself with.

use corelane_tester::engine::Measured;
use hdrhistogram::Histogram;

use crate::result::{EncodedHistogram, Hop, Percentiles};

/// Measured stretches of the way; an absent one was not measured.
#[derive(Clone, Debug, Default)]
pub(super) struct Stretches {
    late: Option<Histogram<u64>>,
    /// The three of [`KernelTimes`](corelane_tester::engine::KernelTimes).
    sending: Option<Histogram<u64>>,
    away: Option<Histogram<u64>>,
    reading: Option<Histogram<u64>>,
    /// The parts that the server measures by ingress times, all from the same beginning: until an order has its number,
    /// until its first answer has left the group, and all of it.
    pub numbered: Option<Histogram<u64>>,
    pub decided: Option<Histogram<u64>>,
    pub inside: Option<Histogram<u64>>,
}

const LATE: &str = "intended to sent by the tester";
const SENDING: &str = "sent to at the network device";
const READING: &str = "answer in the tester's kernel to read";
/// The server and the kernel on its side. The server's own measurements are part of it.
const AWAY: &str = "network device to the tester's kernel";
/// Measured on one order in [`TIMED_ONE_IN`](corelane_runtime::telemetry::TIMED_ONE_IN).
const NUMBERED: &str = "batch reaped to order numbered";
const DECIDED: &str = "batch reaped to answer decided";
/// The part that was not measured.
const REST: &str = "tester, kernel and driver (the rest)";
const REST_UNSTAMPED: &str = "tester, kernel and driver (the rest: the kernel gave no times)";

impl Stretches {
    /// The stretches that the tester measured in a load.
    pub(super) fn of(measured: &Measured) -> Self {
        let times = measured.kernel_times.as_ref();
        let known = |histogram: &Histogram<u64>| Some(histogram.clone()).filter(|histogram| !histogram.is_empty());
        Self {
            late: known(&measured.late),
            sending: times.and_then(|times| known(&times.sending)),
            away: times.and_then(|times| known(&times.away)),
            reading: times.and_then(|times| known(&times.reading)),
            numbered: None,
            decided: None,
            inside: None,
        }
    }

    /// Takes in those of another round.
    pub(super) fn add(&mut self, other: Self) {
        merge(&mut self.late, other.late);
        merge(&mut self.sending, other.sending);
        merge(&mut self.away, other.away);
        merge(&mut self.reading, other.reading);
        merge(&mut self.numbered, other.numbered);
        merge(&mut self.decided, other.decided);
        merge(&mut self.inside, other.inside);
    }

    /// Returns the stretches in the order of the way. `whole` is from the intended send time to the answer,
    /// `inside_name` names the two ends of the stretch that the server measures. Without the kernel's times a part
    /// remains that nobody measured: differences of quantiles, of which those of tails say little.
    pub(super) fn hops(&self, whole: &Histogram<u64>, inside_name: &str) -> Vec<Hop> {
        let inside = self.inside.as_ref();
        let measured = |name: &str, histogram: Option<&Histogram<u64>>| {
            histogram.map(|histogram| Hop {
                name: name.to_owned(),
                percentiles: histogram.into(),
                histogram: Some(EncodedHistogram::new(histogram)),
            })
        };
        let without = |name: &str, all: &Histogram<u64>, parts: &[Option<&Histogram<u64>>]| {
            let parts = parts.iter().copied().flatten().map(Percentiles::from);
            let percentiles = parts.fold(Percentiles::from(all), difference);
            Some(Hop { name: name.to_owned(), percentiles, histogram: None })
        };
        let (late, reading) = (self.late.as_ref(), self.reading.as_ref());
        let away = match (&self.away, inside) {
            (Some(away), _) => measured(AWAY, Some(away)),
            (None, Some(_)) if late.is_some() => without(REST_UNSTAMPED, whole, &[late, reading, inside]),
            (None, Some(_)) => without(REST, whole, &[inside]),
            (None, None) => None,
        };
        let ways = [
            measured(LATE, late),
            measured(SENDING, self.sending.as_ref()),
            away,
            measured(NUMBERED, self.numbered.as_ref()),
            measured(DECIDED, self.decided.as_ref()),
            measured(inside_name, inside),
            measured(READING, reading),
        ];
        ways.into_iter().flatten().collect()
    }
}

/// Remainder of `all` without `part`.
fn difference(all: Percentiles, part: Percentiles) -> Percentiles {
    Percentiles {
        count: all.count,
        min_ns: all.min_ns.saturating_sub(part.min_ns),
        mean_ns: (all.mean_ns - part.mean_ns).max(0.0),
        p50_ns: all.p50_ns.saturating_sub(part.p50_ns),
        p90_ns: all.p90_ns.saturating_sub(part.p90_ns),
        p99_ns: all.p99_ns.saturating_sub(part.p99_ns),
        p99_9_ns: all.p99_9_ns.saturating_sub(part.p99_9_ns),
        p99_99_ns: all.p99_99_ns.saturating_sub(part.p99_99_ns),
        max_ns: all.max_ns.saturating_sub(part.max_ns),
    }
}

/// Adds a part to a total; either may be absent.
pub(super) fn merge(total: &mut Option<Histogram<u64>>, part: Option<Histogram<u64>>) {
    match (total, part) {
        (Some(total), Some(part)) => total.add(&part).expect("all histograms of a contender have the same bounds"),
        (total @ None, part) => *total = part,
        (Some(_), None) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(ns: u64) -> Option<Histogram<u64>> {
        let mut histogram = Histogram::new_with_bounds(1, 1_000_000, 3).unwrap();
        histogram.record_n(ns, 10).unwrap();
        Some(histogram)
    }

    fn rows(stretches: &Stretches) -> Vec<(String, u64, bool)> {
        let hops = stretches.hops(&of(1000).unwrap(), "inside");
        hops.into_iter().map(|hop| (hop.name, hop.percentiles.p50_ns, hop.histogram.is_some())).collect()
    }

    fn row(name: &str, p50_ns: u64, measured: bool) -> (String, u64, bool) {
        (name.to_owned(), p50_ns, measured)
    }

    #[test]
    fn the_way_is_split_as_far_as_it_was_measured() {
        let all = Stretches {
            late: of(100),
            sending: of(50),
            away: of(700),
            reading: of(150),
            numbered: of(80),
            decided: of(200),
            inside: of(300),
        };
        let expected = [
            row(LATE, 100, true),
            row(SENDING, 50, true),
            row(AWAY, 700, true),
            row(NUMBERED, 80, true),
            row(DECIDED, 200, true),
            row("inside", 300, true),
            row(READING, 150, true),
        ];
        assert_eq!(rows(&all), expected);
        // An echo does not measure itself.
        let echo = Stretches { numbered: None, decided: None, inside: None, ..all.clone() };
        let expected = [row(LATE, 100, true), row(SENDING, 50, true), row(AWAY, 700, true), row(READING, 150, true)];
        assert_eq!(rows(&echo), expected);
        // Only answers have times.
        let answers = Stretches { sending: None, away: None, numbered: None, decided: None, ..all.clone() };
        let expected =
            [row(LATE, 100, true), row(REST_UNSTAMPED, 450, false), row("inside", 300, true), row(READING, 150, true)];
        assert_eq!(rows(&answers), expected);
        let none = Stretches { reading: None, ..answers };
        let expected = [row(LATE, 100, true), row(REST_UNSTAMPED, 600, false), row("inside", 300, true)];
        assert_eq!(rows(&none), expected);
        // A market, which no socket of ours answers.
        let market = Stretches { late: None, ..none };
        assert_eq!(rows(&market), [row(REST, 700, false), row("inside", 300, true)]);
        assert_eq!(rows(&Stretches::default()), []);
    }

    #[test]
    fn rounds_add_up() {
        let mut total = Stretches::default();
        total.add(Stretches { late: of(100), inside: of(300), ..Stretches::default() });
        total.add(Stretches { late: of(200), reading: of(150), ..Stretches::default() });
        let counts = [&total.late, &total.reading, &total.inside].map(|one| one.as_ref().unwrap().len());
        assert_eq!(counts, [20, 10, 10]);
        assert!(total.away.is_none() && total.sending.is_none());
    }
}
