//! What a supervisor is declared to do.

use std::time::Duration;

/// Which children a failure restarts. The names and the rules are those of Erlang/OTP's `supervisor`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    /// The one that failed.
    OneForOne,
    /// The one that failed and those declared after it: they are stopped, last declared first, then all start in order.
    RestForOne,
    /// All of them: the others are stopped, last declared first, then all start in order.
    OneForAll,
}

/// Whether a child that failed is restarted. OTP's `transient` is not among them: an actor ends by failing and in no other
/// way, so it would be `permanent`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restart {
    /// It is restarted.
    Permanent,
    /// It is not, and its siblings go on. When they are restarted, it is stopped with them and ends.
    Temporary,
    /// It is not, and its failure is its supervisor's: it escalates at once. OTP's `significant` child of a supervisor with
    /// `auto_shutdown`.
    Significant,
}

/// What a supervisor does that gives up: more children failed than its intensity allows, or a significant one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Escalation {
    /// It stops its children and fails as a child of its own supervisor, which restarts it or gives up in turn.
    Parent,
    /// The topology stops in order, after its program has ended its business
    /// ([`Status::is_halting`](crate::lifecycle::Status::is_halting)).
    Halt,
    /// The topology stops at once: it does not wait for what is in flight.
    Exit,
}

/// How long a restart waits: not at all by default, else from `first` on twice as long with each failure in a row, up to `max`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// The wait before the first restart.
    pub first: Duration,
    /// The longest wait.
    pub max: Duration,
    /// How much of a wait may be left out at random, in percent: so parts that failed together do not come back together.
    pub jitter_percent: u8,
    /// A child that was up this long before it failed waits as if for the first time. One whose start fails was not up.
    pub reset_after: Duration,
}

impl Backoff {
    /// No wait.
    pub const NONE: Backoff =
        Backoff { first: Duration::ZERO, max: Duration::ZERO, jitter_percent: 0, reset_after: Duration::ZERO };

    /// The wait in nanoseconds after `failures` others in a row, at most [`Backoff::max`]. `random` chooses the jitter.
    pub(super) fn wait_ns(&self, failures: u32, random: u64) -> u64 {
        let doubled = nanos(self.first).saturating_mul(1_u64.checked_shl(failures).unwrap_or(u64::MAX));
        let wait_ns = doubled.min(nanos(self.max));
        let jitter_ns = u128::from(wait_ns) * u128::from(self.jitter_percent.min(100)) / 100;
        let left_out_ns = (jitter_ns * u128::from(random)) >> 64;
        wait_ns - left_out_ns as u64
    }
}

/// A supervisor: its name and what it does when a child fails.
#[derive(Clone, Debug)]
#[non_exhaustive]
#[must_use]
pub struct SupervisorSpec {
    /// Its name, in reports.
    pub name: String,
    /// Which children a failure restarts.
    pub strategy: Strategy,
    /// The most failures within the period that it answers with a restart; with one more it gives up.
    pub intensity: u32,
    /// The period of the intensity.
    pub period: Duration,
    /// How long a restart waits.
    pub backoff: Backoff,
    /// What it does when it gives up.
    pub escalation: Escalation,
    /// How long a child may take to stop, or to start once it is built; more than 0. A shard that has not answered by then hangs, and
    /// the topology halts.
    pub deadline: Duration,
}

impl SupervisorSpec {
    /// OTP's defaults: one failure within five seconds is answered with a restart, without a wait; the next one halts the
    /// topology. A child has five seconds to stop or start.
    pub fn new(name: impl Into<String>, strategy: Strategy) -> Self {
        SupervisorSpec {
            name: name.into(),
            strategy,
            intensity: 1,
            period: Duration::from_secs(5),
            backoff: Backoff::NONE,
            escalation: Escalation::Halt,
            deadline: Duration::from_secs(5),
        }
    }

    /// Sets how many failures within `period` are answered with a restart.
    pub fn intensity(mut self, intensity: u32, period: Duration) -> Self {
        (self.intensity, self.period) = (intensity, period);
        self
    }

    /// Sets how long a restart waits.
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.backoff = backoff;
        self
    }

    /// Sets what it does when it gives up.
    pub fn escalation(mut self, escalation: Escalation) -> Self {
        self.escalation = escalation;
        self
    }

    /// Sets how long a child may take to stop or to start.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }
}

/// A time in nanoseconds, or the longest that can be counted.
pub(super) fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_doubles_up_to_its_bound_and_jitter_only_shortens_it() {
        let ms = |ms| Duration::from_millis(ms);
        let backoff = Backoff { first: ms(10), max: ms(70), jitter_percent: 0, reset_after: ms(1) };
        let jittered = Backoff { jitter_percent: 50, ..backoff };
        for (failures, wait_ms) in [(0, 10), (1, 20), (2, 40), (3, 70), (4, 70), (63, 70), (64, 70), (u32::MAX, 70)] {
            let wait_ns = wait_ms * 1_000_000;
            assert_eq!(backoff.wait_ns(failures, u64::MAX), wait_ns, "{failures}");
            assert_eq!(jittered.wait_ns(failures, 0), wait_ns, "{failures}");
            assert_eq!(jittered.wait_ns(failures, 1 << 63), wait_ns * 3 / 4, "{failures}");
            assert!((wait_ns / 2..=wait_ns / 2 + 1).contains(&jittered.wait_ns(failures, u64::MAX)), "{failures}");
        }
        assert_eq!(Backoff::NONE.wait_ns(9, 7), 0);
    }
}
