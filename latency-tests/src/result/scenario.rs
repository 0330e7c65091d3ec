//! Result of one scenario: the contenders and their ratios.

use serde::{Deserialize, Serialize};

use super::{
    contender::{Contender, Role},
    judged::{Promise, Ratio},
};

/// A measured scenario, with its comparisons.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Scenario {
    /// The scenario's name, unique in the run: the key of comparisons between runs.
    pub name: String,
    /// The scenario's purpose, in a sentence.
    pub summary: String,
    /// The scenario's category, one of five.
    pub category: Category,
    /// The load, in words: rate, sessions, arrival.
    pub load: String,
    /// Contenders, in the order of a round.
    pub contenders: Vec<Contender>,
    /// Comparisons of the contenders.
    pub ratios: Vec<Ratio>,
    /// Figures of contenders by themselves that have a threshold.
    #[serde(default)]
    pub promises: Vec<Promise>,
}

/// The five categories.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Category {
    /// Time until an answer.
    ExecutionLatency,
    /// Number per second.
    Throughput,
    /// Cost of each: busy time, system calls, memory.
    ResourceEfficiency,
    /// Growth of figures with sessions, instruments, message size, shards.
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
