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
use rustix::time::{ClockId, clock_gettime};
use thiserror::Error;

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
/// Rates are measured over up to this many recalibrations, 1.6 s: with brackets of 50 ns good to 0.1 ppm.
const HISTORY: usize = 16;
/// A measured rate further than this from the source's own figure is a wall clock that was set, not a crystal.
const RATE_PPM_MAX: u64 = 500;
/// Rates are 24.40 fixed point, nanoseconds per tick: resolves 10^-12 ns, and holds counters down to 60 Hz.
const RATE_SHIFT: u32 = 40;
const DAY_NS: u64 = 86_400 * 1_000_000_000;
const PPM: u64 = 1_000_000;

/// Nanoseconds per tick of a counter, as a fixed-point number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rate(u64);

impl Rate {
    /// One tick is one nanosecond.
    pub const NANOSECONDS: Rate = Rate(1 << RATE_SHIFT);

    /// The rate of a counter that made `ticks` in `ns` nanoseconds; `None` when it stands still or is slower than
    /// 60 Hz.
    pub fn from_measurement(ns: u64, ticks: u64) -> Option<Rate> {
        let rate = (u128::from(ns) << RATE_SHIFT).checked_div(u128::from(ticks))?;
        u64::try_from(rate).ok().filter(|&rate| rate != 0).map(Rate)
    }

    /// The nanoseconds that `ticks` take, rounded down; saturates after 584 years.
    #[inline]
    pub fn nanos(self, ticks: u64) -> u64 {
        let ns = (u128::from(ticks) * u128::from(self.0)) >> RATE_SHIFT;
        u64::try_from(ns).unwrap_or(u64::MAX)
    }

    /// This rate times `1 + ppb / 10^9`.
    fn bent(self, ppb: i64) -> Rate {
        let bend = i128::from(self.0) * i128::from(ppb) / 1_000_000_000;
        Rate((i128::from(self.0) + bend).clamp(1, i128::from(u64::MAX)) as u64)
    }

    fn is_near(self, other: Rate) -> bool {
        u128::from(self.0.abs_diff(other.0)) * u128::from(PPM)
            <= u128::from(other.0) * u128::from(RATE_PPM_MAX)
    }
}

/// What the ticks of a clock are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClockSource {
    /// The processor's counter, invariant over frequency and sleep states (x86-64 TSC, Arm system counter): 9 to
    /// 19 ns a read.
    Tsc,
    /// `CLOCK_MONOTONIC` through the vDSO, because the processor does not promise an invariant counter: 45 ns.
    Vdso,
}

/// Where a clock's time comes from: the host ([`HostTime`]), or a simulation's.
pub trait TimeSource {
    /// The counter now; never goes back on one thread.
    fn ticks(&self) -> u64;
    /// The wall clock now: nanoseconds since 1970 UTC, leap seconds not counted.
    fn wall_ns(&self) -> u64;
    /// The counter's rate as its maker knows it, good to some ten parts per million; measured more finely here.
    fn rate(&self) -> Rate;
    /// What the ticks are.
    fn source(&self) -> ClockSource;
}

/// The time of this host: quanta's counter and `CLOCK_REALTIME`.
#[derive(Clone, Debug)]
pub struct HostTime {
    counter: quanta::Clock,
    rate: Rate,
    source: ClockSource,
}

impl HostTime {
    /// Finds the best counter. The first call in a process takes 10 to 200 ms, in which quanta measures it.
    pub fn new() -> Self {
        let counter = quanta::Clock::new();
        let ticks = 1 << 40;
        let rate = Rate::from_measurement(counter.delta_as_nanos(0, ticks), ticks);
        let source = detect_source(&counter);
        Self {
            counter,
            rate: rate.unwrap_or(Rate::NANOSECONDS),
            source,
        }
    }
}

impl Default for HostTime {
    fn default() -> Self {
        Self::new()
    }
}

impl TimeSource for HostTime {
    #[inline]
    fn ticks(&self) -> u64 {
        self.counter.raw()
    }

    fn wall_ns(&self) -> u64 {
        read_clock_ns(ClockId::Realtime)
    }

    fn rate(&self) -> Rate {
        self.rate
    }

    fn source(&self) -> ClockSource {
        self.source
    }
}

/// quanta asks CPUID for an invariant TSC and otherwise reads `CLOCK_MONOTONIC`, but does not say which: it is the
/// latter if its reading lies between two of that clock's. A counter that passes by chance was started within
/// microseconds of the kernel's clock and counts nanoseconds, which is then no difference to anybody.
fn detect_source(counter: &quanta::Clock) -> ClockSource {
    let before = read_clock_ns(ClockId::Monotonic);
    let raw = counter.raw();
    let after = read_clock_ns(ClockId::Monotonic);
    if (before..=after).contains(&raw) {
        ClockSource::Vdso
    } else {
        ClockSource::Tsc
    }
}

fn read_clock_ns(id: ClockId) -> u64 {
    let time = clock_gettime(id);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    seconds
        .saturating_mul(1_000_000_000)
        .saturating_add(u64::try_from(time.tv_nsec).unwrap_or(0))
}

/// The venue's distance from UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UtcOffset {
    seconds: i32,
}

/// Not a distance from UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error(
    "{seconds} s is no offset from UTC; zones lie between -43200 s (UTC-12) and 50400 s (UTC+14)"
)]
pub struct InvalidUtcOffset {
    /// What was given.
    pub seconds: i32,
}

impl UtcOffset {
    /// No offset.
    pub const UTC: UtcOffset = UtcOffset { seconds: 0 };

    /// East of Greenwich is positive; New York is -18,000 s in winter.
    ///
    /// # Errors
    /// [`InvalidUtcOffset`] outside -12 to +14 hours.
    pub fn from_seconds(seconds: i32) -> Result<Self, InvalidUtcOffset> {
        if (-12 * 3600..=14 * 3600).contains(&seconds) {
            Ok(Self { seconds })
        } else {
            Err(InvalidUtcOffset { seconds })
        }
    }

    /// The UTC time, since 1970, of the last midnight in this zone.
    fn last_midnight_ns(self, wall_ns: u64) -> u64 {
        let offset_ns = i128::from(self.seconds) * 1_000_000_000;
        let local_ns = i128::from(wall_ns) + offset_ns;
        let midnight_ns = local_ns - local_ns.rem_euclid(i128::from(DAY_NS)) - offset_ns;
        u64::try_from(midnight_ns).unwrap_or(0)
    }
}

/// A line through (`base_ticks`, `base_ns`): what is published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Calibration {
    base_ticks: u64,
    /// Time of day at the base.
    base_ns: u64,
    rate: Rate,
}

const WORDS: usize = 3;

impl Calibration {
    #[inline]
    fn from_words([base_ticks, base_ns, rate]: [u64; WORDS]) -> Self {
        Self {
            base_ticks,
            base_ns,
            rate: Rate(rate),
        }
    }

    fn words(self) -> [u64; WORDS] {
        [self.base_ticks, self.base_ns, self.rate.0]
    }

    #[inline]
    fn time_of_day_ns(self, ticks: u64) -> u64 {
        if ticks >= self.base_ticks {
            self.base_ns
                .saturating_add(self.rate.nanos(ticks - self.base_ticks))
        } else {
            self.base_ns
                .saturating_sub(self.rate.nanos(self.base_ticks - ticks))
        }
    }
}

/// A shard's clock. Each shard has its own: it remembers what it gave last, so that time never goes back for its
/// reader, whenever a new line is published between two readings.
#[derive(Debug)]
pub struct Clock<S = HostTime> {
    source: S,
    rate: Rate,
    calibration: SeqReader<WORDS>,
    /// The last (ticks, time of day) given.
    last: Cell<(u64, u64)>,
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
    /// [module](self)). Against the reading converted last, a later one gives no earlier time, and an earlier one
    /// no later time.
    #[inline]
    pub fn time_of_day_ns(&self, ticks: u64) -> u64 {
        let by_line_ns = Calibration::from_words(self.calibration.read()).time_of_day_ns(ticks);
        let (last_ticks, last_ns) = self.last.get();
        let ns = if ticks >= last_ticks {
            by_line_ns.max(last_ns)
        } else {
            by_line_ns.min(last_ns)
        };
        self.last.set((ticks, ns));
        ns
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
        let calibration = Calibration {
            base_ticks: sample.ticks,
            base_ns: sample.wall_ns.saturating_sub(midnight_ns),
            rate,
        };
        let (writer, reader) = seqlock(calibration.words());
        Self {
            source,
            midnight_ns,
            calibration,
            rate,
            history: [sample; HISTORY],
            samples: 1,
            writer,
            reader,
        }
    }

    /// A clock for a shard.
    pub fn clock(&self) -> Clock<S> {
        Clock {
            source: self.source.clone(),
            rate: self.source.rate(),
            calibration: self.reader.clone(),
            last: Cell::new((self.calibration.base_ticks, self.calibration.base_ns)),
        }
    }

    /// Measures our time against the wall clock and publishes the line that brings it there. To be called at least
    /// every [`RECALIBRATION_NS_MAX`]; later is safe, but lets the clock drift meanwhile.
    pub fn recalibrate(&mut self) -> Recalibration {
        let sample = measure(&self.source, self.rate);
        self.measure_rate(sample);
        let ours_ns = self
            .midnight_ns
            .saturating_add(self.calibration.time_of_day_ns(sample.ticks));
        let offset_ns = clamp_i64(i128::from(sample.wall_ns) - i128::from(ours_ns));
        let since_last_ns = self
            .rate
            .nanos(sample.ticks.saturating_sub(self.calibration.base_ticks));
        let slew_ppb = slew_ppb(offset_ns, sample.bracket_ns, since_last_ns);
        // The new line begins at a fresh reading, where the old one is: readers find no step between them.
        let base_ticks = self.source.ticks().max(self.calibration.base_ticks);
        self.calibration = Calibration {
            base_ticks,
            base_ns: self.calibration.time_of_day_ns(base_ticks),
            rate: self.rate.bent(slew_ppb),
        };
        self.writer.write(self.calibration.words());
        Recalibration {
            offset_ns,
            bracket_ns: sample.bracket_ns,
            slew_ppb,
        }
    }

    /// What the ticks are.
    pub fn source(&self) -> ClockSource {
        self.source.source()
    }

    /// Takes the counter's rate over the history, unless the wall clock was set within it.
    fn measure_rate(&mut self, sample: Sample) {
        let oldest = self.history[if self.samples < HISTORY {
            0
        } else {
            self.samples % HISTORY
        }];
        let elapsed_ns = sample.wall_ns.saturating_sub(oldest.wall_ns);
        let measured =
            Rate::from_measurement(elapsed_ns, sample.ticks.saturating_sub(oldest.ticks));
        match measured.filter(|rate| rate.is_near(self.source.rate())) {
            Some(rate) => {
                let uncertain_ns = (sample.bracket_ns + oldest.bracket_ns) / 2;
                // A stall cut every bracket: a rate good to less than 1 ppm is no better than the last.
                if uncertain_ns.saturating_mul(PPM) <= elapsed_ns {
                    self.rate = rate;
                }
                self.history[self.samples % HISTORY] = sample;
                self.samples += 1;
            }
            None => {
                self.history[0] = sample;
                self.samples = 1;
            }
        }
    }
}

/// How much to bend the line, in parts per billion. What the bracket cannot tell from no offset is left alone; an
/// offset is spread over more time than recalibrations are apart, so that a late one does not overshoot.
fn slew_ppb(offset_ns: i64, bracket_ns: u64, since_last_ns: u64) -> i64 {
    let limit = (SLEW_PPM_MAX * 1000) as i64;
    let certain_ns = offset_ns.unsigned_abs().saturating_sub(bracket_ns / 2);
    let over_ns = CATCH_UP_NS.max(since_last_ns.saturating_mul(2));
    let ppb = i128::from(certain_ns) * 1_000_000_000 / i128::from(over_ns)
        * i128::from(offset_ns.signum());
    clamp_i64(ppb).clamp(-limit, limit)
}

/// Reads the wall clock between two readings of the counter, several times, and keeps the tightest.
fn measure<S: TimeSource>(source: &S, rate: Rate) -> Sample {
    let bracket = || {
        let before = source.ticks();
        let wall_ns = source.wall_ns();
        let width = source.ticks().saturating_sub(before);
        Sample {
            ticks: before + width / 2,
            wall_ns,
            bracket_ns: rate.nanos(width),
        }
    };
    let first = bracket();
    (1..BRACKETS).map(|_| bracket()).fold(first, |best, next| {
        if next.bracket_ns < best.bracket_ns {
            next
        } else {
            best
        }
    })
}

fn clamp_i64(value: i128) -> i64 {
    value.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64
}
