//! Risk, matching and reports in process: commands at a rate, and as many as go.

use corelane_benches::engine::{self, Commands, Nothing, group::Group};
use corelane_tester::saturation::ACHIEVED_SHARE;

use super::{
    Bench, rivals,
    side::{Gathered, Turn},
};
use crate::{
    judge::{self, Wanted},
    result::{Bar, Rate, Role, Round, Scenario as Seen},
    scenario::Scenario,
};

const OURS: &str = "group";
const NOTHING: &str = "no engine";

/// Runs it at the scenario's first rate.
pub(super) fn run(name: &str, scenario: &Scenario, bench: &Bench<'_>) -> Seen {
    let rate_per_s = scenario.rates_per_s.first().copied().unwrap_or(1.0);
    let measured = (rate_per_s * bench.round.as_secs_f64()).ceil() as usize;
    let cpu = bench.cpus[0];
    let rivals = rivals::of_the_engine();
    let mut nothing = Gathered::new(NOTHING, Role::Floor);
    let mut ours = Gathered::new(OURS, Role::Subject);
    let mut others: Vec<Gathered> = rivals.iter().map(|rival| Gathered::new(rival.name, Role::Peer)).collect();
    for round in 0..bench.rounds {
        let commands = Commands::new(bench.seed + round as u64, measured);
        bench.progress.at(name, OURS, round, bench.rounds);
        let turn = |run: &dyn Fn(f64) -> engine::Round, is_checked: bool| {
            let [paced, hurried] = [rate_per_s, f64::INFINITY].map(run);
            let right = !is_checked || [&paced, &hurried].iter().all(|seen| seen.totals == commands.totals());
            turn(paced, hurried.per_s, rate_per_s, right)
        };
        nothing.add(turn(&|rate| engine::run(|| Nothing, cpu, &commands, rate), false));
        ours.add(turn(&|rate| engine::run(|| Group::new(&commands), cpu, &commands, rate), true));
        for (rival, other) in rivals.iter().zip(&mut others) {
            bench.progress.at(name, rival.name, round, bench.rounds);
            // Their rules of matching need not be ours; `--bench engine` says whose totals differ.
            other.add(turn(&|rate| (rival.run)(cpu, &commands, rate), false));
        }
    }
    let sides: Vec<_> = [nothing, ours].into_iter().chain(others).map(Gathered::finish).collect();
    let wanted = rivals.iter().flat_map(|rival| {
        let ahead = Some(Bar::AtLeast(1.0));
        [
            Wanted { figure: "p50", of: rival.name, to: OURS, control: None, bar: None },
            Wanted { figure: "throughput", of: OURS, to: rival.name, control: None, bar: ahead },
        ]
    });
    let floor = Wanted { figure: "p50", of: OURS, to: NOTHING, control: None, bar: None };
    let wanted: Vec<Wanted> = [floor].into_iter().chain(wanted).collect();
    Seen {
        name: name.to_owned(),
        summary: scenario.summary.clone(),
        category: scenario.category,
        load: format!("{rate_per_s:.0} commands/s, and as many as go"),
        ratios: judge::ratios(&sides, &wanted),
        sides,
    }
}

/// One round at the rate, with the throughput of another as fast as it goes.
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
