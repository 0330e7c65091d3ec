use super::*;
use crate::{
    report::fixture,
    result::{Category, Judgement, Ratio, Role, Scaling, ScalingPoint, Scenario, Spread},
};

fn ratio(figure: &str, of: &str, to: &str, rounds: &[f64]) -> Ratio {
    Ratio {
        figure: figure.to_owned(),
        of: of.to_owned(),
        to: to.to_owned(),
        spread: Spread::of(rounds).unwrap(),
        rounds: rounds.to_vec(),
        control: None,
        judgement: Judgement::Shown,
    }
}

/// Ours beside a ring and a peer; each ratio near 1, times `factor`.
fn hop(factor: f64, rounds: usize) -> Run {
    let near: Vec<f64> = (0..rounds).map(|round| factor * (1.0 + round as f64 / 100.0)).collect();
    let contenders = [("ring", Role::Baseline), ("actors", Role::Ours), ("peer", Role::Peer)];
    let scenario = Scenario {
        name: "hop".to_owned(),
        summary: String::new(),
        category: Category::ExecutionLatency,
        load: String::new(),
        // Without figures of their own.
        contenders: contenders
            .map(|(name, role)| crate::result::Contender { rounds: Vec::new(), ..fixture::contender(name, role) })
            .to_vec(),
        ratios: vec![
            ratio("p50", "actors", "ring", &near),
            ratio("throughput", "actors", "ring", &near),
            ratio("p50", "peer", "actors", &near),
            ratio("throughput", "actors", "peer", &near),
        ],
        promises: Vec::new(),
    };
    Run { scenarios: vec![scenario], ..fixture::run("") }
}

fn growth(factor: f64, rounds: usize) -> Run {
    let point = |size: f64| {
        let rounds: Vec<f64> = (0..rounds).map(|round| factor * (size + round as f64 / 100.0)).collect();
        ScalingPoint { size, figure: crate::result::median(&rounds).unwrap(), rounds }
    };
    let scaling = Scaling {
        over: "sessions".to_owned(),
        of: "venue".to_owned(),
        figure: "p50_ns".to_owned(),
        points: [8.0, 64.0].map(point).to_vec(),
        exponent: None,
    };
    Run { scaling: vec![scaling], ..hop(1.0, rounds) }
}

fn findings(before: &Run, after: &Run) -> Vec<(String, Finding)> {
    let comparison = Comparison::of(before, after, THRESHOLD);
    let rows = comparison.scenarios.iter().flat_map(|scenario| &scenario.rows);
    rows.map(|row| (row.name(), row.finding)).collect()
}

#[test]
fn to_be_far_ahead_of_a_peer_is_better_and_to_be_far_above_a_baseline_worse() {
    let expected = [
        ("p50, actors to ring", Finding::Worse),
        ("throughput, actors to ring", Finding::Better),
        ("p50, peer to actors", Finding::Better),
        ("throughput, actors to peer", Finding::Better),
    ];
    assert_eq!(findings(&hop(1.0, 5), &hop(2.0, 5)), expected.map(|(name, finding)| (name.to_owned(), finding)));
    let comparison = Comparison::of(&hop(2.0, 5), &hop(1.0, 5), THRESHOLD);
    let summed_up = Summary { better: 1, worse: 3, regressions: 3, ..Summary::default() };
    assert_eq!(comparison.summary, summed_up);
    assert_eq!(
        summary(&comparison),
        "compare: 4 figures, 0 the same within noise, 1 better, 3 worse (3 by more than 5 %)"
    );
    // Two in a hundred are found and are no regression.
    let comparison = Comparison::of(&hop(1.0, 50), &hop(1.02, 50), 0.5);
    assert_eq!(comparison.summary.regressions, 0);
}

#[test]
fn the_same_is_the_same_within_noise_and_few_rounds_cannot_say() {
    let run = growth(1.0, 5);
    let comparison = Comparison::of(&run, &run, THRESHOLD);
    assert_eq!(summary(&comparison), "compare: 6 figures, 6 the same within noise, 0 better, 0 worse");
    // However far they lie apart.
    let comparison = Comparison::of(&growth(1.0, 3), &growth(9.0, 3), THRESHOLD);
    let text = "compare: 6 figures, 0 the same within noise, 0 better, 0 worse, 6 with too few rounds to say";
    assert_eq!(summary(&comparison), text);
}

#[test]
fn growth_is_compared_at_each_size_of_both() {
    let (before, mut after) = (growth(1.0, 5), growth(3.0, 5));
    after.scaling[0].points[1].size = 512.0;
    let found = findings(&before, &after);
    assert_eq!(found[4..], [("p50, venue at 8 sessions".to_owned(), Finding::Worse)]);
    after.verdict.problems.push("growth over sessions, venue at 8, round 1: an answer was wrong".to_owned());
    let comparison = Comparison::of(&before, &after, THRESHOLD);
    let reason = comparison.scenarios[1].not_comparable.as_deref().unwrap();
    assert!(reason.contains("the newer result is invalid: growth over sessions"), "{reason}");
    assert!(summary(&comparison).ends_with("; 1 scenario not comparable"), "{}", summary(&comparison));
}
