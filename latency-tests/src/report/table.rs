//! Tables for a terminal.

use std::fmt::Write;

use comfy_table::{Cell, CellAlignment, Table, presets};
use corelane_tester::report::grouped;

use crate::result::{
    Bar, Context, Host, HostKind, Jitter, Judgement, Percentiles, Ratio, Role, Run, Scaling, Scenario, Side, Spread,
    Verdict,
};

/// The host, the run and what the machine did by itself.
pub fn head(context: &Context, host: &Host, jitter: &[Jitter]) -> String {
    let shown = |fact: &Option<String>| fact.clone().unwrap_or_else(|| "not shown".to_owned());
    let listed = |list: &str| if list.is_empty() { "none".to_owned() } else { list.to_owned() };
    let governors = host.governors.as_ref().map_or("not shown".to_owned(), |all| all.join(", "));
    let modified = if context.modified == Some(true) { ", modified" } else { "" };
    let kind = match host.kind {
        HostKind::Quiet => "quiet: no stall of a millisecond while it was watched",
        HostKind::Noisy => "noisy: it stalls for a millisecond and more by itself",
    };
    let mut text = String::new();
    let mut line = |name: &str, value: String| {
        let _ = writeln!(text, "{name:<11}{value}");
    };
    line("processor", shown(&host.cpu_model));
    line(
        "CPUs",
        format!(
            "allowed {}, isolated {}, server and tester on {:?}",
            host.allowed_cpus,
            listed(&host.isolated_cpus),
            context.cpus
        ),
    );
    line("kernel", format!("{}, {}", shown(&host.kernel), shown(&host.kernel_command_line)));
    line("frequency", format!("governor {governors}, clock source {}", shown(&host.clocksource)));
    line("revision", format!("{}{modified}", shown(&context.revision)));
    line("profile", format!("{}: {}", context.profile, context.profile_summary));
    line("host", kind.to_owned());
    let mut table = table(["machine jitter, µs", "p99", "p99.9", "p99.99", "longest", ">10 µs /s", ">1 ms /s"]);
    for one in jitter {
        let waits = &one.waits.percentiles;
        let [over_10us, _, over_1ms] = one.gaps_per_s;
        let mut cells = vec![format!("CPU {}", one.cpu)];
        cells.extend([waits.p99_ns, waits.p99_9_ns, waits.p99_99_ns, one.longest_ns].map(micros));
        cells.extend([over_10us, over_1ms].map(|rate| format!("{rate:.1}")));
        table.add_row(cells);
    }
    let _ = write!(text, "{table}");
    text
}

/// All of a scenario.
pub fn scenario(scenario: &Scenario) -> String {
    let mut text = format!("\n{}: {}\n  {}\n", scenario.name, scenario.summary, scenario.load);
    let has_latency = scenario.sides.iter().any(|side| side.intended.is_some());
    if has_latency {
        let names = Percentiles::default().quantiles().map(|(name, _)| name);
        let mut latencies = table(["latency, µs"].into_iter().chain(names).chain(["p50 by rounds"]));
        for side in &scenario.sides {
            add_latencies(&mut latencies, side);
        }
        let _ = writeln!(text, "{latencies}");
    }
    let mut costs =
        table(["side", "asked /s", "achieved /s", "busy", "calls /req", "memory, MiB", "rejects", "checked"]);
    let mut is_empty = true;
    for side in &scenario.sides {
        is_empty &= !add_costs(&mut costs, side);
    }
    if !is_empty {
        let _ = writeln!(text, "{costs}");
    }
    for ratio in &scenario.ratios {
        let _ = writeln!(text, "  {}", ratio_line(ratio));
    }
    text.truncate(text.trim_end().len());
    text
}

fn add_latencies(table: &mut Table, side: &Side) {
    let name = match side.role {
        Role::Subject => format!("{} (ours)", side.name),
        Role::Floor | Role::Control | Role::Peer => side.name.clone(),
    };
    let medians: Vec<f64> =
        side.rounds.iter().filter_map(|round| Some(round.intended?.p50_ns as f64 / 1000.0)).collect();
    if let Some(latency) = &side.intended {
        let spread = Spread::of(&medians).map_or(String::new(), |spread| shown(spread, 2));
        add(table, name.clone(), &latency.percentiles, spread);
    }
    if side.role == Role::Subject {
        if let Some(send) = &side.send {
            add(table, "  from send time".to_owned(), &send.percentiles, String::new());
        }
        for hop in &side.hops {
            add(table, format!("  {}", hop.name), &hop.percentiles, String::new());
        }
    }
}

fn add(table: &mut Table, name: String, percentiles: &Percentiles, last: String) {
    let values = percentiles.quantiles().map(|(_, value_ns)| micros(value_ns));
    table.add_row([name].into_iter().chain(values).chain([last]));
}

/// False if this side has nothing to show here.
fn add_costs(table: &mut Table, side: &Side) -> bool {
    let median = |figures: Vec<f64>| Spread::of(&figures).map(|spread| spread.median);
    let of = |figure: fn(&crate::result::Round) -> Option<f64>| {
        median(side.rounds.iter().filter_map(figure).collect::<Vec<_>>())
    };
    let asked = of(|round| Some(round.rate?.asked_per_s));
    let achieved = of(|round| round.rate.map(|rate| rate.achieved_per_s).or(round.throughput_per_s));
    if asked.is_none() && achieved.is_none() {
        return false;
    }
    let whole = |figure: Option<f64>| figure.map_or(String::new(), |figure| grouped(figure.round() as u64));
    let total = |count: fn(&crate::result::Counts) -> u64| {
        let counted: Option<u64> = side.rounds.iter().map(|round| round.counts.as_ref().map(count)).sum();
        counted.map_or(String::new(), grouped)
    };
    table.add_row([
        side.name.clone(),
        whole(asked),
        whole(achieved),
        of(|round| round.resources?.busy).map_or(String::new(), |busy| format!("{:.0} %", busy * 100.0)),
        of(|round| round.resources?.enters_per_request).map_or(String::new(), |calls| format!("{calls:.2}")),
        of(|round| Some(round.resources?.memory_bytes? as f64))
            .map_or(String::new(), |bytes| format!("{:.0}", bytes / f64::from(1 << 20))),
        total(|counts| counts.rejects.values().sum()),
        total(|counts| counts.checked),
    ]);
    true
}

fn ratio_line(ratio: &Ratio) -> String {
    let judged = match &ratio.judgement {
        Judgement::Shown => String::new(),
        Judgement::Met { bar: met } => format!(": met ({})", bar(*met)),
        Judgement::Missed { bar: missed } => format!(": MISSED ({})", bar(*missed)),
        Judgement::NotJudged { control } => format!(": not judged (the control differs from itself by {control:.2})"),
    };
    format!("{} of {} to {}: {}{judged}", ratio.figure, ratio.of, ratio.to, shown(ratio.spread, 2))
}

/// A bar in words.
pub(super) fn bar(bar: Bar) -> String {
    match bar {
        Bar::AtMost(most) => format!("at most {most:.2}"),
        Bar::AtLeast(least) => format!("at least {least:.2}"),
    }
}

/// A median, and its spread.
pub(super) fn shown(spread: Spread, digits: usize) -> String {
    let Spread { median, low, high } = spread;
    format!("{median:.digits$} [{low:.digits$}…{high:.digits$}]")
}

/// How figures grow.
pub fn scaling(scaling: &[Scaling]) -> String {
    let mut table = table(["growth over", "of", "figure", "at sizes", "exponent"]);
    for one in scaling {
        let point = |point: &crate::result::ScalingPoint| format!("{:.0}: {:.0}", point.size, point.figure);
        table.add_row([
            one.over.clone(),
            one.of.clone(),
            one.figure.clone(),
            one.points.iter().map(point).collect::<Vec<_>>().join(", "),
            one.exponent.map_or(String::new(), |exponent| format!("{exponent:.2}")),
        ]);
    }
    format!("\n{table}")
}

/// Whether it counts, and why not.
pub fn verdict(run: &Run) -> String {
    let Verdict { valid, problems } = &run.verdict;
    if *valid {
        "VALID: every rate was kept, nothing was lost, every answer was what it must be".to_owned()
    } else {
        format!("INVALID:\n  {}", problems.join("\n  "))
    }
}

/// Nanoseconds, in microseconds.
pub(super) fn micros(ns: u64) -> String {
    match ns {
        0..100_000 => format!("{:.2}", ns as f64 / 1000.0),
        _ => format!("{:.0}", ns as f64 / 1000.0),
    }
}

/// A table whose first column are names, and all others numbers.
pub(crate) fn table<'a>(header: impl IntoIterator<Item = &'a str>) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::UTF8_FULL_CONDENSED);
    table.set_header(header.into_iter().map(Cell::new));
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}
