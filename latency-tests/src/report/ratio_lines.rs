//! The last lines of a run: the figures that the project promises.

use crate::result::{Run, Scenario};

/// `ratio hop …`, `ratio wire …`, as far as the scenarios ran.
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
    [hop, wire].into_iter().flatten().collect()
}

fn median(scenario: &Scenario, figure: &str, of: &str, to: &str) -> Option<f64> {
    scenario.ratio(figure, of, to).map(|ratio| ratio.spread.median)
}
