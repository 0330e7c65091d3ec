//! The section of a scenario: what it shows, curves, tables.

use maud::{Markup, PreEscaped, html};

use super::{
    parts::page_table,
    plot::{self, Plot, PlotError},
};
use crate::{
    report::{tables, words::category},
    result::{Contender, Scenario},
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
    let of_costs = scenario.contenders.iter().map(|contender| (contender.name.clone(), contender));
    let tables = [
        tables::contenders(scenario),
        tables::all_judgements(scenario),
        tables::stretches(&scenario.contenders),
        tables::costs(of_costs),
        tables::availability(&scenario.contenders),
        tables::recovery(&scenario.contenders),
    ];
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
                    @for table in &tables { (page_table(table)) }
                    (differences(&scenario.contenders))
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

/// Differences of peers from ours: work that ours does and they do not.
fn differences(contenders: &[Contender]) -> Markup {
    let differing = || contenders.iter().filter_map(|contender| Some((&contender.name, contender.differs.as_ref()?)));
    html! {
        @if differing().next().is_some() {
            ul.soft { @for (name, how) in differing() { li { strong { (name) } ": " (how) } } }
        }
    }
}
