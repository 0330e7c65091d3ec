//! Judgement of ratios between contenders, and of promises: thresholds on one contender's own figure.
//!
//! A ratio is taken within each round; the median over the rounds counts. If the baseline was measured twice, the denominator
//! is the mean of both, and the second divided by the first is the control. A tail, of a ratio or a promise, is judged only if
//! the control's median and its whole interval lie within [`CONTROL_BAND`]: a median alone may agree by luck. Tails that the
//! machine's own stalls decide (p99.99) are judged on a quiet host only.

use crate::{
    confidence::Factor,
    result::{Contender, Control, HostKind, Judgement, Promise, Ratio, Round, Spread, Threshold, Unjudged},
};

/// The largest factor between the control and 1, either way, at which a tail is judged. Beyond it the machine's own tails hide ours.
pub const CONTROL_BAND: f64 = 1.1;

/// A ratio to compute.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// `p50`, `p99`, `p99_9`, `throughput` or `saturation`.
    pub figure: &'static str,
    /// The contender in the numerator.
    pub of: &'static str,
    /// The contender in the denominator.
    pub to: &'static str,
    /// The contender that measured `to` again, if one did.
    pub control: Option<&'static str>,
    /// The threshold.
    pub threshold: Option<Threshold>,
}

/// A promise to judge.
#[derive(Clone, Copy, Debug)]
pub struct Promised {
    /// `p50`, `p99`, `p99_9` or `p99_99`.
    pub figure: &'static str,
    /// The contender.
    pub of: &'static str,
    /// A baseline that was measured twice, if one was: its first and its second contender.
    pub control: Option<[&'static str; 2]>,
    /// The threshold, in the figure's unit.
    pub threshold: Threshold,
}

/// The ratios whose contenders have the figure.
pub fn ratios(contenders: &[Contender], wanted: &[Wanted]) -> Vec<Ratio> {
    wanted.iter().filter_map(|wanted| ratio(contenders, wanted)).collect()
}

/// The value of a figure in a round: times in nanoseconds, rates per second, shares from 0 to 1.
pub fn figure(round: &Round, figure: &str) -> Option<f64> {
    let intended = round.intended.as_ref();
    match figure {
        "p50" => intended.map(|seen| seen.p50_ns as f64),
        "p99" => intended.map(|seen| seen.p99_ns as f64),
        "p99_9" => intended.map(|seen| seen.p99_9_ns as f64),
        "p99_99" => intended.map(|seen| seen.p99_99_ns as f64),
        "throughput" | "saturation" => round.throughput_per_s,
        "availability" => round.availability.map(|seen| seen.share),
        "catch_up" => round.recovery.map(|seen| seen.last.p50_ns as f64),
        "busy" => round.resources?.busy,
        "enters_per_request" => round.resources?.enters_per_request,
        "memory_bytes" => round.resources?.memory_bytes.map(|bytes| bytes as f64),
        _ => None,
    }
}

/// The promises whose contender has the figure.
pub fn promises(contenders: &[Contender], promised: &[Promised], host: HostKind) -> Vec<Promise> {
    promised.iter().filter_map(|promised| promise(contenders, promised, host)).collect()
}

/// A figure of all rounds of a contender; `None` if one lacks it.
pub fn rounds(contenders: &[Contender], name: &str, wanted: &str) -> Option<Vec<f64>> {
    let contender = contenders.iter().find(|contender| contender.name == name)?;
    contender.rounds.iter().map(|round| figure(round, wanted)).collect()
}

fn quotients(of: &[f64], to: &[f64]) -> Option<Vec<f64>> {
    let quotients: Vec<f64> = of.iter().zip(to).map(|(of, to)| of / to).collect();
    quotients.iter().all(|quotient| quotient.is_finite()).then_some(quotients)
}

/// A figure of one contender to that of another in each round; if a control measured the other again, to the mean of both. A
/// round without a figure below has no ratio; its own problems say why.
pub fn compared(contenders: &[Contender], figure: &str, of: &str, to: &str, control: Option<&str>) -> Option<Vec<f64>> {
    let (of, to) = (rounds(contenders, of, figure)?, rounds(contenders, to, figure)?);
    match control.and_then(|control| rounds(contenders, control, figure)) {
        Some(again) => {
            let below: Vec<f64> = to.iter().zip(&again).map(|(&to, &again)| f64::midpoint(to, again)).collect();
            quotients(&of, &below)
        }
        None => quotients(&of, &to),
    }
}

fn ratio(contenders: &[Contender], wanted: &Wanted) -> Option<Ratio> {
    let of_rounds = compared(contenders, wanted.figure, wanted.of, wanted.to, wanted.control)?;
    let spread = Spread::of(&of_rounds)?;
    let control = wanted.control.and_then(|again| control(contenders, wanted.figure, [wanted.to, again]));
    let why_not = if is_tail(wanted.figure) { disagreement(control.as_ref()) } else { None };
    Some(Ratio {
        figure: wanted.figure.to_owned(),
        of: wanted.of.to_owned(),
        to: wanted.to.to_owned(),
        spread,
        rounds: of_rounds,
        control,
        judgement: Judgement::of(spread.median, wanted.threshold, why_not),
    })
}

fn promise(contenders: &[Contender], promised: &Promised, host: HostKind) -> Option<Promise> {
    let figures = rounds(contenders, promised.of, promised.figure)?;
    let spread = Spread::of(&figures)?;
    let control = promised.control.and_then(|baselines| control(contenders, promised.figure, baselines));
    let why_not = match promised.figure {
        "p99_99" => (host == HostKind::Noisy).then_some(Unjudged::NoisyHost),
        tail if is_tail(tail) => disagreement(control.as_ref()),
        _ => None,
    };
    Some(Promise {
        figure: promised.figure.to_owned(),
        of: promised.of.to_owned(),
        spread,
        rounds: figures,
        control,
        judgement: Judgement::of(spread.median, Some(promised.threshold), why_not),
    })
}

fn is_tail(figure: &str) -> bool {
    figure.starts_with("p99")
}

/// A baseline against itself: its first and its second contender.
fn control(contenders: &[Contender], figure: &str, [baseline, again]: [&str; 2]) -> Option<Control> {
    let quotients = compared(contenders, figure, again, baseline, None)?;
    let interval = Factor::within(&quotients).and_then(|factor| factor.interval);
    Some(Control { spread: Spread::of(&quotients)?, interval, rounds: quotients.len() })
}

/// Why a tail cannot be judged beside this control; `None` if it can.
fn disagreement(control: Option<&Control>) -> Option<Unjudged> {
    let Some(control) = control else { return Some(Unjudged::NoControl) };
    let Some([low, high]) = control.interval else { return Some(Unjudged::ControlTooShort) };
    let agrees = |ratio| (1.0 / CONTROL_BAND..=CONTROL_BAND).contains(&ratio);
    (![low, control.spread.median, high].into_iter().all(agrees)).then_some(Unjudged::Control)
}

#[cfg(test)]
mod tests;
