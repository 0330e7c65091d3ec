//! A market into the venue: from the reaping of a batch to the best prices that it made.

use std::time::{Duration, Instant};

use corelane_actors::market_data::FeedCount;
use corelane_runtime::telemetry::{Counter, Timing};

use super::{
    Bench, MeasureError,
    market::Market,
    side::{Gathered, Turn, counter, failures, timing},
};
use crate::{
    judge,
    result::{Counts, Rate, Resources, Role, Round, Scenario as Seen},
    scenario::Scenario,
    target::{VenueSpec, VenueUnderTest},
};

/// Instruments of the market, unless the scenario says.
const INSTRUMENTS: usize = 16;
/// How long the venue may take for what is in flight when all was sent.
const DRAIN: Duration = Duration::from_secs(2);

pub(super) fn run(name: &str, scenario: &Scenario, bench: &Bench<'_>) -> Result<Seen, MeasureError> {
    let mut venue = Gathered::new("venue", Role::Subject);
    for round in 0..bench.rounds {
        bench.progress.at(name, "venue", round, bench.rounds);
        venue.add(turn(scenario, bench, bench.seed + round as u64)?);
    }
    let sides = vec![venue.finish()];
    Ok(Seen {
        name: name.to_owned(),
        summary: scenario.summary.clone(),
        category: scenario.category,
        load: scenario.load_text(None),
        ratios: judge::ratios(&sides, &[]),
        sides,
    })
}

fn turn(scenario: &Scenario, bench: &Bench<'_>, seed: u64) -> Result<Turn, MeasureError> {
    let instruments = scenario.instruments.unwrap_or(INSTRUMENTS);
    let venue = VenueUnderTest::start(&VenueSpec { sessions: 1, instruments, requests_per_session: 0, feed_in: true })?;
    let messages_per_s = scenario.market.as_ref().map_or(1.0, |market| market.messages_per_s);
    let to = venue.feed_in().expect("this venue takes a market in");
    let mut market = Market::new(to, venue.market(), messages_per_s, bench.warmup + bench.round, seed)?;
    let took = play(&mut market, bench.cpus[1])?;
    let messages = market.messages;
    let counters = venue.venue().counters().feed_in.feed.clone();
    let deadline = Instant::now() + DRAIN;
    while counters.get(FeedCount::Messages) < messages && Instant::now() < deadline {
        std::thread::yield_now();
    }
    market.finish()?;
    let outcome = venue.stop();
    let mut problems: Vec<String> = failures(&outcome.status).collect();
    let seen = counters.get(FeedCount::Messages);
    if seen != messages {
        problems.push(format!("{messages} market messages sent, {seen} applied: lower the rate"));
    }
    for bad in [FeedCount::BadPackets, FeedCount::BadMessages, FeedCount::UnknownOrders, FeedCount::Overflows] {
        let count = counters.get(bad);
        if count > 0 {
            problems.push(format!("{count} × {bad:?} at the feed"));
        }
    }
    let published = timing(&outcome.status, Timing::FeedToPublication);
    if published.is_none() {
        problems.push("nothing was published".to_owned());
    }
    let per_message = |which| Some(counter(&outcome.status, which) as f64 / messages.max(1) as f64);
    let round = Round {
        intended: published.as_ref().map(Into::into),
        rate: Some(Rate { asked_per_s: messages_per_s, achieved_per_s: seen as f64 / took.as_secs_f64() }),
        counts: Some(Counts {
            sent: messages,
            answered: seen,
            missing: messages - seen.min(messages),
            ..Counts::default()
        }),
        resources: Some(Resources {
            busy: Some(counter(&outcome.status, Counter::BusyNs) as f64 / took.as_nanos() as f64),
            enters_per_request: per_message(Counter::NetEnters),
            messages_per_request: per_message(Counter::Messages),
            ..Resources::default()
        }),
        problems,
        ..Round::default()
    };
    Ok(Turn { round, intended: published, ..Turn::default() })
}

/// Plays all of it on this CPU, spinning.
fn play(market: &mut Market, cpu: usize) -> Result<Duration, MeasureError> {
    std::thread::scope(|scope| {
        let player = scope.spawn(move || {
            if !core_affinity::set_for_current(core_affinity::CoreId { id: cpu }) {
                return Err(corelane_tester::engine::LoadError::Pin { cpu }.into());
            }
            let start = Instant::now();
            while !market.has_ended() {
                market.step(start.elapsed().as_nanos() as u64);
            }
            Ok(start.elapsed())
        });
        player.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}
