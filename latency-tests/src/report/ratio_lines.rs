//! The last lines of a run: the figures that the project promises.

use crate::result::{Role, Run, Scenario};

/// `ratio hop …`, `ratio wire …`, `ratio tokio …`, `ratio peers …`, as far as the scenarios ran with these sides. That of
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
        let peers = || hop.sides.iter().filter(|side| side.role == Role::Peer).map(|side| side.name.as_str());
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
