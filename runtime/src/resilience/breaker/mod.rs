//! Circuit breakers: they stop calls of what fails or is slow, and let single ones through to see whether it has recovered.

mod config;
mod window;

use self::{config::ALL, window::Calls};
pub use self::{
    config::{BreakerConfig, BreakerConfigError, CALLS_MAX, Window},
    window::CallCounts,
};

/// The state of a [`Breaker`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakerState {
    /// All calls pass. It opens when a rate reaches its threshold.
    Closed,
    /// No call passes, until its time is over.
    Open,
    /// Some calls pass, as trials: they decide whether it closes or opens again.
    HalfOpen,
    /// No call passes, until it is told otherwise.
    ForcedOpen,
    /// All calls pass, and nothing is recorded.
    Disabled,
    /// All calls pass and are recorded; it never opens.
    MetricsOnly,
}

impl BreakerState {
    /// Every state.
    pub const ALL: [BreakerState; 6] = [
        BreakerState::Closed,
        BreakerState::Open,
        BreakerState::HalfOpen,
        BreakerState::ForcedOpen,
        BreakerState::Disabled,
        BreakerState::MetricsOnly,
    ];
}

/// The permission to make one call, to be given back with its result. A result that comes after the state has changed is that
/// of an earlier time, and is ignored.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "a trial whose result is never recorded keeps the breaker half-open"]
pub struct Permit {
    generation: u64,
}

/// A circuit breaker. It has no clock and no threads: its owner asks before a call, and records the result.
///
/// | state | a call | its result | what ends the state |
/// |---|---|---|---|
/// | closed | passes | is counted | a share of failed or of slow calls at its threshold, of `calls_min` calls at least: open |
/// | open | is refused | | a call after `open_ns`: half-open, and the call is the first trial |
/// | half-open | passes, up to `trials` | is counted by itself | a share at its threshold: open; shares below, of `calls_min` or all trials: closed; `half_open_max_ns`: open |
/// | forced open | is refused | | [`force`](Breaker::force) |
/// | disabled | passes | is not counted | [`force`](Breaker::force) |
/// | metrics only | passes | is counted | [`force`](Breaker::force) |
///
/// The states, thresholds and windows are those of resilience4j, but for results of an earlier state: it counts them to the
/// present one.
///
/// ```
/// use corelane_runtime::resilience::{Breaker, BreakerConfig, BreakerState, Window};
///
/// const MS: u64 = 1_000_000;
/// let config = BreakerConfig { window: Window::Calls(4), calls_min: 4, open_ns: 50 * MS, trials: 1, ..BreakerConfig::default() };
/// let mut breaker = Breaker::new(config)?;
/// for (now_ms, failed) in [(0, false), (1, false), (2, true), (3, true)] {
///     let permit = breaker.try_acquire(now_ms * MS).expect("it is closed");
///     breaker.record((now_ms + 1) * MS, permit, failed, MS);
/// }
/// assert_eq!(breaker.state(), BreakerState::Open, "half of four calls failed");
/// assert!(breaker.try_acquire(53 * MS).is_none());
/// let trial = breaker.try_acquire(54 * MS).expect("50 ms have passed since it opened");
/// breaker.record(55 * MS, trial, false, MS);
/// assert_eq!(breaker.state(), BreakerState::Closed);
/// # Ok::<(), corelane_runtime::resilience::BreakerConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Breaker {
    config: BreakerConfig,
    state: BreakerState,
    /// When the state began.
    since_ns: u64,
    /// Counts the states it was in, which permits belong to.
    generation: u64,
    /// The calls of the states that count them.
    calls: Calls,
    /// The trials of the half-open state.
    trials: Calls,
    trials_left: u32,
    refused: u64,
}

impl Breaker {
    /// A closed breaker. Allocates its window; nothing is allocated later.
    ///
    /// # Errors
    /// Those of [`BreakerConfig::check`].
    pub fn new(config: BreakerConfig) -> Result<Breaker, BreakerConfigError> {
        config.check()?;
        Ok(Breaker {
            config,
            state: BreakerState::Closed,
            since_ns: 0,
            generation: 0,
            calls: Calls::new(config.window),
            trials: Calls::new(Window::Calls(config.trials)),
            trials_left: 0,
            refused: 0,
        })
    }

    /// The state as of the last call of a method that is told the time.
    #[must_use]
    pub fn state(&self) -> BreakerState {
        self.state
    }

    /// The calls that were refused.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.refused
    }

    /// The calls in the window at `now_ns`; while it is half-open, the trials that are decided.
    pub fn counts(&mut self, now_ns: u64) -> CallCounts {
        self.recorded().sum(now_ns)
    }

    /// Asks for permission to make a call at `now_ns`; `None` if it is refused.
    pub fn try_acquire(&mut self, now_ns: u64) -> Option<Permit> {
        self.on_time(now_ns);
        let passes = match self.state {
            BreakerState::Closed | BreakerState::Disabled | BreakerState::MetricsOnly => true,
            BreakerState::Open | BreakerState::ForcedOpen => false,
            BreakerState::HalfOpen => {
                let is_left = self.trials_left > 0;
                self.trials_left -= u32::from(is_left);
                is_left
            }
        };
        self.refused += u64::from(!passes);
        passes.then_some(Permit { generation: self.generation })
    }

    /// Gives a permit back for a call that was not made.
    pub fn release(&mut self, permit: Permit) {
        if permit.generation == self.generation && self.state == BreakerState::HalfOpen {
            self.trials_left += 1;
        }
    }

    /// Records at `now_ns` that a call has ended after `duration_ns`.
    pub fn record(&mut self, now_ns: u64, permit: Permit, failed: bool, duration_ns: u64) {
        self.on_time(now_ns);
        if permit.generation != self.generation || self.state == BreakerState::Disabled {
            return;
        }
        let call = CallCounts::of_one(failed, duration_ns > self.config.slow_ns);
        self.recorded().record(now_ns, call);
        match (self.state, self.verdict(now_ns)) {
            (BreakerState::Closed | BreakerState::HalfOpen, Some(true)) => self.enter(BreakerState::Open, now_ns),
            (BreakerState::HalfOpen, Some(false)) => self.enter(BreakerState::Closed, now_ns),
            _ => {}
        }
    }

    /// Enters a state at `now_ns`, whatever the calls say. [`Closed`](BreakerState::Closed) begins with an empty window: it is
    /// the reset.
    pub fn force(&mut self, state: BreakerState, now_ns: u64) {
        self.enter(state, now_ns);
    }

    /// Leaves a state whose time is over.
    fn on_time(&mut self, now_ns: u64) {
        // If the clock goes back, the time of the state begins again.
        self.since_ns = self.since_ns.min(now_ns);
        let age_ns = now_ns - self.since_ns;
        match (self.state, self.config.half_open_max_ns) {
            (BreakerState::Open, _) if age_ns >= self.config.open_ns => self.enter(BreakerState::HalfOpen, now_ns),
            (BreakerState::HalfOpen, Some(most_ns)) if age_ns >= most_ns => self.enter(BreakerState::Open, now_ns),
            _ => {}
        }
    }

    fn enter(&mut self, state: BreakerState, now_ns: u64) {
        self.state = state;
        self.since_ns = now_ns;
        self.generation += 1;
        self.trials_left = self.config.trials;
        self.trials.clear();
        self.calls.clear();
    }

    /// The calls that decide in this state.
    fn recorded(&mut self) -> &mut Calls {
        if self.state == BreakerState::HalfOpen { &mut self.trials } else { &mut self.calls }
    }

    /// Whether a rate reaches its threshold; `None` if there are too few calls to tell.
    fn verdict(&mut self, now_ns: u64) -> Option<bool> {
        let BreakerConfig { window, calls_min, failure_rate_ppm, slow_rate_ppm, trials, .. } = self.config;
        let needed = match (self.state, window) {
            (BreakerState::HalfOpen, _) => calls_min.min(trials),
            (_, Window::Calls(most)) => calls_min.min(most),
            (_, Window::Time { .. }) => calls_min,
        };
        let CallCounts { calls, failed, slow } = self.counts(now_ns);
        let reaches =
            |part: u64, rate_ppm: u32| u128::from(part) * u128::from(ALL) >= u128::from(calls) * u128::from(rate_ppm);
        (calls >= needed.into()).then(|| reaches(failed, failure_rate_ppm) || reaches(slow, slow_rate_ppm))
    }
}
