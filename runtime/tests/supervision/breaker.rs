//! Circuit breakers: the table of transitions, their windows on both sides of each bound, and a slow, obvious model.

use corelane_runtime::resilience::{
    Breaker, BreakerConfig, BreakerState, BreakerState::*, CALLS_MAX, CallCounts, Permit, Window,
};
use proptest::prelude::*;

const MS: u64 = 1_000_000;
const HOUR: u64 = 3_600_000 * MS;
/// When each test begins.
const NOON: u64 = 12 * HOUR;

/// Half of the last four calls failed, or three quarters slower than 5 ms; open for 100 ms, two trials in 30 ms.
fn config() -> BreakerConfig {
    BreakerConfig {
        window: Window::Calls(4),
        calls_min: 4,
        failure_rate_ppm: 500_000,
        slow_rate_ppm: 750_000,
        slow_ns: 5 * MS,
        open_ns: 100 * MS,
        trials: 2,
        half_open_max_ns: Some(30 * MS),
    }
}

/// A breaker in a state since noon.
fn breaker(state: BreakerState) -> Breaker {
    let mut breaker = Breaker::new(config()).unwrap();
    breaker.force(state, NOON);
    breaker
}

/// Makes a call of no duration, if it passes.
fn call(breaker: &mut Breaker, now_ns: u64, failed: bool) -> bool {
    let permit = breaker.try_acquire(now_ns);
    let passes = permit.is_some();
    if let Some(permit) = permit {
        breaker.record(now_ns, permit, failed, 0);
    }
    passes
}

/// What happens in a state, in milliseconds after it began.
#[derive(Clone, Copy, Debug)]
enum Event {
    Good(u64),
    Bad(u64),
    /// A permit is asked for, and its call does not end.
    Hang(u64),
    Force(BreakerState),
}

use Event::{Bad, Force, Good, Hang};

#[test]
fn the_table_of_transitions() {
    // The state, what happens, which of the calls pass, and the state then.
    let cases: &[(BreakerState, &[Event], &str, BreakerState)] = &[
        // Closed: the fourth call decides, at the threshold and not below it.
        (Closed, &[Bad(0), Bad(0), Bad(0)], "yyy", Closed),
        (Closed, &[Bad(0), Bad(0), Good(0), Good(0)], "yyyy", Open),
        (Closed, &[Bad(0), Good(0), Good(0), Good(0)], "yyyy", Closed),
        (Closed, &[Bad(0), Good(0), Good(0), Good(0), Bad(0)], "yyyyy", Closed),
        (Closed, &[Bad(0), Good(0), Good(0), Good(0), Bad(0), Bad(0)], "yyyyyy", Open),
        (Closed, &[Hang(0), Hang(0), Hang(0), Hang(0), Hang(0)], "yyyyy", Closed),
        // Open: nothing passes until its time is over; the first call then is a trial.
        (Open, &[Good(0), Bad(50), Good(99)], "nnn", Open),
        (Open, &[Hang(100)], "y", HalfOpen),
        (Open, &[Good(100), Good(100)], "yy", Closed),
        (Open, &[Good(100), Bad(100)], "yy", Open),
        (Open, &[Bad(100), Bad(100), Good(199), Hang(200)], "yyny", HalfOpen),
        // Half-open: as many as there are trials, and all of them decide.
        (HalfOpen, &[Good(0)], "y", HalfOpen),
        (HalfOpen, &[Bad(0)], "y", HalfOpen),
        (HalfOpen, &[Good(0), Good(0)], "yy", Closed),
        (HalfOpen, &[Bad(0), Good(0)], "yy", Open),
        (HalfOpen, &[Bad(0), Bad(0)], "yy", Open),
        (HalfOpen, &[Hang(0), Hang(0), Good(29)], "yyn", HalfOpen),
        (HalfOpen, &[Hang(0), Hang(0), Good(30)], "yyn", Open),
        (HalfOpen, &[Good(30)], "n", Open),
        // The others stay.
        (ForcedOpen, &[Good(0), Good(100), Bad(10_000)], "nnn", ForcedOpen),
        (Disabled, &[Bad(0), Bad(0), Bad(0), Bad(0), Bad(10_000)], "yyyyy", Disabled),
        (MetricsOnly, &[Bad(0), Bad(0), Bad(0), Bad(0), Bad(10_000)], "yyyyy", MetricsOnly),
        // A reset begins with an empty window.
        (Closed, &[Bad(0), Bad(0), Bad(0), Force(Closed), Bad(0), Bad(0), Bad(0)], "yyyyyy", Closed),
        (MetricsOnly, &[Bad(0), Bad(0), Bad(0), Force(Closed), Bad(0)], "yyyy", Closed),
        (HalfOpen, &[Bad(0), Force(HalfOpen), Good(0), Good(0)], "yyy", Closed),
        (HalfOpen, &[Hang(0), Hang(0), Force(HalfOpen), Hang(0)], "yyy", HalfOpen),
        (Open, &[Good(99), Force(Open), Good(99)], "nn", Open),
    ];
    for (state, events, passes, expected) in cases {
        let mut breaker = breaker(*state);
        let mut seen = String::new();
        for event in *events {
            let passed = match *event {
                Good(at) => call(&mut breaker, NOON + at * MS, false),
                Bad(at) => call(&mut breaker, NOON + at * MS, true),
                Hang(at) => breaker.try_acquire(NOON + at * MS).is_some(),
                Force(state) => {
                    breaker.force(state, NOON);
                    continue;
                }
            };
            seen.push(if passed { 'y' } else { 'n' });
        }
        assert_eq!((seen.as_str(), breaker.state()), (*passes, *expected), "{state:?} {events:?}");
        let refused = passes.bytes().filter(|passes| *passes == b'n').count() as u64;
        assert_eq!(breaker.refused(), refused, "{state:?} {events:?}");
    }
    for (from, to) in BreakerState::ALL.into_iter().flat_map(|from| BreakerState::ALL.map(|to| (from, to))) {
        let mut breaker = breaker(from);
        breaker.force(to, NOON);
        assert_eq!(breaker.state(), to, "from {from:?}");
    }
}

#[test]
fn slow_calls_open_it_as_failed_ones_do() {
    // Durations in nanoseconds, and the state then: slower than 5 ms is slow, and three of four open it.
    const AT: u64 = 5 * MS;
    let cases = [
        ([AT + 1, AT + 1, AT + 1, AT], Open),
        ([AT + 1, AT + 1, AT, AT], Closed),
        ([AT, AT, AT, AT], Closed),
        ([u64::MAX, u64::MAX, 0, u64::MAX], Open),
    ];
    for (durations, expected) in cases {
        let mut breaker = breaker(Closed);
        for duration_ns in durations {
            let permit = breaker.try_acquire(NOON).unwrap();
            breaker.record(NOON, permit, false, duration_ns);
        }
        assert_eq!(breaker.state(), expected, "{durations:?}");
    }
    let mut trials = breaker(HalfOpen);
    let permits: Vec<Permit> = std::iter::from_fn(|| trials.try_acquire(NOON)).collect();
    assert_eq!(permits.len(), 2);
    for permit in permits {
        trials.record(NOON, permit, false, AT + 1);
    }
    assert_eq!(trials.state(), Open);
}

#[test]
fn results_of_an_earlier_state_are_ignored() {
    let mut breaker = breaker(Closed);
    let late: Vec<Permit> = (0..8).map(|_| breaker.try_acquire(NOON).unwrap()).collect();
    breaker.force(HalfOpen, NOON);
    for (index, permit) in late.into_iter().enumerate() {
        match index % 2 {
            0 => breaker.record(NOON, permit, true, 0),
            _ => breaker.release(permit),
        }
    }
    assert_eq!(breaker.state(), HalfOpen);
    let trials = std::iter::from_fn(|| breaker.try_acquire(NOON)).count();
    assert_eq!(trials, 2, "no permit of the closed state brings one back");
}

#[test]
fn a_trial_that_is_given_back_can_be_made_again() {
    let mut breaker = breaker(HalfOpen);
    let (first, _second) = (breaker.try_acquire(NOON).unwrap(), breaker.try_acquire(NOON).unwrap());
    assert!(breaker.try_acquire(NOON).is_none());
    breaker.release(first);
    assert!(breaker.try_acquire(NOON).is_some());
    assert!(breaker.try_acquire(NOON).is_none());
}

#[test]
fn calls_leave_a_time_window_with_their_slice() {
    let window = Window::Time { slices: 3, slice_ns: 10 * MS };
    let mut breaker =
        Breaker::new(BreakerConfig { window, calls_min: 2, failure_rate_ppm: 1_000_000, ..config() }).unwrap();
    let failed = |calls| CallCounts { calls, failed: calls, slow: 0 };
    assert!(call(&mut breaker, NOON, true));
    assert_eq!(breaker.counts(NOON + 30 * MS - 1), failed(1));
    assert_eq!(breaker.counts(NOON + 30 * MS), failed(0));
    assert!(call(&mut breaker, NOON + 30 * MS, true));
    assert_eq!(breaker.state(), Closed, "one call is too few");
    assert!(call(&mut breaker, NOON + 59 * MS, true));
    assert_eq!(breaker.state(), Open);
}

#[test]
fn a_clock_that_steps_by_an_hour_stops_nothing() {
    let window = Window::Time { slices: 3, slice_ns: 10 * MS };
    for step in [NOON + HOUR, NOON - HOUR, 0, u64::MAX] {
        let mut breaker = Breaker::new(BreakerConfig { window, ..config() }).unwrap();
        for _ in 0..3 {
            call(&mut breaker, NOON, true);
        }
        for _ in 0..3 {
            call(&mut breaker, step, true);
        }
        assert_eq!(breaker.state(), Closed, "what was before the step is forgotten: {step}");
        call(&mut breaker, step, true);
        assert_eq!(breaker.state(), Open, "{step}");
    }
    // Back while it is open: its time begins again, and is not longer for that.
    let mut open = breaker(Open);
    assert!(open.try_acquire(NOON - HOUR).is_none());
    assert!(open.try_acquire(NOON - HOUR + 100 * MS - 1).is_none());
    assert!(open.try_acquire(NOON - HOUR + 100 * MS).is_some());
}

#[test]
fn settings_out_of_range_are_refused() {
    let time = |slices, slice_ns| Window::Time { slices, slice_ns };
    let cases = [
        (BreakerConfig { window: Window::Calls(0), ..config() }, "window is 0; it must be from 1 to 65536"),
        (BreakerConfig { window: time(CALLS_MAX + 1, 1), ..config() }, "window is 65537; it must be from 1 to 65536"),
        (BreakerConfig { window: time(1, 0), ..config() }, "slice_ns is 0; it must be from 1 to 18446744073709551615"),
        (BreakerConfig { calls_min: 0, ..config() }, "calls_min is 0; it must be from 1 to 65536"),
        (BreakerConfig { failure_rate_ppm: 0, ..config() }, "failure_rate_ppm is 0; it must be from 1 to 1000000"),
        (
            BreakerConfig { slow_rate_ppm: 1_000_001, ..config() },
            "slow_rate_ppm is 1000001; it must be from 1 to 1000000",
        ),
        (BreakerConfig { open_ns: 0, ..config() }, "open_ns is 0; it must be from 1 to 18446744073709551615"),
        (BreakerConfig { trials: 0, ..config() }, "trials is 0; it must be from 1 to 65536"),
        (
            BreakerConfig { half_open_max_ns: Some(0), ..config() },
            "half_open_max_ns is 0; it must be from 1 to 18446744073709551615",
        ),
    ];
    for (config, expected) in cases {
        assert_eq!(Breaker::new(config).unwrap_err().to_string(), expected);
    }
    assert!(Breaker::new(BreakerConfig::default()).is_ok());
    assert!(Breaker::new(BreakerConfig { window: Window::Calls(CALLS_MAX), calls_min: CALLS_MAX, ..config() }).is_ok());
}

/// A breaker that keeps every call, and looks at all of them each time.
struct Model {
    config: BreakerConfig,
    state: BreakerState,
    since_ns: u64,
    /// When each call of the state ended, whether it failed, and whether it was slow.
    calls: Vec<(u64, bool, bool)>,
    trials_given: u32,
    /// Counts the states, which permits belong to.
    number: usize,
}

impl Model {
    fn enter(&mut self, state: BreakerState, now_ns: u64) {
        (self.state, self.since_ns, self.trials_given) = (state, now_ns, 0);
        self.calls.clear();
        self.number += 1;
    }

    fn on_time(&mut self, now_ns: u64) {
        let age_ns = now_ns - self.since_ns;
        if self.state == Open && age_ns >= self.config.open_ns {
            self.enter(HalfOpen, now_ns);
        } else if self.state == HalfOpen && self.config.half_open_max_ns.is_some_and(|most| age_ns >= most) {
            self.enter(Open, now_ns);
        }
    }

    fn try_acquire(&mut self, now_ns: u64) -> Option<usize> {
        self.on_time(now_ns);
        let passes = match self.state {
            Closed | Disabled | MetricsOnly => true,
            Open | ForcedOpen => false,
            HalfOpen => self.trials_given < self.config.trials,
        };
        self.trials_given += u32::from(passes);
        passes.then_some(self.number)
    }

    fn record(&mut self, now_ns: u64, permit: usize, failed: bool, duration_ns: u64) {
        self.on_time(now_ns);
        if permit != self.number || self.state == Disabled {
            return;
        }
        self.calls.push((now_ns, failed, duration_ns > self.config.slow_ns));
        let (recent, needed): (Vec<_>, _) = match (self.state, self.config.window) {
            (HalfOpen, _) => (self.calls.clone(), self.config.calls_min.min(self.config.trials)),
            (_, Window::Calls(most)) => {
                let skipped = self.calls.len().saturating_sub(most as usize);
                (self.calls[skipped..].to_vec(), self.config.calls_min.min(most))
            }
            (_, Window::Time { slices, slice_ns }) => {
                let is_in = |at: u64| now_ns / slice_ns - at / slice_ns < u64::from(slices);
                (self.calls.iter().copied().filter(|(at, ..)| is_in(*at)).collect(), self.config.calls_min)
            }
        };
        if recent.len() < needed as usize {
            return;
        }
        let share = |count: usize| count as f64 / recent.len() as f64;
        let failures = share(recent.iter().filter(|(_, failed, _)| *failed).count());
        let slow = share(recent.iter().filter(|(_, _, slow)| *slow).count());
        // Rates that are multiples of a hundredth are far apart for windows of this size.
        let reaches = |share: f64, ppm: u32| share * 1e6 + 1e-3 >= f64::from(ppm);
        let is_bad = reaches(failures, self.config.failure_rate_ppm) || reaches(slow, self.config.slow_rate_ppm);
        match self.state {
            Closed if is_bad => self.enter(Open, now_ns),
            HalfOpen => self.enter(if is_bad { Open } else { Closed }, now_ns),
            _ => {}
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    Acquire,
    Record { pick: prop::sample::Index, failed: bool, duration_ns: u64 },
    Force(BreakerState),
}

fn configs() -> impl Strategy<Value = BreakerConfig> {
    let window = prop_oneof![
        (1..8_u32).prop_map(Window::Calls),
        (1..5_u32, 1..40_u64).prop_map(|(slices, slice_ns)| Window::Time { slices, slice_ns }),
    ];
    let rate = || (1..=100_u32).prop_map(|percent| percent * 10_000);
    (window, 1..8_u32, rate(), rate(), 0..4_u64, 1..60_u64, 1..5_u32, prop::option::of(1..60_u64)).prop_map(
        |(window, calls_min, failure_rate_ppm, slow_rate_ppm, slow_ns, open_ns, trials, half_open_max_ns)| {
            BreakerConfig {
                window,
                calls_min,
                failure_rate_ppm,
                slow_rate_ppm,
                slow_ns,
                open_ns,
                trials,
                half_open_max_ns,
            }
        },
    )
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => Just(Step::Acquire),
        8 => (any::<prop::sample::Index>(), any::<bool>(), 0..6_u64)
            .prop_map(|(pick, failed, duration_ns)| Step::Record { pick, failed, duration_ns }),
        1 => prop::sample::select(BreakerState::ALL.to_vec()).prop_map(Step::Force),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn it_does_what_the_slow_model_does(config in configs(), steps in prop::collection::vec((0..20_u64, step()), 1..120)) {
        let mut breaker = Breaker::new(config).unwrap();
        let mut model = Model { config, state: Closed, since_ns: 0, calls: Vec::new(), trials_given: 0, number: 0 };
        let mut now_ns = 0;
        let mut permits = Vec::new();
        for (gap_ns, step) in steps {
            now_ns += gap_ns;
            match step {
                Step::Acquire => {
                    let (real, modelled) = (breaker.try_acquire(now_ns), model.try_acquire(now_ns));
                    prop_assert_eq!(real.is_some(), modelled.is_some());
                    permits.extend(real.zip(modelled));
                }
                Step::Record { pick, failed, duration_ns } if !permits.is_empty() => {
                    let (real, modelled) = permits.swap_remove(pick.index(permits.len()));
                    breaker.record(now_ns, real, failed, duration_ns);
                    model.record(now_ns, modelled, failed, duration_ns);
                }
                Step::Record { .. } => {}
                Step::Force(state) => {
                    breaker.force(state, now_ns);
                    model.enter(state, now_ns);
                }
            }
            prop_assert_eq!(breaker.state(), model.state);
        }
    }
}
