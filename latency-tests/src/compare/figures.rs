//! Figures of two runs to compare: all that the tables show of ours, and all ratios, including those to and of peers.
//! Baselines by themselves measure the machine, and are in the ratios.

use super::row::{Row, is_rate};
use crate::{
    judge,
    result::{HostKind, Role, Run, Scaling, Scenario},
};

/// Figures of a contender by itself.
const FIGURES: [&str; 10] = [
    "p50",
    "p99",
    "p99_9",
    "p99_99",
    "throughput",
    "availability",
    "catch_up",
    "enters_per_request",
    "busy",
    "memory_bytes",
];
/// Figures that depend on the machine's speed, or on the tester in the same process, as much as on ours.
const SHOWN_ONLY: [&str; 2] = ["busy", "memory_bytes"];

/// Compares the figures of a scenario, or says why they cannot be compared. `hosts` is what tails mean on both.
pub(super) fn of_scenario(
    before: Option<&Scenario>,
    after: Option<&Scenario>,
    hosts: [HostKind; 2],
) -> Result<Vec<Row>, String> {
    let before = before.ok_or("the older result has no such scenario")?;
    let after = after.ok_or("the newer result has no such scenario")?;
    if before.load != after.load {
        return Err(format!("another load: {}; was {}", after.load, before.load));
    }
    for (which, scenario) in [("older", before), ("newer", after)] {
        if let Some(problem) = problem(scenario) {
            return Err(format!("the {which} result is invalid: {problem}"));
        }
    }
    let mut rows = ratios(before, after);
    for new in after.contenders.iter().filter(|contender| contender.role == Role::Ours) {
        for figure in FIGURES {
            let of = |scenario: &Scenario| judge::rounds(&scenario.contenders, &new.name, figure);
            let (Some(old), Some(seen)) = (of(before), of(after)) else { continue };
            let is_same =
                |row: &Row| row.of == new.name && (row.figure == figure || is_rate(figure) && is_rate(&row.figure));
            let decided_by_the_machine = figure == "p99_99" && hosts.contains(&HostKind::Noisy);
            let counts = !rows.iter().any(is_same) && !SHOWN_ONLY.contains(&figure) && !decided_by_the_machine;
            let row = Row::new(figure, &new.name, None, is_rate(figure), [&old, &seen]);
            rows.extend(row.map(|row| Row { counts, ..row }));
        }
    }
    if rows.is_empty() { Err("no figure of ours is in both".to_owned()) } else { Ok(rows) }
}

/// Compares ratios. If ours is the denominator, as with peers, a larger ratio of a latency is better.
fn ratios(before: &Scenario, after: &Scenario) -> Vec<Row> {
    let is_ours = |name: &str| after.contender(name).is_some_and(|contender| contender.role == Role::Ours);
    let row = |new: &crate::result::Ratio| {
        let old = before.ratio(&new.figure, &new.of, &new.to)?;
        let ours_is_below = is_ours(&new.to) && !is_ours(&new.of);
        let more_is_better = is_rate(&new.figure) != ours_is_below;
        Row::new(&new.figure, &new.of, Some(&new.to), more_is_better, [&old.rounds, &new.rounds])
    };
    after.ratios.iter().filter_map(row).collect()
}

fn problem(scenario: &Scenario) -> Option<String> {
    scenario.contenders.iter().find_map(|contender| {
        let problems = contender.rounds.iter().enumerate().map(|(round, seen)| (round, seen.problems.first()));
        problems
            .into_iter()
            .find_map(|(round, problem)| Some(format!("{}, round {}: {}", contender.name, round + 1, problem?)))
    })
}

/// Compares the figures at each size that both runs have.
pub(super) fn of_growth(before: &Run, after: &Run) -> Result<Vec<Row>, String> {
    for (which, run) in [("older", before), ("newer", after)] {
        if let Some(problem) = run.verdict.problems.iter().find(|problem| problem.starts_with("growth ")) {
            return Err(format!("the {which} result is invalid: {problem}"));
        }
    }
    let row = |new: &Scaling| {
        let is_same = |old: &&Scaling| old.over == new.over && old.of == new.of && old.figure == new.figure;
        let old = before.scaling.iter().find(is_same)?;
        let at_size = |point: &crate::result::ScalingPoint| {
            let old = old.points.iter().find(|old| old.size == point.size)?;
            let of = format!("{} at {} {}", new.of, point.size, new.over);
            let figure = new.figure.trim_end_matches("_ns");
            Row::new(figure, &of, None, is_rate(figure), [&old.rounds, &point.rounds])
        };
        Some(new.points.iter().filter_map(at_size).collect::<Vec<_>>())
    };
    let rows: Vec<Row> = after.scaling.iter().filter_map(row).flatten().collect();
    if rows.is_empty() { Err("no size is in both".to_owned()) } else { Ok(rows) }
}
