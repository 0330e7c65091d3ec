//! Orders at a rate, beside echoes under the same load.

use super::{
    bench::{BaselineSaturation, Bench, MeasureError},
    contender::Gathered,
    load::{Neighbours, Target, Turned},
};
use crate::{
    judge::{self, Promised, Wanted},
    result::{Role, Scenario as Seen, Threshold, Unjudged},
    scenario::Scenario,
};

/// The tails' threshold.
const TAIL_THRESHOLD: Threshold = Threshold::AtMost(1.25);

pub(super) fn run(name: &str, scenario: &Scenario, bench: &Bench<'_>) -> Result<Vec<Seen>, MeasureError> {
    let alone = scenario.rates_per_s.len() == 1;
    let at_rate = |&rate_per_s: &f64| {
        let name = if alone { name.to_owned() } else { format!("{name}@{rate_per_s:.0}") };
        at(&name, scenario, bench, rate_per_s)
    };
    scenario.rates_per_s.iter().map(at_rate).collect()
}

/// The contenders in the order of a round. With neighbours the baseline is the venue without them.
pub(super) fn contenders(scenario: &Scenario) -> Vec<(&'static str, Role, Target)> {
    let mut contenders = Vec::new();
    let mut contender = |wanted: bool, name, role, target| {
        if wanted {
            contenders.push((name, role, target));
        }
    };
    match neighbours(scenario) {
        Some((neighbours, names)) => {
            contender(scenario.baseline, names.alone, Role::Baseline, Target::Venue);
            contender(true, names.beside, Role::Ours, Target::VenueBeside(neighbours));
            contender(scenario.control, names.alone_again, Role::Control, Target::Venue);
        }
        None => {
            contender(scenario.baseline, ECHO, Role::Baseline, Target::Echo);
            contender(true, VENUE, Role::Ours, Target::Venue);
            #[cfg(feature = "peers")]
            {
                contender(scenario.tokio, TOKIO, Role::Peer, Target::TokioChannels);
                contender(scenario.tokio, TOKIO_SPINNING, Role::Peer, Target::TokioSingleThreaded);
            }
            contender(scenario.raw_sockets, RAW, Role::Baseline, Target::RawEcho);
            contender(scenario.control, ECHO_AGAIN, Role::Control, Target::Echo);
        }
    }
    contenders
}

pub(super) const VENUE: &str = "venue";
pub(super) const ECHO: &str = "echo";
const ECHO_AGAIN: &str = "echo again";
const RAW: &str = "raw sockets";
const TOKIO: &str = "tokio with channels";
const TOKIO_SPINNING: &str = "tokio single-threaded";
/// Names of the contenders in a scenario with neighbours.
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

/// Up to this share of what the baseline sustains, ours is judged beside it: above, queues decide.
const SHARE_OF_SATURATION: f64 = 0.5;

/// Returns the rate that the baseline sustains over as many sessions, if this rate is too near to it.
fn saturated_baseline(baseline: Option<BaselineSaturation>, sessions: usize, rate_per_s: f64) -> Option<f64> {
    let baseline = baseline.filter(|baseline| baseline.sessions == sessions)?;
    (rate_per_s > SHARE_OF_SATURATION * baseline.per_s).then_some(baseline.per_s)
}

fn at(name: &str, scenario: &Scenario, bench: &Bench<'_>, rate_per_s: f64) -> Result<Seen, MeasureError> {
    let contenders = contenders(scenario);
    let mut gathered: Vec<Gathered> = contenders
        .iter()
        .map(|(name, role, target)| Gathered::new(name, *role).differs(target.differs(scenario)))
        .collect();
    for round in 0..bench.rounds {
        let turned = Turned { scenario, bench, rate_per_s, seed: bench.seed + round as u64 };
        for ((contender, _, target), gathered) in contenders.iter().zip(&mut gathered) {
            bench.progress.at(contender, round, bench.rounds);
            gathered.add(turned.run(*target)?);
        }
    }
    let contenders = gathered.into_iter().map(Gathered::finish).collect();
    let mut seen = Seen {
        name: name.to_owned(),
        summary: scenario.summary.clone(),
        category: scenario.category,
        load: scenario.load_text(Some(rate_per_s)),
        contenders,
        ratios: Vec::new(),
        promises: Vec::new(),
    };
    let (of, to, control) = match neighbours(scenario) {
        Some((_, names)) => (names.beside, names.alone, names.alone_again),
        None => (VENUE, ECHO, ECHO_AGAIN),
    };
    let mut wanted = Vec::new();
    for (figure, threshold) in [
        ("p50", scenario.p50_threshold.map(Threshold::AtMost)),
        ("p99", Some(TAIL_THRESHOLD)),
        ("p99_9", Some(TAIL_THRESHOLD)),
    ] {
        // Without a control no tail is judged.
        let threshold = threshold.filter(|_| figure == "p50" || scenario.control);
        wanted.push(Wanted { figure, of, to, control: Some(control), threshold });
    }
    for raw in [VENUE, ECHO] {
        wanted.push(Wanted { figure: "p50", of: raw, to: RAW, control: None, threshold: None });
    }
    // Above 1 we are ahead.
    for (tokio, threshold) in [(TOKIO, Some(Threshold::AtLeast(2.0))), (TOKIO_SPINNING, None)] {
        wanted.push(Wanted { figure: "p50", of: tokio, to: VENUE, control: None, threshold });
    }
    seen.ratios = judge::ratios(&seen.contenders, &wanted);
    if let Some(per_s) = saturated_baseline(bench.baseline_saturation, scenario.sessions, rate_per_s) {
        for ratio in seen.ratios.iter_mut().filter(|ratio| ratio.of == of && ratio.to == to) {
            ratio.judgement = ratio.judgement.withheld(Unjudged::BaselineSaturates(per_s));
        }
    }
    let promised = scenario.p99_99_max_us.map(|most_us| Promised {
        figure: "p99_99",
        of,
        control: None,
        threshold: Threshold::AtMost(most_us * 1000.0),
    });
    seen.promises = judge::promises(&seen.contenders, promised.as_slice(), bench.host);
    Ok(seen)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_up_to_half_of_what_the_baseline_sustains_is_judged() {
        let baseline = Some(BaselineSaturation { sessions: 8, per_s: 400_000.0 });
        assert_eq!(saturated_baseline(baseline, 8, 200_000.0), None);
        assert_eq!(saturated_baseline(baseline, 8, 200_001.0), Some(400_000.0));
        // Another number of sessions, or none searched for, says nothing.
        assert_eq!(saturated_baseline(baseline, 1, 1e6), None);
        assert_eq!(saturated_baseline(None, 8, 1e6), None);
    }
}
