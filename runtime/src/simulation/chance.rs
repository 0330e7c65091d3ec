//! Chance that can be repeated: every decision is drawn from a seed, its source, and the key of what it is about.
//!
//! The key is the request, packet or time slot that the decision is about, and not a counter. So a decision that is left
//! out does not shift the others, and a run that failed can be made smaller piece by piece.

use std::collections::HashSet;

/// What may be decided by chance. The name is part of the seed, so that different sources draw different numbers for the
/// same key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Source {
    name: &'static str,
    id: u64,
}

impl Source {
    /// A source; its name is not used by another.
    #[must_use]
    pub const fn new(name: &'static str) -> Source {
        Source { name, id: id_of(name) }
    }

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.name
    }
}

/// FNV-1a.
const fn id_of(name: &str) -> u64 {
    let (bytes, mut id, mut at) = (name.as_bytes(), 0xcbf2_9ce4_8422_2325_u64, 0);
    while at < bytes.len() {
        id = (id ^ bytes[at] as u64).wrapping_mul(0x100_0000_01b3);
        at += 1;
    }
    id
}

/// A fault that has happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// When.
    pub time_ns: u64,
    /// What.
    pub source: Source,
    /// What it was about.
    pub key: u64,
}

/// The name of a fault's source and its key: enough to let it happen again.
pub type FaultName = (String, u64);

/// A number that was drawn. It is spent piece by piece.
#[derive(Clone, Copy, Debug)]
pub struct Draw(u64);

impl Draw {
    /// A number below `bound`, which is not 0; the next call gives another.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = mixed(self.0.wrapping_add(GOLDEN));
        ((u128::from(self.0) * u128::from(bound)) >> 64) as u64
    }

    /// A number within the bounds, both included.
    pub fn within(&mut self, least: u64, most: u64) -> u64 {
        least + self.below(most - least + 1)
    }

    /// True in so many of a million cases.
    pub fn happens(&mut self, parts_per_million: u32) -> bool {
        self.below(1_000_000) < parts_per_million.into()
    }
}

const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// The finalizer of SplitMix64: every bit of the input changes every bit of the output.
pub(super) const fn mixed(mut value: u64) -> u64 {
    value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

/// Which faults may happen.
#[derive(Clone, Debug)]
enum Allowed {
    All,
    /// Only these, by the ids of their sources and their keys.
    Only(HashSet<(u64, u64)>),
    Nothing,
}

/// The chance of one run, and the faults that it has decided.
#[derive(Debug)]
pub(super) struct Chance {
    seed: u64,
    allowed: Allowed,
    faults: Vec<Fault>,
}

impl Chance {
    pub(super) fn new(seed: u64) -> Chance {
        Chance { seed, allowed: Allowed::All, faults: Vec::new() }
    }

    pub(super) fn allow_only(&mut self, faults: &[FaultName]) {
        self.allowed = Allowed::Only(faults.iter().map(|(name, key)| (id_of(name), *key)).collect());
    }

    pub(super) fn allow_nothing(&mut self) {
        self.allowed = Allowed::Nothing;
    }

    pub(super) fn draw(&self, source: Source, key: u64) -> Draw {
        Draw(mixed(self.seed.wrapping_mul(GOLDEN) ^ mixed(source.id ^ mixed(key.wrapping_add(GOLDEN)))))
    }

    /// Whether a fault happens, which has this rate, and the numbers for the rest of it.
    pub(super) fn strikes(&mut self, time_ns: u64, source: Source, key: u64, parts_per_million: u32) -> Option<Draw> {
        if parts_per_million == 0 {
            return None;
        }
        let mut draw = self.draw(source, key);
        let happens = draw.happens(parts_per_million)
            && match &self.allowed {
                Allowed::All => true,
                Allowed::Only(faults) => faults.contains(&(source.id, key)),
                Allowed::Nothing => false,
            };
        if !happens {
            return None;
        }
        self.faults.push(Fault { time_ns, source, key });
        Some(draw)
    }

    pub(super) fn faults(&self) -> &[Fault] {
        &self.faults
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOSS: Source = Source::new("loss");
    const DELAY: Source = Source::new("delay");

    #[test]
    fn a_decision_depends_on_seed_source_and_key_alone() {
        let chance = |seed| Chance::new(seed);
        let number = |chance: &Chance, source, key| chance.draw(source, key).below(u64::MAX);
        let first = number(&chance(1), LOSS, 7);
        assert_eq!(number(&chance(1), LOSS, 7), first);
        let others = [number(&chance(2), LOSS, 7), number(&chance(1), DELAY, 7), number(&chance(1), LOSS, 8)];
        assert!(!others.contains(&first), "{others:?}");
    }

    #[test]
    fn a_rate_is_kept_and_what_was_recorded_can_be_repeated_in_part() {
        let mut chance = Chance::new(5);
        let struck: Vec<u64> = (0..100_000).filter(|&key| chance.strikes(key, LOSS, key, 10_000).is_some()).collect();
        assert!((900..1_100).contains(&struck.len()), "{}", struck.len());
        assert_eq!(chance.faults().iter().map(|fault| fault.key).collect::<Vec<_>>(), struck);
        let mut again = Chance::new(5);
        again.allow_only(&[("loss".to_owned(), struck[3]), ("loss".to_owned(), struck[0] + 1)]);
        let repeated: Vec<u64> = (0..100_000).filter(|&key| again.strikes(key, LOSS, key, 10_000).is_some()).collect();
        assert_eq!(repeated, [struck[3]], "a fault that was not drawn does not happen");
        again.allow_nothing();
        assert!(again.strikes(0, LOSS, struck[3], 10_000).is_none());
    }

    #[test]
    fn draws_stay_within_their_bounds() {
        let mut draw = Chance::new(9).draw(LOSS, 1);
        assert!((0..10_000).all(|_| draw.below(3) < 3 && (5..=8).contains(&draw.within(5, 8))));
        assert!((0..1_000).all(|_| draw.happens(1_000_000) && !draw.happens(0)));
    }
}
