//! The time of closing connections.

/// The time limit for a graceful close, in nanoseconds. A connection whose peer has not taken everything, or has not closed its
/// side, is reset then. A peer that has taken some since the close began, and has more to take, is given as much again, once.
/// The kernel would keep what is left for minutes for a peer that does not read, or reads a byte now and then.
pub(super) const CLOSE_LIMIT_NS: u64 = 2_000_000_000;

/// The most of that limit that passes between two looks, in nanoseconds, and so the longest sleep of a shard with closing
/// connections. Whoever finds more was suspended meanwhile, or its host was: by SIGSTOP, a debugger, the pause of a virtual
/// machine. A tenth of the limit: it is ten wake-ups.
const LOOK_NS_MAX: u64 = CLOSE_LIMIT_NS / 10;

/// The time of closing connections. It stands still while the shard does not run, so that no peer is late for a pause in which
/// nothing could have been sent to it.
#[derive(Debug, Default)]
pub(super) struct CloseTime {
    looked_ns: u64,
    passed_ns: u64,
}

impl CloseTime {
    /// The time at `now_ns` of the shard's clock.
    pub(super) fn look(&mut self, now_ns: u64) -> u64 {
        self.passed_ns += now_ns.saturating_sub(self.looked_ns).min(LOOK_NS_MAX);
        self.looked_ns = now_ns;
        self.passed_ns
    }

    /// When a parked shard must look again for what is due `at_ns`, by the shard's clock.
    pub(super) fn look_again_ns(&self, at_ns: u64) -> u64 {
        self.looked_ns.saturating_add(at_ns.saturating_sub(self.passed_ns).min(LOOK_NS_MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_closes_stands_still_while_the_shard_does_not_run() {
        let mut time = CloseTime::default();
        let ms = |ms: u64| ms * 1_000_000;
        // The first look counts from nowhere.
        let begun_ns = time.look(ms(70_000_000));
        for (at_ms, passed_ms) in [(0, 0), (20, 20), (220, 220), (60_000, 420), (60_001, 421), (60_001, 421)] {
            let passed_ns = time.look(ms(70_000_000 + at_ms)) - begun_ns;
            assert_eq!(passed_ns, ms(passed_ms), "{at_ms}");
        }
        // It looks again in time for what is due, and at least as often as counts.
        for (in_ms, again_ms) in [(0, 0), (150, 150), (2_000, 200)] {
            assert_eq!(time.look_again_ns(time.passed_ns + ms(in_ms)), time.looked_ns + ms(again_ms), "{in_ms}");
        }
    }
}
