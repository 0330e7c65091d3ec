//! What a function's share of its thread's time was before, and is now.

use std::collections::BTreeMap;

use super::folded::Tally;

/// Changes below so many standard errors are taken for noise.
const ERRORS_MIN: f64 = 3.0;

/// A function before and after. Shares are of the thread's samples, from 0 to 1.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The function.
    pub name: String,
    /// In it alone, before and after.
    pub own: [f64; 2],
    /// With what it calls, before and after.
    pub inclusive: [f64; 2],
}

impl Change {
    /// By how much its own share grew.
    pub fn growth(&self) -> f64 {
        self.own[1] - self.own[0]
    }
}

/// Functions whose own share changed by more than sampling explains, what grew most first and what shrank most last.
///
/// A share of p in n samples has the standard error √(p(1−p)/n); a difference counts from three of its own on.
pub fn changes(before: &Tally, after: &Tally) -> Vec<Change> {
    let mut changes: BTreeMap<&str, Change> = BTreeMap::new();
    for (side, tally) in [before, after].into_iter().enumerate() {
        let share = |samples: u64| samples as f64 / tally.samples.max(1) as f64;
        for function in &tally.functions {
            let change = changes.entry(&function.name).or_insert_with(|| Change {
                name: function.name.clone(),
                own: [0.0; 2],
                inclusive: [0.0; 2],
            });
            change.own[side] = share(function.own);
            change.inclusive[side] = share(function.inclusive);
        }
    }
    let error = |change: &Change| {
        let variance = |share: f64, samples: u64| share * (1.0 - share) / samples.max(1) as f64;
        (variance(change.own[0], before.samples) + variance(change.own[1], after.samples)).sqrt()
    };
    let mut changes: Vec<Change> =
        changes.into_values().filter(|change| change.growth().abs() > ERRORS_MIN * error(change)).collect();
    changes.sort_by(|one, other| other.growth().total_cmp(&one.growth()).then_with(|| one.name.cmp(&other.name)));
    changes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profiler::folded::Folded;

    fn tally(text: &str) -> Tally {
        Folded::parse(text).unwrap().tally("hot")
    }

    #[test]
    fn what_grew_stands_first_and_noise_is_left_out() {
        let before = tally("hot;a 5000\nhot;b 3000\nhot;a;c 1000\nhot;gone 1000\n");
        // Twice as many samples: a has the same share within noise, b shrank, c grew, one is new and one is gone.
        let after = tally("hot;a 10050\nhot;b 4000\nhot;a;c 4950\nhot;new 1000\n");
        let changes = changes(&before, &after);
        let names: Vec<&str> = changes.iter().map(|change| change.name.as_str()).collect();
        assert_eq!(names, ["c", "new", "b", "gone"]);
        assert_eq!((changes[0].own[0], changes[1].own), (0.1, [0.0, 0.05]));
        // What a calls grew, so that a grew with it, but not by itself.
        assert!((changes[0].growth() - 0.1475).abs() < 1e-9);
        assert_eq!(super::changes(&before, &before), []);
    }
}
