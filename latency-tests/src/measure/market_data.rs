//! Market data from memory: decoding, and decoding with books, beside what others make.

use std::sync::LazyLock;

use corelane_benches::itch::{
    Builders, Contest, Contestant, Decoders,
    flow::{self, Flow},
};

use super::{
    Bench,
    side::{Gathered, Turn},
};
use crate::{
    judge::{self, Wanted},
    result::{Bar, Role, Round, Scenario as Seen, Side},
    scenario::{Kind, Scenario},
};

/// Name of the thread that reads.
pub const MARKET_DATA_THREAD: &str = "market-data";

/// Made once: a day of sixteen instruments takes a second.
static FLOW: LazyLock<Flow> = LazyLock::new(flow::sixteen);

pub(super) fn run(name: &str, scenario: &Scenario, bench: &Bench<'_>) -> Seen {
    let flow = &*FLOW;
    let load = format!("{}, {} messages from memory", flow.name, flow.messages);
    // A thread of its own is pinned, and this one is not.
    let (sides, wanted) = std::thread::scope(|scope| {
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
        ratios: judge::ratios(&sides, &wanted),
        promises: Vec::new(),
        sides,
    }
}

/// All in turns; and the ratios of ours to each.
fn rounds(bench: &Bench<'_>, messages: u64, contest: &mut dyn Contest) -> (Vec<Side>, Vec<Wanted>) {
    let contestants = contest.contestants().to_vec();
    let gathered = |one: &Contestant| {
        let role = if one.beside.is_some() { Role::Peer } else { Role::Subject };
        Gathered::new(one.name, role).differs(one.differs)
    };
    let mut sides: Vec<Gathered> = contestants.iter().map(gathered).collect();
    for round in 0..bench.rounds {
        for (at, side) in sides.iter_mut().enumerate() {
            bench.progress.at(contestants[at].name, round, bench.rounds);
            let per_s = messages as f64 / contest.round(at).as_secs_f64();
            side.add(Turn { round: Round { throughput_per_s: Some(per_s), ..Round::default() }, ..Turn::default() });
        }
    }
    let wanted = contestants.iter().filter_map(|one| {
        let bar = one.counts.then_some(Bar::AtLeast(1.0));
        Some(Wanted { figure: "throughput", of: one.beside?, to: one.name, control: None, bar })
    });
    (sides.into_iter().map(Gathered::finish).collect(), wanted.collect())
}
