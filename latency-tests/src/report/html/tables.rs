//! Tables of figures across scenarios: ratios, comparison, growth, the machine.

use maud::{Markup, html};

use crate::{
    compare::{Comparison, Finding, Row, finding, percent, summary, value},
    report::barred::{Barred, barred},
    report::words::{self, figure, micros, of_promise, of_ratio, shown, shown_micros},
    result::{Control, Judgement, Run, Scaling, ScalingPoint, Scenario},
};

/// The class of a judgement, for its colour.
fn class(judgement: &Judgement) -> &'static str {
    match judgement {
        Judgement::Shown => "soft",
        Judgement::Met { .. } => "good",
        Judgement::Missed { .. } => "bad",
        Judgement::NotJudged { .. } => "open",
    }
}

/// The ratios and promises that have a bar, at the head of the page.
pub(super) fn tiles(run: &Run) -> Markup {
    let tile = |name: String, judgement: &Judgement, figure: String, control: Option<&Control>, words: String| {
        html! {
            div.card {
                span.soft { (name) }
                b class=(class(judgement)) { (figure) }
                span { (words) }
                @if control.is_some() { div.soft { "control " (words::control(control)) } }
            }
        }
    };
    html! {
        h2 { "Judged" }
        p.soft {
            "Ratios are to a floor, which is what the machine gives without us, or between ours and a peer; 1 is as fast. Of "
            "latencies of ours less is better, of rates more. The control is the floor measured twice in each round, the second "
            "to the first: its median, and where it lies with 95 % confidence at each end. A tail is judged only where both "
            "are within " (words::control_band()) "."
        }
        div.tiles {
            @for scenario in &run.scenarios {
                @for promise in &scenario.promises {
                    (tile(
                        format!("{}: {}, {}", scenario.name, figure(&promise.figure), promise.of),
                        &promise.judgement,
                        format!("{} µs", micros(promise.spread.median.round() as u64)),
                        promise.control.as_ref(),
                        of_promise(promise)
                    ))
                }
                @for Barred { ratio, name } in barred(scenario) {
                    (tile(
                        format!("{}: {name}", scenario.name),
                        &ratio.judgement,
                        format!("{:.2}", ratio.spread.median),
                        ratio.control.as_ref(),
                        of_ratio(ratio)
                    ))
                }
            }
        }
    }
}

/// The promises and ratios of one scenario.
pub(super) fn judged(scenario: &Scenario) -> Markup {
    let row = |name: String, figure: String, seen: [String; 3], judgement: &Judgement, words: String| {
        html! {
            tr {
                td { (name) }
                td.text { (figure) }
                @for cell in seen { td { (cell) } }
                td class={ "text wrap " (class(judgement)) } { (words) }
            }
        }
    };
    html! {
        @if !scenario.ratios.is_empty() || !scenario.promises.is_empty() {
            div.scroll tabindex="0" {
                table {
                    thead { tr { th { "judged" } th.text { "figure" } th { "median [range]" } th { "interval" } th { "control" } th.text { "judgement" } } }
                    tbody {
                        @for promise in &scenario.promises {
                            (row(
                                promise.of.clone(),
                                figure(&promise.figure),
                                [
                                    format!("{} µs", shown_micros(promise.spread)),
                                    words::interval_of_promise(promise),
                                    words::control(promise.control.as_ref())
                                ],
                                &promise.judgement,
                                of_promise(promise)
                            ))
                        }
                        @for ratio in &scenario.ratios {
                            (row(
                                format!("{} to {}", ratio.of, ratio.to),
                                figure(&ratio.figure),
                                [
                                    shown(ratio.spread, 2),
                                    words::interval_of_ratio(ratio),
                                    words::control(ratio.control.as_ref())
                                ],
                                &ratio.judgement,
                                of_ratio(ratio)
                            ))
                        }
                    }
                }
            }
        }
    }
}

/// A table of a terminal, as one of the page.
pub(super) fn page_table(table: &comfy_table::Table) -> Markup {
    html! {
        @if !table.is_empty() {
            div.scroll tabindex="0" {
                table {
                    @if let Some(header) = table.header() {
                        thead { tr { @for cell in header.cell_iter() { th { (cell.content()) } } } }
                    }
                    tbody {
                        @for row in table.row_iter() { tr { @for cell in row.cell_iter() { td { (cell.content()) } } } }
                    }
                }
            }
        }
    }
}

/// What changed from an older run.
pub(super) fn comparison(comparison: &Comparison) -> Markup {
    let class = |row: &Row| match row.finding {
        _ if !row.counts => "text soft",
        Finding::Better => "text good",
        Finding::Worse => "text bad",
        Finding::NoDifferenceShown | Finding::TooFewRounds => "text soft",
    };
    let name = |revision: &Option<String>| {
        revision.as_deref().map_or_else(|| "unknown".to_owned(), |commit| commit.chars().take(12).collect::<String>())
    };
    let has_rows = comparison.scenarios.iter().any(|scenario| !scenario.rows.is_empty());
    html! {
        section id="comparison" {
            h2 { "What changed from revision " (name(&comparison.before_revision)) }
            p {
                "Change of each figure from the rounds of the older run to those of this one, and between which values it lies "
                "with 95 % confidence. A ratio to the floor counts before the figure itself, since the machine's own speed "
                "differs between runs."
            }
            p { strong { (summary(comparison)) } }
            @if has_rows {
                div.scroll tabindex="0" {
                    table {
                        thead {
                            tr { th { "scenario" } th.text { "figure" } th { "before" } th { "now" } th { "change" } th { "between" } th.text { "finding" } }
                        }
                        tbody {
                            @for scenario in &comparison.scenarios {
                                @for row in &scenario.rows {
                                    tr {
                                        td { (scenario.name) }
                                        td.text { (row.name()) }
                                        td { (value(row, row.before)) }
                                        td { (value(row, row.after)) }
                                        td { (percent(row.factor.estimate)) }
                                        td {
                                            @match row.factor.interval {
                                                Some([low, high]) => { (percent(low)) " … " (percent(high)) }
                                                None => { "too few rounds" }
                                            }
                                        }
                                        td class=(class(row)) { (finding(row)) }
                                    }
                                }
                            }
                        }
                    }
                }
            }
            ul {
                @for scenario in &comparison.scenarios {
                    @if let Some(reason) = &scenario.not_comparable { li { (scenario.name) ": not comparable: " (reason) } }
                }
            }
        }
    }
}

/// How figures grow.
pub(super) fn growth(scaling: &[Scaling]) -> Markup {
    let point = |point: &ScalingPoint| format!("{:.0} at {:.0}", point.figure, point.size);
    html! {
        section id="growth" {
            h2 { "Growth" }
            p { "A figure grows with size to the power of the exponent: 0 is flat, 1 is proportional." }
            div.scroll tabindex="0" {
                table {
                    thead { tr { th { "over" } th.text { "of" } th.text { "figure" } th.text { "seen" } th { "exponent" } } }
                    tbody {
                        @for one in scaling {
                            tr {
                                td { (one.over) }
                                td.text { (one.of) }
                                td.text { (one.figure) }
                                td.text { (one.points.iter().map(point).collect::<Vec<_>>().join(", ")) }
                                td { @if let Some(exponent) = one.exponent { (format!("{exponent:.2}")) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The host, and what it did by itself.
pub(super) fn machine(run: &Run) -> Markup {
    let host = &run.host;
    let list = |list: &str| if list.is_empty() { "none".to_owned() } else { list.to_owned() };
    let known = |fact: Option<String>| fact.unwrap_or_else(|| "not shown by the kernel".to_owned());
    let facts = [
        ("Processor", known(host.cpu_model.clone())),
        ("CPUs allowed", list(&host.allowed_cpus)),
        ("CPUs isolated", list(&host.isolated_cpus)),
        ("CPUs of server and tester", run.context.cpus.iter().map(usize::to_string).collect::<Vec<_>>().join(" and ")),
        ("CPUs that share a core", list(&host.smt_siblings.join("; "))),
        ("Kernel", known(host.kernel.clone())),
        ("Kernel command line", known(host.kernel_command_line.clone())),
        ("Frequency governor", known(host.governors.as_ref().map(|all| all.join(", ")))),
        ("Turbo", known(host.turbo.map(|may| if may { "on" } else { "off" }.to_owned()))),
        ("Slowest wake-up from idle", known(host.idle_exit_latency_us_max.map(|longest| format!("{longest} µs")))),
        ("Clock source", known(host.clocksource.clone())),
        ("Lockable memory", host.memlock.clone()),
        ("io_uring", host.io_uring.clone()),
        ("Command", run.context.command.join(" ")),
        ("Version", run.context.version.clone()),
    ];
    html! {
        section id="machine" {
            h2 { "Machine" }
            div.card { dl { @for (name, fact) in facts { dt { (name) } dd { (fact) } } } }
            p { "What a thread that only looks at the clock missed on the same CPUs, before the first scenario:" }
            div.scroll tabindex="0" {
                table {
                    thead {
                        tr {
                            th { "waits in µs" } th { "p99" } th { "p99.9" } th { "p99.99" } th { "longest" }
                            th { "stalls above 10 µs, per s" } th { "above 100 µs" } th { "above 1 ms" }
                        }
                    }
                    tbody {
                        @for one in &run.jitter {
                            @let waits = &one.waits.percentiles;
                            tr {
                                td { "CPU " (one.cpu) }
                                @for value_ns in [waits.p99_ns, waits.p99_9_ns, waits.p99_99_ns, one.longest_ns] {
                                    td { (micros(value_ns)) }
                                }
                                @for rate in one.gaps_per_s { td { (format!("{rate:.1}")) } }
                            }
                        }
                    }
                }
            }
        }
    }
}
