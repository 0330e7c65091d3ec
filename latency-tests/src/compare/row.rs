//! A figure in both runs.

use serde::{Deserialize, Serialize};

use crate::{confidence::Factor, result::median};

/// Change of one figure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// A figure that [`crate::judge::figure`] knows, in its unit; or a ratio of two of them.
    pub figure: String,
    /// The contender.
    pub of: String,
    /// The contender in the denominator, if the figure is a ratio.
    pub to: Option<String>,
    /// The median over the older run's rounds.
    pub before: f64,
    /// The median over the newer run's.
    pub after: f64,
    /// After to before.
    pub factor: Factor,
    /// Meaning of the change.
    pub finding: Finding,
    /// Whether more of it is better: of rates and shares; of what takes time or costs, where ours is below.
    pub more_is_better: bool,
    /// Whether it counts for the summary and the exit code.
    pub counts: bool,
}

/// Meaning of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Finding {
    /// Better, with confidence.
    Better,
    /// Worse, with confidence.
    Worse,
    /// Nothing that could not be chance.
    NoDifferenceShown,
    /// Nothing can be said.
    TooFewRounds,
}

impl Row {
    /// Compares the rounds of both; `None` without any, or with figures that are not above zero.
    pub(super) fn new(
        figure: &str,
        of: &str,
        to: Option<&str>,
        more_is_better: bool,
        [before, after]: [&[f64]; 2],
    ) -> Option<Self> {
        let factor = Factor::between(before, after)?;
        let finding = match (factor.interval, factor.is_shown()) {
            (None, _) => Finding::TooFewRounds,
            (_, false) => Finding::NoDifferenceShown,
            _ if (factor.estimate > 1.0) == more_is_better => Finding::Better,
            _ => Finding::Worse,
        };
        Some(Self {
            figure: figure.to_owned(),
            of: of.to_owned(),
            to: to.map(str::to_owned),
            before: median(before)?,
            after: median(after)?,
            factor,
            finding,
            more_is_better,
            counts: true,
        })
    }

    /// The figure in words.
    pub fn name(&self) -> String {
        let figure = match self.figure.as_str() {
            "enters_per_request" => "calls per request".to_owned(),
            "memory_bytes" => "memory".to_owned(),
            "catch_up" => "to the last answer after a reconnect".to_owned(),
            other => other.replace('_', "."),
        };
        match &self.to {
            Some(to) => format!("{figure}, {} to {to}", self.of),
            None => format!("{figure}, {}", self.of),
        }
    }

    /// The share by which it got worse; below zero if it got better.
    pub fn worse_by(&self) -> f64 {
        if self.more_is_better { 1.0 / self.factor.estimate - 1.0 } else { self.factor.estimate - 1.0 }
    }
}

/// Whether more of it is better.
pub fn is_rate(figure: &str) -> bool {
    matches!(figure, "throughput" | "saturation" | "availability")
}
