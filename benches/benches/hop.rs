//! A message from an actor to an actor on another shard and back, beside the raw ring that carries it.
//!
//! Both sides run on the same two CPUs in turns, round by round, because the machine's speed drifts; every round
//! gives one ratio, and the medians are printed. Every answer is checked.

use std::time::Duration;

use corelane_benches::{
    hop::{self, CHUNK},
    median, percentiles, two_cpus,
};

const ROUNDS: usize = 9;
const ROUND: Duration = Duration::from_millis(400);

fn main() {
    let Some(cpus) = two_cpus("hop") else { return };
    println!("hop: {ROUNDS} rounds of {ROUND:?} each, CPUs {} and {}, slots of 64 bytes", cpus[0], cpus[1]);
    let (mut p50, mut p99_9, mut throughput, mut throughput_chunked) = (vec![], vec![], vec![], vec![]);
    for round in 1..=ROUNDS {
        let seen = hop::round(cpus, ROUND);
        println!("round {round}");
        println!("  {}", percentiles("raw ring round trip", &seen.raw));
        println!("  {}", percentiles("actor round trip", &seen.actors));
        println!(
            "  throughput: raw ring {:.1}, raw ring in chunks of {CHUNK} {:.1}, actors {:.1} M messages/s",
            seen.raw_per_s / 1e6,
            seen.raw_chunked_per_s / 1e6,
            seen.actors_per_s / 1e6
        );
        let ratio = |percentile| {
            seen.actors.value_at_percentile(percentile) as f64 / seen.raw.value_at_percentile(percentile) as f64
        };
        p50.push(ratio(50.0));
        p99_9.push(ratio(99.9));
        throughput.push(seen.actors_per_s / seen.raw_per_s);
        throughput_chunked.push(seen.actors_per_s / seen.raw_chunked_per_s);
    }
    println!("against the ring in chunks of {CHUNK}: throughput={:.2}", median(&throughput_chunked));
    println!("ratio hop p50={:.2} p99_9={:.2} throughput={:.2}", median(&p50), median(&p99_9), median(&throughput));
}
