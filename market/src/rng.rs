//! A small seeded random number generator: SplitMix64 (Steele, Lea, Flood 2014), with the constants of its reference
//! code.

/// A generator that gives the same numbers for the same seed, on every machine and in every version.
#[derive(Clone, Debug)]
pub struct Rng(u64);

impl Rng {
    /// Creates a generator with this seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Creates an independent generator for part number `index`.
    #[must_use]
    pub fn for_part(seed: u64, index: usize) -> Self {
        let mut mixed = Self::new(seed ^ (index as u64).wrapping_mul(0xd134_2543_de82_ef95));
        Self(mixed.next())
    }

    /// The next number, of 64 random bits.
    #[allow(clippy::should_implement_trait, reason = "it never ends, and callers want no `Option`")]
    #[inline]
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number from 0 up to, but not including, `end`; 0 if `end` is 0. The bias is below 2⁻³² for every `end` used
    /// here.
    #[inline]
    pub fn below(&mut self, end: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(end)) >> 64) as u64
    }

    /// A number from `first` to `last`, both included.
    #[inline]
    pub fn between(&mut self, first: u64, last: u64) -> u64 {
        first + self.below(last - first + 1)
    }

    /// A number from 0 up to, but not including, 1.
    #[inline]
    pub fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// True with this probability.
    #[inline]
    pub fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }
}

#[cfg(test)]
mod tests {
    use super::Rng;

    #[test]
    fn numbers_are_those_of_the_reference_code() {
        let mut rng = Rng::new(1_234_567);
        let numbers = [rng.next(), rng.next(), rng.next()];
        assert_eq!(numbers, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
    }

    #[test]
    fn ranges_are_kept_and_reached() {
        let mut rng = Rng::new(7);
        let numbers: Vec<_> = (0..1000).map(|_| rng.between(3, 6)).collect();
        for number in 3..=6 {
            assert!(numbers.contains(&number));
        }
        assert!(numbers.iter().all(|number| (3..=6).contains(number)));
        assert_eq!(rng.below(0), 0);
    }
}
