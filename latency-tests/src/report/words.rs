//! Figures and what they mean, in the words that every report uses.

use corelane_tester::report::grouped;

use crate::{
    confidence::{Factor, ROUNDS_WITHIN_MIN},
    judge::CONTROL_BAND,
    result::{Category, Control, HostKind, Judgement, Promise, Ratio, Role, Spread, Threshold, Unjudged},
};

/// Guide to the columns of judgements.
pub(super) fn how_judged() -> String {
    format!(
        "A ratio compares ours with a baseline (what the machine gives without us) or with a peer; 1 means as fast. The \
         interval is where the median lies, each end with 95 % confidence. The control is the baseline measured twice in \
         each round, the second to the first: its median and interval. A tail is judged only if both lie within {:.2} to \
         {CONTROL_BAND:.2}: otherwise the machine's own tails are larger than the difference in question",
        1.0 / CONTROL_BAND
    )
}

/// Guide to the exponents of growth.
pub(super) const HOW_GROWTH: &str =
    "A figure grows with size to the power of the exponent: 0 is flat, 1 is proportional.";

/// Figure and contender of a promise.
pub(super) fn promise(promise: &Promise) -> String {
    format!("{} of {}", figure(&promise.figure), promise.of)
}

/// Figure and the two contenders of a ratio.
pub(super) fn ratio(ratio: &Ratio) -> String {
    format!("{}, {} to {}", figure(&ratio.figure), ratio.of, ratio.to)
}

/// Display name of a figure.
pub(super) fn figure(name: &str) -> String {
    match name {
        "p50" => "median (p50)".to_owned(),
        "throughput" => "messages per second".to_owned(),
        "saturation" => "highest rate that was kept".to_owned(),
        other => other.replace('_', "."),
    }
}

/// Nanoseconds, in microseconds.
pub(super) fn micros(ns: u64) -> String {
    match ns {
        0..100_000 => format!("{:.2}", ns as f64 / 1000.0),
        _ => grouped((ns + 500) / 1000),
    }
}

/// A median, and its spread.
pub(super) fn shown(spread: Spread, digits: usize) -> String {
    let Spread { median, low, high } = spread;
    format!("{median:.digits$} [{low:.digits$}…{high:.digits$}]")
}

/// Nanoseconds with their spread, in microseconds.
pub(super) fn shown_micros(spread: Spread) -> String {
    let of = |ns: f64| ns / 1000.0;
    let Spread { median, low, high } = spread;
    shown(Spread { median: of(median), low: of(low), high: of(high) }, digits_of_micros(median))
}

fn digits_of_micros(ns: f64) -> usize {
    match ns {
        ..10_000.0 => 3,
        ..100_000.0 => 2,
        _ => 0,
    }
}

/// Interval of a ratio by its rounds.
pub(super) fn interval_of_ratio(ratio: &Ratio) -> String {
    interval(Factor::within(&ratio.rounds).and_then(|factor| factor.interval), 2)
}

/// Interval of a promise by its rounds, in microseconds. All promises are of times.
pub(super) fn interval_of_promise(promise: &Promise) -> String {
    let seen = Factor::within(&promise.rounds).and_then(|factor| factor.interval);
    let text = interval(seen.map(|ends| ends.map(|ns| ns / 1000.0)), digits_of_micros(promise.spread.median));
    if seen.is_some() { format!("{text} µs") } else { text }
}

/// The control's median and interval; empty without a control.
pub(super) fn control(control: Option<&Control>) -> String {
    control.map_or_else(String::new, |seen| format!("{:.2}, {}", seen.spread.median, interval(seen.interval, 2)))
}

fn interval(ends: Option<[f64; 2]>, digits: usize) -> String {
    ends.map_or_else(|| "too few rounds".to_owned(), |[low, high]| format!("{low:.digits$} to {high:.digits$}"))
}

/// A rate per second, in millions from a million on.
pub(super) fn shown_rate(spread: Spread) -> String {
    let Spread { median, low, high } = spread;
    if median >= 1e6 {
        let of = |rate: f64| rate / 1e6;
        return format!("{} M", shown(Spread { median: of(median), low: of(low), high: of(high) }, 2));
    }
    let whole = |rate: f64| grouped(rate.round() as u64);
    format!("{} [{}…{}]", whole(median), whole(low), whole(high))
}

/// Judgement of a ratio, in words.
pub(super) fn of_ratio(ratio: &Ratio) -> String {
    judged(&ratio.judgement, &|value| format!("{value:.2}"))
}

/// Judgement of a promise, in words. All promises are of times.
pub(super) fn of_promise(promise: &Promise) -> String {
    judged(&promise.judgement, &|ns| format!("{} µs", (ns / 10.0).round() / 100.0))
}

fn judged(judgement: &Judgement, value: &dyn Fn(f64) -> String) -> String {
    let threshold = |threshold: &Threshold| match threshold {
        Threshold::AtMost(most) => format!("at most {}", value(*most)),
        Threshold::AtLeast(least) => format!("at least {}", value(*least)),
    };
    match judgement {
        Judgement::Shown => "shown without a threshold".to_owned(),
        Judgement::Met { threshold: met } => format!("met: {}", threshold(met)),
        Judgement::Missed { threshold: missed } => format!("MISSED: {}", threshold(missed)),
        Judgement::NotJudged { threshold: asked, why } => {
            let why = match why {
                Unjudged::Control => {
                    format!("the baseline, measured twice, does not agree with itself within {CONTROL_BAND}")
                }
                Unjudged::ControlTooShort => {
                    format!("whether the baseline agrees with itself takes {ROUNDS_WITHIN_MIN} rounds or more to say")
                }
                Unjudged::NoControl => "the baseline was not measured twice in each round".to_owned(),
                Unjudged::NoisyHost => "the machine itself stalls for a millisecond and more".to_owned(),
                Unjudged::BaselineSaturates(per_s) => {
                    format!(
                        "above half of the {}/s that the baseline sustained in this run",
                        grouped(per_s.round() as u64)
                    )
                }
            };
            format!("not judged ({}): {why}", threshold(asked))
        }
    }
}

/// Meaning of a contender's role.
pub(super) fn role(role: Role) -> &'static str {
    match role {
        Role::Ours => "ours",
        Role::Baseline => "baseline",
        Role::Control => "control",
        Role::Peer => "peer",
    }
}

/// A category as a title.
pub(super) fn category(category: Category) -> &'static str {
    match category {
        Category::ExecutionLatency => "Execution latency",
        Category::Throughput => "Throughput",
        Category::ResourceEfficiency => "Resource efficiency",
        Category::Scalability => "Scalability",
        Category::Reliability => "Reliability",
    }
}

/// Kind of host, in words.
pub(super) fn host(kind: HostKind) -> &'static str {
    match kind {
        HostKind::Quiet => "quiet: no stall of a millisecond while it was watched",
        HostKind::Noisy => "noisy: it stalls for a millisecond and more by itself",
    }
}

/// The first characters of a commit, and whether the tree differed from it.
pub(super) fn revision(commit: Option<&str>, modified: Option<bool>) -> Option<String> {
    let short: String = commit?.chars().take(12).collect();
    Some(if modified == Some(true) { format!("{short}, with changes") } else { short })
}
