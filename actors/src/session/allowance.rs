//! A bound on how often something may happen.

const MINUTE_MS: u64 = 60_000;

/// What is left of an allowance per minute. All of it can be used at once; what is used comes back evenly, so that no border
/// between two minutes lets twice as much through.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Allowance {
    /// What is used, in parts of which each event takes [`MINUTE_MS`] and each millisecond gives back the bound.
    used: u64,
    at_ms: u64,
}

impl Allowance {
    /// Takes one event of at most `per_minute_max`; false if none is left.
    pub(super) fn admits(&mut self, now_ns: u64, per_minute_max: u32) -> bool {
        let now_ms = now_ns / 1_000_000;
        let returned = now_ms.saturating_sub(self.at_ms).saturating_mul(per_minute_max.into());
        self.at_ms = self.at_ms.max(now_ms);
        self.used = self.used.saturating_sub(returned);
        let is_left = self.used + MINUTE_MS <= MINUTE_MS * u64::from(per_minute_max);
        self.used += if is_left { MINUTE_MS } else { 0 };
        is_left
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND_NS: u64 = 1_000_000_000;

    fn admitted(allowance: &mut Allowance, now_ns: u64, max: u32, asked: u32) -> u32 {
        (0..asked).map(|_| u32::from(allowance.admits(now_ns, max))).sum()
    }

    #[test]
    fn all_can_be_used_at_once_and_comes_back_evenly() {
        let mut allowance = Allowance::default();
        for (second, left) in [(0, 10), (5, 0), (6, 1), (30, 4), (60, 5), (600, 10), (601, 0)] {
            assert_eq!(admitted(&mut allowance, second * SECOND_NS, 10, 20), left, "second {second}");
        }
    }

    #[test]
    fn the_bounds_of_the_bound_hold() {
        assert_eq!(admitted(&mut Allowance::default(), SECOND_NS, 0, 3), 0);
        let mut most = Allowance::default();
        assert!(most.admits(u64::MAX, u32::MAX) && most.admits(0, u32::MAX), "a clock that goes back gives nothing");
    }
}
