use super::*;
use crate::{
    report::fixture,
    result::{
        Availability, Judgement, Percentiles, Ratio, Recovery, Resources, Role, Round, Scaling, ScalingPoint, Spread,
        Threshold,
    },
};

/// Rounds with these medians in nanoseconds and rates per second.
fn contender(name: &str, role: Role, p50s_ns: &[u64], per_s: f64) -> Contender {
    let round = |&p50_ns: &u64| Round {
        intended: Some(Percentiles { p50_ns, p99_ns: 2 * p50_ns, p99_9_ns: 3 * p50_ns, ..Percentiles::default() }),
        throughput_per_s: Some(per_s),
        resources: (role == Role::Ours).then(|| Resources { busy: Some(0.5), ..Resources::default() }),
        ..Round::default()
    };
    Contender { rounds: p50s_ns.iter().map(round).collect(), ..fixture::contender(name, role) }
}

fn run() -> Run {
    let mut run = fixture::run("echo");
    run.context.command =
        ["target/release/corelane-latency", "run", "--tables", "docs/performance/benchmarks.md"].map(Into::into).into();
    run.context.peers = true;
    run.context.took_s = 90.0;
    let mut peer = contender("a | b", Role::Peer, &[3000, 9000, 3000], 500_000.0);
    peer.differs = Some("it does half".to_owned());
    let mut hop = run.scenarios[0].clone();
    hop.name = "hop".to_owned();
    let ahead = |to: &str, median| Ratio {
        figure: "throughput".to_owned(),
        of: "actors".to_owned(),
        to: to.to_owned(),
        spread: Spread { median, low: median, high: median },
        rounds: vec![median],
        control: None,
        judgement: Judgement::of(median, Some(Threshold::AtLeast(1.0)), None),
    };
    hop.ratios = vec![ahead("a | b", 3.0), ahead("c", 2.5), ahead("d", 0.9)];
    hop.promises.clear();
    hop.contenders = vec![
        contender("ring", Role::Baseline, &[1000, 3000, 1000], 2_000_000.0),
        contender("actors", Role::Ours, &[1500, 4500, 1600], 1_500_000.0),
        peer.clone(),
        Contender { name: "c".to_owned(), ..peer.clone() },
        Contender { name: "d".to_owned(), ..peer },
    ];
    run.scenarios.push(hop);
    let mut soak = run.scenarios[0].clone();
    (soak.name, soak.category) = ("soak".to_owned(), Category::Reliability);
    soak.ratios.clear();
    soak.promises.clear();
    soak.contenders.truncate(1);
    let seen = &mut soak.contenders[0].rounds;
    seen.truncate(2);
    for (round, share) in seen.iter_mut().zip([0.999, 0.9995]) {
        let availability =
            Availability { within_ns: 1_000_000, share, stalls: 2, longest_ns: 3_456_789, stalled_ns: 5_000_000 };
        round.availability = Some(availability);
        let of = |p50_ns| Percentiles { p50_ns, max_ns: 2 * p50_ns, ..Percentiles::default() };
        round.recovery = Some(Recovery { reconnects: 3, replayed: 40, first: of(50_000), last: of(70_000) });
    }
    run.scenarios.push(soak);
    let points =
        [8.0, 64.0].map(|size| ScalingPoint { size, figure: 1000.0 * size, rounds: vec![1000.0 * size] }).to_vec();
    let growth = |of: &str| Scaling {
        over: "sessions".to_owned(),
        of: of.to_owned(),
        figure: "p50_ns".to_owned(),
        points: points.clone(),
        exponent: Some(1.0),
    };
    run.scaling = vec![growth("venue")];
    run
}

/// To change the page on purpose, look at the page in the failure message and copy it to the golden file.
#[test]
fn the_page_of_a_fixed_run_is_the_golden_one() {
    let page = page(&run());
    assert_eq!(page, include_str!("golden.md"), "the page is now:\n{page}");
}

#[test]
fn every_table_has_as_many_cells_in_each_row() {
    for lines in page(&run()).split("\n\n").filter(|block| block.starts_with('|')) {
        let cells = |line: &str| line.replace("\\|", "").matches('|').count();
        let counts: Vec<usize> = lines.lines().map(cells).collect();
        assert!(counts.iter().all(|count| *count == counts[0]), "{lines}");
    }
}
