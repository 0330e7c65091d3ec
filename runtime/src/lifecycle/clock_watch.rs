//! Watches the clock: how far it is from the host's wall clock, and whether the day ends.

use std::{fmt, time::Duration};

use crate::clock::{Recalibration, SLEW_PPM_MAX};

/// The divergence from the wall clock that is warned of. Without a step of the wall clock, the two differ by microseconds; MiFID
/// II (RTS 25) allows a venue 1 ms at most.
const DIVERGENCE_NS_MAX: u64 = 1_000_000;
/// How often a divergence that stays is warned of again.
const DIVERGENCE_REPEAT_NS: u64 = 600 * 1_000_000_000;
const DAY_NS: u64 = 24 * HOUR_NS;
const HOUR_NS: u64 = 3600 * 1_000_000_000;

/// What was said of the clock so far.
#[derive(Debug, Default)]
pub(super) struct ClockWatch {
    /// When a divergence was last warned of, while it lasts.
    diverged_said_ns: Option<u64>,
    /// Hours since midnight when the day was last said to be too long.
    hours_said: u64,
}

/// What is to be said of the clock.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ClockNotice {
    /// The wall clock is `offset_ns` ahead of the topology's time.
    Diverges { offset_ns: i64 },
    /// The clocks agree again.
    Agrees,
    /// It is `hours` since the midnight that time of day counts from.
    DayGoesOn { hours: u64 },
}

impl ClockWatch {
    /// Takes the time of day and what the last recalibration found.
    pub(super) fn observe(&mut self, time_of_day_ns: u64, found: Recalibration) -> [Option<ClockNotice>; 2] {
        [self.observe_divergence(time_of_day_ns, found), self.observe_day(time_of_day_ns)]
    }

    fn observe_divergence(&mut self, now_ns: u64, found: Recalibration) -> Option<ClockNotice> {
        // A wide bracket (the thread was interrupted while it read the clocks) is no divergence.
        let certain_ns = found.offset_ns.unsigned_abs().saturating_sub(found.bracket_ns / 2);
        match self.diverged_said_ns {
            None if certain_ns > DIVERGENCE_NS_MAX => {}
            Some(said_ns) if certain_ns > DIVERGENCE_NS_MAX && now_ns - said_ns >= DIVERGENCE_REPEAT_NS => {}
            Some(_) if certain_ns <= DIVERGENCE_NS_MAX / 2 => {
                self.diverged_said_ns = None;
                return Some(ClockNotice::Agrees);
            }
            _ => return None,
        }
        self.diverged_said_ns = Some(now_ns);
        Some(ClockNotice::Diverges { offset_ns: found.offset_ns })
    }

    fn observe_day(&mut self, now_ns: u64) -> Option<ClockNotice> {
        let hours = now_ns / HOUR_NS;
        if now_ns < DAY_NS || hours <= self.hours_said {
            return None;
        }
        self.hours_said = hours;
        Some(ClockNotice::DayGoesOn { hours })
    }
}

impl fmt::Display for ClockNotice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            ClockNotice::Diverges { offset_ns } => {
                let off = Duration::from_nanos(offset_ns.unsigned_abs());
                let where_is = if offset_ns > 0 { "ahead of" } else { "behind" };
                let catch_up_s = (off.as_secs_f64() * 1e6 / SLEW_PPM_MAX as f64).ceil();
                write!(
                    f,
                    "the wall clock is {off:?} {where_is} our time, by which stamps, timers and the day go; it never steps and \
                     takes {catch_up_s} s to follow: stop and start again to follow at once"
                )
            }
            ClockNotice::Agrees => f.write_str("our time agrees with the wall clock again"),
            ClockNotice::DayGoesOn { hours } => write!(
                f,
                "{hours} h have passed since midnight and the day has not ended; times run on past 24 h: stop, and start \
                 again for the new day"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(offset_ns: i64, bracket_ns: u64) -> Recalibration {
        Recalibration { offset_ns, bracket_ns, slew_ppb: 0 }
    }

    #[test]
    fn a_divergence_is_said_at_once_then_every_ten_minutes_and_when_it_is_over() {
        let mut watch = ClockWatch::default();
        let minute_ns = 60_000_000_000;
        let hour = ClockNotice::Diverges { offset_ns: -3_600_000_000_000 };
        for (at_ns, found, said) in [
            (0, found(999_999, 0), None),
            (1, found(-3_600_000_000_000, 100), Some(&hour)),
            (2, found(-3_600_000_000_000, 100), None),
            (10 * minute_ns, found(-3_600_000_000_000, 100), None),
            (10 * minute_ns + 1, found(-3_600_000_000_000, 100), Some(&hour)),
            (11 * minute_ns, found(-900_000, 100), None),
            (12 * minute_ns, found(-400_000, 100), Some(&ClockNotice::Agrees)),
            (13 * minute_ns, found(-400_000, 100), None),
            // Uncertain by as much as it is off.
            (14 * minute_ns, found(50_000_000, 100_000_000), None),
        ] {
            assert_eq!(watch.observe(at_ns, found)[0].as_ref(), said, "at {at_ns} ns");
        }
        assert_eq!(
            hour.to_string(),
            "the wall clock is 3600s behind our time, by which stamps, timers and the day go; it never steps and takes 7200000 s to \
             follow: stop and start again to follow at once"
        );
    }

    #[test]
    fn a_day_without_end_is_said_at_24_h_and_every_hour_from_then_on() {
        let mut watch = ClockWatch::default();
        let mut said = Vec::new();
        for minute in 0..79 * 60 {
            let notice = watch.observe(minute * 60_000_000_000, found(0, 100))[1].take();
            said.extend(notice.map(|_| minute));
        }
        assert_eq!(said, (24..79).map(|hour| hour * 60).collect::<Vec<_>>());
    }
}
