//! Notices shards that make no turns although they do not sleep: an actor of theirs is in an endless loop, or the host does not
//! run them.

use std::time::Duration;

use corelane_sync::stage::Progress;

/// Waits of housekeeping in which its own lateness is measured before the watchdog watches: about a second.
const MEASURED_WAITS: u32 = 50;

/// The least threshold: a few looks of housekeeping, so that one which is late by a period was not away.
const THRESHOLD_MIN: Duration = Duration::from_millis(80);

/// Watches the heartbeats of all shards. Times are durations since the start of housekeeping.
#[derive(Debug)]
pub(super) struct Watchdog {
    threshold: Duration,
    /// The two waits of housekeeping that were the latest, and how many are still to be measured.
    latest: [Duration; 2],
    unmeasured: u32,
    /// By shard: its last heartbeat, and when it was first seen.
    seen: Vec<(u64, Duration)>,
    looked_at: Duration,
}

/// A shard that made no turn for too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stuck {
    pub shard: usize,
    pub silence: Duration,
}

impl Watchdog {
    pub(super) fn new(threshold: Duration) -> Self {
        let (latest, looked_at) = ([Duration::ZERO; 2], Duration::ZERO);
        let threshold = threshold.max(THRESHOLD_MIN);
        Watchdog { threshold, latest, unmeasured: MEASURED_WAITS, seen: Vec::new(), looked_at }
    }

    /// Takes how late a wait ended. Twice the most of it is the least threshold: a host that runs its threads late does so to
    /// shards too. The latest of all does not count, since a pause of the process or of its host makes one wait late, by however
    /// long it lasted.
    pub(super) fn measure(&mut self, late: Duration) {
        if self.unmeasured > 0 {
            self.unmeasured -= 1;
            let [most, second] = self.latest;
            self.latest = [most.max(late), second.max(late.min(most))];
        }
    }

    /// Whether lateness is still measured, and nobody watched.
    pub(super) fn is_measuring(&self) -> bool {
        self.unmeasured > 0
    }

    /// Looks at the shards; returns one that is stuck.
    pub(super) fn observe(&mut self, now: Duration, shards: impl Iterator<Item = Progress>) -> Option<Stuck> {
        let threshold = self.threshold.max(2 * self.latest[1]);
        // Whoever does not run cannot say that others do not.
        let was_away = now.saturating_sub(self.looked_at) > threshold / 2;
        self.looked_at = now;
        let mut stuck = None;
        for (shard, progress) in shards.enumerate() {
            if shard == self.seen.len() {
                self.seen.push((progress.heartbeat, now));
            }
            let (heartbeat, since) = &mut self.seen[shard];
            if *heartbeat != progress.heartbeat || progress.is_asleep || was_away || self.unmeasured > 0 {
                (*heartbeat, *since) = (progress.heartbeat, now);
            }
            let silence = now.saturating_sub(*since);
            if silence >= threshold {
                stuck = stuck.or(Some(Stuck { shard, silence }));
            }
        }
        stuck
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    fn shard(heartbeat: u64, is_asleep: bool) -> Progress {
        Progress { heartbeat, is_asleep, ..Progress::default() }
    }

    fn watchdog(threshold: Duration, jitter: Duration) -> Watchdog {
        let mut watchdog = Watchdog::new(threshold);
        for _ in 0..MEASURED_WAITS {
            watchdog.measure(jitter);
        }
        // Later waits do not count: they may be late because a shard is stuck on the same CPU.
        watchdog.measure(MS(1_000_000));
        watchdog
    }

    #[test]
    fn a_shard_is_stuck_that_neither_beats_nor_sleeps() {
        let mut watchdog = watchdog(MS(1000), MS(3));
        let mut look = |at_ms, shards: [Progress; 2]| watchdog.observe(MS(at_ms), shards.into_iter());
        let mut at_ms = 0;
        for beat in 0..40 {
            at_ms += 100;
            assert_eq!(look(at_ms, [shard(beat, false), shard(7, true)]), None, "one beats, the other sleeps");
        }
        for _ in 0..9 {
            at_ms += 100;
            assert_eq!(look(at_ms, [shard(39, false), shard(7, true)]), None, "not for long");
        }
        let stuck = look(at_ms + 100, [shard(39, false), shard(7, true)]);
        assert_eq!(stuck, Some(Stuck { shard: 0, silence: MS(1000) }));
    }

    #[test]
    fn the_threshold_is_no_less_than_twice_the_jitter() {
        let mut watchdog = watchdog(MS(1000), MS(2000));
        let found = (0..41).find(|beat| watchdog.observe(MS(100 * beat), [shard(1, false)].into_iter()).is_some());
        assert_eq!(found, Some(40));
    }

    #[test]
    fn a_pause_of_the_host_while_jitter_is_measured_is_no_jitter() {
        let mut watchdog = Watchdog::new(MS(1000));
        for wait in 0..MEASURED_WAITS {
            watchdog.measure(if wait == 7 { MS(60_000) } else { MS(3) });
        }
        let found = (0..41).find(|beat| watchdog.observe(MS(100 * beat), [shard(1, false)].into_iter()).is_some());
        assert_eq!(found, Some(10));
    }

    #[test]
    fn a_threshold_that_is_shorter_than_housekeepings_period_watches_too() {
        let mut watchdog = watchdog(MS(10), MS(0));
        let found = (0..9).find(|look| watchdog.observe(MS(20 * look), [shard(1, false)].into_iter()).is_some());
        assert_eq!(found, Some(4));
    }

    #[test]
    fn nobody_is_stuck_when_housekeeping_itself_was_away_or_has_not_measured() {
        let mut away = watchdog(MS(1000), MS(0));
        for at_ms in [0, 100, 200, 5000, 5100, 5200, 10_000] {
            assert_eq!(away.observe(MS(at_ms), [shard(1, false)].into_iter()), None);
        }
        let mut early = Watchdog::new(MS(1000));
        for beat in 0..100 {
            assert_eq!(early.observe(MS(100 * beat), [shard(1, false)].into_iter()), None);
        }
    }
}
