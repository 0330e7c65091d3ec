//! `corelane-latency compare`: what changed from one run to another, and how sure that is.
//!
//! | module | what it does |
//! |---|---|
//! | [`shift`] | the statistics: a factor with its interval |
//! | `table` | the comparison on a terminal |
//!
//! Each figure of ours is compared over its rounds. Where a figure is also known as a ratio to its floor, that ratio
//! counts: the machine's speed differs between two runs by more than most changes do, and the floor of the same rounds
//! takes it out. The figure by itself then stands beside it and does not count.

pub mod shift;
mod table;

use std::fs;

use miette::{IntoDiagnostic, WrapErr, miette};
use serde::{Deserialize, Serialize};

use self::shift::Factor;
pub use self::table::{finding, percent, table, value};
use crate::{
    cli::CompareArgs,
    judge,
    result::{Context, Host, Role, Run, Scenario, median},
};

/// Facts of a host that no figure depends on, or that are judged anew in every run.
const FACTS_THAT_MAY_DIFFER: [&str; 3] = ["kind", "memlock", "io_uring"];
/// By which share a figure may get worse, unless said otherwise.
pub const THRESHOLD: f64 = 0.05;
/// Figures of a side by itself.
const FIGURES: [&str; 4] = ["p50", "p99", "p99_9", "throughput"];

/// Two runs beside each other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// The older run's commit, if it is known.
    pub before_revision: Option<String>,
    /// The newer run's.
    pub after_revision: Option<String>,
    /// Whether both programs were built with debug assertions: then no figure means anything.
    pub debug_build: bool,
    /// By which share a figure may get worse.
    pub threshold: f64,
    /// Those of either run, in the order of the newer one.
    pub scenarios: Vec<ScenarioChange>,
}

/// What became of one scenario.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScenarioChange {
    /// Its name.
    pub name: String,
    /// Why its figures are not comparable; then there are no rows.
    pub not_comparable: Option<String>,
    /// Its figures.
    pub rows: Vec<Row>,
}

/// What became of one figure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// `p50`, `p99`, `p99_9` in nanoseconds, `throughput` or `saturation` per second; or a ratio of two of them.
    pub figure: String,
    /// Of which side.
    pub of: String,
    /// To which side, if it is a ratio.
    pub to: Option<String>,
    /// The median over the older run's rounds.
    pub before: f64,
    /// The median over the newer run's.
    pub after: f64,
    /// After to before.
    pub factor: Factor,
    /// What that means.
    pub finding: Finding,
    /// Whether it counts for the exit code.
    pub counts: bool,
}

/// What a change means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Finding {
    /// Better, with confidence.
    Faster,
    /// Worse, with confidence.
    Slower,
    /// Nothing that could not be chance.
    NoDifferenceShown,
}

/// Compares two files.
///
/// # Errors
/// An unreadable file, files without one comparable scenario, and figures that got worse by more than the threshold.
pub fn command(args: &CompareArgs) -> miette::Result<()> {
    let (before, after) = (read(&args.before)?, read(&args.after)?);
    let comparison = Comparison::of(&before, &after, args.threshold);
    if args.json {
        println!("{}", serde_json::to_string_pretty(&comparison).into_diagnostic()?);
    } else {
        println!("{}", table(&comparison));
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
        return Ok(());
    }
    Err(miette!(
        help = "if the change is meant, raise --threshold, or compare with a newer result from now on",
        "slower by more than {:.0} %: {}",
        args.threshold * 100.0,
        worse.join(", ")
    ))
}

/// Reads a result file.
///
/// # Errors
/// If it cannot be read, or holds no result of this version.
pub fn read(path: &std::path::Path) -> miette::Result<Run> {
    let shown = || format!("cannot read the result {}", path.display());
    let text = fs::read_to_string(path).into_diagnostic().wrap_err_with(shown)?;
    Run::from_json(&text).into_diagnostic().wrap_err_with(shown)
}

impl Comparison {
    /// Of an older and a newer run. `threshold` is the share by which a figure may get worse.
    pub fn of(before: &Run, after: &Run, threshold: f64) -> Self {
        let reason = runs_differ(before, after);
        let mut names: Vec<&str> = after.scenarios.iter().map(|scenario| scenario.name.as_str()).collect();
        let gone = before.scenarios.iter().map(|scenario| scenario.name.as_str());
        names.extend(gone.filter(|name| after.scenario(name).is_none()));
        let change = |name: &str| {
            let rows = match &reason {
                Some(reason) => Err(reason.clone()),
                None => rows(before.scenario(name), after.scenario(name)),
            };
            let (rows, not_comparable) = rows.map_or_else(|reason| (Vec::new(), Some(reason)), |rows| (rows, None));
            ScenarioChange { name: name.to_owned(), not_comparable, rows }
        };
        Self {
            before_revision: before.context.revision.clone(),
            after_revision: after.context.revision.clone(),
            debug_build: before.context.debug_build && after.context.debug_build,
            threshold,
            scenarios: names.into_iter().map(change).collect(),
        }
    }

    /// Figures that count and got worse, with confidence, by more than the threshold.
    pub fn regressions(&self) -> impl Iterator<Item = (&ScenarioChange, &Row)> {
        let rows = self.scenarios.iter().flat_map(|scenario| scenario.rows.iter().map(move |row| (scenario, row)));
        rows.filter(|(_, row)| row.counts && row.finding == Finding::Slower && row.worse_by() > self.threshold)
    }
}

impl Row {
    fn new(figure: &str, of: &str, to: Option<&str>, before: &[f64], after: &[f64]) -> Option<Self> {
        let factor = Factor::between(before, after)?;
        let worse = if is_rate(figure) { factor.estimate < 1.0 } else { factor.estimate > 1.0 };
        let finding = match (factor.is_shown(), worse) {
            (false, _) => Finding::NoDifferenceShown,
            (true, true) => Finding::Slower,
            (true, false) => Finding::Faster,
        };
        Some(Self {
            figure: figure.to_owned(),
            of: of.to_owned(),
            to: to.map(str::to_owned),
            before: median(before)?,
            after: median(after)?,
            factor,
            finding,
            counts: true,
        })
    }

    /// The figure in words.
    pub fn name(&self) -> String {
        let figure = self.figure.replace('_', ".");
        match &self.to {
            Some(to) => format!("{figure}, {} to {to}", self.of),
            None => format!("{figure}, {}", self.of),
        }
    }

    /// The share by which it got worse; below zero if it got better.
    pub fn worse_by(&self) -> f64 {
        if is_rate(&self.figure) { 1.0 / self.factor.estimate - 1.0 } else { self.factor.estimate - 1.0 }
    }
}

/// Whether more of it is better.
pub fn is_rate(figure: &str) -> bool {
    matches!(figure, "throughput" | "saturation" | "availability")
}

/// Why no scenario of these runs can be compared.
fn runs_differ(before: &Run, after: &Run) -> Option<String> {
    let [old, new] = [before, after].map(|run| facts(&run.host, &run.context));
    let differing = new.iter().find(|(fact, value)| old.get(*fact) != Some(value));
    differing.map(|(fact, value)| {
        let was = old.get(fact).map_or_else(|| "absent".to_owned(), ToString::to_string);
        format!("another host or build: {} is {value}, was {was}", fact.replace('_', " "))
    })
}

fn facts(host: &Host, context: &Context) -> serde_json::Map<String, serde_json::Value> {
    let Ok(serde_json::Value::Object(mut facts)) = serde_json::to_value(host) else {
        unreachable!("a struct with named fields is an object")
    };
    facts.retain(|fact, _| !FACTS_THAT_MAY_DIFFER.contains(&fact.as_str()));
    facts.insert("debug_build".to_owned(), context.debug_build.into());
    facts.insert("server_and_tester_cpus".to_owned(), context.cpus.clone().into());
    facts
}

/// The figures of a scenario, or why they cannot be compared.
fn rows(before: Option<&Scenario>, after: Option<&Scenario>) -> Result<Vec<Row>, String> {
    let before = before.ok_or("the older result has no such scenario")?;
    let after = after.ok_or("the newer result has no such scenario")?;
    if before.load != after.load {
        return Err(format!("another load: {}; was {}", after.load, before.load));
    }
    for (which, scenario) in [("older", before), ("newer", after)] {
        if let Some(problem) = problem(scenario) {
            return Err(format!("the {which} result is invalid: {problem}"));
        }
    }
    let mut rows = Vec::new();
    for new in &after.ratios {
        let is_ours = after.side(&new.of).is_some_and(|side| side.role == Role::Subject);
        if let Some(old) = before.ratio(&new.figure, &new.of, &new.to).filter(|_| is_ours) {
            rows.extend(Row::new(&new.figure, &new.of, Some(&new.to), &old.rounds, &new.rounds));
        }
    }
    for new in after.sides.iter().filter(|side| side.role == Role::Subject) {
        let Some(old) = before.side(&new.name) else { continue };
        for figure in FIGURES {
            let of = |side: &crate::result::Side| -> Option<Vec<f64>> {
                side.rounds.iter().map(|round| judge::figure(round, figure)).collect()
            };
            let (Some(old), Some(seen)) = (of(old), of(new)) else { continue };
            let is_same =
                |row: &Row| row.of == new.name && (row.figure == figure || is_rate(figure) && is_rate(&row.figure));
            let has_ratio = rows.iter().any(is_same);
            rows.extend(Row::new(figure, &new.name, None, &old, &seen).map(|row| Row { counts: !has_ratio, ..row }));
        }
    }
    if rows.is_empty() { Err("no figure of ours is in both".to_owned()) } else { Ok(rows) }
}

fn problem(scenario: &Scenario) -> Option<String> {
    scenario.sides.iter().find_map(|side| {
        let problems = side.rounds.iter().enumerate().map(|(round, seen)| (round, seen.problems.first()));
        problems
            .into_iter()
            .find_map(|(round, problem)| Some(format!("{}, round {}: {}", side.name, round + 1, problem?)))
    })
}
