//! Messages between shards, beside the raw ring.

use corelane_benches::hop;
use hdrhistogram::Histogram;

use super::{
    bench::Bench,
    contender::{Gathered, Turn},
    peers,
};
use crate::{
    judge::{self, Wanted},
    result::{Role, Round, Scenario as Seen, Threshold},
    scenario::Scenario,
};

const ACTORS: &str = "actors";
const RING: &str = "raw ring";
const RING_AGAIN: &str = "raw ring again";
const RING_CHUNKED: &str = "raw ring in chunks";
/// Difference between one way through the ring and one way through an edge.
const ONE_AT_A_TIME: &str = "pushed and popped one message at a time, where an edge publishes a batch at once: for one way \
     compare with the ring in chunks too";

pub(super) fn run(name: &str, scenario: &Scenario, bench: &Bench<'_>) -> Seen {
    let mut ring = Gathered::new(RING, Role::Baseline).differs(Some(ONE_AT_A_TIME));
    let mut actors = Gathered::new(ACTORS, Role::Ours);
    let mut chunked = Gathered::new(RING_CHUNKED, Role::Baseline);
    let mut again = Gathered::new(RING_AGAIN, Role::Control);
    let peers = peers::of_the_hop();
    let other = |peer: &peers::Peer| Gathered::new(peer.name, peer.role).differs(peer.differs);
    let mut others: Vec<Gathered> = peers.iter().map(other).collect();
    for round in 0..bench.rounds {
        bench.progress.at("ring and actors", round, bench.rounds);
        let seen = hop::round(bench.cpus, bench.round);
        ring.add(turn(Some(seen.raw), Some(seen.raw_per_s)));
        actors.add(turn(Some(seen.actors), Some(seen.actors_per_s)));
        chunked.add(turn(None, Some(seen.raw_chunked_per_s)));
        again.add(turn(Some(hop::link::round_trips::<hop::raw::Rtrb>(bench.cpus, bench.round)), None));
        for (peer, other) in peers.iter().zip(&mut others) {
            bench.progress.at(peer.name, round, bench.rounds);
            let round_trips = (peer.round_trips)(bench.cpus, bench.round);
            other.add(turn(Some(round_trips), Some((peer.flood)(bench.cpus, bench.round))));
        }
    }
    let contenders: Vec<_> = [ring, actors, chunked, again].into_iter().chain(others).map(Gathered::finish).collect();
    let ours = |figure, to, control, threshold| Wanted { figure, of: ACTORS, to, control, threshold };
    let mut wanted = vec![
        ours("p50", RING, Some(RING_AGAIN), Some(Threshold::AtMost(1.15))),
        ours("p99", RING, Some(RING_AGAIN), Some(Threshold::AtMost(1.25))),
        ours("p99_9", RING, Some(RING_AGAIN), Some(Threshold::AtMost(1.25))),
        ours("throughput", RING, None, Some(Threshold::AtLeast(0.8))),
        ours("throughput", RING_CHUNKED, None, None),
    ];
    // Peers are to be slower: above 1 we are ahead.
    for peer in &peers {
        let ahead = (peer.role == Role::Peer).then_some(Threshold::AtLeast(1.0));
        wanted.push(Wanted { figure: "p50", of: peer.name, to: ACTORS, control: None, threshold: ahead });
        wanted.push(ours("throughput", peer.name, None, ahead));
    }
    let ratios = judge::ratios(&contenders, &wanted);
    Seen {
        name: name.to_owned(),
        summary: scenario.summary.clone(),
        category: scenario.category,
        load: "one message under way, and as many as go one way".to_owned(),
        contenders,
        ratios,
        promises: Vec::new(),
    }
}

fn turn(round_trips: Option<Histogram<u64>>, throughput_per_s: Option<f64>) -> Turn {
    let round = Round { intended: round_trips.as_ref().map(Into::into), throughput_per_s, ..Round::default() };
    Turn { round, intended: round_trips, ..Turn::default() }
}
