//! Messages between shards, beside the raw ring.

use corelane_benches::hop;
use hdrhistogram::Histogram;

use super::{
    Bench, rivals,
    side::{Gathered, Turn},
};
use crate::{
    judge::{self, Wanted},
    result::{Bar, Role, Round, Scenario as Seen},
    scenario::Scenario,
};

const ACTORS: &str = "actors";
const RING: &str = "raw ring";
const RING_AGAIN: &str = "raw ring again";
const RING_CHUNKED: &str = "raw ring in chunks";

pub(super) fn run(name: &str, scenario: &Scenario, bench: &Bench<'_>) -> Seen {
    let mut ring = Gathered::new(RING, Role::Floor);
    let mut actors = Gathered::new(ACTORS, Role::Subject);
    let mut chunked = Gathered::new(RING_CHUNKED, Role::Floor);
    let mut again = Gathered::new(RING_AGAIN, Role::Control);
    let rivals = rivals::of_the_hop();
    let other = |rival: &rivals::Rival| Gathered::new(rival.name, rival.role).differs(rival.differs);
    let mut others: Vec<Gathered> = rivals.iter().map(other).collect();
    for round in 0..bench.rounds {
        bench.progress.at("ring and actors", round, bench.rounds);
        let seen = hop::round(bench.cpus, bench.round);
        ring.add(turn(Some(seen.raw), Some(seen.raw_per_s)));
        actors.add(turn(Some(seen.actors), Some(seen.actors_per_s)));
        chunked.add(turn(None, Some(seen.raw_chunked_per_s)));
        again.add(turn(Some(hop::link::round_trips::<hop::raw::Rtrb>(bench.cpus, bench.round)), None));
        for (rival, other) in rivals.iter().zip(&mut others) {
            bench.progress.at(rival.name, round, bench.rounds);
            let round_trips = (rival.round_trips)(bench.cpus, bench.round);
            other.add(turn(Some(round_trips), Some((rival.flood)(bench.cpus, bench.round))));
        }
    }
    let sides: Vec<_> = [ring, actors, chunked, again].into_iter().chain(others).map(Gathered::finish).collect();
    let ours = |figure, to, control, bar| Wanted { figure, of: ACTORS, to, control, bar };
    let mut wanted = vec![
        ours("p50", RING, Some(RING_AGAIN), Some(Bar::AtMost(1.15))),
        ours("p99", RING, Some(RING_AGAIN), Some(Bar::AtMost(1.25))),
        ours("p99_9", RING, Some(RING_AGAIN), Some(Bar::AtMost(1.25))),
        ours("throughput", RING, None, Some(Bar::AtLeast(0.8))),
        ours("throughput", RING_CHUNKED, None, None),
    ];
    // Peers are to be slower: above 1 we are ahead.
    for rival in &rivals {
        let ahead = (rival.role == Role::Peer).then_some(Bar::AtLeast(1.0));
        wanted.push(Wanted { figure: "p50", of: rival.name, to: ACTORS, control: None, bar: ahead });
        wanted.push(ours("throughput", rival.name, None, ahead));
    }
    let ratios = judge::ratios(&sides, &wanted);
    Seen {
        name: name.to_owned(),
        summary: scenario.summary.clone(),
        category: scenario.category,
        load: "one message under way, and as many as go one way".to_owned(),
        sides,
        ratios,
        promises: Vec::new(),
    }
}

fn turn(round_trips: Option<Histogram<u64>>, throughput_per_s: Option<f64>) -> Turn {
    let round = Round { intended: round_trips.as_ref().map(Into::into), throughput_per_s, ..Round::default() };
    Turn { round, intended: round_trips, ..Turn::default() }
}
