//! The section of a scenario: what it shows, curves, tables.

use corelane_tester::report::grouped;
use maud::{Markup, PreEscaped, html};

use super::{
    plot::{self, Plot, PlotError},
    tables,
};
use crate::{
    report::{
        table,
        words::{category, micros, role, shown_micros},
    },
    result::{Percentiles, Role, Round, Scenario, Side, Spread},
};

pub(super) fn section(scenario: &Scenario) -> Result<Markup, PlotError> {
    let plots = [
        ("How long answers take", "The further right, the rarer.", plot::percentiles(scenario)?),
        (
            "Over time",
            "In each interval of the measured time; requests count where they were due.",
            plot::series(scenario)?,
        ),
        ("On the way to saturation", "Each rate that was tried, by what was achieved.", plot::sweep(scenario)?),
    ];
    let has_latency = scenario.sides.iter().any(|side| side.intended.is_some());
    Ok(html! {
        section id=(scenario.name) {
            h2 { (scenario.name) }
            p { (scenario.summary) " " span.soft { (category(scenario.category)) ". Load: " (scenario.load) "." } }
            div.split {
                @if plots.iter().any(|(.., plot)| plot.is_some()) {
                    div.plots {
                        @for (title, text, plot) in &plots {
                            @if let Some(plot) = plot { (figure(title, text, plot)) }
                        }
                    }
                }
                div {
                    (tables::judged(scenario))
                    @if has_latency { (latencies(&scenario.sides)) }
                    (cost_table(&scenario.sides))
                    (tables::page_table(&table::availability(&scenario.sides)))
                    (tables::page_table(&table::recovery(&scenario.sides)))
                    (differences(&scenario.sides))
                }
            }
        }
    })
}

fn figure(title: &str, text: &str, plot: &Plot) -> Markup {
    html! {
        figure {
            h3 { (title) }
            figcaption { (text) }
            // Drawn by plotters, which escapes its texts.
            (PreEscaped(&plot.svg))
            ul.legend {
                @for (name, style) in &plot.legend {
                    li { i style=(style) {} (name) }
                }
            }
        }
    }
}

fn latencies(sides: &[Side]) -> Markup {
    let row = |name: &str, class: &str, seen: &Percentiles, rounds: String| {
        html! {
            tr class=(class) {
                td { (name) }
                @for (_, value_ns) in seen.quantiles() { td { (micros(value_ns)) } }
                td { (rounds) }
            }
        }
    };
    let rounds = |side: &Side| {
        let medians: Vec<f64> = side.rounds.iter().filter_map(|round| Some(round.intended?.p50_ns as f64)).collect();
        Spread::of(&medians).map_or_else(String::new, shown_micros)
    };
    html! {
        div.scroll tabindex="0" {
            table {
                thead {
                    tr {
                        th { "latency in µs" }
                        @for (name, _) in Percentiles::default().quantiles() { th { (name) } }
                        th { "p50 of the rounds" }
                    }
                }
                tbody {
                    @for side in sides {
                        @if let Some(seen) = &side.intended {
                            (row(&format!("{}, {}", side.name, role(side.role)), class(side.role), &seen.percentiles, rounds(side)))
                        }
                        @if side.role == Role::Subject {
                            @if let Some(seen) = &side.send {
                                (row("the same from send time", "part", &seen.percentiles, String::new()))
                            }
                            @for hop in &side.hops { (row(&hop.name, "part", &hop.percentiles, String::new())) }
                        }
                    }
                }
            }
        }
    }
}

/// Rates and costs, as far as a side has them.
fn cost_table(sides: &[Side]) -> Markup {
    let rows: Vec<(&Side, [String; 7])> = sides.iter().filter_map(|side| Some((side, costs(side)?))).collect();
    let is_seen: [bool; 7] = std::array::from_fn(|column| rows.iter().any(|(_, cells)| !cells[column].is_empty()));
    let seen = |column: &usize| is_seen[*column];
    html! {
        @if !rows.is_empty() {
            div.scroll tabindex="0" {
                table {
                    thead {
                        tr {
                            th { "rates and costs" }
                            @for column in (0..7).filter(seen) { th { (COSTS[column]) } }
                        }
                    }
                    tbody {
                        @for (side, cells) in &rows {
                            tr class=(class(side.role)) {
                                td { (side.name) ", " (role(side.role)) }
                                @for column in (0..7).filter(seen) { td { (cells[column]) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// What peers do not do that ours does.
fn differences(sides: &[Side]) -> Markup {
    let differing = || sides.iter().filter_map(|side| Some((&side.name, side.differs.as_ref()?)));
    html! {
        @if differing().next().is_some() {
            ul.soft { @for (name, how) in differing() { li { strong { (name) } ": " (how) } } }
        }
    }
}

/// What [`costs`] gives.
const COSTS: [&str; 7] =
    ["asked /s", "achieved /s", "busy", "calls per request", "memory, MiB", "rejects", "answers checked"];

/// Medians over the rounds, and sums of counts; `None` without a rate.
fn costs(side: &Side) -> Option<[String; 7]> {
    let of = |figure: fn(&Round) -> Option<f64>| {
        let figures: Vec<f64> = side.rounds.iter().filter_map(figure).collect();
        Spread::of(&figures).map(|spread| spread.median)
    };
    let achieved = of(|round| round.rate.map(|rate| rate.achieved_per_s).or(round.throughput_per_s))?;
    let whole = |figure: f64| grouped(figure.round() as u64);
    let total = |count: fn(&crate::result::Counts) -> u64| {
        let counted: Option<u64> = side.rounds.iter().map(|round| round.counts.as_ref().map(count)).sum();
        counted.map_or_else(String::new, grouped)
    };
    let or_empty = |figure: Option<f64>, show: &dyn Fn(f64) -> String| figure.map_or_else(String::new, show);
    Some([
        or_empty(of(|round| Some(round.rate?.asked_per_s)), &whole),
        whole(achieved),
        or_empty(of(|round| round.resources?.busy), &|busy| format!("{:.0} %", busy * 100.0)),
        or_empty(of(|round| round.resources?.enters_per_request), &|calls| format!("{calls:.2}")),
        or_empty(of(|round| Some(round.resources?.memory_bytes? as f64)), &|bytes| {
            format!("{:.0}", bytes / f64::from(1 << 20))
        }),
        total(|counts| counts.rejects.values().sum()),
        total(|counts| counts.checked),
    ])
}

fn class(role: Role) -> &'static str {
    if role == Role::Subject { "ours" } else { "" }
}
