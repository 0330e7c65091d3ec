//! Risk, matching and reports in process: commands at a rate, and as many as go.

use corelane_benches::engine::{
    self, Commands, Nothing, Totals, commands::RESTING, group::Group, matching::MatchingAlone,
};
use corelane_tester::{report::grouped, saturation::ACHIEVED_SHARE};

use super::{
    bench::Bench,
    contender::{Gathered, Turn},
    peers::{self, PeerEngine},
};
use crate::{
    judge::{self, Promised, Wanted},
    result::{Rate, Role, Round, Scenario as Seen, Threshold},
    scenario::Scenario,
};

const OURS: &str = "group";
/// Our group with the sequencer on its CPU, as in a venue with one CPU.
const SEQUENCED: &str = "group with sequencer";
/// Our matching alone, the work that the published crates do.
const MATCHING: &str = "matching alone";
const NOTHING: &str = "no engine";
const NOTHING_AGAIN: &str = "no engine, again";

/// Runs it at the scenario's first rate.
pub(super) fn run(name: &str, scenario: &Scenario, bench: &Bench<'_>) -> Seen {
    let rate_per_s = scenario.rates_per_s.first().copied().unwrap_or(1.0);
    let measured = (rate_per_s * bench.round.as_secs_f64()).ceil() as usize;
    let resting = scenario.resting_per_book.unwrap_or(RESTING);
    let cpu = bench.cpus[0];
    let peers = peers::of_the_engine();
    let mut nothing = Gathered::new(NOTHING, Role::Baseline);
    let mut ours = Gathered::new(OURS, Role::Ours);
    let mut sequenced = Gathered::new(SEQUENCED, Role::Ours);
    let mut matching = Gathered::new(MATCHING, Role::Ours);
    let mut again = Gathered::new(NOTHING_AGAIN, Role::Control);
    let mut others: Vec<Gathered> = peers.iter().map(|peer| Gathered::new(peer.name, Role::Peer)).collect();
    for round in 0..bench.rounds {
        let commands = Commands::new(bench.seed + round as u64, measured, resting);
        let turn = |contender: &str, run: &dyn Fn(f64) -> engine::Round, is_checked: bool| {
            bench.progress.at(contender, round, bench.rounds);
            let [paced, hurried] = [rate_per_s, f64::INFINITY].map(run);
            let right = !is_checked || [&paced, &hurried].iter().all(|seen| seen.totals == commands.totals());
            let totals = hurried.totals;
            (self::turn(paced, hurried.per_s, rate_per_s, right), totals)
        };
        nothing.add(turn(NOTHING, &|rate| engine::run(|| Nothing, cpu, &commands, rate), false).0);
        ours.add(turn(OURS, &|rate| engine::run(|| Group::new(&commands), cpu, &commands, rate), true).0);
        let with_sequencer = |rate| engine::run(|| Group::with_sequencer(&commands), cpu, &commands, rate);
        sequenced.add(turn(SEQUENCED, &with_sequencer, true).0);
        matching
            .add(turn(MATCHING, &|rate| engine::run(|| MatchingAlone::new(&commands), cpu, &commands, rate), true).0);
        again.add(turn(NOTHING_AGAIN, &|rate| engine::run(|| Nothing, cpu, &commands, rate), false).0);
        for (peer, other) in peers.iter().zip(&mut others) {
            let (turn, totals) = turn(peer.name, &|rate| (peer.run)(cpu, &commands, rate), false);
            other.add(turn);
            other.set_differs(differs(peer, totals, commands.totals()));
        }
    }
    let contenders: Vec<_> =
        [nothing, ours, sequenced, matching, again].into_iter().chain(others).map(Gathered::finish).collect();
    let wanted = |figure, of, to, threshold| Wanted { figure, of, to, control: None, threshold };
    let baseline = wanted("p50", OURS, NOTHING, None);
    let peers = peers.iter().flat_map(|peer| {
        [
            wanted("p50", peer.name, OURS, None),
            wanted("throughput", OURS, peer.name, Some(Threshold::AtLeast(1.0))),
            wanted("throughput", MATCHING, peer.name, None),
        ]
    });
    let wanted: Vec<Wanted> = [baseline].into_iter().chain(peers).collect();
    let promised = |figure, most_us: Option<f64>| {
        let threshold = Threshold::AtMost(most_us? * 1000.0);
        Some(Promised { figure, of: OURS, control: Some([NOTHING, NOTHING_AGAIN]), threshold })
    };
    let promised = [promised("p50", scenario.p50_max_us), promised("p99", scenario.p99_max_us)];
    Seen {
        name: name.to_owned(),
        summary: scenario.summary.clone(),
        category: scenario.category,
        load: format!("{rate_per_s:.0} commands/s, and as many as go; {resting} orders rest in each book"),
        ratios: judge::ratios(&contenders, &wanted),
        promises: judge::promises(&contenders, &promised.into_iter().flatten().collect::<Vec<_>>(), bench.host),
        contenders,
    }
}

/// Differences of a crate from ours: work that it leaves out, and whether its rules of matching led to other trades
/// than ours, which they may.
fn differs(peer: &PeerEngine, seen: Totals, expected: Totals) -> String {
    let mut text = peer.differs.to_owned();
    if seen != expected {
        text += &format!(
            "; other rules of matching: in the last round {} trades of {} shares where ours and the generator's books have \
             {} of {}",
            grouped(seen.trades),
            grouped(seen.shares),
            grouped(expected.trades),
            grouped(expected.shares)
        );
    }
    text
}

/// Result of one round at the rate, with the throughput of another round as fast as it goes.
fn turn(paced: engine::Round, throughput_per_s: f64, asked_per_s: f64, right: bool) -> Turn {
    let mut problems = Vec::new();
    if !right {
        problems.push("the commands did not lead to the trades that they must".to_owned());
    }
    if paced.per_s < ACHIEVED_SHARE * asked_per_s {
        problems.push(format!("{:.0}/s achieved of {asked_per_s:.0}/s asked: lower the rate", paced.per_s));
    }
    let round = Round {
        intended: Some((&paced.latency).into()),
        rate: Some(Rate { asked_per_s, achieved_per_s: paced.per_s }),
        throughput_per_s: Some(throughput_per_s),
        problems,
        ..Round::default()
    };
    Turn { round, intended: Some(paced.latency), ..Turn::default() }
}
