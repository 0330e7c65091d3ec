//! Two runs beside each other.

use serde::{Deserialize, Serialize};

use super::{
    figures,
    row::{Finding, Row},
};
use crate::result::{Context, Host, Run};

/// Facts of a host that no figure depends on, or that are judged anew in every run.
const FACTS_THAT_MAY_DIFFER: [&str; 3] = ["kind", "memlock", "io_uring"];
/// Default share by which a figure may get worse.
pub const THRESHOLD: f64 = 0.05;

/// Two runs beside each other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// The older run's commit, if it is known.
    pub before_revision: Option<String>,
    /// The newer run's.
    pub after_revision: Option<String>,
    /// Whether both programs were built with debug assertions: then no figure means anything.
    pub debug_build: bool,
    /// Share by which a figure may get worse.
    pub threshold: f64,
    /// Scenarios of either run, in the order of the newer one, and `growth` with the figures at each size.
    pub scenarios: Vec<ScenarioChange>,
    /// All that counts.
    pub summary: Summary,
}

/// Numbers of figures by finding, of those that count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// No difference shown.
    pub same: usize,
    /// Better, with confidence.
    pub better: usize,
    /// Worse, with confidence.
    pub worse: usize,
    /// Worse by more than the threshold.
    pub regressions: usize,
    /// Too few rounds to say.
    pub too_few_rounds: usize,
    /// Scenarios without a figure that could be compared.
    pub not_comparable: usize,
}

/// Changes in one scenario.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScenarioChange {
    /// The scenario's name.
    pub name: String,
    /// The reason if its figures are not comparable; then there are no rows.
    pub not_comparable: Option<String>,
    /// The scenario's figures.
    pub rows: Vec<Row>,
}

impl Comparison {
    /// Compares an older and a newer run. `threshold` is the share by which a figure may get worse.
    pub fn of(before: &Run, after: &Run, threshold: f64) -> Self {
        let reason = runs_differ(before, after);
        let hosts = [before.host.kind, after.host.kind];
        let mut names: Vec<&str> = after.scenarios.iter().map(|scenario| scenario.name.as_str()).collect();
        let gone = before.scenarios.iter().map(|scenario| scenario.name.as_str());
        names.extend(gone.filter(|name| after.scenario(name).is_none()));
        let change = |name: &str| {
            let rows = match &reason {
                Some(reason) => Err(reason.clone()),
                None => figures::of_scenario(before.scenario(name), after.scenario(name), hosts),
            };
            ScenarioChange::new(name, rows)
        };
        let mut scenarios: Vec<ScenarioChange> = names.into_iter().map(change).collect();
        if !before.scaling.is_empty() || !after.scaling.is_empty() {
            let rows = reason.clone().map_or_else(|| figures::of_growth(before, after), Err);
            scenarios.push(ScenarioChange::new("growth", rows));
        }
        let mut comparison = Self {
            before_revision: before.context.revision.clone(),
            after_revision: after.context.revision.clone(),
            debug_build: before.context.debug_build && after.context.debug_build,
            threshold,
            scenarios,
            summary: Summary::default(),
        };
        comparison.summary = comparison.summed_up();
        comparison
    }

    /// Figures that count and got worse, with confidence, by more than the threshold.
    pub fn regressions(&self) -> impl Iterator<Item = (&ScenarioChange, &Row)> {
        let rows = self.scenarios.iter().flat_map(|scenario| scenario.rows.iter().map(move |row| (scenario, row)));
        rows.filter(|(_, row)| row.counts && row.finding == Finding::Worse && row.worse_by() > self.threshold)
    }

    fn summed_up(&self) -> Summary {
        let rows = || self.scenarios.iter().flat_map(|scenario| &scenario.rows).filter(|row| row.counts);
        let of = |finding| rows().filter(|row| row.finding == finding).count();
        Summary {
            same: of(Finding::NoDifferenceShown),
            better: of(Finding::Better),
            worse: of(Finding::Worse),
            regressions: self.regressions().count(),
            too_few_rounds: of(Finding::TooFewRounds),
            not_comparable: self.scenarios.iter().filter(|scenario| scenario.not_comparable.is_some()).count(),
        }
    }
}

impl Summary {
    /// All figures that count.
    pub fn figures(&self) -> usize {
        self.same + self.better + self.worse + self.too_few_rounds
    }
}

impl ScenarioChange {
    fn new(name: &str, rows: Result<Vec<Row>, String>) -> Self {
        let (rows, not_comparable) = rows.map_or_else(|reason| (Vec::new(), Some(reason)), |rows| (rows, None));
        Self { name: name.to_owned(), not_comparable, rows }
    }
}

/// Returns the reason if no scenario of these runs can be compared.
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
