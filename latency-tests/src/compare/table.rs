//! The comparison on a terminal.

use std::fmt::Write;

use comfy_table::{Cell, CellAlignment, Table, presets};
use corelane_tester::report::grouped;

use super::{Comparison, Finding, Row, Summary};

/// All of it, a row per figure.
pub fn table(comparison: &Comparison) -> String {
    let commit = |revision: &Option<String>| {
        revision.as_deref().map_or("unknown".to_owned(), |all| all.chars().take(12).collect())
    };
    let mut text = format!(
        "from revision {} to {}, over rounds, with 95 % confidence\n",
        commit(&comparison.before_revision),
        commit(&comparison.after_revision)
    );
    if comparison.debug_build {
        text.push_str("Both are of debug builds: their figures mean nothing. Build with --release.\n");
    }
    let mut table = Table::new();
    table.load_preset(presets::UTF8_FULL_CONDENSED);
    table.set_header(["scenario", "figure", "before", "after", "change", "between", ""]);
    for column in table.column_iter_mut().skip(2).take(4) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let mut reasons = String::new();
    for scenario in &comparison.scenarios {
        for row in &scenario.rows {
            let between = row
                .factor
                .interval
                .map_or("too few rounds".to_owned(), |[low, high]| format!("{} … {}", percent(low), percent(high)));
            let cells = [
                scenario.name.clone(),
                row.name(),
                value(row, row.before),
                value(row, row.after),
                percent(row.factor.estimate),
                between,
                finding(row).to_owned(),
            ];
            table.add_row(cells.map(Cell::new));
        }
        if let Some(reason) = &scenario.not_comparable {
            let _ = write!(reasons, "\n{}: not comparable: {reason}", scenario.name);
        }
    }
    if comparison.scenarios.iter().any(|scenario| !scenario.rows.is_empty()) {
        let _ = write!(text, "{table}");
    }
    text + &reasons
}

/// How many are what, in a line.
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
pub fn value(row: &Row, figure: f64) -> String {
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
pub fn percent(factor: f64) -> String {
    format!("{:+.1} %", (factor - 1.0) * 100.0)
}

/// What it means, in words.
pub fn finding(row: &Row) -> &'static str {
    match (row.finding, row.counts) {
        (Finding::Better, true) => "better",
        (Finding::Worse, true) => "WORSE",
        (Finding::Better, false) => "better, machine included",
        (Finding::Worse, false) => "worse, machine included",
        (Finding::NoDifferenceShown, _) => "no difference shown",
        (Finding::TooFewRounds, _) => "cannot say",
    }
}
