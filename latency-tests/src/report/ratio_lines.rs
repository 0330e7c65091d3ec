//! The last lines of a run: the figures that the project promises.

use crate::result::{Role, Run, Scenario};

/// `ratio hop …`, `ratio wire …`, `ratio tokio …`, `ratio peers …`, as far as the scenarios
/// ran with these contenders. That of
/// the peers is the best of them against ours: above 1 is ahead.
pub fn ratio_lines(run: &Run) -> Vec<String> {
    let hop = run.scenario("hop").and_then(|hop| {
        let of = |figure| median(hop, figure, "actors", "raw ring");
        Some(format!("ratio hop p50={:.2} p99_9={:.2} throughput={:.2}", of("p50")?, of("p99_9")?, of("throughput")?))
    });
    let wire = run.scenario("wire").and_then(|wire| {
        let p50 = median(wire, "p50", "venue", "echo")?;
        let saturation = median(run.scenario("saturation")?, "saturation", "venue", "echo")?;
        Some(format!("ratio wire p50={p50:.2} saturation={saturation:.2}"))
    });
    let tokio = run.scenario("wire").and_then(|wire| {
        let p50 = median(wire, "p50", "tokio with channels", "venue")?;
        Some(format!("ratio tokio p50={p50:.2}"))
    });
    let peers = run.scenario("hop").and_then(|hop| {
        let peers = || {
            hop.contenders
                .iter()
                .filter(|contender| contender.role == Role::Peer)
                .map(|contender| contender.name.as_str())
        };
        let round_trip = least(peers().map(|peer| median(hop, "p50", peer, "actors")))?;
        let throughput = least(peers().map(|peer| median(hop, "throughput", "actors", peer)))?;
        Some(format!("ratio peers hop={round_trip:.2} throughput={throughput:.2}"))
    });
    [hop, wire, tokio, peers].into_iter().flatten().collect()
}

/// The least; `None` if one is missing or there is none.
fn least(figures: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    figures.collect::<Option<Vec<f64>>>()?.into_iter().min_by(f64::total_cmp)
}

fn median(scenario: &Scenario, figure: &str, of: &str, to: &str) -> Option<f64> {
    scenario.ratio(figure, of, to).map(|ratio| ratio.spread.median)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        report::fixture,
        result::{Category, Contender, Judgement, Ratio, Spread},
    };

    /// Contenders and ratios of a scenario: figure, of, to, median.
    fn scenario(name: &str, contenders: &[(&str, Role)], ratios: &[(&str, &str, &str, f64)]) -> Scenario {
        let contender = |&(name, role): &(&str, Role)| Contender {
            name: name.to_owned(),
            role,
            rounds: Vec::new(),
            intended: None,
            send: None,
            hops: Vec::new(),
            differs: None,
        };
        let ratio = |&(figure, of, to, median): &(&str, &str, &str, f64)| Ratio {
            figure: figure.to_owned(),
            of: of.to_owned(),
            to: to.to_owned(),
            spread: Spread { median, low: median, high: median },
            rounds: vec![median],
            control: None,
            judgement: Judgement::Shown,
        };
        Scenario {
            name: name.to_owned(),
            summary: String::new(),
            category: Category::ExecutionLatency,
            load: String::new(),
            contenders: contenders.iter().map(contender).collect(),
            ratios: ratios.iter().map(ratio).collect(),
            promises: Vec::new(),
        }
    }

    fn run(scenarios: Vec<Scenario>) -> Run {
        Run { scenarios, ..fixture::run("") }
    }

    #[test]
    fn the_lines_are_as_promised_and_the_best_peer_counts() {
        let hop = scenario(
            "hop",
            &[("raw ring", Role::Baseline), ("actors", Role::Ours), ("a", Role::Peer), ("b", Role::Peer)],
            &[
                ("p50", "actors", "raw ring", 1.084),
                ("p99_9", "actors", "raw ring", 1.2),
                ("throughput", "actors", "raw ring", 4.0),
                ("p50", "a", "actors", 1.5),
                ("p50", "b", "actors", 3.0),
                ("throughput", "actors", "a", 9.0),
                ("throughput", "actors", "b", 2.0),
            ],
        );
        let wire =
            scenario("wire", &[], &[("p50", "venue", "echo", 1.08), ("p50", "tokio with channels", "venue", 2.5)]);
        let saturation = scenario("saturation", &[], &[("saturation", "venue", "echo", 1.12)]);
        let all = run(vec![hop, wire.clone(), saturation]);
        let expected = [
            "ratio hop p50=1.08 p99_9=1.20 throughput=4.00",
            "ratio wire p50=1.08 saturation=1.12",
            "ratio tokio p50=2.50",
            "ratio peers hop=1.50 throughput=2.00",
        ];
        assert_eq!(ratio_lines(&all), expected);
        // What did not run has no line.
        assert_eq!(ratio_lines(&run(vec![wire])), ["ratio tokio p50=2.50"]);
        assert_eq!(ratio_lines(&run(vec![scenario("hop", &[], &[])])), Vec::<String>::new());
    }
}
