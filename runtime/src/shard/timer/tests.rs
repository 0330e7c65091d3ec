//! The wheel against an ordered map, and its promises one by one.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

const TIMERS_MAX: usize = 24;
const TURN_NS: u64 = 1 << (SLOT_BITS * LEVELS as u32 + TICK_SHIFT);

/// The wheel's promises without the wheel: by tick, then by order of setting.
#[derive(Default)]
struct Model {
    timers: BTreeMap<(u64, u64), (TimerId, Expired)>,
    set: u64,
}

impl Model {
    fn set(&mut self, now_ns: u64, id: TimerId, timer: Expired) {
        let tick = timer.deadline_ns.max(now_ns / TICK_NS * TICK_NS).div_ceil(TICK_NS);
        self.timers.insert((tick, self.set), (id, timer));
        self.set += 1;
    }

    fn cancel(&mut self, id: TimerId) -> bool {
        let before = self.timers.len();
        self.timers.retain(|_, (held, _)| *held != id);
        self.timers.len() < before
    }

    fn expire(&mut self, now_ns: u64) -> Option<Expired> {
        let first = self.timers.first_entry()?;
        (first.key().0 <= now_ns / TICK_NS).then(|| first.remove().1)
    }
}

#[derive(Clone, Debug)]
enum Call {
    Set {
        ahead_ns: u64,
    },
    /// Sets a timer for the deadline of an earlier one, to share its tick.
    SetAgain {
        nth: prop::sample::Index,
    },
    SetPast {
        behind_ns: u64,
    },
    Cancel {
        nth: prop::sample::Index,
    },
    Advance {
        by_ns: u64,
    },
    /// Expires at most this many.
    Expire {
        max: usize,
    },
}

/// Spans of time of every order, so that each level and several turns are reached, with edges of slots among them.
fn span_ns() -> impl Strategy<Value = u64> {
    prop_oneof![
        (0..=42_u32, 0..=64_u64, -1..=1_i64).prop_map(|(shift, n, off)| (n << shift).saturating_add_signed(off)),
        (0..4 * TURN_NS),
        (0..200 * TICK_NS),
    ]
}

fn call() -> impl Strategy<Value = Call> {
    prop_oneof![
        6 => span_ns().prop_map(|ahead_ns| Call::Set { ahead_ns }),
        3 => any::<prop::sample::Index>().prop_map(|nth| Call::SetAgain { nth }),
        1 => span_ns().prop_map(|behind_ns| Call::SetPast { behind_ns }),
        2 => any::<prop::sample::Index>().prop_map(|nth| Call::Cancel { nth }),
        4 => span_ns().prop_map(|by_ns| Call::Advance { by_ns }),
        5 => (0..6_usize).prop_map(|max| Call::Expire { max }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_wheel_does_what_an_ordered_map_does(
        start_ns in prop_oneof![Just(0), 0..1_u64 << 50],
        calls in prop::collection::vec(call(), 1..120),
    ) {
        let mut wheel = Wheel::with_capacity(TIMERS_MAX);
        let mut model = Model::default();
        let mut now_ns = start_ns;
        let mut ever_set: Vec<(TimerId, u64)> = Vec::new();
        for (token, call) in (0..).zip(calls) {
            let deadline_ns = match &call {
                Call::Set { ahead_ns } => Some(now_ns + ahead_ns),
                Call::SetPast { behind_ns } => Some(now_ns.saturating_sub(*behind_ns)),
                Call::SetAgain { nth } if !ever_set.is_empty() => Some(nth.get(&ever_set).1),
                _ => None,
            };
            if let Some(deadline_ns) = deadline_ns {
                match wheel.set(now_ns, deadline_ns, token) {
                    Ok(id) => {
                        model.set(now_ns, id, Expired { token, deadline_ns });
                        ever_set.push((id, deadline_ns));
                    }
                    Err(error) => {
                        prop_assert_eq!(error, TimersExhausted { timers_max: TIMERS_MAX });
                        prop_assert_eq!(model.timers.len(), TIMERS_MAX);
                    }
                }
            }
            match call {
                Call::Cancel { nth } if !ever_set.is_empty() => {
                    let id = nth.get(&ever_set).0;
                    prop_assert_eq!(wheel.cancel(id), model.cancel(id));
                }
                Call::Advance { by_ns } => now_ns += by_ns,
                Call::Expire { max } => {
                    for _ in 0..max {
                        let fired = wheel.expire(now_ns);
                        prop_assert_eq!(fired, model.expire(now_ns));
                        prop_assert!(fired.is_none_or(|timer| timer.deadline_ns <= now_ns), "fired early");
                    }
                }
                _ => {}
            }
            prop_assert_eq!(wheel.len(), model.timers.len());
            prop_assert_eq!(wheel.is_empty(), model.timers.is_empty());
            let first_ns = model.timers.first_key_value().map(|((tick, _), _)| tick * TICK_NS);
            prop_assert_eq!(wheel.next_deadline_ns().is_some(), first_ns.is_some());
            prop_assert!(wheel.next_deadline_ns() <= first_ns, "would be slept through");
        }
        // Sleeping until the announced time again and again fires the rest, on time and in order.
        while let Some(next_ns) = wheel.next_deadline_ns() {
            now_ns = now_ns.max(next_ns);
            loop {
                let fired = wheel.expire(now_ns);
                prop_assert_eq!(fired, model.expire(now_ns));
                if fired.is_none() {
                    break;
                }
            }
        }
        prop_assert!(model.timers.is_empty());
    }
}

#[test]
fn a_timer_fires_within_a_tick_of_its_deadline_and_never_before() {
    for deadline_ns in [0, 1, TICK_NS - 1, TICK_NS, TICK_NS + 1, 64 * TICK_NS, TURN_NS - 1, TURN_NS, 5 * TURN_NS + 7] {
        let mut wheel = Wheel::with_capacity(1);
        wheel.set(0, deadline_ns, 1).unwrap();
        let before = deadline_ns.checked_sub(1).and_then(|now_ns| wheel.expire(now_ns));
        assert_eq!(before, None, "before {deadline_ns} ns");
        let fired = wheel.expire(deadline_ns + TICK_NS - 1);
        assert_eq!(fired, Some(Expired { token: 1, deadline_ns }), "after {deadline_ns} ns");
    }
}

#[test]
fn timers_of_one_tick_fire_in_the_order_of_setting_whenever_they_were_set() {
    let deadline_ns = 3 * TURN_NS + 12_345 * TICK_NS;
    let mut wheel = Wheel::with_capacity(8);
    let mut now_ns = 0;
    // Each one is set when the deadline is on another level: beyond the top, on it, and so on down.
    for token in 0..6 {
        wheel.set(now_ns, deadline_ns, token).unwrap();
        now_ns = deadline_ns - (deadline_ns - now_ns) / 64;
        assert_eq!(wheel.expire(now_ns), None);
    }
    let fired: Vec<_> = std::iter::from_fn(|| wheel.expire(deadline_ns)).map(|timer| timer.token).collect();
    assert_eq!(fired, [0, 1, 2, 3, 4, 5]);
}

#[test]
fn an_old_id_does_not_cancel_the_next_timer_in_its_place() {
    let mut wheel = Wheel::with_capacity(1);
    let first = wheel.set(0, 0, 1).unwrap();
    assert!(wheel.expire(0).is_some());
    let second = wheel.set(0, 0, 2).unwrap();
    assert!(!wheel.cancel(first));
    assert!(wheel.cancel(second));
    assert!(!wheel.cancel(second));
    assert_eq!(wheel.expire(u64::MAX), None);
}

#[test]
fn the_wheel_is_full_at_timers_max_and_has_room_again_after_one_goes() {
    for timers_max in [0, 1, 3] {
        let mut wheel = Wheel::with_capacity(timers_max);
        let ids: Vec<_> = (0..timers_max).map(|n| wheel.set(0, n as u64, 0).unwrap()).collect();
        let error = wheel.set(0, 1, 0).unwrap_err();
        assert_eq!(error, TimersExhausted { timers_max });
        assert!(format!("{error:?}").contains("raise its Actor::TIMERS_MAX"), "where an actor unwraps it too");
        if let Some(&id) = ids.first() {
            assert!(wheel.cancel(id));
            assert!(wheel.set(0, 1, 0).is_ok());
        }
    }
}

#[test]
fn a_near_deadline_is_announced_to_the_tick_beside_a_far_one() {
    let mut wheel = Wheel::with_capacity(2);
    wheel.set(0, TURN_NS, 1).unwrap();
    assert_eq!(wheel.next_deadline_ns(), Some(TURN_NS));
    let now_ns = TURN_NS / 2;
    assert_eq!(wheel.expire(now_ns), None);
    let near_ns = now_ns + 63 * TICK_NS;
    wheel.set(now_ns, near_ns, 2).unwrap();
    assert_eq!(wheel.next_deadline_ns(), Some(near_ns));
}

#[test]
fn the_ends_of_time_are_kept() {
    let mut wheel = Wheel::with_capacity(2);
    wheel.set(u64::MAX - TURN_NS, u64::MAX, 1).unwrap();
    wheel.set(u64::MAX - TURN_NS, u64::MAX - TICK_NS, 2).unwrap();
    assert_eq!(wheel.expire(u64::MAX).map(|timer| timer.token), Some(2));
    assert_eq!(wheel.expire(u64::MAX), None, "its tick begins after the last nanosecond");
    assert_eq!(wheel.next_deadline_ns(), Some(u64::MAX));
}
