//! The comparison on a terminal.

use std::fmt::Write;

use corelane_tester::report::grouped;

use super::{
    comparison::{Comparison, Summary},
    row::{Finding, Row},
};
use crate::report::table::Table;

/// All of it, a row per figure, and why what is missing cannot be compared.
pub fn text(comparison: &Comparison) -> String {
    let commit = |revision: &Option<String>| {
        revision.as_deref().map_or("unknown".to_owned(), |all| all.chars().take(12).collect())
    };
    let mut text = format!(
        "from revision {} to {}, over rounds, with 95 % confidence\n\n",
        commit(&comparison.before_revision),
        commit(&comparison.after_revision)
    );
    if comparison.debug_build {
        text.push_str("Both are of debug builds: their figures mean nothing. Build with --release.\n\n");
    }
    let rows = rows(comparison);
    if !rows.is_empty() {
        let _ = writeln!(text, "{rows}");
    }
    for scenario in &comparison.scenarios {
        if let Some(reason) = &scenario.not_comparable {
            let _ = writeln!(text, "{}: not comparable: {reason}", scenario.name);
        }
    }
    text
}

/// A row per figure.
pub fn rows(comparison: &Comparison) -> Table {
    let header = ["scenario", "figure", "finding", "before", "after", "change", "lowest", "highest"];
    let mut table = Table::new(header, 3);
    for (scenario, row) in comparison.scenarios.iter().flat_map(|one| one.rows.iter().map(move |row| (one, row))) {
        let [low, high] =
            row.factor.interval.map_or(["too few rounds".to_owned(), String::new()], |ends| ends.map(percent));
        table.add([
            scenario.name.clone(),
            row.name(),
            finding(row).to_owned(),
            value(row, row.before),
            value(row, row.after),
            percent(row.factor.estimate),
            low,
            high,
        ]);
    }
    table
}

/// Counts the figures by finding, in a line.
pub fn summary(comparison: &Comparison) -> String {
    let Summary { same, better, worse, regressions, too_few_rounds, not_comparable } = comparison.summary;
    let mut text = format!(
        "compare: {} figures, {same} the same within noise, {better} better, {worse} worse",
        comparison.summary.figures()
    );
    if worse > 0 {
        let _ = write!(text, " ({regressions} by more than {:.0} %)", comparison.threshold * 100.0);
    }
    if too_few_rounds > 0 {
        let _ = write!(text, ", {too_few_rounds} with too few rounds to say");
    }
    if not_comparable > 0 {
        let plural = if not_comparable > 1 { "s" } else { "" };
        let _ = write!(text, "; {not_comparable} scenario{plural} not comparable");
    }
    text
}

/// A figure with its unit.
fn value(row: &Row, figure: f64) -> String {
    match (&row.to, row.figure.as_str()) {
        (Some(_), _) => format!("{figure:.2} ×"),
        (None, "availability" | "busy") => format!("{:.2} %", figure * 100.0),
        (None, "enters_per_request") => format!("{figure:.2}"),
        (None, "memory_bytes") => format!("{:.1} MiB", figure / f64::from(1 << 20)),
        (None, "throughput" | "saturation") => format!("{}/s", grouped(figure.round() as u64)),
        (None, _) => format!("{:.2} µs", figure / 1000.0),
    }
}

/// A factor as a change.
fn percent(factor: f64) -> String {
    format!("{:+.1} %", (factor - 1.0) * 100.0)
}

/// Meaning of a change, in words.
fn finding(row: &Row) -> &'static str {
    match (row.finding, row.counts) {
        (Finding::Better, true) => "better",
        (Finding::Worse, true) => "WORSE",
        (Finding::Better, false) => "better, machine included",
        (Finding::Worse, false) => "worse, machine included",
        (Finding::NoDifferenceShown, _) => "no difference shown",
        (Finding::TooFewRounds, _) => "cannot say",
    }
}
