//! One scenario: who was measured, and how they compare.

use serde::{Deserialize, Serialize};

use super::{
    contender::{Contender, Role},
    judged::{Promise, Ratio},
};

/// One thing that was measured, with what it is compared to.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Scenario {
    /// Its name, unique in the run: the key of comparisons between runs.
    pub name: String,
    /// What it shows, in a sentence.
    pub summary: String,
    /// Which of the five categories it belongs to.
    pub category: Category,
    /// How it is driven, in words: rate, sessions, arrival.
    pub load: String,
    /// Those measured, in the order of a round.
    pub contenders: Vec<Contender>,
    /// How the contenders compare.
    pub ratios: Vec<Ratio>,
    /// Figures of contenders by themselves that have a threshold.
    #[serde(default)]
    pub promises: Vec<Promise>,
}

/// The five categories.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Category {
    /// How long an answer takes.
    ExecutionLatency,
    /// How many a second.
    Throughput,
    /// What each costs: busy time, system calls, memory.
    ResourceEfficiency,
    /// How figures grow with sessions, instruments, message size, shards.
    Scalability,
    /// Whether it keeps its promises under stress and over time.
    Reliability,
}

impl Scenario {
    /// The contender of this name.
    pub fn contender(&self, name: &str) -> Option<&Contender> {
        self.contenders.iter().find(|contender| contender.name == name)
    }

    /// The promise of this figure of this contender.
    pub fn promise(&self, figure: &str, of: &str) -> Option<&Promise> {
        self.promises.iter().find(|promise| promise.figure == figure && promise.of == of)
    }

    /// The first baseline: what ours is compared with.
    pub fn baseline(&self) -> Option<&Contender> {
        self.contenders.iter().find(|contender| contender.role == Role::Baseline)
    }

    /// The ratio of this figure between these contenders.
    pub fn ratio(&self, figure: &str, of: &str, to: &str) -> Option<&Ratio> {
        self.ratios.iter().find(|ratio| ratio.figure == figure && ratio.of == of && ratio.to == to)
    }
}
