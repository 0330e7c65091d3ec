//! Tables for a terminal.

use std::fmt::Write;

use comfy_table::{Cell, CellAlignment, Table, presets};
use corelane_tester::report::grouped;

use super::words::{self, micros, shown, shown_micros};
use crate::result::{
    Context, Control, Host, Jitter, Judgement, Percentiles, Promise, Ratio, Recovery, Role, Run, Scaling, Scenario,
    Side, Spread, Verdict,
};

/// The host, the run and what the machine did by itself.
pub fn head(context: &Context, host: &Host, jitter: &[Jitter]) -> String {
    let shown = |fact: &Option<String>| fact.clone().unwrap_or_else(|| "not shown".to_owned());
    let listed = |list: &str| if list.is_empty() { "none".to_owned() } else { list.to_owned() };
    let governors = host.governors.as_ref().map_or("not shown".to_owned(), |all| all.join(", "));
    let modified = if context.modified == Some(true) { ", modified" } else { "" };
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
    line("host", words::host(host.kind).to_owned());
    let _ = write!(text, "{}", waits(jitter));
    text
}

/// What the machine did by itself.
pub(super) fn waits(jitter: &[Jitter]) -> Table {
    let mut table = table(["machine jitter, µs", "p99", "p99.9", "p99.99", "longest", ">10 µs /s", ">1 ms /s"]);
    for one in jitter {
        let waits = &one.waits.percentiles;
        let [over_10us, _, over_1ms] = one.gaps_per_s;
        let mut cells = vec![format!("CPU {}", one.cpu)];
        cells.extend([waits.p99_ns, waits.p99_9_ns, waits.p99_99_ns, one.longest_ns].map(micros));
        cells.extend([over_10us, over_1ms].map(|rate| format!("{rate:.1}")));
        table.add_row(cells);
    }
    table
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
    let costs = costs(scenario.sides.iter().map(|side| (side.name.clone(), side)));
    for table in [costs, availability(&scenario.sides), recovery(&scenario.sides)] {
        if !table.is_empty() {
            let _ = writeln!(text, "{table}");
        }
    }
    for promise in &scenario.promises {
        let _ = writeln!(text, "  {}", promise_line(promise));
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
    let medians: Vec<f64> = side.rounds.iter().filter_map(|round| Some(round.intended?.p50_ns as f64)).collect();
    if let Some(latency) = &side.intended {
        let spread = Spread::of(&medians).map_or(String::new(), shown_micros);
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

/// Rates and costs of the sides that have any.
pub(super) fn costs<'a>(sides: impl Iterator<Item = (String, &'a Side)>) -> Table {
    let mut table =
        table(["side", "asked /s", "achieved /s", "busy", "calls /req", "memory, MiB", "rejects", "checked"]);
    sides.for_each(|(name, side)| add_costs(&mut table, name, side));
    table
}

fn add_costs(table: &mut Table, name: String, side: &Side) {
    let median = |figures: Vec<f64>| Spread::of(&figures).map(|spread| spread.median);
    let of = |figure: fn(&crate::result::Round) -> Option<f64>| {
        median(side.rounds.iter().filter_map(figure).collect::<Vec<_>>())
    };
    let asked = of(|round| Some(round.rate?.asked_per_s));
    let achieved = of(|round| round.rate.map(|rate| rate.achieved_per_s).or(round.throughput_per_s));
    if asked.is_none() && achieved.is_none() {
        return;
    }
    let whole = |figure: Option<f64>| figure.map_or(String::new(), |figure| grouped(figure.round() as u64));
    let total = |count: fn(&crate::result::Counts) -> u64| {
        let counted: Option<u64> = side.rounds.iter().map(|round| round.counts.as_ref().map(count)).sum();
        counted.map_or(String::new(), grouped)
    };
    table.add_row([
        name,
        whole(asked),
        whole(achieved),
        of(|round| round.resources?.busy).map_or(String::new(), |busy| format!("{:.0} %", busy * 100.0)),
        of(|round| round.resources?.enters_per_request).map_or(String::new(), |calls| format!("{calls:.2}")),
        of(|round| Some(round.resources?.memory_bytes? as f64))
            .map_or(String::new(), |bytes| format!("{:.0}", bytes / f64::from(1 << 20))),
        total(|counts| counts.rejects.values().sum()),
        total(|counts| counts.checked),
    ]);
}

/// How much of the time answers came soon enough, of the sides where that was asked for.
pub(super) fn availability(sides: &[Side]) -> Table {
    let mut table =
        table(["availability", "within, µs", "share", "stalls", "longest, µs", "in all, ms", "measured, s"]);
    for side in sides {
        let rounds: Vec<_> = side.rounds.iter().filter_map(|round| Some((round, round.availability?))).collect();
        let Some((_, first)) = rounds.first() else { continue };
        let shares: Vec<f64> = rounds.iter().map(|(_, seen)| seen.share * 100.0).collect();
        let measured = |round: &crate::result::Round| round.series.iter().map(|one| one.length_s).sum::<f64>();
        table.add_row([
            side.name.clone(),
            micros(first.within_ns),
            Spread::of(&shares).map_or(String::new(), |spread| format!("{} %", shown(spread, 3))),
            grouped(rounds.iter().map(|(_, seen)| seen.stalls).sum()),
            micros(rounds.iter().map(|(_, seen)| seen.longest_ns).max().unwrap_or(0)),
            format!("{:.1}", rounds.iter().map(|(_, seen)| seen.stalled_ns as f64 / 1e6).sum::<f64>()),
            format!("{:.1}", rounds.iter().map(|(round, _)| measured(round)).sum::<f64>()),
        ]);
    }
    table
}

/// How sessions that were cut off caught up.
pub(super) fn recovery(sides: &[Side]) -> Table {
    let mut table = table([
        "after a reconnect, µs",
        "reconnects",
        "answers sent again",
        "to the first, p50",
        "to the first, max",
        "to the last, p50",
        "to the last, max",
    ]);
    for side in sides {
        let rounds: Vec<_> = side.rounds.iter().filter_map(|round| round.recovery).collect();
        let median = |of: fn(&Recovery) -> u64| {
            let figures: Vec<f64> = rounds.iter().map(|seen| of(seen) as f64).collect();
            Spread::of(&figures).map_or(String::new(), shown_micros)
        };
        let most = |of: fn(&Recovery) -> u64| rounds.iter().map(of).max().map_or(String::new(), micros);
        if !rounds.is_empty() {
            table.add_row([
                side.name.clone(),
                grouped(rounds.iter().map(|seen| seen.reconnects).sum()),
                grouped(rounds.iter().map(|seen| seen.replayed).sum()),
                median(|seen| seen.first.p50_ns),
                most(|seen| seen.first.max_ns),
                median(|seen| seen.last.p50_ns),
                most(|seen| seen.last.max_ns),
            ]);
        }
    }
    table
}

fn ratio_line(ratio: &Ratio) -> String {
    let judged = match ratio.judgement {
        Judgement::Shown => String::new(),
        _ => {
            let beside = beside(&words::interval_of_ratio(ratio), ratio.control.as_ref());
            format!("{beside}: {}", words::of_ratio(ratio))
        }
    };
    format!("{} of {} to {}: {}{judged}", ratio.figure, ratio.of, ratio.to, shown(ratio.spread, 2))
}

/// Where a figure lies, and what its control says.
fn beside(interval: &str, control: Option<&Control>) -> String {
    let control = control.map(|seen| format!("; control {}", words::control(Some(seen)))).unwrap_or_default();
    format!(" ({interval}{control})")
}

/// A promise with what it means.
fn promise_line(promise: &Promise) -> String {
    let Promise { figure, of, spread, control, .. } = promise;
    let beside = beside(&words::interval_of_promise(promise), control.as_ref());
    format!("{figure} of {of}: {} µs{beside}: {}", shown_micros(*spread), words::of_promise(promise))
}

/// How figures grow.
pub fn scaling(scaling: &[Scaling]) -> String {
    format!("\n{}", growth(scaling))
}

/// The sizes and what was seen at each.
pub(super) fn growth(scaling: &[Scaling]) -> Table {
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
    table
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
