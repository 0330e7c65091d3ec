//! Market data from memory: decoding, and decoding with books, beside what others make.

use std::sync::LazyLock;

use corelane_benches::itch::{
    self, Builders, Contest, Decoders,
    flow::{self, Flow},
};

use super::{
    bench::Bench,
    contender::{Gathered, Turn},
};
use crate::{
    judge::{self, Wanted},
    result::{Contender, Role, Round, Scenario as Seen, Threshold},
    scenario::{Kind, Scenario},
};

/// Name of the thread that reads.
const MARKET_DATA_THREAD: &str = "market-data";

/// Made once: a day of sixteen instruments takes a second.
static FLOW: LazyLock<Flow> = LazyLock::new(flow::sixteen);

pub(super) fn run(name: &str, scenario: &Scenario, bench: &Bench<'_>) -> Seen {
    let flow = &*FLOW;
    let load = format!("{}, {} messages from memory", flow.name, flow.messages);
    // A thread of its own is pinned, and this one is not.
    let (contenders, wanted) = std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name(MARKET_DATA_THREAD.to_owned());
        let pinned = thread.spawn_scoped(scope, || {
            let cpu = core_affinity::CoreId { id: bench.cpus[0] };
            assert!(core_affinity::set_for_current(cpu), "pinning to an allowed CPU");
            if scenario.kind == Kind::Decode {
                return rounds(bench, flow.messages, &mut Decoders::new(flow));
            }
            let mut builders = Builders::new(flow);
            let seen = rounds(bench, flow.messages, &mut builders);
            builders.check();
            seen
        });
        let pinned = pinned.expect("a thread can be started");
        pinned.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    });
    Seen {
        name: name.to_owned(),
        summary: scenario.summary.clone(),
        category: scenario.category,
        load,
        ratios: judge::ratios(&contenders, &wanted),
        promises: Vec::new(),
        contenders,
    }
}

/// All in turns; and the ratios of ours to each.
fn rounds(bench: &Bench<'_>, messages: u64, contest: &mut dyn Contest) -> (Vec<Contender>, Vec<Wanted>) {
    let all = contest.contenders().to_vec();
    let gathered = |one: &itch::Contender| {
        let role = if one.beside.is_some() { Role::Peer } else { Role::Ours };
        Gathered::new(one.name, role).differs(one.differs)
    };
    let mut seen: Vec<Gathered> = all.iter().map(gathered).collect();
    for round in 0..bench.rounds {
        for (at, gathered) in seen.iter_mut().enumerate() {
            bench.progress.at(all[at].name, round, bench.rounds);
            let per_s = messages as f64 / contest.round(at).as_secs_f64();
            let round = Round { throughput_per_s: Some(per_s), ..Round::default() };
            gathered.add(Turn { round, ..Turn::default() });
        }
    }
    let wanted = all.iter().filter_map(|one| {
        let threshold = one.counts.then_some(Threshold::AtLeast(1.0));
        Some(Wanted { figure: "throughput", of: one.beside?, to: one.name, control: None, threshold })
    });
    (seen.into_iter().map(Gathered::finish).collect(), wanted.collect())
}
