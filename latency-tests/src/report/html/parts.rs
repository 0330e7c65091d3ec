//! Tables of figures across scenarios: ratios, comparison, growth, the machine.

use maud::{Markup, html};

use crate::{
    compare::{Comparison, rows, summary},
    report::{
        headlines::{Headline, headlines},
        table::Table,
        tables,
        words::{self, micros, of_promise, of_ratio},
    },
    result::{Control, Judgement, Run, Scaling},
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

/// The ratios and promises that have a threshold, at the head of the page.
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
            (words::how_judged()) ". For latencies of ours less is better, for rates more."
        }
        div.tiles {
            @for scenario in &run.scenarios {
                @for promise in &scenario.promises {
                    (tile(
                        format!("{}: {}", scenario.name, words::promise(promise)),
                        &promise.judgement,
                        format!("{} µs", micros(promise.spread.median.round() as u64)),
                        promise.control.as_ref(),
                        of_promise(promise)
                    ))
                }
                @for Headline { ratio, name } in headlines(scenario) {
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

/// A table. Rows of ours stand out.
pub(super) fn page_table(table: &Table) -> Markup {
    let class = |column: usize| if table.is_name(column) { "text wrap" } else { "" };
    html! {
        @if !table.is_empty() {
            div.scroll tabindex="0" {
                table {
                    @if table.header().iter().any(|title| !title.is_empty()) {
                        thead { tr { @for (at, title) in table.header().iter().enumerate() { th class=(class(at)) { (title) } } } }
                    }
                    tbody {
                        @for cells in table.rows() {
                            tr class=(if cells[1] == "ours" { "ours" } else { "" }) {
                                @for (at, cell) in cells.iter().enumerate() { td class=(class(at)) { (cell) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Changes from an older run.
pub(super) fn comparison(comparison: &Comparison) -> Markup {
    let name = |revision: &Option<String>| {
        revision.as_deref().map_or_else(|| "unknown".to_owned(), |commit| commit.chars().take(12).collect::<String>())
    };
    html! {
        section id="comparison" {
            h2 { "What changed from revision " (name(&comparison.before_revision)) }
            p {
                "How each figure changed from the rounds of the older run to those of this one; lowest and highest are the "
                "ends of the 95 % confidence interval. A ratio to the baseline counts before the figure itself, because the "
                "machine's own speed differs between runs."
            }
            p { strong { (summary(comparison)) } }
            (page_table(&rows(comparison)))
            ul {
                @for scenario in &comparison.scenarios {
                    @if let Some(reason) = &scenario.not_comparable { li { (scenario.name) ": not comparable: " (reason) } }
                }
            }
        }
    }
}

/// Growth of figures with sizes.
pub(super) fn growth(scaling: &[Scaling]) -> Markup {
    html! {
        section id="growth" {
            h2 { "Growth" }
            p { (words::HOW_GROWTH) }
            (page_table(&tables::growth(scaling)))
        }
    }
}

/// The host, and how long it stalled by itself.
pub(super) fn machine(run: &Run) -> Markup {
    html! {
        section id="machine" {
            h2 { "Machine" }
            p { "Command: " code { (run.context.command.join(" ")) } " (version " (run.context.version) ")" }
            (page_table(&tables::facts(&run.context, &run.host)))
            p { "How long a thread that only reads the clock was kept from running on the same CPUs, before the first scenario:" }
            (page_table(&tables::stalls_of_machine(&run.jitter)))
        }
    }
}
