//! Ratios of sides and promises of one side, and what they mean.
//!
//! A ratio is taken within each round and the median over the rounds counts. Where the floor was measured twice, the
//! mean of both stands below, and the second against the first is the control: tails are judged only if it agrees
//! within [`CONTROL_BAND`]. So are tails of a side by itself, if the floor is not beyond their bar already; those so far out that the machine's own stalls decide them
//! are judged on a quiet host only.

use crate::result::{Bar, HostKind, Judgement, Promise, Ratio, Round, Side, Spread, Unjudged};

/// A control further from 1 than this, either way, says that the machine's own tails are larger than what is judged.
pub const CONTROL_BAND: f64 = 1.1;

/// A ratio that is wanted.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// `p50`, `p99`, `p99_9`, `throughput` or `saturation`.
    pub figure: &'static str,
    /// The side on top.
    pub of: &'static str,
    /// The side below.
    pub to: &'static str,
    /// The side that measured `to` again, if one did.
    pub control: Option<&'static str>,
    /// What it has to meet.
    pub bar: Option<Bar>,
}

/// A promise that is wanted.
#[derive(Clone, Copy, Debug)]
pub struct Promised {
    /// `p50`, `p99`, `p99_9` or `p99_99`.
    pub figure: &'static str,
    /// The side.
    pub of: &'static str,
    /// A floor that was measured twice, if one was: its first and its second side.
    pub control: Option<[&'static str; 2]>,
    /// What it has to meet, in the figure's unit.
    pub bar: Bar,
}

/// Those ratios whose sides have the figure.
pub fn ratios(sides: &[Side], wanted: &[Wanted]) -> Vec<Ratio> {
    wanted.iter().filter_map(|wanted| ratio(sides, wanted)).collect()
}

/// The value of a figure in a round.
pub fn figure(round: &Round, figure: &str) -> Option<f64> {
    let intended = round.intended.as_ref();
    match figure {
        "p50" => intended.map(|seen| seen.p50_ns as f64),
        "p99" => intended.map(|seen| seen.p99_ns as f64),
        "p99_9" => intended.map(|seen| seen.p99_9_ns as f64),
        "p99_99" => intended.map(|seen| seen.p99_99_ns as f64),
        "throughput" | "saturation" => round.throughput_per_s,
        "availability" => round.availability.map(|seen| seen.share),
        _ => None,
    }
}

/// Those promises whose side has the figure.
pub fn promises(sides: &[Side], promised: &[Promised], host: HostKind) -> Vec<Promise> {
    promised.iter().filter_map(|promised| promise(sides, promised, host)).collect()
}

/// A figure of all rounds of a side; `None` if one lacks it.
pub fn rounds(sides: &[Side], name: &str, wanted: &str) -> Option<Vec<f64>> {
    let side = sides.iter().find(|side| side.name == name)?;
    side.rounds.iter().map(|round| figure(round, wanted)).collect()
}

fn quotients(of: &[f64], to: &[f64]) -> Option<Vec<f64>> {
    let quotients: Vec<f64> = of.iter().zip(to).map(|(of, to)| of / to).collect();
    quotients.iter().all(|quotient| quotient.is_finite()).then_some(quotients)
}

/// A figure of one side to that of another in each round; if a control measured the other again, to the mean of both. A
/// round without a figure below has no ratio; its own problems say why.
pub fn compared(sides: &[Side], figure: &str, of: &str, to: &str, control: Option<&str>) -> Option<Vec<f64>> {
    let (of, to) = (rounds(sides, of, figure)?, rounds(sides, to, figure)?);
    match control.and_then(|control| rounds(sides, control, figure)) {
        Some(again) => {
            let below: Vec<f64> = to.iter().zip(&again).map(|(&to, &again)| f64::midpoint(to, again)).collect();
            quotients(&of, &below)
        }
        None => quotients(&of, &to),
    }
}

fn ratio(sides: &[Side], wanted: &Wanted) -> Option<Ratio> {
    let of_rounds = compared(sides, wanted.figure, wanted.of, wanted.to, wanted.control)?;
    let spread = Spread::of(&of_rounds)?;
    let why_not = wanted
        .control
        .filter(|_| is_tail(wanted.figure))
        .and_then(|control| disagreement(sides, wanted.figure, [wanted.to, control]));
    Some(Ratio {
        figure: wanted.figure.to_owned(),
        of: wanted.of.to_owned(),
        to: wanted.to.to_owned(),
        spread,
        rounds: of_rounds,
        judgement: Judgement::of(spread.median, wanted.bar, why_not),
    })
}

fn promise(sides: &[Side], promised: &Promised, host: HostKind) -> Option<Promise> {
    let figures = rounds(sides, promised.of, promised.figure)?;
    let spread = Spread::of(&figures)?;
    let why_not = match promised.figure {
        "p99_99" => (host == HostKind::Noisy).then_some(Unjudged::NoisyHost),
        tail if is_tail(tail) => promised.control.and_then(|control| disagreement(sides, tail, control)),
        _ => None,
    };
    Some(Promise {
        figure: promised.figure.to_owned(),
        of: promised.of.to_owned(),
        spread,
        rounds: figures,
        judgement: Judgement::of(spread.median, Some(promised.bar), why_not),
    })
}

fn is_tail(figure: &str) -> bool {
    figure.starts_with("p99")
}

/// A floor that does not agree with itself: its first and its second side.
fn disagreement(sides: &[Side], figure: &str, [floor, again]: [&str; 2]) -> Option<Unjudged> {
    let control = Spread::of(&compared(sides, figure, again, floor, None)?)?.median;
    (!(1.0 / CONTROL_BAND..=CONTROL_BAND).contains(&control)).then_some(Unjudged::Control(control))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::result::{Percentiles, Role};

    fn side(name: &str, p50s: &[u64], p99s: &[u64]) -> Side {
        let rounds = p50s.iter().zip(p99s).map(|(&p50_ns, &p99_ns)| Round {
            intended: Some(Percentiles { p50_ns, p99_ns, ..Percentiles::default() }),
            ..Round::default()
        });
        Side {
            name: name.to_owned(),
            role: Role::Subject,
            rounds: rounds.collect(),
            intended: None,
            send: None,
            hops: Vec::new(),
            differs: None,
        }
    }

    fn wanted(figure: &'static str, control: Option<&'static str>, bar: f64) -> Wanted {
        Wanted { figure, of: "ours", to: "floor", control, bar: Some(Bar::AtMost(bar)) }
    }

    #[test]
    fn a_ratio_is_the_median_of_those_within_the_rounds() {
        // The machine is twice as slow in the second round, which changes nothing.
        let sides = [side("ours", &[110, 220, 120], &[1, 1, 1]), side("floor", &[100, 200, 100], &[1, 1, 1])];
        let [ratio] = &ratios(&sides, &[wanted("p50", None, 1.1)])[..] else { panic!() };
        assert_eq!(ratio.rounds, [1.1, 1.1, 1.2]);
        assert_eq!(ratio.spread, Spread { median: 1.1, low: 1.1, high: 1.2 });
        assert_eq!(ratio.judgement, Judgement::Met { bar: Bar::AtMost(1.1) });
        let [ratio] = &ratios(&sides, &[wanted("p50", None, 1.05)])[..] else { panic!() };
        assert_eq!(ratio.judgement, Judgement::Missed { bar: Bar::AtMost(1.05) });
    }

    #[test]
    fn a_tail_is_judged_only_if_the_control_agrees_with_itself() {
        let ours = side("ours", &[10], &[300]);
        for (again, judged) in [(105, true), (95, true), (111, false), (90, false)] {
            let sides = [ours.clone(), side("floor", &[10], &[100]), side("again", &[20], &[again])];
            let found = ratios(&sides, &[wanted("p99", Some("again"), 1.25), wanted("p50", Some("again"), 1.25)]);
            assert_eq!(matches!(found[0].judgement, Judgement::Missed { .. }), judged, "{again}");
            assert_eq!(matches!(found[0].judgement, Judgement::NotJudged { .. }), !judged, "{again}");
            // A median is judged whatever the control says, against the mean of both.
            assert_eq!(found[1].rounds, [10.0 / 15.0]);
            assert!(matches!(found[1].judgement, Judgement::Met { .. }));
        }
    }

    fn judged(sides: &[Side], figure: &'static str, bar: f64, host: HostKind) -> Judgement {
        let promised = Promised { figure, of: "ours", control: Some(["floor", "again"]), bar: Bar::AtMost(bar) };
        let [promise] = &promises(sides, &[promised], host)[..] else { panic!("no {figure}") };
        promise.judgement.clone()
    }

    #[test]
    fn a_promise_is_judged_by_itself_and_its_tail_only_if_the_control_agrees() {
        let ours = side("ours", &[480, 490, 900], &[3900, 4100, 4200]);
        for (again, agrees) in [(105, true), (120, false)] {
            let sides = [ours.clone(), side("floor", &[1; 3], &[100; 3]), side("again", &[9; 3], &[again; 3])];
            let of = |figure, bar| judged(&sides, figure, bar, HostKind::Noisy);
            assert_eq!(of("p50", 500.0), Judgement::Met { bar: Bar::AtMost(500.0) });
            assert_eq!(of("p50", 489.0), Judgement::Missed { bar: Bar::AtMost(489.0) });
            let bar = Bar::AtMost(4000.0);
            let why = Unjudged::Control(f64::from(again as u32) / 100.0);
            let expected = if agrees { Judgement::Missed { bar } } else { Judgement::NotJudged { bar, why } };
            assert_eq!(of("p99", 4000.0), expected, "{again}");
        }
        let promised = Promised { figure: "p50", of: "another", control: None, bar: Bar::AtMost(1.0) };
        assert_eq!(promises(&[ours], &[promised], HostKind::Quiet), []);
    }

    #[test]
    fn the_farthest_tail_is_judged_on_a_quiet_host_only() {
        let mut ours = side("ours", &[1], &[1]);
        ours.rounds[0].intended.as_mut().unwrap().p99_99_ns = 1_000_001;
        let sides = [ours];
        let bar = Bar::AtMost(1e6);
        assert_eq!(judged(&sides, "p99_99", 1e6, HostKind::Quiet), Judgement::Missed { bar });
        let why = Unjudged::NoisyHost;
        assert_eq!(judged(&sides, "p99_99", 1e6, HostKind::Noisy), Judgement::NotJudged { bar, why });
    }

    #[test]
    fn what_is_withheld_keeps_its_bar() {
        let (bar, why) = (Bar::AtMost(1.1), Unjudged::FloorSaturates(3e5));
        for judgement in [Judgement::Met { bar }, Judgement::Missed { bar }] {
            assert_eq!(judgement.withheld(why), Judgement::NotJudged { bar, why });
        }
        assert_eq!(Judgement::Shown.withheld(why), Judgement::Shown);
    }

    #[test]
    fn a_figure_that_a_side_lacks_gives_no_ratio() {
        let sides = [side("ours", &[10], &[300])];
        assert_eq!(ratios(&sides, &[wanted("p50", None, 1.0)]), []);
        let sides = [side("ours", &[10], &[300]), side("floor", &[10], &[100])];
        assert_eq!(ratios(&sides, &[wanted("throughput", None, 1.0)]), []);
        let sides = [side("ours", &[10], &[300]), side("floor", &[0], &[100])];
        assert_eq!(ratios(&sides, &[wanted("p50", None, 1.0)]), []);
    }
}
