//! Orders at a rate, beside echoes under the same load.

use super::{
    Bench, MeasureError,
    load::{Target, Turned},
    side::Gathered,
};
use crate::{
    judge::{self, Wanted},
    result::{Bar, Role, Scenario as Seen},
    scenario::Scenario,
};

/// The tails' bar.
const TAIL_BAR: Bar = Bar::AtMost(1.25);

pub(super) fn run(name: &str, scenario: &Scenario, bench: &Bench<'_>) -> Result<Vec<Seen>, MeasureError> {
    let alone = scenario.rates_per_s.len() == 1;
    let at_rate = |&rate_per_s: &f64| {
        let name = if alone { name.to_owned() } else { format!("{name}@{rate_per_s:.0}") };
        at(&name, scenario, bench, rate_per_s)
    };
    scenario.rates_per_s.iter().map(at_rate).collect()
}

/// The sides in the order of a round. With slow readers the floor is the venue without them.
fn sides(scenario: &Scenario) -> Vec<(&'static str, Role, Target)> {
    let mut sides = Vec::new();
    let mut side = |wanted: bool, name, role, target| {
        if wanted {
            sides.push((name, role, target));
        }
    };
    match scenario.slow_readers {
        Some(slow) => {
            side(scenario.floor, ALONE, Role::Floor, Target::Venue);
            side(true, BESIDE, Role::Subject, Target::VenueWithSlowReaders(slow));
            side(scenario.control, ALONE_AGAIN, Role::Control, Target::Venue);
        }
        None => {
            side(scenario.floor, ECHO, Role::Floor, Target::Echo);
            side(true, VENUE, Role::Subject, Target::Venue);
            #[cfg(feature = "peers")]
            {
                side(scenario.tokio, TOKIO, Role::Peer, Target::TokioChannels);
                side(scenario.tokio, TOKIO_SPINNING, Role::Peer, Target::TokioSingleThreaded);
            }
            side(scenario.raw_sockets, RAW, Role::Floor, Target::RawEcho);
            side(scenario.control, ECHO_AGAIN, Role::Control, Target::Echo);
        }
    }
    sides
}

pub(super) const VENUE: &str = "venue";
pub(super) const ECHO: &str = "echo";
const ECHO_AGAIN: &str = "echo again";
const RAW: &str = "raw sockets";
const TOKIO: &str = "tokio with channels";
const TOKIO_SPINNING: &str = "tokio single-threaded";
const ALONE: &str = "without slow readers";
const ALONE_AGAIN: &str = "without, again";
const BESIDE: &str = "beside slow readers";

fn at(name: &str, scenario: &Scenario, bench: &Bench<'_>, rate_per_s: f64) -> Result<Seen, MeasureError> {
    let sides = sides(scenario);
    let mut gathered: Vec<Gathered> = sides.iter().map(|(name, role, _)| Gathered::new(name, *role)).collect();
    for round in 0..bench.rounds {
        let turned = Turned { scenario, bench, rate_per_s, seed: bench.seed + round as u64 };
        for ((side, _, target), gathered) in sides.iter().zip(&mut gathered) {
            bench.progress.at(name, side, round, bench.rounds);
            gathered.add(turned.run(*target)?);
        }
    }
    let sides = gathered.into_iter().map(Gathered::finish).collect();
    let mut seen = Seen {
        name: name.to_owned(),
        summary: scenario.summary.clone(),
        category: scenario.category,
        load: scenario.load_text(Some(rate_per_s)),
        sides,
        ratios: Vec::new(),
    };
    let (of, to, control) =
        if scenario.slow_readers.is_some() { (BESIDE, ALONE, ALONE_AGAIN) } else { (VENUE, ECHO, ECHO_AGAIN) };
    let mut wanted = Vec::new();
    for (figure, bar) in
        [("p50", scenario.p50_bar.map(Bar::AtMost)), ("p99", Some(TAIL_BAR)), ("p99_9", Some(TAIL_BAR))]
    {
        // Without a control no tail is judged.
        let bar = bar.filter(|_| figure == "p50" || scenario.control);
        wanted.push(Wanted { figure, of, to, control: Some(control), bar });
    }
    for raw in [VENUE, ECHO] {
        wanted.push(Wanted { figure: "p50", of: raw, to: RAW, control: None, bar: None });
    }
    // Above 1 we are ahead.
    for (tokio, bar) in [(TOKIO, Some(Bar::AtLeast(2.0))), (TOKIO_SPINNING, None)] {
        wanted.push(Wanted { figure: "p50", of: tokio, to: VENUE, control: None, bar });
    }
    seen.ratios = judge::ratios(&seen.sides, &wanted);
    Ok(seen)
}
