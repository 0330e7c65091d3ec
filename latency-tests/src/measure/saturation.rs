//! Search for the highest sustained rate.

use corelane_benches::wire::SEARCH;
use corelane_tester::saturation::LoadSummary;

use super::{
    bench::{BaselineSaturation, Bench, MeasureError},
    contender::{Gathered, Turn},
    load::{Target, Turned},
    order_ack::{ECHO, VENUE},
};
use crate::{
    judge::{self, Wanted},
    result::{Resources, Role, Round, Scenario as Seen, SweepPoint, Threshold, median},
    scenario::{Kind, Scenario},
};

pub(super) fn run(name: &str, scenario: &Scenario, bench: &Bench<'_>) -> Result<Seen, MeasureError> {
    let contenders = [(ECHO, Role::Baseline, Target::Echo), (VENUE, Role::Ours, Target::Venue)];
    let mut gathered = contenders.map(|(name, role, _)| Gathered::new(name, role));
    for round in 0..bench.rounds {
        for ((contender, _, target), gathered) in contenders.iter().zip(&mut gathered) {
            bench.progress.at(contender, round, bench.rounds);
            gathered.add(search(scenario, bench, *target, bench.seed + round as u64)?);
        }
    }
    let contenders: Vec<_> = gathered.into_iter().map(Gathered::finish).collect();
    let saturation =
        Wanted { figure: "saturation", of: VENUE, to: ECHO, control: None, threshold: Some(Threshold::AtLeast(0.6)) };
    Ok(Seen {
        name: name.to_owned(),
        summary: scenario.summary.clone(),
        category: scenario.category,
        load: scenario.load_text(None),
        ratios: judge::ratios(&contenders, &[saturation]),
        promises: Vec::new(),
        contenders,
    })
}

/// Returns the rate that the echo sustained, if this scenario searched for it.
pub fn baseline_saturation(scenario: &Scenario, seen: &[Seen]) -> Option<BaselineSaturation> {
    let [seen] = seen else { return None };
    let per_s = judge::rounds(&seen.contenders, ECHO, "saturation")?;
    let per_s = median(&per_s).filter(|_| scenario.kind == Kind::Saturation)?;
    Some(BaselineSaturation { sessions: scenario.sessions, per_s })
}

/// Searches for it. A trial may miss its rate; a wrong answer is a problem at any rate.
fn search(scenario: &Scenario, bench: &Bench<'_>, target: Target, seed: u64) -> Result<Turn, MeasureError> {
    let mut sweep = Vec::new();
    let mut problems = Vec::new();
    let found = SEARCH.saturation(|rate_per_s| {
        let turn = Turned { scenario, bench, rate_per_s, seed }.run(target)?;
        let Round { rate, intended, resources, counts, .. } = turn.round;
        let (Some(rate), Some(intended)) = (rate, intended) else { unreachable!("an open loop has both") };
        sweep.push(SweepPoint {
            rate,
            p50_ns: intended.p50_ns,
            busy: resources.and_then(|resources: Resources| resources.busy),
        });
        if counts.is_some_and(|counts| counts.missing > 0 && counts.unsent == 0 || counts.drops > 0) {
            problems.extend(turn.round.problems);
        }
        Ok::<_, MeasureError>(LoadSummary {
            asked_per_s: rate.asked_per_s,
            achieved_per_s: rate.achieved_per_s,
            p50_ns: intended.p50_ns,
        })
    })?;
    if found == 0.0 {
        problems.push(format!("not even {:.0}/s were sustained", SEARCH.start_per_s / 64.0));
    }
    let busy = sweep.iter().find(|point| point.rate.asked_per_s == found).and_then(|point| point.busy);
    let resources = Some(Resources { busy, ..Resources::default() });
    Ok(Turn {
        round: Round { throughput_per_s: Some(found), sweep, problems, resources, ..Round::default() },
        ..Turn::default()
    })
}
