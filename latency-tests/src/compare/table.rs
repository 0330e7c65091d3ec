//! The comparison on a terminal.

use std::fmt::Write;

use comfy_table::{Cell, CellAlignment, Table, presets};
use corelane_tester::report::grouped;

use super::{Comparison, Finding, Row, is_rate};

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

/// A figure with its unit.
pub fn value(row: &Row, figure: f64) -> String {
    match (&row.to, is_rate(&row.figure)) {
        (Some(_), _) => format!("{figure:.2} ×"),
        (None, true) => format!("{}/s", grouped(figure.round() as u64)),
        (None, false) => format!("{:.2} µs", figure / 1000.0),
    }
}

/// A factor as a change.
pub fn percent(factor: f64) -> String {
    format!("{:+.1} %", (factor - 1.0) * 100.0)
}

/// What it means, in words.
pub fn finding(row: &Row) -> &'static str {
    match (row.finding, row.counts) {
        (Finding::Faster, true) => "faster",
        (Finding::Slower, true) => "SLOWER",
        (Finding::Faster, false) => "faster, machine included",
        (Finding::Slower, false) => "slower, machine included",
        (Finding::NoDifferenceShown, _) => "no difference shown",
    }
}
