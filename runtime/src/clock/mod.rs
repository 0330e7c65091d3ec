//! Time on shards: the TSC, converted to the venue's time of day by a line that housekeeping recalibrates.
//!
//! A shard reads the counter once per batch ([`Clock::ticks`]), and converts the reading when it displays or stamps a
//! time ([`Clock::time_of_day_ns`]): a read of a few published words, one multiplication, no system call, no floats.
//! Housekeeping calls [`ClockMaster::recalibrate`] at least every [`RECALIBRATION_NS_MAX`], which compares the line
//! with `CLOCK_REALTIME` and adjusts its slope. Time never steps: a new line begins at the old one's current value, and
//! its slope differs from the counter's measured rate by at most [`SLEW_PPM_MAX`]. Only the first line starts at the
//! wall clock's time.
//!
//! Time of day counts from the last midnight in the venue's time zone before the master was created. It does not wrap
//! at the next midnight, but runs past 86,400 s, so that stamps stay ordered; a venue restarts for a new day. The
//! zone's offset is fixed for the run: a change to or from daylight saving time takes effect at the next start.
//!
//! A wall clock that is set by an hour is followed for 83 days at that slope. So housekeeping tells how far the two are
//! apart ([`ClockStatus`](crate::lifecycle::ClockStatus)), and warns above a millisecond and of a day that passes 24 hours. A
//! test sets these clocks, and lets time pass, by a [`ClockFault`].
//!
//! ```
//! use corelane_runtime::clock::{ClockMaster, HostTime, UtcOffset};
//!
//! let mut master = ClockMaster::new(HostTime::new(), UtcOffset::from_seconds(-5 * 3600)?);
//! let clock = master.clock();
//! let (earlier, later) = (clock.ticks(), clock.ticks());
//! assert!(clock.time_of_day_ns(later) >= clock.time_of_day_ns(earlier));
//! // Housekeeping does this while a topology runs.
//! master.recalibrate();
//! assert!(clock.time_of_day_ns(clock.ticks()) >= clock.time_of_day_ns(later), "time never steps back");
//! # Ok::<(), corelane_runtime::clock::InvalidUtcOffset>(())
//! ```

use std::cell::Cell;

use corelane_sync::seqlock::{SeqReader, SeqWriter, seqlock};

pub use self::line::Rate;
use self::line::{Calibration, WORDS};
pub use self::source::{ClockSource, HostTime, TimeSource};
pub use self::zone::{InvalidUtcOffset, UtcOffset};

mod line;
mod source;
mod zone;

/// The longest time between two recalibrations, in nanoseconds. A good crystal drifts by some parts per million against
/// a disciplined wall clock, which is less than a microsecond in that time.
pub const RECALIBRATION_NS_MAX: u64 = 100_000_000;
/// The largest slew: how much faster or slower than real time the clock may run while it corrects an offset, in parts
/// per million. `adjtime` has the same limit. An offset of one second is corrected within 34 minutes.
pub const SLEW_PPM_MAX: u64 = 500;

/// The time in which to correct an offset: a slew of 1 ppm per microsecond of offset.
const CATCH_UP_NS: u64 = 1_000_000_000;
/// Brackets per measurement, of which the tightest counts: an interrupt or the hypervisor may have interrupted the
/// others.
const BRACKETS: usize = 8;
/// The largest plausible deviation of the counter's rate from its nominal rate. If the wall clock deviated by more
/// between two measurements, somebody set or slewed it; the clock follows, but the deviation is not taken as the
/// counter's rate.
const RATE_PPM_MAX: u64 = 200;
/// The number of recalibrations over which a rate is measured: 1.6 s, which with brackets of 50 ns is good to 0.1 ppm.
const HISTORY: usize = 16;

/// One shard's clock. It remembers the last time it returned, so that time never goes back for its reader when a new
/// line is published between two readings.
#[derive(Debug)]
pub struct Clock<S = HostTime> {
    source: S,
    rate: Rate,
    midnight_ns: u64,
    published: SeqReader<WORDS>,
    /// The last line read. The shard uses it while housekeeping is publishing a new one, instead of waiting.
    calibration: Cell<Calibration>,
    /// The latest reading that was converted, and its time of day.
    latest: Cell<(u64, u64)>,
}

impl<S: TimeSource> Clock<S> {
    /// The current value of the counter. Never goes back on one thread.
    #[inline]
    pub fn ticks(&self) -> u64 {
        self.source.ticks()
    }

    /// The nanoseconds from one reading of the counter to a later one; 0 if the second is not later. Uses the source's
    /// nominal rate, which is fixed for the run and good to some parts per million.
    #[inline]
    pub fn nanos_between(&self, earlier_ticks: u64, later_ticks: u64) -> u64 {
        self.rate.nanos(later_ticks.saturating_sub(earlier_ticks))
    }

    /// Converts a reading of the counter to the time of day, in nanoseconds since the midnight before the start (see
    /// the [module](self)). Monotonic: a later reading than any converted before never gets an earlier time, and an
    /// earlier reading never gets a later time.
    #[inline]
    pub fn time_of_day_ns(&self, ticks: u64) -> u64 {
        if let Some(words) = self.published.try_read() {
            self.calibration.set(Calibration::from_words(words));
        }
        let by_line_ns = self.calibration.get().time_of_day_ns(ticks);
        let (latest_ticks, latest_ns) = self.latest.get();
        if ticks < latest_ticks {
            return by_line_ns.min(latest_ns);
        }
        let ns = by_line_ns.max(latest_ns);
        self.latest.set((ticks, ns));
        ns
    }

    /// The midnight from which time of day counts, in nanoseconds since 1970 UTC.
    pub fn midnight_ns(&self) -> u64 {
        self.midnight_ns
    }

    /// The kind of counter that the ticks come from.
    pub fn source(&self) -> ClockSource {
        self.source.source()
    }
}

/// The result of a recalibration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recalibration {
    /// How far the wall clock was ahead of ours, in nanoseconds. After a step of the wall clock, the offset shrinks at
    /// [`SLEW_PPM_MAX`], which is half a millisecond per second.
    pub offset_ns: i64,
    /// The width of the tightest bracket, in nanoseconds. The offset is uncertain by half of it.
    pub bracket_ns: u64,
    /// The slew from now on: how much faster than real time the clock runs, in parts per billion.
    pub slew_ppb: i64,
}

/// A fault of the clock, for tests that cannot wait for it: see [`Running::inject`](crate::lifecycle::Running::inject). The
/// host's own clocks are never set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClockFault {
    /// The wall clock is set forward, or back.
    WallClockSet {
        /// By so many nanoseconds.
        by_ns: i64,
    },
    /// Time passes at once, on all clocks.
    TimePasses {
        /// So many nanoseconds.
        ns: u64,
    },
}

/// Housekeeping's side of the clock, which recalibrates the shards' line.
#[derive(Debug)]
pub struct ClockMaster<S = HostTime> {
    source: S,
    midnight_ns: u64,
    calibration: Calibration,
    /// The counter's actual rate, as last measured.
    rate: Rate,
    history: [Sample; HISTORY],
    samples: usize,
    /// What faults have added to the host's wall clock.
    wall_shift_ns: i64,
    writer: SeqWriter<WORDS>,
    reader: SeqReader<WORDS>,
}

/// One simultaneous reading of both clocks.
#[derive(Clone, Copy, Debug)]
struct Sample {
    ticks: u64,
    wall_ns: u64,
    bracket_ns: u64,
}

impl<S: TimeSource + Clone> ClockMaster<S> {
    /// Creates a master that starts at the wall clock's time and counts from the last midnight at `utc_offset`.
    pub fn new(source: S, utc_offset: UtcOffset) -> Self {
        let rate = source.rate();
        let sample = measure(&source, rate);
        let midnight_ns = utc_offset.last_midnight_ns(sample.wall_ns);
        let calibration =
            Calibration { base_ticks: sample.ticks, base_ns: sample.wall_ns.saturating_sub(midnight_ns), rate };
        let (writer, reader) = seqlock(calibration.words());
        Self {
            source,
            midnight_ns,
            calibration,
            rate,
            history: [sample; HISTORY],
            samples: 1,
            wall_shift_ns: 0,
            writer,
            reader,
        }
    }

    /// Creates a clock for one shard.
    pub fn clock(&self) -> Clock<S> {
        Clock {
            source: self.source.clone(),
            rate: self.source.rate(),
            midnight_ns: self.midnight_ns,
            published: self.reader.clone(),
            calibration: Cell::new(self.calibration),
            latest: Cell::new((self.calibration.base_ticks, self.calibration.base_ns)),
        }
    }

    /// Measures the offset from the wall clock, and publishes a line that corrects it. Call it at least every
    /// [`RECALIBRATION_NS_MAX`]; a later call is safe, but the clock drifts until then.
    pub fn recalibrate(&mut self) -> Recalibration {
        let mut sample = measure(&self.source, self.rate);
        sample.wall_ns = sample.wall_ns.saturating_add_signed(self.wall_shift_ns);
        self.measure_rate(sample);
        let ours_ns = self.midnight_ns.saturating_add(self.calibration.time_of_day_ns(sample.ticks));
        let offset_ns = clamp_i64(i128::from(sample.wall_ns) - i128::from(ours_ns));
        let since_last_ns = self.rate.nanos(sample.ticks.saturating_sub(self.calibration.base_ticks));
        let slew_ppb = slew_ppb(offset_ns, sample.bracket_ns, since_last_ns);
        // The new line begins at a fresh reading, with the old line's value there, so that time does not step.
        let base_ticks = self.source.ticks().max(self.calibration.base_ticks);
        self.calibration = Calibration {
            base_ticks,
            base_ns: self.calibration.time_of_day_ns(base_ticks),
            rate: self.rate.bent(slew_ppb),
        };
        self.writer.write(self.calibration.words());
        Recalibration { offset_ns, bracket_ns: sample.bracket_ns, slew_ppb }
    }

    /// Lets the clock fail. The next recalibration finds what a host's clock would have brought it.
    pub fn inject(&mut self, fault: ClockFault) {
        match fault {
            ClockFault::WallClockSet { by_ns } => self.wall_shift_ns = self.wall_shift_ns.saturating_add(by_ns),
            ClockFault::TimePasses { ns } => {
                self.wall_shift_ns = self.wall_shift_ns.saturating_add_unsigned(ns);
                self.calibration.base_ns = self.calibration.base_ns.saturating_add(ns);
                self.writer.write(self.calibration.words());
            }
        }
    }

    /// The time of day now, as the shards see it.
    pub fn time_of_day_ns(&self) -> u64 {
        self.calibration.time_of_day_ns(self.source.ticks())
    }

    /// What the ticks are.
    pub fn source(&self) -> ClockSource {
        self.source.source()
    }

    /// The midnight that time of day counts from, in nanoseconds since 1970 UTC.
    pub fn midnight_ns(&self) -> u64 {
        self.midnight_ns
    }

    /// Measures the counter's rate over the history. Starts a new history if the wall clock was set since the last
    /// sample.
    fn measure_rate(&mut self, sample: Sample) {
        let newest = self.history[(self.samples - 1) % HISTORY];
        let steady = rate_between(newest, sample).filter(|rate| rate.is_near(self.source.rate(), RATE_PPM_MAX));
        if steady.is_none() {
            self.samples = 0;
        } else {
            let oldest = self.history[self.samples.saturating_sub(HISTORY) % HISTORY];
            let uncertain_ns = (sample.bracket_ns + oldest.bracket_ns) / 2;
            let elapsed_ns = sample.wall_ns.saturating_sub(oldest.wall_ns);
            // Skips measurements uncertain by more than 1 ppm, which improve nothing: the history is short, or a stall
            // widened every bracket.
            if uncertain_ns.saturating_mul(1_000_000) <= elapsed_ns {
                self.rate = rate_between(oldest, sample).unwrap_or(self.rate);
            }
        }
        self.history[self.samples % HISTORY] = sample;
        self.samples += 1;
    }
}

fn rate_between(earlier: Sample, later: Sample) -> Option<Rate> {
    let elapsed_ns = later.wall_ns.checked_sub(earlier.wall_ns)?;
    Rate::from_measurement(elapsed_ns, later.ticks.saturating_sub(earlier.ticks))
}

/// The slew that corrects an offset, in parts per billion. Ignores the part of the offset that lies within the
/// bracket's uncertainty. Spreads the correction over more time than the last interval between recalibrations, so that
/// a late recalibration does not overshoot.
fn slew_ppb(offset_ns: i64, bracket_ns: u64, since_last_ns: u64) -> i64 {
    let limit = (SLEW_PPM_MAX * 1000) as i64;
    let certain_ns = offset_ns.unsigned_abs().saturating_sub(bracket_ns / 2);
    let over_ns = CATCH_UP_NS.max(since_last_ns.saturating_mul(2));
    let ppb = i128::from(certain_ns) * 1_000_000_000 / i128::from(over_ns) * i128::from(offset_ns.signum());
    clamp_i64(ppb).clamp(-limit, limit)
}

/// Reads the wall clock between two readings of the counter, several times, and keeps the tightest bracket.
fn measure<S: TimeSource>(source: &S, rate: Rate) -> Sample {
    let bracket = || {
        let before = source.ticks();
        let wall_ns = source.wall_ns();
        let width = source.ticks().saturating_sub(before);
        Sample { ticks: before + width / 2, wall_ns, bracket_ns: rate.nanos(width) }
    };
    let first = bracket();
    (1..BRACKETS).map(|_| bracket()).fold(
        first,
        |best, next| {
            if next.bracket_ns < best.bracket_ns { next } else { best }
        },
    )
}

fn clamp_i64(value: i128) -> i64 {
    value.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64
}

#[cfg(test)]
mod tests;
