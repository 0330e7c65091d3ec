//! Time on shards: the TSC, turned into the venue's time of day by a line that housekeeping keeps true.
//!
//! A shard reads the counter once per batch ([`Clock::ticks`]) and converts it when it must be shown or stamped
//! ([`Clock::time_of_day_ns`]): a read of a few published words, one multiplication, no system call, no floats.
//! Housekeeping calls [`ClockMaster::recalibrate`] at least every [`RECALIBRATION_NS_MAX`]: it measures the line
//! against `CLOCK_REALTIME` and bends it. The line is never broken: a new one begins where the old one is, and its
//! slope differs from the counter's measured rate by at most [`SLEW_PPM_MAX`]. Only the first line takes the wall
//! clock as it is.
//!
//! Time of day counts from the midnight, in the venue's zone, before the master was made. It does not wrap at the
//! next midnight but goes on past 86,400 s, so that stamps stay ordered; a venue restarts for a new day. The zone's
//! offset is fixed for the run: a change to or from summer time shows at the next start.

use std::cell::Cell;

use corelane_sync::seqlock::{SeqReader, SeqWriter, seqlock};

pub use self::line::Rate;
use self::line::{Calibration, WORDS};
pub use self::source::{ClockSource, HostTime, TimeSource};
pub use self::zone::{InvalidUtcOffset, UtcOffset};

mod line;
mod source;
mod zone;

/// How long a line may be used before the next one, in nanoseconds: a good crystal's drift, some parts per million
/// against a disciplined wall clock, stays below a microsecond in that time.
pub const RECALIBRATION_NS_MAX: u64 = 100_000_000;
/// How much faster or slower than real time the clock may run while it catches up, in parts per million: that of
/// `adjtime`. A wall clock set back by a second while we run is caught up within 34 minutes.
pub const SLEW_PPM_MAX: u64 = 500;

/// The time in which an offset is meant to be gone; a slew of 1 ppm for each microsecond.
const CATCH_UP_NS: u64 = 1_000_000_000;
/// Brackets per measurement. The tightest counts: the others were cut by an interrupt or by the hypervisor.
const BRACKETS: usize = 8;
/// A wall clock that ran further than this from the counter's nominal rate between two measurements was set or
/// slewed, which is followed but not taken for the rate of a crystal.
const RATE_PPM_MAX: u64 = 200;
/// Rates are measured over up to this many recalibrations, 1.6 s: with brackets of 50 ns good to 0.1 ppm.
const HISTORY: usize = 16;

/// A shard's clock. Each shard has its own: it remembers what it gave last, so that time never goes back for its
/// reader, whenever a new line is published between two readings.
#[derive(Debug)]
pub struct Clock<S = HostTime> {
    source: S,
    rate: Rate,
    midnight_ns: u64,
    published: SeqReader<WORDS>,
    /// The line read last, for when housekeeping is in the middle of publishing: a shard does not wait for it.
    calibration: Cell<Calibration>,
    /// The latest reading converted, and its time of day.
    latest: Cell<(u64, u64)>,
}

impl<S: TimeSource> Clock<S> {
    /// The counter now. On one thread it never goes back.
    #[inline]
    pub fn ticks(&self) -> u64 {
        self.source.ticks()
    }

    /// The nanoseconds from one reading of the counter to a later one; 0 when it is not later. By the source's own
    /// rate, the same for the whole run: good for intervals to some parts per million.
    #[inline]
    pub fn nanos_between(&self, earlier_ticks: u64, later_ticks: u64) -> u64 {
        self.rate.nanos(later_ticks.saturating_sub(earlier_ticks))
    }

    /// The time of day of a reading of the counter, in nanoseconds since the midnight of the start (see the
    /// [module](self)). It is never earlier than that of the latest reading converted before, nor later for an
    /// earlier reading.
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

    /// The midnight that time of day counts from, in nanoseconds since 1970 UTC.
    pub fn midnight_ns(&self) -> u64 {
        self.midnight_ns
    }

    /// What the ticks are.
    pub fn source(&self) -> ClockSource {
        self.source.source()
    }
}

/// What a recalibration found and did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recalibration {
    /// How far the wall clock was ahead of ours, in nanoseconds. After a step of the wall clock it shrinks by
    /// [`SLEW_PPM_MAX`]: half a millisecond a second.
    pub offset_ns: i64,
    /// How wide the tightest bracket was: the offset is uncertain by half of it, in nanoseconds.
    pub bracket_ns: u64,
    /// How much faster than real time the clock runs from now on, to catch up, in parts per billion.
    pub slew_ppb: i64,
}

/// Housekeeping's side: keeps the shards' line true.
#[derive(Debug)]
pub struct ClockMaster<S = HostTime> {
    source: S,
    midnight_ns: u64,
    calibration: Calibration,
    /// The counter's true rate, as measured last.
    rate: Rate,
    history: [Sample; HISTORY],
    samples: usize,
    writer: SeqWriter<WORDS>,
    reader: SeqReader<WORDS>,
}

/// One reading of both clocks at once.
#[derive(Clone, Copy, Debug)]
struct Sample {
    ticks: u64,
    wall_ns: u64,
    bracket_ns: u64,
}

impl<S: TimeSource + Clone> ClockMaster<S> {
    /// Takes the wall clock as it is, and the last midnight at `utc_offset` as the origin.
    pub fn new(source: S, utc_offset: UtcOffset) -> Self {
        let rate = source.rate();
        let sample = measure(&source, rate);
        let midnight_ns = utc_offset.last_midnight_ns(sample.wall_ns);
        let calibration =
            Calibration { base_ticks: sample.ticks, base_ns: sample.wall_ns.saturating_sub(midnight_ns), rate };
        let (writer, reader) = seqlock(calibration.words());
        Self { source, midnight_ns, calibration, rate, history: [sample; HISTORY], samples: 1, writer, reader }
    }

    /// A clock for a shard.
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

    /// Measures our time against the wall clock and publishes the line that brings it there. To be called at least
    /// every [`RECALIBRATION_NS_MAX`]; later is safe, but lets the clock drift meanwhile.
    pub fn recalibrate(&mut self) -> Recalibration {
        let sample = measure(&self.source, self.rate);
        self.measure_rate(sample);
        let ours_ns = self.midnight_ns.saturating_add(self.calibration.time_of_day_ns(sample.ticks));
        let offset_ns = clamp_i64(i128::from(sample.wall_ns) - i128::from(ours_ns));
        let since_last_ns = self.rate.nanos(sample.ticks.saturating_sub(self.calibration.base_ticks));
        let slew_ppb = slew_ppb(offset_ns, sample.bracket_ns, since_last_ns);
        // The new line begins at a fresh reading, where the old one is: readers find no step between them.
        let base_ticks = self.source.ticks().max(self.calibration.base_ticks);
        self.calibration = Calibration {
            base_ticks,
            base_ns: self.calibration.time_of_day_ns(base_ticks),
            rate: self.rate.bent(slew_ppb),
        };
        self.writer.write(self.calibration.words());
        Recalibration { offset_ns, bracket_ns: sample.bracket_ns, slew_ppb }
    }

    /// What the ticks are.
    pub fn source(&self) -> ClockSource {
        self.source.source()
    }

    /// The midnight that time of day counts from, in nanoseconds since 1970 UTC.
    pub fn midnight_ns(&self) -> u64 {
        self.midnight_ns
    }

    /// Takes the counter's rate over the history; begins a new one when the wall clock was set since the last.
    fn measure_rate(&mut self, sample: Sample) {
        let newest = self.history[(self.samples - 1) % HISTORY];
        let steady = rate_between(newest, sample).filter(|rate| rate.is_near(self.source.rate(), RATE_PPM_MAX));
        if steady.is_none() {
            self.samples = 0;
        } else {
            let oldest = self.history[self.samples.saturating_sub(HISTORY) % HISTORY];
            let uncertain_ns = (sample.bracket_ns + oldest.bracket_ns) / 2;
            let elapsed_ns = sample.wall_ns.saturating_sub(oldest.wall_ns);
            // Less than 1 ppm is no better than what is known: a short history, or a stall that cut every bracket.
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

/// How much to bend the line, in parts per billion. What the bracket cannot tell from no offset is left alone; an
/// offset is spread over more time than recalibrations are apart, so that a late one does not overshoot.
fn slew_ppb(offset_ns: i64, bracket_ns: u64, since_last_ns: u64) -> i64 {
    let limit = (SLEW_PPM_MAX * 1000) as i64;
    let certain_ns = offset_ns.unsigned_abs().saturating_sub(bracket_ns / 2);
    let over_ns = CATCH_UP_NS.max(since_last_ns.saturating_mul(2));
    let ppb = i128::from(certain_ns) * 1_000_000_000 / i128::from(over_ns) * i128::from(offset_ns.signum());
    clamp_i64(ppb).clamp(-limit, limit)
}

/// Reads the wall clock between two readings of the counter, several times, and keeps the tightest.
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
