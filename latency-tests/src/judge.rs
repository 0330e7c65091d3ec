//! Ratios of sides, and what they mean.
//!
//! A ratio is taken within each round and the median over the rounds counts. Where the floor was measured twice, the
//! mean of both stands below, and the second against the first is the control: tails are judged only if it agrees
//! within [`CONTROL_BAND`].

use crate::result::{Bar, Judgement, Ratio, Round, Side, Spread};

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
        "throughput" | "saturation" => round.throughput_per_s,
        _ => None,
    }
}

fn ratio(sides: &[Side], wanted: &Wanted) -> Option<Ratio> {
    let rounds = |name: &str| {
        let side = sides.iter().find(|side| side.name == name)?;
        side.rounds.iter().map(|round| figure(round, wanted.figure)).collect::<Option<Vec<f64>>>()
    };
    let (of, to) = (rounds(wanted.of)?, rounds(wanted.to)?);
    let again = wanted.control.and_then(rounds);
    let below = |round: usize| again.as_ref().map_or(to[round], |again| f64::midpoint(to[round], again[round]));
    let of_rounds: Vec<f64> = of.iter().enumerate().map(|(round, of)| of / below(round)).collect();
    // A round without a figure below has no ratio; its own problems say why.
    if of_rounds.iter().any(|ratio| !ratio.is_finite()) {
        return None;
    }
    let spread = Spread::of(&of_rounds)?;
    let controls: Option<Vec<f64>> = again.map(|again| again.iter().zip(&to).map(|(again, to)| again / to).collect());
    let control = controls.and_then(|controls| Spread::of(&controls)).map(|spread| spread.median);
    let is_tail = wanted.figure.starts_with("p99");
    let judgement = match (wanted.bar, control) {
        (None, _) => Judgement::Shown,
        (Some(_), Some(control)) if is_tail && !(1.0 / CONTROL_BAND..=CONTROL_BAND).contains(&control) => {
            Judgement::NotJudged { control }
        }
        (Some(bar), _) if bar.is_met_by(spread.median) => Judgement::Met { bar },
        (Some(bar), _) => Judgement::Missed { bar },
    };
    let name = str::to_owned;
    Some(Ratio {
        figure: name(wanted.figure),
        of: name(wanted.of),
        to: name(wanted.to),
        spread,
        rounds: of_rounds,
        judgement,
    })
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
