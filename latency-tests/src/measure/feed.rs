//! A market into the venue: from the intended send time of a message to the best prices that it made being read on the
//! tester's CPU; beside datagrams that are only counted.

use std::time::{Duration, Instant};

use corelane_actors::{market_data::FeedCount, telemetry::FeedTiming};
use corelane_runtime::telemetry::ShardCount;
use corelane_tester::{engine::LoadError, saturation::ACHIEVED_SHARE};
use hdrhistogram::Histogram;

use super::{
    bench::{Bench, MeasureError},
    contender::{Gathered, Turn},
    market::Market,
};
use crate::{
    judge::{self, Wanted},
    result::{Counts, Rate, Resources, Role, Round, Scenario as Seen},
    scenario::Scenario,
    target::{RawFeed, VenueSpec, VenueUnderTest},
};

/// Instruments of the market, unless the scenario says.
const INSTRUMENTS: usize = 16;
/// Time limit for messages in flight to arrive when all were sent.
const DRAIN: Duration = Duration::from_millis(100);
/// Longest time in the histogram; longer ones count as this.
const LONGEST_NS: u64 = 60_000_000_000;

const VENUE: &str = "venue";
const RAW: &str = "raw datagrams";
const RAW_DIFFERS: &str = "counts datagrams: nothing is decoded and no book is built";

pub(super) fn run(name: &str, scenario: &Scenario, bench: &Bench<'_>) -> Result<Seen, MeasureError> {
    let mut venue = Gathered::new(VENUE, Role::Ours).inside("batch reaped to the last of what was said of it");
    let mut raw = Gathered::new(RAW, Role::Baseline).differs(Some(RAW_DIFFERS));
    for round in 0..bench.rounds {
        let seed = bench.seed + round as u64;
        bench.progress.at(VENUE, round, bench.rounds);
        venue.add(turn(scenario, bench, seed)?);
        if scenario.baseline {
            bench.progress.at(RAW, round, bench.rounds);
            raw.add(baseline(scenario, bench, seed)?);
        }
    }
    let contenders: Vec<_> =
        [Some(raw).filter(|_| scenario.baseline), Some(venue)].into_iter().flatten().map(Gathered::finish).collect();
    let wanted = ["p50", "p99"].map(|figure| Wanted { figure, of: VENUE, to: RAW, control: None, threshold: None });
    Ok(Seen {
        name: name.to_owned(),
        summary: scenario.summary.clone(),
        category: scenario.category,
        load: scenario.load_text(None),
        ratios: judge::ratios(&contenders, &wanted),
        promises: Vec::new(),
        contenders,
    })
}

fn turn(scenario: &Scenario, bench: &Bench<'_>, seed: u64) -> Result<Turn, MeasureError> {
    let (venue, tops) = VenueUnderTest::start_with_tops(&spec(scenario))?;
    let (Some(mut tops), Some(to)) = (tops, venue.feed_in()) else { unreachable!("this venue takes a market in") };
    let mut market = market(scenario, bench, to, venue.market(), seed)?;
    let counters = venue.venue().counters().feed_in.feed.clone();
    let newest = || tops.receive().map(|top| top.body.feed_sequence.0);
    let done = || counters.get(FeedCount::Messages);
    let watched = watch(&mut market, bench, newest, done)?;
    let messages = market.messages;
    market.finish()?;
    let outcome = venue.stop();
    let mut turn = watched.turn(messages, counters.get(FeedCount::Messages));
    for bad in [FeedCount::BadPackets, FeedCount::BadMessages, FeedCount::UnknownOrders, FeedCount::Overflows] {
        let count = counters.get(bad);
        if count > 0 {
            turn.round.problems.push(format!("{count} × {bad:?} at the feed"));
        }
    }
    turn.round.problems.extend(outcome.problems());
    let per_message = |which| Some(outcome.status.count(which) as f64 / messages.max(1) as f64);
    turn.round.resources = Some(Resources {
        busy: Some(outcome.status.count(ShardCount::BusyNs) as f64 / watched.took.as_nanos() as f64),
        enters_per_request: per_message(ShardCount::NetEnters),
        messages_per_request: per_message(ShardCount::Messages),
        ..Resources::default()
    });
    turn.stretches.inside = outcome.status.timing(FeedTiming::FeedToPublication);
    Ok(turn)
}

fn baseline(scenario: &Scenario, bench: &Bench<'_>, seed: u64) -> Result<Turn, MeasureError> {
    let raw = RawFeed::start(bench.cpus[0])?;
    let instruments = VenueUnderTest::market_of(&spec(scenario));
    let mut market = market(scenario, bench, raw.address(), instruments, seed)?;
    let mut last = 0;
    let newest = || {
        let newest = raw.newest();
        (std::mem::replace(&mut last, newest) != newest).then_some(newest)
    };
    let watched = watch(&mut market, bench, newest, || raw.messages())?;
    let (messages, seen) = (market.messages, raw.messages());
    market.finish()?;
    raw.stop()?;
    Ok(watched.turn(messages, seen))
}

fn spec(scenario: &Scenario) -> VenueSpec {
    let instruments = scenario.instruments.unwrap_or(INSTRUMENTS);
    VenueSpec { sessions: 1, instruments, requests_per_session: 0, feed_in: true, orders_stay: false }
}

fn market(
    scenario: &Scenario,
    bench: &Bench<'_>,
    to: std::net::SocketAddr,
    instruments: Vec<corelane_market::DayInstrument>,
    seed: u64,
) -> Result<Market, MeasureError> {
    let messages_per_s = scenario.market.as_ref().map_or(1.0, |market| market.messages_per_s);
    Ok(Market::new(to, instruments, messages_per_s, bench.warmup + bench.round, seed)?)
}

/// Observations of the tester.
struct Watched {
    /// Latencies from the intended send time of a message, after the warm-up, in nanoseconds.
    latency: Histogram<u64>,
    /// Until the last message was sent.
    took: Duration,
    messages_per_s: f64,
}

impl Watched {
    fn turn(&self, messages: u64, seen: u64) -> Turn {
        let mut problems = Vec::new();
        if seen != messages {
            problems.push(format!("{messages} market messages sent, {seen} arrived: lower the rate"));
        }
        if self.latency.is_empty() {
            problems.push("nothing was published".to_owned());
        }
        let rate = Rate {
            asked_per_s: self.messages_per_s,
            achieved_per_s: (messages as f64 / self.took.as_secs_f64()).min(self.messages_per_s),
        };
        if rate.achieved_per_s < ACHIEVED_SHARE * rate.asked_per_s {
            problems.push(format!(
                "{:.0}/s achieved of {:.0}/s asked: lower the rate",
                rate.achieved_per_s, rate.asked_per_s
            ));
        }
        let counts =
            Counts { sent: messages, answered: seen, missing: messages.saturating_sub(seen), ..Counts::default() };
        let round = Round {
            intended: Some((&self.latency).into()),
            rate: Some(rate),
            counts: Some(counts),
            problems,
            ..Round::default()
        };
        Turn { round, intended: Some(self.latency.clone()), ..Turn::default() }
    }
}

/// Plays all of it on the tester's CPU, spinning, and looks between the packets at what is published: `newest` gives the
/// number of a message whose effect is seen, if there is one that was not given yet, and `done` how many arrived.
fn watch(
    market: &mut Market,
    bench: &Bench<'_>,
    mut newest: impl FnMut() -> Option<u64> + Send,
    done: impl Fn() -> u64 + Send,
) -> Result<Watched, MeasureError> {
    let (cpu, warmup_ns) = (bench.cpus[1], bench.warmup.as_nanos() as u64);
    std::thread::scope(|scope| {
        let tester = scope.spawn(move || {
            if !core_affinity::set_for_current(core_affinity::CoreId { id: cpu }) {
                return Err(LoadError::Pin { cpu }.into());
            }
            let mut latency = Histogram::new_with_bounds(1, LONGEST_NS, 3).expect("the bounds are valid constants");
            latency.reset();
            let start = Instant::now();
            let mut look = |market: &Market| {
                while let Some(number) = newest() {
                    let intended_ns = market.intended_ns(number);
                    if intended_ns >= warmup_ns {
                        latency
                            .saturating_record((start.elapsed().as_nanos() as u64).saturating_sub(intended_ns).max(1));
                    }
                }
            };
            // The first step is at time zero: intended times count from it.
            market.step(0);
            while !market.has_ended() {
                market.step(start.elapsed().as_nanos() as u64);
                look(market);
            }
            let took = start.elapsed();
            while done() < market.messages && start.elapsed() < took + DRAIN {
                look(market);
            }
            look(market);
            Ok(Watched { latency, took, messages_per_s: market.messages_per_s() })
        });
        tester.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}
