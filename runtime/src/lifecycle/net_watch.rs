//! Watches what the shards count: says what was lost or refused, mostly by the network and the host, which no actor hears of.

use std::{
    fmt,
    time::{Duration, Instant},
};

use super::status::{ShardStatus, Status};
use crate::telemetry::{Metric, ShardCount};

/// How often more of the same is said of one shard: whoever can reach a socket can cause some of it.
const REPEAT: Duration = Duration::from_secs(60);

/// What is watched, and what is said of it.
const WATCHED: [(ShardCount, &str); 8] = [
    (
        ShardCount::ReadersGone,
        "receivers outside the topology were dropped, and what is sent to them is dropped too; keep each as long as its actor sends",
    ),
    (
        ShardCount::NetDatagramsLost,
        "datagrams were refused by the kernel and are lost; look for a link that is down, a missing route or a firewall",
    ),
    (
        ShardCount::NetDatagramErrors,
        "receives of datagrams, or answers to them, failed; look for a link that is down, a missing route or a firewall",
    ),
    (
        ShardCount::NetDatagramsTruncated,
        "datagrams were longer than a receive buffer and are lost; raise net.receive_buffer_bytes, or look who sends them",
    ),
    (
        ShardCount::NetAcceptErrors,
        "connections could not be accepted; raise the limit of open files (ulimit -n) or free memory",
    ),
    (
        ShardCount::NetConnectErrors,
        "outgoing connections were not established; look whether the peer listens and can be reached",
    ),
    (
        ShardCount::NetResetErrors,
        "connections could not be reset and were closed, so that their peers get what they have not read; look into the kernel's log",
    ),
    (
        ShardCount::PinLosses,
        "looks found it on another CPU than its own, which it may share there; look for taskset, a cpuset being changed \
         (cpuset.cpus), or a CPU that went offline",
    ),
];

/// What was said so far, by shard.
#[derive(Debug, Default)]
pub(super) struct NetWatch {
    shards: Vec<[Said; WATCHED.len()]>,
}

/// What was said of one count.
#[derive(Clone, Copy, Debug, Default)]
struct Said {
    count: u64,
    at: Option<Instant>,
}

/// A count that has risen.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NetNotice {
    shard: String,
    count: ShardCount,
    more: u64,
    problem: &'static str,
}

impl NetWatch {
    /// Takes the shards' figures as of `now`. The list is empty, and takes no memory, as long as all is well.
    pub(super) fn observe(&mut self, now: Instant, shards: &[ShardStatus]) -> Vec<NetNotice> {
        self.shards.resize_with(shards.len(), Default::default);
        let mut notices = Vec::new();
        for (shard, said) in shards.iter().zip(&mut self.shards) {
            for (said, (count, problem)) in said.iter_mut().zip(WATCHED) {
                let counted = shard.count(count);
                let is_too_soon = said.at.is_some_and(|at| now.saturating_duration_since(at) < REPEAT);
                if counted <= said.count || is_too_soon {
                    continue;
                }
                let more = counted - said.count;
                *said = Said { count: counted, at: Some(now) };
                notices.push(NetNotice { shard: shard.name.clone(), count, more, problem });
            }
        }
        notices
    }
}

impl Status {
    /// What the shards have lost or were refused since their start, as the log has said or will say: a line for each shard and
    /// count, none if all is well.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let of = |shard: &ShardStatus, (count, problem)| {
            let more = shard.count(count);
            (more > 0).then(|| NetNotice { shard: shard.name.clone(), count, more, problem }.to_string())
        };
        self.shards.iter().flat_map(|shard| WATCHED.into_iter().filter_map(move |watched| of(shard, watched))).collect()
    }
}

impl fmt::Display for NetNotice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let NetNotice { shard, count, more, problem } = self;
        write!(f, "shard {shard:?}: {more} {problem} ({})", count.label())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_rises_is_said_at_once_and_then_once_a_minute() {
        let mut watch = NetWatch::default();
        let start = Instant::now();
        for (at_s, lost, said) in [(0, 0, 0), (1, 3, 3), (2, 5, 0), (60, 9, 0), (61, 9, 6), (200, 9, 0), (201, 10, 1)] {
            let shards = [ShardStatus::counting("quiet", &[]), ShardStatus::counting("out", &[(WATCHED[0].0, lost)])];
            let notices = watch.observe(start + Duration::from_secs(at_s), &shards);
            assert_eq!(notices.iter().map(|notice| notice.more).sum::<u64>(), said, "after {at_s} s");
            assert!(notices.iter().all(|notice| notice.to_string().starts_with("shard \"out\": ")), "{notices:?}");
        }
    }

    #[test]
    fn each_count_is_said_by_itself() {
        let counts = WATCHED.map(|(count, _)| (count, 1));
        let notices = NetWatch::default().observe(Instant::now(), &[ShardStatus::counting("out", &counts)]);
        assert_eq!(notices.iter().map(|notice| notice.count).collect::<Vec<_>>(), WATCHED.map(|(count, _)| count));
        let shards = vec![ShardStatus::counting("quiet", &[]), ShardStatus::counting("out", &counts)];
        let said: Vec<String> = notices.iter().map(ToString::to_string).collect();
        assert_eq!(Status { shards, ..Status::default() }.warnings(), said);
    }
}
