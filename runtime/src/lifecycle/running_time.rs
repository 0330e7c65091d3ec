//! Time that stands still while nothing runs.

use std::time::{Duration, Instant};

/// The most that passes between two looks. Whoever looks every 20 ms, or oftener, and finds more was suspended meanwhile, or
/// its host was: by SIGSTOP, a debugger, the pause of a virtual machine.
const STEP_MAX: Duration = Duration::from_millis(100);

/// The time for which a thread has run that looks at it again and again, at least every 100 ms. It stands still while the process is
/// suspended, so that deadlines in it are not missed for a pause, in which nobody could have met them. For the deadlines of a
/// chore ([`Topology::start_with`](crate::topology::Topology::start_with)), among others.
#[derive(Clone, Copy, Debug)]
pub struct RunningTime {
    looked: Instant,
    passed: Duration,
}

impl RunningTime {
    pub(crate) fn begin() -> Self {
        RunningTime::begin_at(Instant::now())
    }

    /// A time that begins `now`.
    #[must_use]
    pub fn begin_at(now: Instant) -> Self {
        RunningTime { looked: now, passed: Duration::ZERO }
    }

    /// The time for which it has run.
    pub(crate) fn passed(&mut self) -> Duration {
        self.passed_at(Instant::now())
    }

    /// Leaves out what has passed since the last look.
    pub(crate) fn leave_out(&mut self) {
        self.looked = Instant::now();
    }

    /// The time for which it has run, `now`. Of the time since the last look, at most 100 ms count.
    pub fn passed_at(&mut self, now: Instant) -> Duration {
        self.passed += now.saturating_duration_since(self.looked).min(STEP_MAX);
        self.looked = now;
        self.passed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_stands_still_while_nobody_looks() {
        let mut time = RunningTime::begin();
        let (began, ms) = (time.looked, Duration::from_millis);
        for (at_ms, passed_ms) in [(0, 0), (20, 20), (120, 120), (60_000, 220), (60_020, 240), (60_010, 240)] {
            assert_eq!(time.passed_at(began + ms(at_ms)), ms(passed_ms), "{at_ms}");
        }
    }
}
