//! The highest rate that is sustained.

use corelane_benches::wire::SEARCH;
use corelane_tester::saturation::LoadSummary;

use super::{
    Bench, MeasureError,
    load::{Target, Turned},
    order_ack::{ECHO, VENUE},
    side::{Gathered, Turn},
};
use crate::{
    judge::{self, Wanted},
    result::{Bar, Resources, Role, Round, Scenario as Seen, SweepPoint},
    scenario::Scenario,
};

pub(super) fn run(name: &str, scenario: &Scenario, bench: &Bench<'_>) -> Result<Seen, MeasureError> {
    let sides = [(ECHO, Role::Floor, Target::Echo), (VENUE, Role::Subject, Target::Venue)];
    let mut gathered = sides.map(|(name, role, _)| Gathered::new(name, role));
    for round in 0..bench.rounds {
        for ((side, _, target), gathered) in sides.iter().zip(&mut gathered) {
            bench.progress.at(side, round, bench.rounds);
            gathered.add(search(scenario, bench, *target, bench.seed + round as u64)?);
        }
    }
    let sides: Vec<_> = gathered.into_iter().map(Gathered::finish).collect();
    let saturation = Wanted { figure: "saturation", of: VENUE, to: ECHO, control: None, bar: Some(Bar::AtLeast(0.6)) };
    Ok(Seen {
        name: name.to_owned(),
        summary: scenario.summary.clone(),
        category: scenario.category,
        load: scenario.load_text(None),
        ratios: judge::ratios(&sides, &[saturation]),
        promises: Vec::new(),
        sides,
    })
}

/// Finds it. A trial that misses its rate is what the search is for; a wrong answer is a problem at any rate.
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
