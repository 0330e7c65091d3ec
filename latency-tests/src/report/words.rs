//! Figures and what they mean, in the words that every report uses.

use corelane_tester::report::grouped;

use crate::{
    confidence::{Factor, ROUNDS_WITHIN_MIN},
    judge::CONTROL_BAND,
    result::{Bar, Category, Control, HostKind, Judgement, Promise, Ratio, Role, Spread, Unjudged},
};

/// Where a control has to lie.
pub(super) fn control_band() -> String {
    format!("{:.2} to {CONTROL_BAND:.2}", 1.0 / CONTROL_BAND)
}

/// What a figure is called.
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

/// Of nanoseconds, in microseconds.
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

/// Where a ratio lies by its rounds.
pub(super) fn interval_of_ratio(ratio: &Ratio) -> String {
    interval(Factor::within(&ratio.rounds).and_then(|factor| factor.interval), 2)
}

/// Where a promise lies by its rounds, in microseconds. All are of times.
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

/// Of a rate per second, in millions where it has some.
pub(super) fn shown_rate(spread: Spread) -> String {
    let Spread { median, low, high } = spread;
    if median >= 1e6 {
        let of = |rate: f64| rate / 1e6;
        return format!("{} M", shown(Spread { median: of(median), low: of(low), high: of(high) }, 2));
    }
    let whole = |rate: f64| grouped(rate.round() as u64);
    format!("{} [{}…{}]", whole(median), whole(low), whole(high))
}

/// What a ratio means.
pub(super) fn of_ratio(ratio: &Ratio) -> String {
    judged(&ratio.judgement, &|value| format!("{value:.2}"))
}

/// What a promise means. All are of times.
pub(super) fn of_promise(promise: &Promise) -> String {
    judged(&promise.judgement, &|ns| format!("{} µs", (ns / 10.0).round() / 100.0))
}

fn judged(judgement: &Judgement, value: &dyn Fn(f64) -> String) -> String {
    let bar = |bar: &Bar| match bar {
        Bar::AtMost(most) => format!("at most {}", value(*most)),
        Bar::AtLeast(least) => format!("at least {}", value(*least)),
    };
    match judgement {
        Judgement::Shown => "shown without a bar".to_owned(),
        Judgement::Met { bar: met } => format!("met: {}", bar(met)),
        Judgement::Missed { bar: missed } => format!("MISSED: {}", bar(missed)),
        Judgement::NotJudged { bar: asked, why } => {
            let why = match why {
                Unjudged::Control => {
                    format!("the floor, measured twice, does not agree with itself within {CONTROL_BAND}")
                }
                Unjudged::ControlTooShort => {
                    format!("whether the floor agrees with itself takes {ROUNDS_WITHIN_MIN} rounds or more to say")
                }
                Unjudged::NoControl => "the floor was not measured twice in each round".to_owned(),
                Unjudged::NoisyHost => "the machine itself stalls for a millisecond and more".to_owned(),
                Unjudged::FloorSaturates(per_s) => {
                    format!(
                        "above half of the {}/s that the floor sustained in this run",
                        grouped(per_s.round() as u64)
                    )
                }
            };
            format!("not judged ({}): {why}", bar(asked))
        }
    }
}

/// What a side stands for.
pub(super) fn role(role: Role) -> &'static str {
    match role {
        Role::Subject => "ours",
        Role::Floor => "floor",
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

/// What kind of host it is.
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
