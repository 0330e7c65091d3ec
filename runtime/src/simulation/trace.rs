//! The hash of all that happens in a simulated world: equal runs have equal hashes.

use super::chance::mixed;

const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;

/// A running hash. It depends on the order of what is added, and on neither addresses nor the build.
#[derive(Clone, Copy, Debug)]
pub(super) struct Trace(u64);

impl Trace {
    pub(super) fn new(seed: u64) -> Trace {
        Trace(mixed(seed))
    }

    pub(super) fn add(&mut self, number: u64) {
        self.0 = (self.0.rotate_left(23) ^ number).wrapping_mul(MULTIPLIER);
    }

    pub(super) fn add_bytes(&mut self, bytes: &[u8]) {
        let mut word = 0;
        let (words, rest) = bytes.as_chunks();
        for bytes in words {
            word = u64::from_be_bytes(*bytes);
            self.add(word);
        }
        rest.iter().for_each(|&byte| word = word << 8 | u64::from(byte));
        self.add(word);
        self.add(bytes.len() as u64);
    }

    pub(super) fn value(self) -> u64 {
        mixed(self.0)
    }
}

/// A hash of bytes by themselves.
pub(super) fn hash_of(bytes: &[u8]) -> u64 {
    let mut trace = Trace::new(0);
    trace.add_bytes(bytes);
    trace.value()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_and_the_length_count() {
        let texts: [&[u8]; 6] = [b"", b"\0", b"\0\0", b"abcdefgh", b"abcdefgi", b"abcdefgh\0"];
        let hashes: std::collections::HashSet<u64> = texts.iter().map(|text| hash_of(text)).collect();
        assert_eq!(hashes.len(), texts.len());
        assert_eq!(hash_of(b"abc"), hash_of(b"abc"));
    }
}
