//! Judgements of figures: ratios of contenders, promises of one contender, and the thresholds of both.

use serde::{Deserialize, Serialize};

use super::stats::Spread;

/// The ratio of two contenders of a scenario.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ratio {
    /// The figure: `p50`, `p99`, `p99_9`, `throughput`, `saturation`.
    pub figure: String,
    /// The contender in the numerator.
    pub of: String,
    /// The contender in the denominator. If each round measures the baseline twice, the mean of the two is used.
    pub to: String,
    /// Median and spread over the rounds.
    pub spread: Spread,
    /// The ratio of each round.
    pub rounds: Vec<f64>,
    /// The control in this figure: the ratio of the baseline measured twice, if it was.
    pub control: Option<Control>,
    /// The judgement.
    pub judgement: Judgement,
}

/// A figure of one contender by itself that has a threshold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Promise {
    /// Name of the figure: `p50`, `p99`, `p99_99` in nanoseconds.
    pub figure: String,
    /// The contender.
    pub of: String,
    /// Median and spread over the rounds.
    pub spread: Spread,
    /// The figure of each round.
    pub rounds: Vec<f64>,
    /// The control in this figure: the ratio of the baseline measured twice, if it was.
    pub control: Option<Control>,
    /// The judgement; a threshold is in the figure's unit.
    pub judgement: Judgement,
}

/// The control: the ratio of a baseline's second measurement in each round to its first. Without noise it would be 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Control {
    /// Median and spread over the rounds.
    pub spread: Spread,
    /// The bounds of the ratio, each with 95 % confidence ([`crate::confidence::Factor::within`]); absent with too few
    /// rounds.
    pub interval: Option<[f64; 2]>,
    /// The number of rounds.
    pub rounds: usize,
}

/// The judgement of a figure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "is")]
pub enum Judgement {
    /// Shown without a threshold.
    Shown,
    /// The figure is on the right side of its threshold.
    Met {
        /// The threshold.
        threshold: Threshold,
    },
    /// The figure is on the wrong side of its threshold. This is reported, but the run stays valid: nothing was
    /// measured wrongly.
    Missed {
        /// The threshold.
        threshold: Threshold,
    },
    /// The figure has a threshold, but this run cannot say on which side of it the figure lies.
    NotJudged {
        /// The threshold.
        threshold: Threshold,
        /// The reason.
        why: Unjudged,
    },
}

/// Reason why a figure with a threshold is not judged.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unjudged {
    /// A tail, and the same-run control does not agree with itself.
    Control,
    /// A tail, and the control has too few rounds to say whether it agrees with itself.
    ControlTooShort,
    /// A tail, and there is no control that has it in every round.
    NoControl,
    /// A tail that the machine's own stalls decide.
    NoisyHost,
    /// The rate is above half of what the baseline sustains: its saturation in this run, per second.
    BaselineSaturates(f64),
}

/// A threshold that a figure has to meet.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Threshold {
    /// At most this.
    AtMost(f64),
    /// At least this.
    AtLeast(f64),
}

impl Threshold {
    /// Whether a figure is on the right side of the threshold. The figure is compared as it is shown, with two decimals.
    pub fn is_met_by(self, figure: f64) -> bool {
        let shown = (figure * 100.0).round() / 100.0;
        match self {
            Threshold::AtMost(most) => shown <= most,
            Threshold::AtLeast(least) => shown >= least,
        }
    }
}

impl Judgement {
    /// Judges a figure by this threshold, unless there is a reason not to.
    pub fn of(figure: f64, threshold: Option<Threshold>, why_not: Option<Unjudged>) -> Self {
        match (threshold, why_not) {
            (None, _) => Self::Shown,
            (Some(threshold), Some(why)) => Self::NotJudged { threshold, why },
            (Some(threshold), None) if threshold.is_met_by(figure) => Self::Met { threshold },
            (Some(threshold), None) => Self::Missed { threshold },
        }
    }

    /// Returns the judgement withheld for this reason if it has a threshold, else unchanged.
    pub fn withheld(&self, why: Unjudged) -> Self {
        match *self {
            Self::Met { threshold } | Self::Missed { threshold } | Self::NotJudged { threshold, .. } => {
                Self::NotJudged { threshold, why }
            }
            Self::Shown => Self::Shown,
        }
    }
}
