//! The venue's circuit breakers: samples of facts that the actors count, and the gate of order entry that they shut.
//!
//! At each turn of the desk, each breaker takes one sample: a call in the words of
//! [`Breaker`](corelane_runtime::resilience::Breaker). While one is open, half-open or forced open, the session marks what
//! raises exposure, and the group rejects it.

use std::sync::atomic::Ordering;

use corelane_actors::{
    market_data::FeedCount,
    publisher::PublisherCount,
    session::{EntryGate, SessionCount},
};
use corelane_config::{BreakerStart, Config, Edge, Watches};
use corelane_runtime::{
    lifecycle::Status,
    resilience::{Breaker, BreakerConfig, BreakerState, CallCounts, Window},
    telemetry::{EdgeCount, ShardCount},
};

use crate::{convert::nanos, declare::VenueCounters};

/// Slices of a breaker's window.
const SLICES: u32 = 10;

/// The breakers of a venue.
#[derive(Debug)]
pub(super) struct Breakers {
    all: Vec<Watched>,
    counters: VenueCounters,
    gate: EntryGate,
}

/// A breaker and what it watches.
#[derive(Debug)]
struct Watched {
    name: String,
    watches: Watches,
    edge: Option<Edge>,
    breaker: Breaker,
    /// The count that the last sample saw.
    seen: u64,
    /// When that count was new.
    since_ns: u64,
}

/// One sample.
struct Sample {
    failed: bool,
    duration_ns: u64,
}

impl Breakers {
    pub(super) fn new(config: &Config, counters: VenueCounters, gate: EntryGate) -> Breakers {
        let watched = |one: &corelane_config::Breaker| {
            let config = BreakerConfig {
                window: match one.window_samples {
                    Some(samples) => Window::Calls(samples),
                    None => Window::Time { slices: SLICES, slice_ns: nanos(one.window_ms) / u64::from(SLICES) },
                },
                calls_min: one.samples_min,
                failure_rate_ppm: one.failure_percent.parts_per_million(),
                slow_rate_ppm: one.slow_percent.parts_per_million(),
                slow_ns: nanos(one.slow_ms),
                open_ns: nanos(one.open_ms),
                trials: one.trials,
                half_open_max_ns: None,
            };
            let mut breaker = Breaker::new(config).expect("the schema's ranges are the breaker's");
            breaker.force(starts_as(one.starts), 0);
            Watched { name: one.name.clone(), watches: one.watches, edge: one.edge, breaker, seen: 0, since_ns: 0 }
        };
        let breakers = Breakers { all: config.breakers.iter().map(watched).collect(), counters, gate };
        breakers.turn_gate();
        breakers
    }

    /// Takes a sample for each, and logs which of them have shut or opened the gate.
    pub(super) fn turn(&mut self, status: &Status) {
        for notice in self.take_samples(status) {
            tracing::warn!("{notice}");
        }
        self.turn_gate();
    }

    /// Takes a sample for each; returns what is to be said. Trials that fail are not: they go on as long as what is watched
    /// fails, all night perhaps.
    fn take_samples(&mut self, status: &Status) -> Vec<String> {
        let now_ns = status.clock.time_of_day_ns;
        let mut notices = Vec::new();
        for one in &mut self.all {
            let was_shut = is_shut(one.breaker.state());
            let sample = one.sample(&self.counters, status, now_ns);
            if let Some(permit) = one.breaker.try_acquire(now_ns) {
                one.breaker.record(now_ns, permit, sample.failed, sample.duration_ns);
            }
            let state = one.breaker.state();
            if is_shut(state) != was_shut {
                notices.push(format!("breaker {}: {}", one.name, words(state)));
            }
        }
        notices
    }

    /// Forces a breaker into a state; closed is its reset. Returns what has been done, in words.
    pub(super) fn force(&mut self, index: usize, state: BreakerState, status: &Status) -> Result<String, String> {
        let one = self.all.get_mut(index).ok_or("there is no such breaker")?;
        one.breaker.force(state, status.clock.time_of_day_ns);
        let text = format!("breaker {}: {}", one.name, words(state));
        self.turn_gate();
        Ok(text)
    }

    /// A line for each.
    pub(super) fn lines(&mut self, status: &Status) -> impl Iterator<Item = String> {
        let now_ns = status.clock.time_of_day_ns;
        self.all.iter_mut().map(move |one| {
            let CallCounts { calls, failed, slow } = one.breaker.counts(now_ns);
            let watched = one.edge.map_or(one.watches.to_string(), |edge| format!("edge {edge}"));
            let state = words(one.breaker.state());
            format!("breaker {} ({watched}): {state}, {calls} samples, {failed} failed, {slow} slow", one.name)
        })
    }

    fn turn_gate(&self) {
        self.gate.set_shut(self.all.iter().any(|one| is_shut(one.breaker.state())));
    }
}

impl Watched {
    fn sample(&mut self, counters: &VenueCounters, status: &Status, now_ns: u64) -> Sample {
        let (count, can_wait) = match self.watches {
            Watches::Feed => {
                let feed = &counters.feed_in.feed;
                let is_stale = feed.get(FeedCount::PricesStale) > 0 || market_data_is_down(status);
                let failed = is_stale && feed.get(FeedCount::Packets) > 0;
                return Sample { failed, duration_ns: 0 };
            }
            Watches::Publisher => {
                let refused = counters.feed_out.feed.get(PublisherCount::Refused);
                (refused + status.count(ShardCount::NetDatagramsLost), false)
            }
            Watches::Answers => {
                let waits = counters.session.get(SessionCount::Unanswered) > 0;
                (counters.session.get(SessionCount::Answers), waits)
            }
            Watches::Housekeeping => {
                let last_ns = std::mem::replace(&mut self.since_ns, now_ns);
                // The first sample has none before it.
                let duration_ns = if last_ns == 0 { 0 } else { now_ns.saturating_sub(last_ns) };
                return Sample { failed: false, duration_ns };
            }
            Watches::Log => (counters.lost_log_lines.load(Ordering::Relaxed), false),
            Watches::Edge => {
                let watched = self.edge.and_then(|edge| counters.edges.get(&edge));
                (watched.map_or(0, |watched| watched.get(EdgeCount::Holds)), false)
            }
        };
        let is_new = count != self.seen;
        self.seen = count;
        if is_new || !can_wait {
            self.since_ns = now_ns;
        }
        Sample { failed: is_new && self.watches != Watches::Answers, duration_ns: now_ns.saturating_sub(self.since_ns) }
    }
}

/// Whether market data has failed and is not back: it says nothing of its prices then, which are stale.
fn market_data_is_down(status: &Status) -> bool {
    let last = status.failures.iter().rev().find(|(actor, _)| actor == "market-data");
    last.is_some_and(|(actor, failure)| status.generations.get(actor).copied().unwrap_or(0) <= failure.generation)
}

fn starts_as(start: BreakerStart) -> BreakerState {
    match start {
        BreakerStart::Closed => BreakerState::Closed,
        BreakerStart::MetricsOnly => BreakerState::MetricsOnly,
        BreakerStart::Disabled => BreakerState::Disabled,
    }
}

/// Whether orders are rejected.
fn is_shut(state: BreakerState) -> bool {
    matches!(state, BreakerState::Open | BreakerState::HalfOpen | BreakerState::ForcedOpen)
}

fn words(state: BreakerState) -> &'static str {
    match state {
        BreakerState::Closed => "closed",
        BreakerState::Open => "open",
        BreakerState::HalfOpen => "half-open",
        BreakerState::ForcedOpen => "forced open",
        BreakerState::Disabled => "disabled",
        BreakerState::MetricsOnly => "metrics only",
    }
}

#[cfg(test)]
mod tests {
    use corelane_config::VENUE_TOML;
    use corelane_runtime::{cpu, prelude::*, shard::Failure};

    use super::*;

    const MS: u64 = 1_000_000;

    /// The shipped venue with a breaker, and a desk's turns of 20 ms from noon on.
    struct Bench {
        breakers: Breakers,
        counters: VenueCounters,
        gate: EntryGate,
        status: Status,
        turn_ns: u64,
    }

    impl Bench {
        fn new(keys: &str) -> Bench {
            let text = format!("{VENUE_TOML}\n[[breaker]]\nname = \"it\"\n{keys}");
            let config = Config::parse("test.toml", &text).unwrap_or_else(|errors| panic!("{}", errors.plain()));
            let (counters, gate) = (VenueCounters::default(), EntryGate::default());
            let breakers = Breakers::new(&config, counters.clone(), gate.clone());
            let mut status = Status::default();
            status.clock.time_of_day_ns = 12 * 3_600_000 * MS;
            Bench { breakers, counters, gate, status, turn_ns: 20 * MS }
        }

        /// Some turns, each after a change of the counters; whether entry is shut then.
        fn turns(&mut self, turns: u64, change: impl Fn(&VenueCounters)) -> bool {
            for _ in 0..turns {
                self.status.clock.time_of_day_ns += self.turn_ns;
                change(&self.counters);
                self.breakers.turn(&self.status);
            }
            self.gate.is_shut()
        }
    }

    #[test]
    fn answers_that_do_not_come_open_it_and_the_first_ones_close_it() {
        let keys = "watches = \"answers\"\nwindow_ms = 200\nsamples_min = 8\nslow_ms = 100\nopen_ms = 100\ntrials = 2";
        let mut bench = Bench::new(keys);
        let [waits, answers] = [SessionCount::Unanswered, SessionCount::Answers];
        assert!(!bench.turns(100, |_| {}), "nothing waits");
        let busy = |counters: &VenueCounters| {
            counters.session.set(waits, 7);
            counters.session.add(answers, 1);
        };
        assert!(!bench.turns(100, busy), "answers come");
        // Of ten samples, five are slower than 100 ms: the sixth to the tenth.
        assert!(!bench.turns(9, |_| {}));
        assert!(bench.turns(1, |_| {}), "none for 200 ms");
        assert!(bench.turns(100, |_| {}), "still none");
        assert!(!bench.turns(8, busy), "they come again");
        bench.turns(10, |counters| counters.session.set(waits, 0));
        assert!(!bench.turns(100, |_| {}), "nothing waits");
    }

    #[test]
    fn packets_that_the_network_refuses_open_it() {
        let keys = "watches = \"publisher\"\nwindow_ms = 200\nsamples_min = 8\nopen_ms = 100\ntrials = 2";
        let mut bench = Bench::new(keys);
        let refused = |counters: &VenueCounters| counters.feed_out.feed.add(PublisherCount::Refused, 1);
        assert!(!bench.turns(100, |_| {}));
        assert!(!bench.turns(4, refused));
        assert!(!bench.turns(20, |_| {}));
        assert!(!bench.turns(4, refused));
        assert!(bench.turns(1, refused), "half of ten");
        assert!(!bench.turns(7, |_| {}), "the trials pass");
    }

    /// Housekeeping waits 20 ms behind each of its turns, on a host that has other work too.
    #[test]
    fn the_most_samples_that_a_topology_may_ask_for_are_had_by_turns_that_are_late() {
        for window_ms in [100, 1000, 1050] {
            let keys = |samples: u64| format!("watches = \"feed\"\nwindow_ms = {window_ms}\nsamples_min = {samples}");
            let text = |samples| format!("{VENUE_TOML}\n[[breaker]]\nname = \"it\"\n{}", keys(samples));
            let is_accepted = |samples: &u64| Config::parse("test.toml", &text(*samples)).is_ok();
            let most = (1..100).rev().find(is_accepted).unwrap();
            let mut bench = Bench::new(&keys(most));
            bench.turn_ns = 22 * MS;
            bench.counters.feed_in.feed.add(FeedCount::Packets, 1);
            bench.counters.feed_in.feed.set(FeedCount::PricesStale, 1);
            assert!(bench.turns(100, |_| {}), "{most} samples in {window_ms} ms");
        }
    }

    #[test]
    fn stale_prices_open_it() {
        let keys = "watches = \"feed\"\nwindow_ms = 200\nsamples_min = 5\nopen_ms = 100\ntrials = 2";
        let mut bench = Bench::new(keys);
        let stale = |is_stale| {
            move |counters: &VenueCounters| counters.feed_in.feed.set(FeedCount::PricesStale, u64::from(is_stale))
        };
        assert!(!bench.turns(10, stale(true)), "before the first packet");
        assert!(!bench.turns(1, |counters| counters.feed_in.feed.add(FeedCount::Packets, 1)));
        assert!(!bench.turns(10, stale(false)));
        assert!(!bench.turns(4, stale(true)));
        assert!(bench.turns(1, stale(true)));
        assert!(bench.turns(1000, stale(true)));
        assert!(!bench.turns(8, stale(false)));
    }

    /// Fails on each message.
    struct Fails;

    impl Actor for Fails {
        type In = ();
        type Out = ();
        const OUTPUTS_MAX: usize = 0;
        fn on_message(&mut self, _: &mut Context<'_, ()>, (): &()) -> Step {
            panic!("the test wants it")
        }
    }

    fn failure() -> Failure {
        let mut topology = Topology::new();
        let shard = topology.shard(ShardSpec::new("only", cpu::allowed_cpus()[0]));
        let actor = topology.actor(shard, "it", || Fails);
        let mut input = topology.external_sender("input", actor, EdgeSpec::backpressure(2));
        let mut simulation = topology.simulate().unwrap();
        input.send(()).unwrap();
        simulation.run_until_idle();
        simulation.failures()[0].clone()
    }

    #[test]
    fn prices_are_stale_from_a_failure_of_market_data_until_it_is_back() {
        let keys = "watches = \"feed\"\nwindow_ms = 200\nsamples_min = 5\nopen_ms = 100\ntrials = 2";
        let mut bench = Bench::new(keys);
        assert!(!bench.turns(10, |counters| counters.feed_in.feed.add(FeedCount::Packets, 1)));
        bench.status.failures.push(("market-data".to_owned(), failure()));
        assert!(!bench.turns(4, |_| {}));
        assert!(bench.turns(1, |_| {}), "half of ten, and it waits for its restart");
        assert!(bench.turns(100, |_| {}));
        bench.status.generations.insert("market-data".to_owned(), 1);
        assert!(!bench.turns(8, |_| {}));
    }

    #[test]
    fn a_window_of_samples_forgets_by_number_and_not_by_time() {
        let keys = "watches = \"publisher\"\nwindow_samples = 4\nsamples_min = 4\nopen_ms = 100\ntrials = 2";
        let mut bench = Bench::new(keys);
        let refused = |counters: &VenueCounters| counters.feed_out.feed.add(PublisherCount::Refused, 1);
        assert!(!bench.turns(100, |_| {}));
        assert!(!bench.turns(1, refused));
        // An hour without a sample forgets nothing.
        bench.status.clock.time_of_day_ns += 3_600_000 * MS;
        assert!(bench.turns(1, refused), "half of four");
        assert!(!bench.turns(7, |_| {}), "the trials pass");
        assert!(!bench.turns(1, refused));
        assert!(!bench.turns(3, |_| {}));
        assert!(!bench.turns(1, refused), "the first has left the window");
    }

    #[test]
    fn turns_of_housekeeping_that_come_late_open_it() {
        let keys =
            "watches = \"housekeeping\"\nwindow_samples = 4\nsamples_min = 4\nslow_ms = 100\nopen_ms = 100\ntrials = 2";
        let mut bench = Bench::new(keys);
        assert!(!bench.turns(100, |_| {}));
        let mut late = |by_ms: u64| {
            bench.status.clock.time_of_day_ns += by_ms * MS;
            bench.turns(1, |_| {})
        };
        // 20 ms more is the turn itself.
        assert!(!late(80) && !late(80), "at the bound");
        assert!(!late(81));
        assert!(late(81), "half of four");
        assert!(!bench.turns(7, |_| {}), "the trials pass");
    }

    #[test]
    fn lines_of_the_log_that_are_lost_open_it() {
        let keys = "watches = \"log\"\nwindow_samples = 4\nsamples_min = 4\nopen_ms = 100\ntrials = 2";
        let mut bench = Bench::new(keys);
        let lost = |counters: &VenueCounters| {
            counters.lost_log_lines.fetch_add(3, Ordering::Relaxed);
        };
        assert!(!bench.turns(100, |_| {}));
        assert!(!bench.turns(1, lost));
        assert!(bench.turns(1, lost), "half of four");
        assert!(!bench.turns(7, |_| {}), "the trials pass");
    }

    #[test]
    fn a_producer_that_waits_for_room_in_the_named_edge_opens_it() {
        let keys =
            "watches = \"edge\"\nedge = \"replies\"\nwindow_samples = 4\nsamples_min = 4\nopen_ms = 100\ntrials = 2";
        let mut bench = Bench::new(keys);
        let [replies, group] = [Edge::Replies, Edge::Group].map(|edge| {
            bench.counters.edges.insert(edge, Counters::default());
            bench.counters.edges[&edge].clone()
        });
        bench.breakers.counters = bench.counters.clone();
        let holds = |edge: Counters<EdgeCount>| move |_: &VenueCounters| edge.add(EdgeCount::Holds, 2);
        assert!(!bench.turns(100, holds(group)), "another edge");
        assert!(!bench.turns(1, holds(replies.clone())));
        assert!(bench.turns(1, holds(replies)), "half of four");
        assert!(!bench.turns(7, |_| {}), "the trials pass");
    }

    #[test]
    fn a_breaker_whose_trials_fail_is_said_once() {
        let keys = "watches = \"feed\"\nwindow_ms = 200\nsamples_min = 5\nopen_ms = 100\ntrials = 2";
        let mut bench = Bench::new(keys);
        bench.counters.feed_in.feed.add(FeedCount::Packets, 1);
        let mut said = |is_stale| {
            bench.counters.feed_in.feed.set(FeedCount::PricesStale, u64::from(is_stale));
            let turn = |_| {
                bench.status.clock.time_of_day_ns += 20 * MS;
                bench.breakers.take_samples(&bench.status)
            };
            (0..1000).flat_map(turn).collect::<Vec<_>>()
        };
        assert_eq!(said(true), ["breaker it: open"]);
        assert_eq!(said(false), ["breaker it: closed"]);
    }
}
