//! The rows of the matrix: what goes wrong, and what must follow.

use std::{net::SocketAddr, time::Duration};

use corelane_tester::{
    load::Credentials,
    script::{MarketScript, MarketSpec},
};

use super::{feed::Trouble, peers};

/// What must follow from a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Trading goes on as if nothing had been.
    GoesOn,
    /// The server stops in order: exit code 1, the log says why, and the feed ends with the end of its session.
    Halts,
    /// The server ends without a word of the group, which is dead: exit code 1, and the log says why.
    Ends,
    /// The operator's stop: exit code 0, and the feed ends with the end of its session.
    Stops,
    /// The server does not start: exit code 2, and the text says why.
    Refuses,
}

impl Outcome {
    /// Whether trading goes on.
    pub(super) fn is_survived(self) -> bool {
        self == Outcome::GoesOn
    }

    pub(super) fn words(self) -> &'static str {
        match self {
            Outcome::GoesOn => "goes on",
            Outcome::Halts => "halts in order",
            Outcome::Ends => "ends at once",
            Outcome::Stops => "stops in order",
            Outcome::Refuses => "is refused",
        }
    }
}

/// How the fault is brought about.
#[derive(Clone, Copy)]
pub(super) enum Cause {
    /// A fault point, and how it fails; so many times, each when the one before is repaired.
    Point(&'static str, &'static str, u32),
    /// Peers misbehave; how long the server took to end each.
    Peers(fn(&Peers<'_>) -> Result<Duration, String>),
    /// The other venue's feed has trouble.
    Feed(Trouble),
    /// The shard stands still, so that what waits is too old when it goes on.
    Stall,
    /// The operator stops it.
    Signal,
    /// Nobody reads the log, and so much is written to it that it stands still.
    BlockedLog,
    /// The process stands still for a while, with the smallest rings allowed: more requests wait then than they hold.
    FullRings,
    /// A limit of the process, in the words of the shell, before the command.
    Limit(&'static str),
    /// The kernel refuses io_uring, as in a container.
    NoIoUring,
    /// Not there: why.
    Missing(&'static str),
}

impl Cause {
    /// Whether a thread of the server unwinds.
    pub(super) fn is_panic(&self) -> bool {
        matches!(self, Cause::Point(_, "panic" | "panic-in-drop", _))
    }

    /// What each failure's record is about, in the words of `corelane incidents`.
    pub(super) fn records(&self) -> Vec<&'static str> {
        let &Cause::Point(site, kind, times) = self else { return Vec::new() };
        let what = match (site, kind) {
            ("clock", _) => return Vec::new(),
            ("housekeeping.turn", "loop") => "housekeeping-stuck",
            // The second tells what followed: its thread does not end, or without its actors the venue cannot go on.
            (_, "loop") => return vec!["shard-stuck", "shard-hangs"],
            ("session.framer" | "shard.turn", _) => return vec!["shard-panicked", "supervisor-gave-up"],
            ("housekeeping.turn", _) => "housekeeping-panicked",
            _ => "actor-panicked",
        };
        vec![what; times as usize]
    }
}

/// What peers that misbehave know.
pub(super) struct Peers<'a> {
    pub server: SocketAddr,
    /// A user who is no part of the load.
    pub user: &'a Credentials,
    /// Requests of sessions that are no part of it either.
    pub script: MarketSpec,
}

impl Peers<'_> {
    fn own_script(&self) -> MarketScript {
        MarketScript::new(self.script.clone())
    }
}

/// A row.
#[derive(Clone, Copy)]
pub(super) struct Row {
    pub name: &'static str,
    pub cause: Cause,
    pub outcome: Outcome,
}

const fn row(name: &'static str, cause: Cause, outcome: Outcome) -> Row {
    Row { name, cause, outcome }
}

/// Restarts of market data that the shipped topology allows, and one more.
const STORM: u32 = 6;

/// Memory may not be locked, and the superuser, whom no limit binds, becomes nobody.
const WITHOUT_MEMLOCK: &str =
    "ulimit -l 0; if [ $(id -u) = 0 ]; then become='setpriv --reuid=65534 --clear-groups'; fi; exec $become";

/// All rows.
pub(super) const ROWS: &[Row] = &[
    row("market data panics", Cause::Point("market-data.datagram", "panic", 1), Outcome::GoesOn),
    row("its panic's payload panics", Cause::Point("market-data.datagram", "panic-in-drop", 1), Outcome::GoesOn),
    row("restart storm", Cause::Point("market-data.datagram", "panic", STORM), Outcome::Halts),
    row("order entry panics on a frame", Cause::Point("session.frame", "panic", 1), Outcome::Halts),
    row("order entry panics on a reply", Cause::Point("session.reply", "panic", 1), Outcome::Halts),
    row("order entry: payload panics", Cause::Point("session.frame", "panic-in-drop", 1), Outcome::Halts),
    row("framer panics", Cause::Point("session.framer", "panic", 1), Outcome::Ends),
    row("publisher panics", Cause::Point("publisher.message", "panic", 1), Outcome::Halts),
    row("sequencer panics", Cause::Point("sequencer.message", "panic", 1), Outcome::Ends),
    row("group panics", Cause::Point("group.command", "panic", 1), Outcome::Ends),
    row("group loops for ever", Cause::Point("group.command", "loop", 1), Outcome::Ends),
    row("shard thread dies", Cause::Point("shard.turn", "panic", 1), Outcome::Ends),
    row("housekeeping panics", Cause::Point("housekeeping.turn", "panic", 1), Outcome::Halts),
    row("housekeeping loops for ever", Cause::Point("housekeeping.turn", "loop", 1), Outcome::Ends),
    row("clock steps 1 h ahead", Cause::Point("clock", "3600", 1), Outcome::GoesOn),
    row("clock steps 1 h back", Cause::Point("clock", "-3600", 1), Outcome::GoesOn),
    row("delay protection", Cause::Stall, Outcome::GoesOn),
    row("half-open socket", Cause::Peers(|peers| peers::half_open(peers.server, peers.user)), Outcome::GoesOn),
    row(
        "slow reader",
        Cause::Peers(|peers| peers::slow_reader(peers.server, peers.user, &mut peers.own_script())),
        Outcome::GoesOn,
    ),
    row("malformed frames", Cause::Peers(|peers| peers::malformed(peers.server)), Outcome::GoesOn),
    row("SoupBinTCP gap", Cause::Peers(|peers| peers::sequence_gap(peers.server, peers.user)), Outcome::GoesOn),
    row("log-in brute force", Cause::Peers(|peers| peers::brute_force(peers.server, peers.user, 200)), Outcome::GoesOn),
    row("connection flood", Cause::Peers(|peers| peers::flood(peers.server, 2000)), Outcome::GoesOn),
    row("feed loses packets of a line", Cause::Feed(Trouble::Loss), Outcome::GoesOn),
    row("feed doubles packets", Cause::Feed(Trouble::Duplication), Outcome::GoesOn),
    row("feed reorders packets", Cause::Feed(Trouble::Reordering), Outcome::GoesOn),
    row("feed line dies", Cause::Feed(Trouble::LineDead), Outcome::GoesOn),
    row("both feed lines die", Cause::Feed(Trouble::BothDead), Outcome::GoesOn),
    row("feed restarts", Cause::Feed(Trouble::Restart), Outcome::GoesOn),
    row("log is blocked", Cause::BlockedLog, Outcome::GoesOn),
    row("rings full, slow consumer", Cause::FullRings, Outcome::GoesOn),
    row("stop under load", Cause::Signal, Outcome::Stops),
    row("descriptors exhausted", Cause::Limit("ulimit -n 32; exec"), Outcome::Refuses),
    row("memlock refused", Cause::Limit(WITHOUT_MEMLOCK), Outcome::Refuses),
    row("io_uring refused", Cause::NoIoUring, Outcome::Refuses),
    row("replicas", Cause::Missing("not built yet"), Outcome::GoesOn),
    row("journal", Cause::Missing("not built yet"), Outcome::GoesOn),
];
