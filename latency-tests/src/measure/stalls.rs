//! Availability: the share of requests answered in time, and the stalls in between.

use corelane_tester::engine::{Answered, Measured};

use crate::result::Availability;

/// Stalls that are kept apart in case a later one begins before they ended; older ones are only counted.
const KEPT_MAX: usize = 1024;

/// Watches the answers of the measured time.
pub(super) struct Stalls {
    within_ns: u64,
    late: u64,
    /// Begin and end of each kept stall, in the order of their ends, in nanoseconds since the start of the run.
    kept: Vec<[u64; 2]>,
    /// Totals of the stalls that are kept no longer.
    settled: Availability,
}

impl Stalls {
    pub(super) fn new(within_ns: u64) -> Self {
        let settled = Availability { within_ns, ..Availability::default() };
        Self { within_ns, late: 0, kept: Vec::with_capacity(KEPT_MAX), settled }
    }

    #[inline]
    pub(super) fn answered(&mut self, answered: &Answered) {
        if answered.answered_ns.saturating_sub(answered.intended_ns) > self.within_ns {
            self.late(answered.intended_ns, answered.answered_ns);
        }
    }

    #[cold]
    fn late(&mut self, due_ns: u64, answered_ns: u64) {
        self.late += 1;
        let mut begin_ns = due_ns;
        while let Some(&[began_ns, ended_ns]) = self.kept.last()
            && due_ns <= ended_ns
        {
            begin_ns = begin_ns.min(began_ns);
            self.kept.pop();
        }
        if self.kept.len() == KEPT_MAX {
            self.settled = self.totals();
            self.kept.clear();
        }
        self.kept.push([begin_ns, answered_ns]);
    }

    fn totals(&self) -> Availability {
        self.kept.iter().fold(self.settled, |totals, [began_ns, ended_ns]| {
            let length_ns = ended_ns - began_ns;
            Availability {
                stalls: totals.stalls + 1,
                longest_ns: totals.longest_ns.max(length_ns),
                stalled_ns: totals.stalled_ns + length_ns,
                ..totals
            }
        })
    }

    /// Sums up a load that has ended.
    pub(super) fn availability(&self, measured: &Measured) -> Availability {
        let answered = measured.intended.len();
        let due = answered + measured.missing + measured.unsent;
        let share = answered.saturating_sub(self.late) as f64 / due.max(1) as f64;
        Availability { share, ..self.totals() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stalls(answers: &[(u64, u64)]) -> Stalls {
        let mut stalls = Stalls::new(10);
        for &(intended_ns, answered_ns) in answers {
            stalls.answered(&Answered { session: 0, intended_ns, sent_ns: intended_ns, answered_ns });
        }
        stalls
    }

    fn seen(stalls: &Stalls) -> (u64, u64, u64, u64) {
        let Availability { stalls: count, longest_ns, stalled_ns, .. } = stalls.totals();
        (stalls.late, count, longest_ns, stalled_ns)
    }

    #[test]
    fn what_overlaps_is_one_stall_and_what_is_in_time_none() {
        assert_eq!(seen(&stalls(&[(0, 10), (5, 15)])), (0, 0, 0, 0));
        // Answers of one backlog, then of another.
        assert_eq!(seen(&stalls(&[(0, 50), (20, 51), (60, 61), (100, 111)])), (3, 2, 51, 62));
        // One session waits through two stalls of another: all one.
        assert_eq!(seen(&stalls(&[(10, 30), (40, 60), (5, 70)])), (3, 1, 65, 65));
    }

    #[test]
    fn more_stalls_than_are_kept_count_all_the_same() {
        let many = 3 * KEPT_MAX as u64;
        let answers: Vec<(u64, u64)> = (0..many).map(|at| (at * 100, at * 100 + 20)).collect();
        assert_eq!(seen(&stalls(&answers)), (many, many, 20, many * 20));
    }
}
