//! The report as text tables.

use std::fmt::Write;

use corelane_console::Table;
use hdrhistogram::Histogram;

use super::{QUANTILES, Report};
use crate::grouped::grouped;
use crate::jitter::Gaps;
use corelane_market::LineReport;

impl Report<'_> {
    /// Renders the tables, with the verdict as the last line. They are folded to so many columns, if that is given.
    #[must_use]
    pub fn table(&self, columns: Option<usize>) -> String {
        render(self, columns)
    }
}

fn render(report: &Report<'_>, columns: Option<usize>) -> String {
    let mut text = format!("{}\n", report.title);
    let mut add = |table: Table| {
        let _ = writeln!(text, "{}", table.lines(columns));
    };
    add(latencies(report));
    add(counts(report));
    if !report.load.rejects.is_empty() {
        add(rejects(report));
    }
    add(jitter(report));
    let problems = report.problems();
    if problems.is_empty() {
        text.push_str("VALID: every answer was what it must be");
    } else {
        let _ = write!(text, "INVALID: {}", problems.join("; "));
    }
    text
}

fn micros(ns: u64) -> String {
    format!("{:.1}", ns as f64 / 1000.0)
}

fn latencies(report: &Report<'_>) -> Table {
    let measured = &report.load.measured;
    let mut table = table(std::iter::once("answer, µs").chain(QUANTILES.iter().map(|(name, _)| *name)));
    for (name, histogram) in [("from intended time", &measured.intended), ("from send time", &measured.send)] {
        add(&mut table, name, quantiles(histogram));
    }
    table
}

fn counts(report: &Report<'_>) -> Table {
    let load = report.load;
    let measured = &load.measured;
    let mut table = table(["load", ""]);
    let mut row = |name: &str, value: String| add(&mut table, name, [value]);
    row("asked, requests/s", grouped(measured.asked_per_s.round() as u64));
    row("achieved, requests/s", grouped(measured.achieved_per_s.round() as u64));
    row("requests sent", grouped(measured.sent));
    row("answered", grouped(measured.answered));
    row("rightly without answer", grouped(measured.silent));
    row("answers checked", grouped(load.answers));
    row("answers missing", grouped(measured.missing));
    row("connections lost", grouped(measured.drops));
    row("orders accepted", grouped(load.accepted));
    row("orders rejected", grouped(load.rejects.iter().map(|(_, count)| count).sum()));
    row("shares executed", grouped(load.executed_resting));
    if let Some(market) = report.market {
        row("market messages played", grouped(market.messages));
        row("market packets played", grouped(market.packets));
        let LineReport { lost, duplicated, reordered, .. } = market.total();
        if lost + duplicated + reordered > 0 {
            let faults = [lost, duplicated, reordered].map(grouped);
            row("… lost / duplicated / reordered", faults.join(" / "));
        }
    }
    if let Some(feed) = report.feed {
        row("feed messages received", grouped(feed.messages));
        row("feed messages missing", grouped(feed.messages_missed));
        row("feed shares executed", grouped(feed.executed_shares));
    }
    table
}

fn rejects(report: &Report<'_>) -> Table {
    let mut table = table(["rejected because", "orders"]);
    for (name, count) in report.load.rejects_by_name() {
        add(&mut table, &name, [grouped(count)]);
    }
    table
}

fn jitter(report: &Report<'_>) -> Table {
    let mut table =
        table(["machine jitter, µs", "p99", "p99.9", "p99.99", "longest", ">10 µs /s", ">100 µs /s", ">1 ms /s"]);
    for one in report.jitter {
        add(&mut table, &format!("CPU {} before", one.cpu), gaps(&one.gaps));
    }
    add(&mut table, "tester's loop", gaps(&report.load.measured.loop_gaps));
    table
}

fn gaps(gaps: &Gaps) -> impl Iterator<Item = String> {
    let waits = [0.99, 0.999, 0.9999].map(|quantile| micros(gaps.waits().value_at_quantile(quantile)));
    let longest = match gaps.longest_ns() {
        0 => "<10".to_owned(),
        ns => micros(ns),
    };
    let per_second = gaps.per_second().map(|rate| format!("{rate:.1}"));
    waits.into_iter().chain([longest]).chain(per_second)
}

fn quantiles(histogram: &Histogram<u64>) -> impl Iterator<Item = String> {
    QUANTILES.iter().map(|(_, quantile)| micros(histogram.value_at_quantile(*quantile)))
}

/// A table with names in the first column and numbers in the others.
fn table<'a>(header: impl IntoIterator<Item = &'a str>) -> Table {
    Table::new(header, 1).with_figures()
}

/// Adds a row with a name and its numbers.
fn add(table: &mut Table, name: &str, values: impl IntoIterator<Item = String>) {
    table.add(std::iter::once(name.to_owned()).chain(values));
}
