//! Orders at a rate, beside echoes under the same load.

use super::{
    Bench, FloorSaturation, MeasureError,
    load::{Neighbours, Target, Turned},
    side::Gathered,
};
use crate::{
    judge::{self, Promised, Wanted},
    result::{Bar, Role, Scenario as Seen, Unjudged},
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

/// The sides in the order of a round. With neighbours the floor is the venue without them.
pub(super) fn sides(scenario: &Scenario) -> Vec<(&'static str, Role, Target)> {
    let mut sides = Vec::new();
    let mut side = |wanted: bool, name, role, target| {
        if wanted {
            sides.push((name, role, target));
        }
    };
    match neighbours(scenario) {
        Some((neighbours, names)) => {
            side(scenario.floor, names.alone, Role::Floor, Target::Venue);
            side(true, names.beside, Role::Subject, Target::VenueBeside(neighbours));
            side(scenario.control, names.alone_again, Role::Control, Target::Venue);
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
/// Of the sides of a scenario with neighbours.
struct Names {
    alone: &'static str,
    beside: &'static str,
    alone_again: &'static str,
}

fn neighbours(scenario: &Scenario) -> Option<(Neighbours, Names)> {
    let names = |alone, beside| Names { alone, beside, alone_again: "without, again" };
    let slow = scenario
        .slow_readers
        .map(|count| (Neighbours::SlowReaders(count), names("without slow readers", "beside slow readers")));
    slow.or_else(|| {
        let count = scenario.reconnecting?;
        Some((Neighbours::Reconnecting(count), names("without reconnects", "beside reconnects")))
    })
}

/// Up to this share of what the floor sustains, ours is judged beside it: above, queues decide.
const SHARE_OF_SATURATION: f64 = 0.5;

/// What the floor sustains over as many sessions, if this rate is too near to it.
fn saturated_floor(floor: Option<FloorSaturation>, sessions: usize, rate_per_s: f64) -> Option<f64> {
    let floor = floor.filter(|floor| floor.sessions == sessions)?;
    (rate_per_s > SHARE_OF_SATURATION * floor.per_s).then_some(floor.per_s)
}

fn at(name: &str, scenario: &Scenario, bench: &Bench<'_>, rate_per_s: f64) -> Result<Seen, MeasureError> {
    let sides = sides(scenario);
    let mut gathered: Vec<Gathered> =
        sides.iter().map(|(name, role, target)| Gathered::new(name, *role).differs(target.differs())).collect();
    for round in 0..bench.rounds {
        let turned = Turned { scenario, bench, rate_per_s, seed: bench.seed + round as u64 };
        for ((side, _, target), gathered) in sides.iter().zip(&mut gathered) {
            bench.progress.at(side, round, bench.rounds);
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
        promises: Vec::new(),
    };
    let (of, to, control) = match neighbours(scenario) {
        Some((_, names)) => (names.beside, names.alone, names.alone_again),
        None => (VENUE, ECHO, ECHO_AGAIN),
    };
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
    if let Some(per_s) = saturated_floor(bench.floor_saturation, scenario.sessions, rate_per_s) {
        for ratio in seen.ratios.iter_mut().filter(|ratio| ratio.of == of && ratio.to == to) {
            ratio.judgement = ratio.judgement.withheld(Unjudged::FloorSaturates(per_s));
        }
    }
    let promised = scenario.p99_99_max_us.map(|most_us| Promised {
        figure: "p99_99",
        of,
        control: None,
        bar: Bar::AtMost(most_us * 1000.0),
    });
    seen.promises = judge::promises(&seen.sides, promised.as_slice(), bench.host);
    Ok(seen)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_up_to_half_of_what_the_floor_sustains_is_judged() {
        let floor = Some(FloorSaturation { sessions: 8, per_s: 400_000.0 });
        assert_eq!(saturated_floor(floor, 8, 200_000.0), None);
        assert_eq!(saturated_floor(floor, 8, 200_001.0), Some(400_000.0));
        // Another number of sessions, or none searched for, says nothing.
        assert_eq!(saturated_floor(floor, 1, 1e6), None);
        assert_eq!(saturated_floor(None, 8, 1e6), None);
    }
}
