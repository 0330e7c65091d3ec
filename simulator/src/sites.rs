//! Everything that a long run must have reached.

use crate::{
    HAS_FAULT_POINTS, Profile, client,
    feed::{RESTART, SILENCE},
    host::{CLOCK, NO_BUFFERS, PAUSE},
    operator::{FORCE, KILL},
    panics,
};

const ANY_LINE: [&str; 3] = ["line.lost", "line.doubled", "line.reordered"];

/// What runs of a profile reach in the built-in venue, if they are many: every source of its faults, every fault point of this
/// build that a venue can reach, and what the faults are for: marks, full edges and buffers.
pub fn sites(profile: Profile) -> impl Iterator<Item = &'static str> {
    let has = move |one: Profile| profile == one || profile == Profile::All;
    let network = ["link.late", "link.reset", "shard.stall"].into_iter().chain(ANY_LINE);
    let network = network
        .chain([PAUSE, NO_BUFFERS, CLOCK, client::VANISH, client::REWIND].map(|source| source.name()))
        .chain(["edge.full", "publisher.refused", "mark.delay"]);
    let feed =
        [SILENCE, RESTART].into_iter().map(|source| source.name()).chain(ANY_LINE).chain(["market-data.restarts"]);
    let clients = [
        client::LOG_OUT,
        client::HALF_CLOSE,
        client::SLOW,
        client::DOZE,
        client::FLOODS,
        client::GARBAGE,
        client::UNREADABLE,
        client::LOG_IN_AGAIN,
        client::WRONG_LOG_IN,
        client::REWIND,
    ];
    let clients = clients.into_iter().map(|source| source.name());
    let clients = clients.chain(["session.slow-reader", "mark.rate", "mark.in-flight"]);
    let operator = [KILL, FORCE].into_iter().map(|source| source.name()).chain(["mark.breaker"]);
    let panics = panics::fault_points();
    network
        .filter(move |_| has(Profile::Network))
        .chain(feed.filter(move |_| has(Profile::Feed)))
        .chain(clients.filter(move |_| has(Profile::Clients)))
        .chain(operator.filter(move |_| has(Profile::Operator)))
        .chain(panics.filter(move |_| has(Profile::Panics) && HAS_FAULT_POINTS))
}
