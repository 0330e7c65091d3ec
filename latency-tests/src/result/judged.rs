//! What figures mean: ratios of sides, promises of one side, and the bars of both.

use serde::{Deserialize, Serialize};

use super::Spread;

/// How two sides of a scenario compare.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ratio {
    /// Of which figure: `p50`, `p99`, `p99_9`, `throughput`, `saturation`.
    pub figure: String,
    /// The side on top.
    pub of: String,
    /// The side below. Where a round has the floor twice, the mean of both stands below.
    pub to: String,
    /// Median and spread over the rounds.
    pub spread: Spread,
    /// The ratio of each round.
    pub rounds: Vec<f64>,
    /// What the floor measured twice said of itself in this figure, if it was.
    pub control: Option<Control>,
    /// What it means.
    pub judgement: Judgement,
}

/// A figure of one side by itself that has a bar.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Promise {
    /// Which: `p50`, `p99`, `p99_99` in nanoseconds.
    pub figure: String,
    /// The side.
    pub of: String,
    /// Median and spread over the rounds.
    pub spread: Spread,
    /// The figure of each round.
    pub rounds: Vec<f64>,
    /// What the floor measured twice said of itself in this figure, if it was.
    pub control: Option<Control>,
    /// What it means; a bar is in the figure's unit.
    pub judgement: Judgement,
}

/// A floor that was measured twice in each round: the second to the first. Were nothing by chance, it would be 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Control {
    /// Median and spread over the rounds.
    pub spread: Spread,
    /// Between which two ratios it lies, each with 95 % confidence ([`crate::confidence::Factor::within`]); absent with too
    /// few rounds.
    pub interval: Option<[f64; 2]>,
    /// In how many rounds.
    pub rounds: usize,
}

/// What a figure means.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "is")]
pub enum Judgement {
    /// Shown without a bar.
    Shown,
    /// On the right side of its bar.
    Met {
        /// The bar.
        bar: Bar,
    },
    /// On the wrong side of it. Reported; the run is valid all the same, since nothing was measured wrongly.
    Missed {
        /// The bar.
        bar: Bar,
    },
    /// It has a bar, and this run cannot say on which side of it the figure is.
    NotJudged {
        /// The bar.
        bar: Bar,
        /// Why not.
        why: Unjudged,
    },
}

/// Why a figure with a bar is not judged.
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
    /// The rate is above half of what the floor sustains: its saturation in this run, per second.
    FloorSaturates(f64),
}

/// A bar that a figure has to meet.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bar {
    /// At most this.
    AtMost(f64),
    /// At least this.
    AtLeast(f64),
}

impl Bar {
    /// Whether a figure is on the right side of it. What counts is the figure as it is shown, with two decimals.
    pub fn is_met_by(self, figure: f64) -> bool {
        let shown = (figure * 100.0).round() / 100.0;
        match self {
            Bar::AtMost(most) => shown <= most,
            Bar::AtLeast(least) => shown >= least,
        }
    }
}

impl Judgement {
    /// Of a figure with this bar, unless there is a reason not to judge it.
    pub fn of(figure: f64, bar: Option<Bar>, why_not: Option<Unjudged>) -> Self {
        match (bar, why_not) {
            (None, _) => Self::Shown,
            (Some(bar), Some(why)) => Self::NotJudged { bar, why },
            (Some(bar), None) if bar.is_met_by(figure) => Self::Met { bar },
            (Some(bar), None) => Self::Missed { bar },
        }
    }

    /// The same, not judged for this reason if it has a bar.
    pub fn withheld(&self, why: Unjudged) -> Self {
        match *self {
            Self::Met { bar } | Self::Missed { bar } | Self::NotJudged { bar, .. } => Self::NotJudged { bar, why },
            Self::Shown => Self::Shown,
        }
    }
}
