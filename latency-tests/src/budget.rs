//! `corelane-latency budget`: figures beside their limits, for the gate.
//!
//! Instructions per message, counted by callgrind (`benches/benches/instructions`), have close limits. Ratios to baselines and
//! figures of a run have wide ones, because shared machines vary. The limits are in `benches/budget.toml`.

mod instructions;
#[cfg(test)]
mod tests;

use std::path::Path;

use corelane_config::{ConfigErrors, document};
use corelane_console::{Exit, Output, read_text};
use miette::{IntoDiagnostic, WrapErr, miette};
use schemars::JsonSchema;
use serde::Deserialize;

pub use instructions::{SummaryError, per_message};

use crate::{
    cli::BudgetArgs,
    compare::{self, is_rate},
    judge,
    report::table::Table,
    result::{Run, median},
};

/// The limits of all figures.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Budget {
    /// Messages that each function of `benches/benches/instructions` works on.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub messages_per_run: u64,
    /// Instructions of one message.
    pub instructions: Vec<InstructionLimits>,
    /// Ratios of a run.
    pub ratios: Vec<RatioLimits>,
    /// Single figures of a run.
    #[serde(default)]
    pub figures: Vec<FigureLimits>,
}

/// Limits of one stage, in instructions per message.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InstructionLimits {
    /// The function in `benches/benches/instructions`.
    pub name: String,
    /// The target.
    #[schemars(range(min = 0, max = 1_000_000))]
    pub target: f64,
    /// From this value on, a warning.
    #[schemars(range(min = 0, max = 1_000_000))]
    pub warning: f64,
    /// From this value on, the gate fails.
    #[schemars(range(min = 0, max = 1_000_000))]
    pub critical: f64,
}

/// Limits of one ratio: upper limits of a latency, lower limits of a rate.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RatioLimits {
    /// The scenario.
    pub scenario: String,
    /// `p50`, `p99`, `p99_9`, `throughput` or `saturation`.
    pub figure: String,
    /// The contender in the numerator.
    pub of: String,
    /// The contender in the denominator.
    pub to: String,
    /// The target.
    #[schemars(range(min = 0, max = 1000))]
    pub target: f64,
    /// From this value on, a warning.
    #[schemars(range(min = 0, max = 1000))]
    pub warning: f64,
    /// From this value on, the gate fails.
    #[schemars(range(min = 0, max = 1000))]
    pub critical: f64,
}

/// Limits of one contender's own figure: upper limits of a latency, lower limits of a rate or share.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FigureLimits {
    /// The scenario.
    pub scenario: String,
    /// `p50`, `p99`, `p99_9`, `p99_99` in nanoseconds, `throughput` or `saturation` per second, or `availability` as a
    /// share.
    pub figure: String,
    /// The contender.
    pub of: String,
    /// The target.
    #[schemars(range(min = 0, max = 1_000_000_000_000_u64))]
    pub target: f64,
    /// From this value on, a warning.
    #[schemars(range(min = 0, max = 1_000_000_000_000_u64))]
    pub warning: f64,
    /// From this value on, the gate fails.
    #[schemars(range(min = 0, max = 1_000_000_000_000_u64))]
    pub critical: f64,
}

/// One figure beside its limits.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Which figure, in words.
    pub name: String,
    /// The entry of the budget file that holds its limits.
    pub place: String,
    /// The value; `None` if the run lacks it.
    pub seen: Option<f64>,
    /// Target, warning, critical.
    pub limits: [f64; 3],
    /// Whether more is better.
    pub is_rate: bool,
}

/// A figure's level against its limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Within the target.
    Good,
    /// Between target and warning.
    Fair,
    /// Between warning and critical.
    Warning,
    /// At critical or beyond, or missing.
    Critical,
}

/// Checks the files against the budget.
///
/// # Errors
/// Unreadable files and invalid runs. Critical and missing figures, each with its value and the place of its limit, end
/// with [`Exit::Damaged`].
pub fn command(args: &BudgetArgs, out: &mut Output) -> miette::Result<Exit> {
    let name = args.budget.display().to_string();
    let budget = Budget::parse(&name, &read(&args.budget)?)?;
    let mut entries = Vec::new();
    if let Some(path) = &args.instructions {
        let wrap = || format!("cannot use {}", path.display());
        entries.extend(budget.of_instructions(&read(path)?).into_diagnostic().wrap_err_with(wrap)?);
    }
    if let Some(path) = &args.result {
        let run = compare::read(path)?;
        if !run.verdict.valid {
            return Err(miette!(
                help = "make it again on an idle machine",
                "{} is invalid: {}",
                path.display(),
                run.verdict.problems.join("; ")
            ));
        }
        entries.extend(budget.of_run(&run));
    }
    out.say(table(&entries))?;
    let critical: Vec<String> =
        entries.iter().filter(|entry| entry.level() == Level::Critical).map(|entry| entry.complaint(&name)).collect();
    if critical.is_empty() {
        return Ok(Exit::Done);
    }
    Ok(out.damaged(&miette!(
        help =
            format!("make it cheaper; or, if the cost is meant, say why in the commit and raise the limit in {name}"),
        "over budget:\n{}",
        critical.join("\n")
    )))
}

fn read(path: &Path) -> miette::Result<String> {
    read_text(path).map_err(|error| {
        let help = "name a file that is there and that this user may read: see `corelane-latency budget --help`";
        miette!(help = help, "cannot read {}: {error}", path.display())
    })
}

impl Budget {
    /// Reads the file; `name` stands for it in messages.
    ///
    /// # Errors
    /// Every mistake in the text, each with its line, column and remedy.
    pub fn parse(name: &str, text: &str) -> Result<Budget, ConfigErrors> {
        document::parse(name, text, |_| {}).map(|(budget, _)| budget)
    }

    /// The limits of instructions beside what gungraun's summaries (its `--output-format=json`) say.
    ///
    /// # Errors
    /// [`SummaryError`].
    pub fn of_instructions(&self, summaries: &str) -> Result<Vec<Entry>, SummaryError> {
        let seen = per_message(summaries, self.messages_per_run)?;
        if let Some(name) = seen.keys().find(|name| self.instructions.iter().all(|one| one.name != **name)) {
            return Err(SummaryError::NoLimits { name: name.clone() });
        }
        let entry = |one: &InstructionLimits| Entry {
            name: format!("{}, instructions per message", one.name),
            place: format!("[[instructions]] name = {:?}", one.name),
            seen: seen.get(&one.name).copied(),
            limits: [one.target, one.warning, one.critical],
            is_rate: false,
        };
        Ok(self.instructions.iter().map(entry).collect())
    }

    /// The limits of ratios and figures beside those of `run`.
    pub fn of_run(&self, run: &Run) -> Vec<Entry> {
        let entry = |one: &RatioLimits| {
            let RatioLimits { scenario, figure, of, to, .. } = one;
            let seen = run.scenario(scenario).and_then(|seen| seen.ratio(figure, of, to));
            Entry {
                name: format!("{scenario}: {} of {of} to {to}", figure.replace('_', ".")),
                place: format!("[[ratios]] scenario = {scenario:?}, figure = {figure:?}"),
                seen: seen.map(|ratio| ratio.spread.median),
                limits: [one.target, one.warning, one.critical],
                is_rate: is_rate(figure),
            }
        };
        let figure_entry = |one: &FigureLimits| {
            let FigureLimits { scenario, figure, of, .. } = one;
            let rounds = run.scenario(scenario).and_then(|seen| judge::rounds(&seen.contenders, of, figure));
            Entry {
                name: format!("{scenario}: {} of {of}", figure.replace('_', ".")),
                place: format!("[[figures]] scenario = {scenario:?}, figure = {figure:?}"),
                seen: rounds.and_then(|rounds| median(&rounds)),
                limits: [one.target, one.warning, one.critical],
                is_rate: is_rate(figure),
            }
        };
        self.ratios.iter().map(entry).chain(self.figures.iter().map(figure_entry)).collect()
    }
}

impl Entry {
    /// Its level.
    pub fn level(&self) -> Level {
        let Some(seen) = self.seen else { return Level::Critical };
        let is_within = |limit: f64| if self.is_rate { seen >= limit } else { seen <= limit };
        match self.limits.map(is_within) {
            [.., false] => Level::Critical,
            [_, false, _] => Level::Warning,
            [false, ..] => Level::Fair,
            [true, true, true] => Level::Good,
        }
    }

    fn complaint(&self, budget: &str) -> String {
        let Entry { name, place, limits: [.., critical], .. } = self;
        let Some(seen) = self.seen else {
            return format!("{name}: not measured, though {budget} has limits for it ({place})");
        };
        let beyond = (seen / critical - 1.0).abs() * 100.0;
        let direction = if self.is_rate { "below" } else { "above" };
        format!("{name}: {seen:.2}, {beyond:.1} % {direction} the critical {critical} ({place})")
    }
}

fn table(entries: &[Entry]) -> Table {
    let mut table = Table::new(["figure", "level", "now", "target", "warning", "critical"], 2);
    for entry in entries {
        let level = match entry.level() {
            Level::Good => "good",
            Level::Fair => "above its target",
            Level::Warning => "WARNING",
            Level::Critical => "CRITICAL",
        };
        let level = if entry.is_rate && entry.level() == Level::Fair { "below its target" } else { level };
        let now = entry.seen.map_or_else(|| "not measured".to_owned(), |seen| format!("{seen:.2}"));
        let limits = entry.limits.map(|limit| limit.to_string());
        table.add([entry.name.clone(), level.to_owned(), now].into_iter().chain(limits));
    }
    table
}
