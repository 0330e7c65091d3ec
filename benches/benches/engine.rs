//! Risk, matching and reports in process, without sockets: `cargo bench -p corelane-benches --bench engine`; with
//! `--features peers` beside published matching crates on the same commands.
//!
//! A million commands a second at times that were fixed beforehand, then as many as go. Ours runs the group as the venue
//! does, with accounts, risk, encoded reports and feed, behind a sequencer on another CPU or with it; the crates match only. What the commands lead to is
//! counted and must be, for ours, what the generator's own books say; where a crate differs, that is shown. Latency counts from the intended time, so what the
//! measuring and the machine cost is shown beside it: the same loop without an engine, twice.

use corelane_benches::{
    engine::{self, Commands, Nothing, Round, commands::RESTING, group::Group, matching::MatchingAlone},
    median, percentiles,
};
use corelane_runtime::cpu;

const ROUNDS: usize = 5;
const COMMANDS: usize = 700_000;
const RATE_PER_S: f64 = 1_000_000.0;
/// What is asked of ours, in nanoseconds.
const P50_MAX_NS: u64 = 500;
const P99_MAX_NS: u64 = 4000;

type Run = fn(usize, &Commands, f64) -> Round;

/// Ours that come first: the group, the group with its sequencer, and matching alone.
const OURS: usize = 3;
/// Where matching alone is.
const MATCHING: usize = 2;

/// Name and what runs it; ours first.
fn engines() -> Vec<(&'static str, Run)> {
    let group: Run = |cpu, commands, rate| engine::run(|| Group::new(commands), cpu, commands, rate);
    let sequenced: Run = |cpu, commands, rate| engine::run(|| Group::with_sequencer(commands), cpu, commands, rate);
    let matching: Run = |cpu, commands, rate| engine::run(|| MatchingAlone::new(commands), cpu, commands, rate);
    #[cfg_attr(not(feature = "peers"), expect(unused_mut, reason = "peers are added"))]
    let mut engines =
        vec![("ours, group", group), ("ours, with sequencer", sequenced), ("ours, matching alone", matching)];
    #[cfg(feature = "peers")]
    engines.extend(corelane_benches::peers::matching::ALL.iter().map(|peer| (peer.name, peer.run as Run)));
    engines
}

fn main() {
    // The last one: the first serves most interrupts.
    let cpus = cpu::allowed_cpus();
    let cpu = cpus[cpus.len() - 1];
    let engines = engines();
    println!("engine: {ROUNDS} rounds of {COMMANDS} commands at {RATE_PER_S}/s and as they go, CPU {cpu}");
    let (mut p50, mut p99, mut per_s) = (grid(&engines), grid(&engines), grid(&engines));
    let mut control = Vec::new();
    for round in 1..=ROUNDS {
        let commands = Commands::new(round as u64, COMMANDS, RESTING);
        println!("round {round}: {:?}", commands.totals());
        let [baseline, again] = [(); 2].map(|()| {
            let baseline = engine::run(|| Nothing, cpu, &commands, RATE_PER_S);
            println!("  {}", percentiles("no engine", &baseline.latency));
            baseline.latency.value_at_quantile(0.99) as f64
        });
        control.push(again / baseline);
        for (at, (name, run)) in engines.iter().enumerate() {
            let [paced, hurried] = [RATE_PER_S, f64::INFINITY].map(|rate_per_s| {
                let seen = run(cpu, &commands, rate_per_s);
                assert!(at >= OURS || seen.totals == commands.totals(), "{:?}", seen.totals);
                seen
            });
            // Some crates trade with other orders of the same price first.
            let differs = if hurried.totals == commands.totals() { "" } else { ", other totals" };
            println!("  {}  {:.2} M/s{differs}", percentiles(name, &paced.latency), hurried.per_s / 1e6);
            if !differs.is_empty() {
                println!("    {:?}", hurried.totals);
            }
            p50[at].push(paced.latency.value_at_quantile(0.5) as f64);
            p99[at].push(paced.latency.value_at_quantile(0.99) as f64);
            per_s[at].push(hurried.per_s);
        }
    }
    println!("median p50 and p99 in ns, saturation in M commands/s:");
    for (at, (name, _)) in engines.iter().enumerate() {
        let [p50, p99, per_s] = [&p50[at], &p99[at], &per_s[at]].map(|figures| median(figures));
        println!("  {name:<20} {p50:>7.0} {p99:>9.0} {:>7.2}", per_s / 1e6);
    }
    judge("p50", median(&p50[0]), P50_MAX_NS, true);
    // Where the machine does not agree with itself, a tail is not the engine's.
    let agrees = (1.0 / 1.1..=1.1).contains(&median(&control));
    judge("p99", median(&p99[0]), P99_MAX_NS, agrees);
    let best = per_s[OURS..].iter().map(|figures| median(figures)).max_by(f64::total_cmp);
    let over_best = |at: usize| best.map_or("no peer".to_owned(), |best| format!("{:.2}", median(&per_s[at]) / best));
    println!("matching alone over the best crate saturation={}", over_best(MATCHING));
    println!("ratio engine p50_ns={:.0} p99_ns={:.0} saturation={}", median(&p50[0]), median(&p99[0]), over_best(0));
}

fn judge(what: &str, seen_ns: f64, most_ns: u64, is_judged: bool) {
    let verdict = match (is_judged, seen_ns <= most_ns as f64) {
        (false, _) => "not judged: the loop without engine, run twice, differs by more than a tenth there",
        (true, true) => "kept",
        (true, false) => "missed",
    };
    println!("{what} {seen_ns:.0} ns, asked at most {most_ns} ns: {verdict}");
}

fn grid(engines: &[(&'static str, Run)]) -> Vec<Vec<f64>> {
    vec![Vec::new(); engines.len()]
}
