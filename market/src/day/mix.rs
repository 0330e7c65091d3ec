//! Random choice of the next message's type and instrument.

use crate::rng::Rng;

/// The number of messages per type in [`MIX_TOTAL`] messages. The first ten shares are those of a real day (Nasdaq, 30
/// January 2019, 368 million messages). The others are larger than on that day, so that a day of a million messages
/// contains every type.
const MIX: [(u8, u64); 20] = [
    (b'A', 44_240),
    (b'D', 42_962),
    (b'U', 7_390),
    (b'E', 2_198),
    (b'X', 1_268),
    (b'I', 1_000),
    (b'F', 469),
    (b'P', 360),
    (b'C', 43),
    (b'L', 40),
    (b'Q', 5),
    (b'H', 4),
    (b'N', 4),
    (b'B', 3),
    (b'Y', 3),
    (b'J', 3),
    (b'h', 2),
    (b'K', 2),
    (b'O', 2),
    (b'W', 2),
];
const MIX_TOTAL: u64 = 100_000;

/// Draws the type of the next message in trading hours.
pub(super) fn draw_kind(rng: &mut Rng) -> u8 {
    let mut drawn = rng.below(MIX_TOTAL);
    for (kind, share) in MIX {
        match drawn.checked_sub(share) {
            Some(rest) => drawn = rest,
            None => return kind,
        }
    }
    unreachable!("the shares add up to the total")
}

/// A random choice of instruments by activity. The probability of rank `r`, counted from 0, is proportional to 1 / (r +
/// [`FLATTENING`]) (Zipf–Mandelbrot law). With 8,000 instruments, the busiest has 1.5 % of all messages and the busiest
/// hundred have a third, about as on a real day.
#[derive(Debug)]
pub(super) struct Activity {
    /// The cumulative weights, by rank.
    summed: Box<[u64]>,
    /// The instruments, by rank.
    ranked: Box<[u16]>,
}

const FLATTENING: u64 = 10;

impl Activity {
    #[must_use]
    pub(super) fn new(rng: &mut Rng, instruments: u16) -> Self {
        let mut ranked: Box<[u16]> = (0..instruments).collect();
        // A Fisher–Yates shuffle, so that activity does not depend on the locate.
        for at in (1..ranked.len()).rev() {
            ranked.swap(at, rng.below(at as u64 + 1) as usize);
        }
        let mut sum = 0;
        let weigh = |rank| {
            sum += (1 << 40) / (rank + FLATTENING);
            sum
        };
        Self { summed: (0..u64::from(instruments)).map(weigh).collect(), ranked }
    }

    /// Draws the index of an instrument. There must be at least one.
    #[must_use]
    pub(super) fn draw(&self, rng: &mut Rng) -> usize {
        let drawn = rng.below(self.summed[self.summed.len() - 1]);
        usize::from(self.ranked[self.summed.partition_point(|sum| *sum <= drawn)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_complete() {
        assert_eq!(MIX.iter().map(|(_, share)| share).sum::<u64>(), MIX_TOTAL);
    }

    #[test]
    fn activity_is_skewed() {
        let mut rng = Rng::new(5);
        let activity = Activity::new(&mut rng, 8_000);
        let mut counts = vec![0_u32; 8_000];
        (0..1_000_000).for_each(|_| counts[activity.draw(&mut rng)] += 1);
        counts.sort_unstable_by(|a, b| b.cmp(a));
        assert!((13_000..17_000).contains(&counts[0]), "{}", counts[0]);
        assert!((330_000..390_000).contains(&counts[..100].iter().sum::<u32>()));
        assert!(counts[7_999] > 0);
    }
}
