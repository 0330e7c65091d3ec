//! Profiles of faults: which kinds of fault a run has, and how often.

use std::{fmt, str::FromStr};

use crate::panics::HAS_FAULT_POINTS;

/// Which faults happen in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// None.
    None,
    /// Late and reset connections, connections that die silently; shards that stall or are paused, sockets that take no
    /// datagrams, a wall clock that is set; on the feed out, datagrams that are lost, doubled and overtaken.
    Network,
    /// The feed in: datagrams that are lost, doubled and overtaken on either line, lines that are silent, a feed that begins
    /// again under its session's name or another.
    Feed,
    /// Clients that log out, half-close, read slowly, flood, log in wrongly or twice, and send what is no request.
    Clients,
    /// Kill switches that the operator engages and releases, circuit breakers that are forced open and reset.
    Operator,
    /// Panics at fault points, in a build that has them.
    Panics,
    /// All of these.
    All,
}

impl Profile {
    /// All profiles, with their names.
    pub const NAMES: [(&'static str, Profile); 7] = [
        ("none", Profile::None),
        ("network", Profile::Network),
        ("feed", Profile::Feed),
        ("clients", Profile::Clients),
        ("operator", Profile::Operator),
        ("panics", Profile::Panics),
        ("all", Profile::All),
    ];

    /// The rates of its faults.
    #[must_use]
    pub(crate) fn rates(self) -> Rates {
        let has = |one: Profile| u32::from(self == one || self == Profile::All);
        let (network, feed, clients, operator) =
            (has(Profile::Network), has(Profile::Feed), has(Profile::Clients), has(Profile::Operator));
        let panics = if HAS_FAULT_POINTS { has(Profile::Panics) } else { 0 };
        Rates {
            late: 300 * network,
            reset: 100 * network,
            vanish: 60 * network,
            stall: 100_000 * network,
            pause: 2_000 * network,
            no_buffers: 3_000 * network,
            clock: 5_000 * network,
            line_out: 10_000 * network,
            line_in: 50_000 * feed,
            silence: 5_000 * feed,
            restart: 500 * feed,
            log_out: 100 * clients,
            half_close: 60 * clients,
            slow: 100 * clients,
            doze: 2_000 * clients,
            flood: 60 * clients,
            garbage: 60 * clients,
            unreadable: 200 * clients,
            log_in_again: 60 * clients,
            wrong_log_in: 100_000 * clients,
            rewind: 200_000 * (network | clients),
            kill: 400_000 * operator,
            breaker: 20_000 * operator,
            panic: 3_000 * panics,
            fatal_panic: 500_000 * panics,
        }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Profile::NAMES.iter().find(|(_, profile)| profile == self);
        f.write_str(name.map_or("", |(name, _)| name))
    }
}

impl FromStr for Profile {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = Profile::NAMES.iter().find(|(known, _)| *known == name);
        found.map(|(_, profile)| *profile).ok_or_else(|| {
            let names: Vec<&str> = Profile::NAMES.iter().map(|(name, _)| *name).collect();
            format!("no profile {name:?}: one of {}", names.join(", "))
        })
    }
}

/// The rates of faults, in parts per million.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rates {
    /// Of a client's writes: it is late, or the connection is reset.
    pub late: u32,
    pub reset: u32,
    /// Of a client's requests: what happens in its place.
    pub vanish: u32,
    pub log_out: u32,
    pub half_close: u32,
    pub slow: u32,
    /// The same of the last ones of a run.
    pub doze: u32,
    pub flood: u32,
    pub garbage: u32,
    pub unreadable: u32,
    pub log_in_again: u32,
    /// Of connections.
    pub wrong_log_in: u32,
    pub rewind: u32,
    /// Of the slots of 10 ms of each shard.
    pub stall: u32,
    /// The same: it is paused, its sockets take no datagrams.
    pub pause: u32,
    pub no_buffers: u32,
    /// Of the slots of 10 ms: the wall clock is set.
    pub clock: u32,
    /// Of datagrams, each of loss, doubling and overtaking.
    pub line_out: u32,
    pub line_in: u32,
    /// Of the packets of the feed in: its lines are silent for a while.
    pub silence: u32,
    /// Of the same: the feed begins again.
    pub restart: u32,
    /// Of the slots of 10 ms of the operator: a kill switch, a breaker.
    pub kill: u32,
    pub breaker: u32,
    /// Of the slots of 10 ms: an actor that is restarted panics.
    pub panic: u32,
    /// Of runs: they end with a panic.
    pub fatal_panic: u32,
}
