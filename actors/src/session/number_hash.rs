//! A hash for numbers that clients choose: user reference numbers, which mostly count upwards, and symbols.
//!
//! The 64 numbers of a block lie side by side at a place chosen by a secret. Numbers that count upwards are thus in a
//! few warm cache lines, and a client that picks numbers to collide cannot know which blocks do. No choice of numbers
//! makes a probe long, because a bucket gets at most one number of each block.

use std::hash::{BuildHasher, Hasher, RandomState};

const BLOCK_BITS: u32 = 6;
const BLOCK_MASK: u64 = (1 << BLOCK_BITS) - 1;

/// Makes the hashers of one map.
#[derive(Clone, Debug)]
pub(super) struct NumberHash {
    secret: [u64; 2],
}

impl Default for NumberHash {
    fn default() -> Self {
        // An odd factor maps no two numbers to one.
        let random = || RandomState::new().hash_one(0);
        NumberHash { secret: [random(), random() | 1] }
    }
}

impl BuildHasher for NumberHash {
    type Hasher = NumberHasher;

    #[inline]
    fn build_hasher(&self) -> NumberHasher {
        NumberHasher { secret: self.secret, hash: 0 }
    }
}

/// Hashes one number.
#[derive(Debug)]
pub(super) struct NumberHasher {
    secret: [u64; 2],
    hash: u64,
}

impl Hasher for NumberHasher {
    #[inline]
    fn write_u32(&mut self, number: u32) {
        self.write_u64(number.into());
    }

    #[inline]
    fn write_u64(&mut self, number: u64) {
        let block = number >> BLOCK_BITS;
        let product = u128::from(block ^ self.secret[0]) * u128::from(self.secret[1]);
        #[expect(clippy::cast_possible_truncation, reason = "the low half of the product")]
        let place = (product as u64) ^ (product >> 64) as u64;
        let within = number & BLOCK_MASK;
        // The map takes the bucket from the low bits, and a tag, which neighbours should not share, from the top ones.
        self.hash = ((place & !BLOCK_MASK) | within) ^ (within << (u64::BITS - BLOCK_BITS));
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u64(u64::from(byte) ^ self.hash);
        }
    }

    #[inline]
    fn finish(&self) -> u64 {
        self.hash
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn numbers_of_a_block_are_neighbours_and_blocks_are_scattered() {
        const BUCKETS: u64 = 1 << 15;
        let hash = NumberHash::default();
        let bucket = |number: u32| hash.hash_one(number) % BUCKETS;
        for number in [0u32, 64, 6400, u32::MAX - 63] {
            let buckets: Vec<u64> = (number..=number + 63).map(bucket).collect();
            assert!(buckets.windows(2).all(|pair| pair[1] == pair[0] + 1), "{buckets:?}");
        }
        // The worst choice without the secret: equal low bits. 8,192 such numbers fall on most of the 512 places there
        // are for them. A secret that scatters them less is drawn now and then, so the test counts over many.
        let places = |hash: &NumberHash| {
            let bucket = |block: u32| hash.hash_one(block * u32::try_from(BUCKETS).unwrap()) % BUCKETS;
            (0..8192).map(bucket).collect::<HashSet<u64>>().len()
        };
        let all: usize = (0..32).map(|_| places(&NumberHash::default())).sum();
        assert!(all > 32 * 300, "{all} places for 32 secrets");
        let tags: HashSet<u64> = (0..64u32).map(|number| hash.hash_one(number) >> 57).collect();
        assert!(tags.len() >= 32, "{} tags", tags.len());
    }
}
