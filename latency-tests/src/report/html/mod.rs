//! One HTML page of a run: readable without a network, a script or a wide screen.
//!
//! | module | what it makes |
//! |---|---|
//! | `plot` | curves, as SVG |
//! | `scenario` | the section of a scenario |
//! | `parts` | judgements, comparison, growth, host |

mod parts;
mod plot;
mod scenario;

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, UNIX_EPOCH},
};

use corelane_console::{Exit, Unwritable, distinct};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use miette::{IntoDiagnostic, WrapErr};

pub use plot::PlotError;

use crate::{
    cli::ReportArgs,
    compare::{self, Comparison},
    report::markdown,
    result::{HostKind, Run},
};

/// Writes the page of a result file, its tables, or both.
///
/// # Errors
/// Files that cannot be read or written, and damaged histograms.
pub fn command(args: &ReportArgs) -> miette::Result<Exit> {
    let written = || args.html.iter().chain(&args.tables).map(PathBuf::as_path);
    for read in [Some(&args.result), args.against.as_ref()].into_iter().flatten() {
        distinct(written().chain([read.as_path()]))?;
    }
    let run = compare::read(&args.result)?;
    let against = args.against.as_ref().map(|path| compare::read(path)).transpose()?;
    let comparison = against.map(|before| Comparison::of(&before, &run, compare::THRESHOLD));
    if let Some(path) = &args.tables {
        markdown::write(&run, path)?;
    }
    if let Some(path) = &args.html {
        write(&run, comparison.as_ref(), path)?;
    }
    Ok(Exit::Done)
}

/// Writes the page.
///
/// # Errors
/// A file that cannot be written, and damaged histograms.
pub fn write(run: &Run, comparison: Option<&Comparison>, path: &Path) -> miette::Result<()> {
    let page = page(run, comparison).into_diagnostic().wrap_err("cannot draw the report")?;
    fs::write(path, page).map_err(|error| Unwritable::new(path, error).into())
}

/// The page. With a comparison to an older run, that is a part of it.
///
/// # Errors
/// [`PlotError`].
pub fn page(run: &Run, comparison: Option<&Comparison>) -> Result<String, PlotError> {
    let sections = run.scenarios.iter().map(scenario::section).collect::<Result<Vec<_>, _>>()?;
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "Corelane latency, profile " (run.context.profile) }
                style { (PreEscaped(include_str!("style.css"))) }
            }
            body {
                header {
                    h1 { "Corelane latency: profile " (run.context.profile) }
                    p.soft { (run.context.profile_summary) }
                    p { (origin(run)) }
                    (verdict(run))
                    nav {
                        @if comparison.is_some() { a href="#comparison" { "what changed" } }
                        @for scenario in &run.scenarios { a href={ "#" (scenario.name) } { (scenario.name) } }
                        @if !run.scaling.is_empty() { a href="#growth" { "growth" } }
                        a href="#machine" { "machine" }
                    }
                }
                main {
                    (parts::tiles(run))
                    @if let Some(comparison) = comparison { (parts::comparison(comparison)) }
                    @for section in sections { (section) }
                    @if !run.scaling.is_empty() { (parts::growth(&run.scaling)) }
                    (parts::machine(run))
                }
                footer {
                    "Latency counts from when a request was due, not from when it was sent, unless a line says otherwise. "
                    "Ratios are medians over the rounds, with the lowest and the highest round in brackets."
                }
            }
        }
    };
    Ok(page.into_string())
}

fn origin(run: &Run) -> String {
    let started = humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_secs(run.context.started_unix_s));
    let revision = run.context.revision.as_deref().map_or_else(String::new, |commit| {
        let modified = if run.context.modified == Some(true) { ", with changes" } else { "" };
        format!(", revision {}{modified}", commit.chars().take(12).collect::<String>())
    });
    format!("Started {started}, took {:.0} s{revision}.", run.context.took_s)
}

fn verdict(run: &Run) -> Markup {
    let (class, head) = if run.verdict.valid {
        ("verdict good", "Valid")
    } else {
        ("verdict bad", "Invalid: these figures do not count")
    };
    let host = match run.host.kind {
        HostKind::Quiet => "The machine was quiet: it did not stall for a millisecond while it was watched.",
        HostKind::Noisy => {
            "The machine stalls for a millisecond and more by itself: trust the ratios, and only those tails that are judged."
        }
    };
    html! {
        div class=(class) {
            strong { (head) }
            @if run.verdict.valid {
                p { "Every rate was kept, nothing was lost, every answer was right." }
            } @else {
                ul { @for problem in &run.verdict.problems { li { (problem) } } }
            }
            @if run.context.debug_build {
                p.bad { "This is a debug build: its figures mean nothing. Build with --release." }
            }
            p { (host) }
        }
    }
}

#[cfg(test)]
mod tests;
