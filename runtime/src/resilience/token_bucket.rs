//! A bound on how often something may happen.

const SECOND_NS: u64 = 1_000_000_000;

/// How often something may happen, and how much of it at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Events per period.
    events: u64,
    period_ns: u64,
    /// The burst, in parts of which each event takes `period_ns`.
    capacity: u64,
}

impl Rate {
    /// So many events per second, and up to `burst` at once; 0 of either means none.
    #[must_use]
    pub const fn per_second(events: u32, burst: u32) -> Rate {
        Rate::per(SECOND_NS, events, burst)
    }

    /// So many events per minute, and up to `burst` at once.
    #[must_use]
    pub const fn per_minute(events: u32, burst: u32) -> Rate {
        Rate::per(60 * SECOND_NS, events, burst)
    }

    const fn per(period_ns: u64, events: u32, burst: u32) -> Rate {
        // Saturates beyond 300 million events per minute only.
        Rate { events: events as u64, period_ns, capacity: period_ns.saturating_mul(burst as u64) }
    }
}

/// A token bucket: all of the burst can be used at once, and what is used comes back evenly, so that no border between two
/// periods lets twice as much through. It begins full.
///
/// The arithmetic is exact, in integers, and saturates: no time between two calls is too long. If the clock goes back,
/// nothing comes back at that moment, and from then on it comes back by the new time.
///
/// ```
/// use corelane_runtime::resilience::{Rate, TokenBucket};
///
/// const SECOND_NS: u64 = 1_000_000_000;
/// let rate = Rate::per_second(100, 2);
/// let mut bucket = TokenBucket::default();
/// assert!(bucket.try_take(SECOND_NS, &rate) && bucket.try_take(SECOND_NS, &rate));
/// assert!(!bucket.try_take(SECOND_NS, &rate), "the burst is used");
/// assert!(bucket.try_take(SECOND_NS + SECOND_NS / 100, &rate), "a hundredth of a second brings one back");
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct TokenBucket {
    /// What is used, in parts of which each event takes the period, and each nanosecond gives back the rate's events.
    used: u64,
    at_ns: u64,
}

impl TokenBucket {
    /// Whether a token is left at `now_ns`. Use one `rate` with a bucket throughout.
    #[inline]
    pub fn has_token(&mut self, now_ns: u64, rate: &Rate) -> bool {
        let returned = now_ns.saturating_sub(self.at_ns).saturating_mul(rate.events);
        self.at_ns = now_ns;
        self.used = self.used.saturating_sub(returned);
        self.used.checked_add(rate.period_ns).is_some_and(|used| used <= rate.capacity)
    }

    /// Takes a token, which [`has_token`](Self::has_token) has found.
    #[inline]
    pub fn take(&mut self, rate: &Rate) {
        self.used = self.used.saturating_add(rate.period_ns);
    }

    /// Takes a token if one is left at `now_ns`.
    #[inline]
    pub fn try_take(&mut self, now_ns: u64, rate: &Rate) -> bool {
        let is_left = self.has_token(now_ns, rate);
        if is_left {
            self.take(rate);
        }
        is_left
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HOUR_NS: u64 = 3600 * SECOND_NS;

    fn taken(bucket: &mut TokenBucket, now_ns: u64, rate: &Rate, asked: u32) -> u32 {
        (0..asked).map(|_| u32::from(bucket.try_take(now_ns, rate))).sum()
    }

    #[test]
    fn all_can_be_used_at_once_and_comes_back_evenly() {
        let mut bucket = TokenBucket::default();
        let rate = Rate::per_minute(10, 10);
        for (second, left) in [(0, 10), (5, 0), (6, 1), (30, 4), (60, 5), (600, 10), (601, 0)] {
            assert_eq!(taken(&mut bucket, second * SECOND_NS, &rate, 20), left, "second {second}");
        }
    }

    #[test]
    fn a_token_comes_back_in_the_nanosecond_in_which_it_is_due() {
        // A third of a second is no whole number of nanoseconds.
        let rate = Rate::per_second(3, 1);
        let mut bucket = TokenBucket::default();
        assert!(bucket.try_take(HOUR_NS, &rate));
        assert!(!bucket.has_token(HOUR_NS + 333_333_333, &rate));
        assert!(bucket.try_take(HOUR_NS + 333_333_334, &rate));
        // What was given too much then is not given again: the third one is due at the whole second.
        assert!(!bucket.has_token(HOUR_NS + 666_666_667, &rate));
        assert!(bucket.try_take(HOUR_NS + 666_666_668, &rate));
    }

    #[test]
    fn the_bounds_of_the_bounds_hold() {
        let none = [Rate::per_second(5, 0), Rate::per_minute(0, 0)];
        for rate in none {
            assert_eq!(taken(&mut TokenBucket::default(), HOUR_NS, &rate, 3), 0);
        }
        let mut once = TokenBucket::default();
        let never_again = Rate::per_second(0, 1);
        assert_eq!(taken(&mut once, 0, &never_again, 3), 1);
        assert_eq!(taken(&mut once, u64::MAX, &never_again, 3), 0);
        let mut most = TokenBucket::default();
        assert!(most.try_take(u64::MAX, &Rate::per_minute(u32::MAX, u32::MAX)));
        assert!(most.try_take(u64::MAX, &Rate::per_second(u32::MAX, u32::MAX)));
    }

    #[test]
    fn a_bucket_is_full_after_78_hours_and_after_584_years() {
        for rate in [Rate::per_second(1, 7), Rate::per_second(u32::MAX, 7)] {
            for now_ns in [78 * HOUR_NS, u64::MAX] {
                let mut bucket = TokenBucket::default();
                assert_eq!(taken(&mut bucket, 0, &rate, 10), 7);
                assert_eq!(taken(&mut bucket, now_ns, &rate, 10), 7, "{rate:?} at {now_ns}");
            }
        }
    }

    #[test]
    fn a_clock_that_steps_by_an_hour_gives_a_burst_at_most_and_stops_nobody() {
        let rate = Rate::per_second(10, 5);
        let mut bucket = TokenBucket::default();
        let noon = 12 * HOUR_NS;
        assert_eq!(taken(&mut bucket, noon, &rate, 9), 5);
        assert_eq!(taken(&mut bucket, noon + HOUR_NS, &rate, 9), 5, "a step forward");
        assert_eq!(taken(&mut bucket, noon, &rate, 9), 0, "a step back");
        assert_eq!(taken(&mut bucket, noon + SECOND_NS / 10, &rate, 9), 1, "the rate goes on by the new time");
    }

    proptest! {
        /// In no stretch of time are more admitted than the burst and what came back in it; one that is due is admitted.
        #[test]
        fn the_rate_is_kept_and_used(
            (events, burst) in (1..2000_u32, 1..50_u32),
            gaps in prop::collection::vec(0..2_000_000_u64, 1..300)
        ) {
            let rate = Rate::per_second(events, burst);
            let mut bucket = TokenBucket::default();
            let (mut now_ns, mut admitted) = (0, Vec::new());
            for gap in gaps {
                now_ns += gap;
                let fits = |start: usize| {
                    let since_ns = u128::from(now_ns - admitted[start]);
                    let most = u128::from(burst) * u128::from(SECOND_NS) + since_ns * u128::from(events);
                    (admitted.len() - start + 1) as u128 * u128::from(SECOND_NS) <= most
                };
                let is_due = (0..admitted.len()).all(fits);
                prop_assert_eq!(bucket.try_take(now_ns, &rate), is_due);
                if is_due {
                    admitted.push(now_ns);
                }
            }
        }
    }
}
