//! How often work is tried that fails or is not answered.

/// How often work is tried that may be repeated (it is not sequenced, and twice is like once), and how long each try may take.
///
/// The second try may take a step longer than the first, the third two steps, up to the longest time. Jitter leaves out some of
/// it, so that those who failed together do not try again together. It is drawn from the seed, the work and the number of the
/// try, and from nothing else: a simulation and a replay draw the same.
///
/// ```
/// use corelane_runtime::resilience::RetryPolicy;
///
/// const MS: u64 = 1_000_000;
/// let policy = RetryPolicy { step_ns: 15 * MS, max_ns: 40 * MS, ..RetryPolicy::constant(4, 20 * MS) };
/// let times = [1, 2, 3, 4, 5].map(|attempt| policy.time_ns(7, attempt));
/// assert_eq!(times, [Some(20 * MS), Some(35 * MS), Some(40 * MS), Some(40 * MS), None]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Tries in all, the first one included.
    pub attempts_max: u32,
    /// How long the first try may take.
    pub start_ns: u64,
    /// How much longer each further try may take than the one before it.
    pub step_ns: u64,
    /// The longest that a try may take.
    pub max_ns: u64,
    /// How much of these times may be left out at random, in percent; more than 100 is 100.
    pub jitter_percent: u8,
    /// Chooses the jitter.
    pub seed: u64,
}

impl RetryPolicy {
    /// So many tries, each of which may take so long.
    #[must_use]
    pub const fn constant(attempts_max: u32, time_ns: u64) -> Self {
        RetryPolicy { attempts_max, start_ns: time_ns, step_ns: 0, max_ns: time_ns, jitter_percent: 0, seed: 0 }
    }

    /// How long try number `attempt` of the work `key` may take, the first being 1; none beyond the last.
    #[must_use]
    pub fn time_ns(&self, key: u64, attempt: u32) -> Option<u64> {
        let before = attempt.checked_sub(1).filter(|_| attempt <= self.attempts_max)?;
        let longer_ns = self.step_ns.saturating_mul(before.into());
        let time_ns = self.start_ns.saturating_add(longer_ns).min(self.max_ns);
        let jitter_ns = u128::from(time_ns) * u128::from(self.jitter_percent.min(100)) / 100;
        let random = mix(self.seed ^ mix(key ^ mix(attempt.into())));
        let left_out_ns = (jitter_ns * u128::from(random)) >> 64;
        Some(time_ns - left_out_ns as u64)
    }
}

/// Spreads the bits of `value`: the finalizer of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014).
pub(crate) fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn times_grow_by_steps_up_to_the_longest_and_end_with_the_last_try() {
        let policy = RetryPolicy { step_ns: 7, max_ns: 25, ..RetryPolicy::constant(5, 10) };
        let times: Vec<_> = (0..7).map(|attempt| policy.time_ns(3, attempt)).collect();
        assert_eq!(times, [None, Some(10), Some(17), Some(24), Some(25), Some(25), None]);
        assert_eq!(RetryPolicy::constant(0, 10).time_ns(1, 1), None, "no try is allowed");
        let constant = RetryPolicy::constant(u32::MAX, 10);
        assert_eq!([1, 2, u32::MAX].map(|attempt| constant.time_ns(1, attempt)), [Some(10); 3]);
    }

    #[test]
    fn jitter_shortens_only_and_differs_by_seed_work_and_try() {
        let policy = RetryPolicy { jitter_percent: 40, ..RetryPolicy::constant(8, 1_000_000) };
        let time = |seed, key, attempt| RetryPolicy { seed, ..policy }.time_ns(key, attempt).unwrap();
        let mut times: Vec<u64> = (0..4)
            .flat_map(|seed| (0..4).flat_map(move |key| (1..=4).map(move |at| (seed, key, at))))
            .map(|(seed, key, attempt)| time(seed, key, attempt))
            .collect();
        assert!(times.iter().all(|time| (600_000..=1_000_000).contains(time)), "{times:?}");
        // Over the whole range, and no two alike.
        assert!(times.iter().any(|time| *time < 700_000) && times.iter().any(|time| *time > 900_000), "{times:?}");
        times.sort_unstable();
        times.dedup();
        assert_eq!(times.len(), 64);
    }

    /// The same in wide integers, without jitter.
    fn without_jitter(policy: &RetryPolicy, attempt: u32) -> u64 {
        let mut time = u128::from(policy.start_ns);
        time += u128::from(policy.step_ns) * u128::from(attempt - 1);
        u64::try_from(time.min(policy.max_ns.into())).unwrap()
    }

    proptest! {
        #[test]
        fn a_time_is_within_its_bounds_whatever_the_policy(
            (start_ns, step_ns, max_ns, seed, key) in any::<(u64, u64, u64, u64, u64)>(),
            (attempts_max, attempt, jitter_percent) in (any::<u32>(), any::<u32>(), any::<u8>()),
            shift in (0..64_u32, 0..64_u32, 0..64_u32, 0..32_u32),
        ) {
            // Of all magnitudes.
            let (start_ns, step_ns, max_ns) = (start_ns >> shift.0, step_ns >> shift.1, max_ns >> shift.2);
            let attempt = attempt >> shift.3;
            let policy = RetryPolicy { attempts_max, start_ns, step_ns, max_ns, jitter_percent, seed };
            let time_ns = policy.time_ns(key, attempt);
            prop_assert_eq!(time_ns.is_some(), (1..=attempts_max).contains(&attempt));
            prop_assert_eq!(time_ns, policy.time_ns(key, attempt), "the same again");
            if let Some(time_ns) = time_ns {
                let longest = without_jitter(&policy, attempt);
                let left = u128::from(longest) * u128::from(100 - jitter_percent.min(100)) / 100;
                prop_assert!(time_ns <= longest && u128::from(time_ns) >= left, "{time_ns} of {longest}");
                let plain = RetryPolicy { jitter_percent: 0, ..policy };
                prop_assert_eq!(plain.time_ns(key, attempt), Some(longest));
                prop_assert!(plain.time_ns(key, attempt.saturating_add(1)).is_none_or(|next| next >= longest));
            }
        }
    }
}
