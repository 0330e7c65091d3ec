use super::*;
use crate::result::{Percentiles, Role};

fn contender(name: &str, p50s: &[u64], p99s: &[u64]) -> Contender {
    let rounds = p50s.iter().zip(p99s).map(|(&p50_ns, &p99_ns)| Round {
        intended: Some(Percentiles { p50_ns, p99_ns, ..Percentiles::default() }),
        ..Round::default()
    });
    Contender {
        name: name.to_owned(),
        role: Role::Ours,
        rounds: rounds.collect(),
        intended: None,
        send: None,
        hops: Vec::new(),
        differs: None,
    }
}

fn wanted(figure: &'static str, control: Option<&'static str>, threshold: f64) -> Wanted {
    Wanted { figure, of: "ours", to: "baseline", control, threshold: Some(Threshold::AtMost(threshold)) }
}

#[test]
fn a_ratio_is_the_median_of_those_within_the_rounds() {
    // The machine is twice as slow in the second round, which changes nothing.
    let contenders =
        [contender("ours", &[110, 220, 120], &[1, 1, 1]), contender("baseline", &[100, 200, 100], &[1, 1, 1])];
    let [ratio] = &ratios(&contenders, &[wanted("p50", None, 1.1)])[..] else { panic!() };
    assert_eq!(ratio.rounds, [1.1, 1.1, 1.2]);
    assert_eq!(ratio.spread, Spread { median: 1.1, low: 1.1, high: 1.2 });
    assert_eq!(ratio.judgement, Judgement::Met { threshold: Threshold::AtMost(1.1) });
    let [ratio] = &ratios(&contenders, &[wanted("p50", None, 1.05)])[..] else { panic!() };
    assert_eq!(ratio.judgement, Judgement::Missed { threshold: Threshold::AtMost(1.05) });
}

/// Ours at `ours` times the mean of a baseline that took 1000 and, measured again, this many thousandths of it.
fn beside_control(ours: f64, again: &[u64]) -> Vec<Contender> {
    let ours: Vec<u64> = again.iter().map(|&again| (ours * (1000 + again) as f64 / 2.0) as u64).collect();
    let of = |p99s: &[u64]| contender("", &vec![10; p99s.len()], p99s);
    let [mut ours, mut baseline, mut again] = [of(&ours), of(&vec![1000; again.len()]), of(again)];
    (ours.name, baseline.name, again.name) = ("ours".to_owned(), "baseline".to_owned(), "again".to_owned());
    vec![ours, baseline, again]
}

fn tail(ours: f64, again: &[u64]) -> Ratio {
    let found = ratios(&beside_control(ours, again), &[wanted("p99", Some("again"), 1.25)]);
    found.into_iter().next().unwrap()
}

/// A real run on a machine that stalled: p99.9 at 100,000/s, echo to echo. Its median is 1.05.
const BY_LUCK: [u64; 7] = [410, 2500, 1000, 1180, 3370, 810, 1050];
/// The same run: p99 of the raw ring to itself. One round is out of the band, which one of nine may be.
const AGREES: [u64; 9] = [980, 840, 970, 1050, 990, 980, 1020, 980, 990];

#[test]
fn a_control_that_agrees_in_its_median_by_luck_does_not_agree() {
    let ratio = tail(1.66, &BY_LUCK);
    let control = ratio.control.unwrap();
    assert_eq!((control.spread, control.rounds), (Spread { median: 1.05, low: 0.41, high: 3.37 }, 7));
    assert_eq!(control.interval, Some([0.41, 3.37]));
    let threshold = Threshold::AtMost(1.25);
    assert_eq!(ratio.judgement, Judgement::NotJudged { threshold, why: Unjudged::Control });
    // That does not help the other side either: a threshold that would be met is not judged.
    assert_eq!(tail(0.81, &BY_LUCK).judgement, Judgement::NotJudged { threshold, why: Unjudged::Control });
}

#[test]
fn beside_a_control_that_agrees_a_tail_is_met_or_missed() {
    let threshold = Threshold::AtMost(1.25);
    let [met, missed] = [1.2, 1.3].map(|ours| tail(ours, &AGREES));
    assert_eq!(met.control.unwrap().interval, Some([0.97, 1.02]));
    assert_eq!(met.judgement, Judgement::Met { threshold });
    assert_eq!(missed.judgement, Judgement::Missed { threshold });
    // The machine is four times as slow in every other round: both contenders feel it, and it changes nothing.
    let mut contenders = beside_control(1.3, &AGREES);
    for round in contenders.iter_mut().flat_map(|contender| contender.rounds.iter_mut().step_by(2)) {
        let seen = round.intended.as_mut().unwrap();
        seen.p99_ns *= 4;
    }
    let [ratio] = &ratios(&contenders, &[wanted("p99", Some("again"), 1.25)])[..] else { panic!() };
    assert_eq!((&ratio.control, &ratio.judgement), (&missed.control, &missed.judgement));
}

#[test]
fn a_control_agrees_within_a_tenth_either_way() {
    for (again, agrees) in [(1100, true), (910, true), (1101, false), (909, false), (2000, false)] {
        let judgement = tail(1.3, &[again; 5]).judgement;
        assert_eq!(matches!(judgement, Judgement::Missed { .. }), agrees, "{again}");
        assert_eq!(matches!(judgement, Judgement::NotJudged { why: Unjudged::Control, .. }), !agrees, "{again}");
    }
}

#[test]
fn a_control_of_few_rounds_or_none_judges_no_tail_and_a_median_needs_none() {
    let threshold = Threshold::AtMost(1.25);
    let ratio = tail(1.3, &[1000; 4]);
    assert_eq!(ratio.control.unwrap().interval, None);
    assert_eq!(ratio.judgement, Judgement::NotJudged { threshold, why: Unjudged::ControlTooShort });
    let contenders = beside_control(1.3, &[1000; 5]);
    for control in [None, Some("absent")] {
        let [ratio] = &ratios(&contenders, &[wanted("p99", control, 1.25)])[..] else { panic!() };
        assert_eq!(ratio.judgement, Judgement::NotJudged { threshold, why: Unjudged::NoControl }, "{control:?}");
    }
    // A median is judged whatever the control says, against the mean of both.
    let contenders =
        [contender("ours", &[10], &[1]), contender("baseline", &[10], &[1]), contender("again", &[20], &[1])];
    let [ratio] = &ratios(&contenders, &[wanted("p50", Some("again"), 1.25)])[..] else { panic!() };
    assert_eq!((&ratio.rounds[..], &ratio.judgement), (&[10.0 / 15.0][..], &Judgement::Met { threshold }));
    assert_eq!(ratio.control.unwrap().spread.median, 2.0);
}

fn judged(contenders: &[Contender], figure: &'static str, threshold: f64, host: HostKind) -> Judgement {
    let promised =
        Promised { figure, of: "ours", control: Some(["baseline", "again"]), threshold: Threshold::AtMost(threshold) };
    let [promise] = &promises(contenders, &[promised], host)[..] else { panic!("no {figure}") };
    promise.judgement.clone()
}

#[test]
fn a_promise_is_judged_by_itself_and_its_tail_only_if_the_control_agrees() {
    let ours = contender("ours", &[480, 470, 490, 900, 495], &[3900, 3800, 4100, 4200, 9000]);
    let baseline = contender("baseline", &[1; 5], &[100; 5]);
    for (again, agrees) in [([105, 98, 100, 97, 102], true), ([105, 98, 100, 50, 102], false)] {
        let contenders = [ours.clone(), baseline.clone(), contender("again", &[9; 5], &again)];
        let of = |figure, threshold| judged(&contenders, figure, threshold, HostKind::Noisy);
        assert_eq!(of("p50", 500.0), Judgement::Met { threshold: Threshold::AtMost(500.0) });
        assert_eq!(of("p50", 489.0), Judgement::Missed { threshold: Threshold::AtMost(489.0) });
        let [threshold, wide] = [4000.0, 4100.0].map(Threshold::AtMost);
        let why = Unjudged::Control;
        let expected = |judgement, threshold| if agrees { judgement } else { Judgement::NotJudged { threshold, why } };
        assert_eq!(of("p99", 4000.0), expected(Judgement::Missed { threshold }, threshold), "{again:?}");
        assert_eq!(of("p99", 4100.0), expected(Judgement::Met { threshold: wide }, wide), "{again:?}");
    }
    let promised = Promised { figure: "p50", of: "another", control: None, threshold: Threshold::AtMost(1.0) };
    assert_eq!(promises(&[ours], &[promised], HostKind::Quiet), []);
}

#[test]
fn the_farthest_tail_is_judged_on_a_quiet_host_only() {
    let mut ours = contender("ours", &[1], &[1]);
    ours.rounds[0].intended.as_mut().unwrap().p99_99_ns = 1_000_001;
    let contenders = [ours];
    let threshold = Threshold::AtMost(1e6);
    assert_eq!(judged(&contenders, "p99_99", 1e6, HostKind::Quiet), Judgement::Missed { threshold });
    let why = Unjudged::NoisyHost;
    assert_eq!(judged(&contenders, "p99_99", 1e6, HostKind::Noisy), Judgement::NotJudged { threshold, why });
}

#[test]
fn what_is_withheld_keeps_its_bar() {
    let (threshold, why) = (Threshold::AtMost(1.1), Unjudged::BaselineSaturates(3e5));
    for judgement in [Judgement::Met { threshold }, Judgement::Missed { threshold }] {
        assert_eq!(judgement.withheld(why), Judgement::NotJudged { threshold, why });
    }
    assert_eq!(Judgement::Shown.withheld(why), Judgement::Shown);
}

#[test]
fn a_figure_that_a_side_lacks_gives_no_ratio() {
    let contenders = [contender("ours", &[10], &[300])];
    assert_eq!(ratios(&contenders, &[wanted("p50", None, 1.0)]), []);
    let contenders = [contender("ours", &[10], &[300]), contender("baseline", &[10], &[100])];
    assert_eq!(ratios(&contenders, &[wanted("throughput", None, 1.0)]), []);
    let contenders = [contender("ours", &[10], &[300]), contender("baseline", &[0], &[100])];
    assert_eq!(ratios(&contenders, &[wanted("p50", None, 1.0)]), []);
}
