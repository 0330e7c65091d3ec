//! `corelane-latency compare`: what changed from one run to another, and how sure that is.
//!
//! | module | what it does |
//! |---|---|
//! | `comparison` | all figures of two runs |
//! | [`row`] | one figure: by which factor it changed, and what that means |
//! | `figures` | which figures of a scenario are compared |
//! | `table` | the comparison on a terminal |
//!
//! Each figure of ours is compared over its rounds. Where a figure is also known as a ratio to its baseline, that ratio
//! counts: the machine's speed differs between two runs by more than most changes do, and the baseline of the same rounds
//! takes it out. The figure by itself then stands beside it and does not count.

mod comparison;
mod figures;
pub mod row;
mod table;

use corelane_console::{Exit, Output, read_text};
use miette::{IntoDiagnostic, Report, WrapErr, miette};

pub use self::{
    comparison::{Comparison, ScenarioChange, Summary, THRESHOLD},
    row::{Finding, Row, is_rate},
    table::{rows, summary, text},
};
use crate::{cli::CompareArgs, result::Run};

/// Compares two files.
///
/// # Errors
/// An unreadable file, and files without one comparable scenario. Figures that got worse by more than the threshold end
/// with [`Exit::Damaged`].
pub fn command(args: &CompareArgs, out: &mut Output) -> miette::Result<Exit> {
    let (before, after) = (read(&args.before)?, read(&args.after)?);
    let comparison = Comparison::of(&before, &after, args.threshold);
    if args.json {
        out.say(serde_json::to_string_pretty(&comparison).into_diagnostic()?)?;
    } else {
        out.say(format_args!("{}\n{}", text(&comparison), summary(&comparison)))?;
    }
    if comparison.scenarios.iter().all(|scenario| scenario.not_comparable.is_some()) {
        return Err(miette!(
            help = "make both on one host, with the same scenarios, and valid",
            "nothing in these two results is comparable: the reasons are above"
        ));
    }
    let worse: Vec<String> =
        comparison.regressions().map(|(scenario, row)| format!("{} of {}", row.name(), scenario.name)).collect();
    if worse.is_empty() {
        return Ok(Exit::Done);
    }
    Ok(out.damaged(&miette!(
        help = "if the change is meant, raise --threshold, or compare with a newer result from now on",
        "worse by more than {:.0} %: {}",
        args.threshold * 100.0,
        worse.join(", ")
    )))
}

/// Reads a result file.
///
/// # Errors
/// If it cannot be read, or holds no result of this version.
pub fn read(path: &std::path::Path) -> miette::Result<Run> {
    let shown = || format!("cannot read the result {}", path.display());
    let text = read_text(path).map_err(|error| {
        let help = "name a result.json that is there and that this user may read; `corelane-latency run --out FOLDER` writes one";
        miette!(help = help, "{}: {error}", shown())
    })?;
    Run::from_json(&text).map_err(Report::from).wrap_err_with(shown)
}

#[cfg(test)]
mod tests;
