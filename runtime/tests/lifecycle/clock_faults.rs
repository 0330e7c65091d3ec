//! Days and clocks that are not as they should be: midnight, 24 and 78 hours, a wall clock that is set by an hour. In
//! simulation, and on real threads by faults of the clock; the host's own is never set.

use std::time::Duration;

use crate::support::{Note, Play, counter, drain, note, numbers, options, out, receive, shard, two_cpus, until};
use corelane_runtime::{
    actor::Step,
    clock::{ClockFault, ClockMaster, HostTime, UtcOffset},
    edge::port::Port,
    lifecycle::{Running, RuntimeFault},
    telemetry::ShardCount,
    topology::{EdgeSpec, ExternalReceiver, ExternalSender, Idle, Topology},
};

type One = Play<Port<Note>, 2>;

const SECOND_NS: u64 = 1_000_000_000;
const HOUR_NS: u64 = 3600 * SECOND_NS;

/// Answers each message by the time, and sends one each hour; its timers go on behind any midnight.
fn clock() -> One {
    let mut actor = One::new(|ctx, _| {
        let time_ns = ctx.time_ns();
        ctx.out.send(note(time_ns));
        Step::Done
    });
    actor.on_start = Box::new(|ctx, ()| assert!(ctx.set_timer(HOUR_NS, 1).is_ok()));
    actor.on_timer = Box::new(|ctx, hours| {
        ctx.out.send(Note { from: hours, ..note(ctx.time_ns()) });
        assert!(ctx.set_timer(HOUR_NS, hours + 1).is_ok());
    });
    actor
}

// R16
#[test]
fn timers_go_on_past_midnights_in_simulation() {
    let mut topology = Topology::new();
    let shard = shard(&mut topology, "only", two_cpus()[0], Idle::Spin);
    let actor = topology.actor(shard, "clock", clock);
    let _sender = topology.external_sender("in", actor, EdgeSpec::backpressure(8));
    let mut receiver = topology.external_receiver(actor, out, EdgeSpec::backpressure(8));
    let mut simulation = topology.simulate().unwrap();
    let mut hours = Vec::new();
    // 90 hours by the minute, then a whole day in one step: the machine was suspended.
    let minutes = (0..90 * 60).map(|minute| minute * 60 * SECOND_NS);
    for time_ns in minutes.chain([114 * HOUR_NS]) {
        simulation.set_time_ns(time_ns);
        simulation.run_until_idle();
        for fired in drain(&mut receiver) {
            assert_eq!(fired.number, time_ns);
            hours.push(fired.from);
        }
    }
    // Each fires within its tick, which is the minute after the hour.
    assert_eq!(hours, (1..=89).collect::<Vec<_>>());
    assert!(simulation.failures().is_empty());
}

struct Clock {
    running: Running,
    sender: ExternalSender<Note>,
    receiver: ExternalReceiver<Note>,
}

impl Clock {
    fn start(name: &str, time_of_day_max: Option<Duration>) -> Clock {
        let mut topology = Topology::new();
        let shard = shard(&mut topology, name, two_cpus()[0], Idle::Park);
        let actor = topology.actor(shard, "clock", clock);
        let sender = topology.external_sender("in", actor, EdgeSpec::backpressure(8));
        let receiver = topology.external_receiver(actor, out, EdgeSpec::backpressure(64));
        let mut options = options();
        options.time_of_day_max = time_of_day_max;
        Clock { running: topology.start(options).unwrap(), sender, receiver }
    }

    /// The actor's time.
    fn time_ns(&mut self) -> u64 {
        self.sender.send(note(0)).unwrap();
        let answers = loop {
            let answers = receive(&mut self.receiver, 1);
            if answers.iter().any(|answer| answer.from == 0) {
                break answers;
            }
        };
        *numbers(&answers).last().unwrap()
    }
}

// R16
#[test]
fn a_wall_clock_that_is_set_is_told_of_and_never_followed_by_a_step() {
    for by_s in [3600, -3600] {
        let mut clock = Clock::start("wall-set", None);
        let by_ns = by_s * SECOND_NS as i64;
        let before_ns = clock.time_ns();
        until("housekeeping knows the clock", || clock.running.status().clock.time_of_day_ns > before_ns);
        assert!(clock.running.status().clock.offset_ns.abs() < SECOND_NS as i64);
        clock.running.inject(ClockFault::WallClockSet { by_ns });
        until("the divergence is told", || clock.running.status().clock.offset_ns.abs() > SECOND_NS as i64);
        let status = clock.running.status().clock;
        assert!(status.offset_ns.abs_diff(by_ns) < SECOND_NS, "{status:?}");
        let after_ns = clock.time_ns();
        assert!(after_ns > before_ns && after_ns - before_ns < 60 * SECOND_NS, "{before_ns} to {after_ns}");
        assert!(clock.running.is_running());
        assert!(clock.running.stop().is_clean());
    }
}

// R16
#[test]
fn time_runs_on_past_midnight_24_and_78_hours() {
    let mut clock = Clock::start("days", None);
    let mut last_ns = clock.time_ns();
    // Whatever the time is now, the first step passes midnight.
    for hours in [24, 24, 30] {
        clock.running.inject(ClockFault::TimePasses { ns: hours * HOUR_NS });
        until("it has passed", || clock.running.status().clock.time_of_day_ns > last_ns + hours * HOUR_NS);
        let now_ns = clock.time_ns();
        assert!(now_ns - last_ns - hours * HOUR_NS < 60 * SECOND_NS, "{last_ns} to {now_ns} in {hours} h");
        assert!(clock.running.status().clock.offset_ns.abs() < SECOND_NS as i64, "it passed for all clocks");
        last_ns = now_ns;
    }
    assert!(last_ns >= 78 * HOUR_NS);
    assert!(clock.running.stop().is_clean());
}

// R16
#[test]
fn a_sleeping_shard_sees_that_time_has_passed() {
    let mut clock = Clock::start("sleeper", None);
    clock.running.inject(ClockFault::TimePasses { ns: HOUR_NS });
    let fired = receive(&mut clock.receiver, 1);
    assert_eq!(fired[0].from, 1);
    assert!(clock.running.stop().is_clean());
}

// R16
#[test]
fn a_day_that_does_not_end_is_ended() {
    let max = Duration::from_secs(78 * 3600);
    let mut clock = Clock::start("endless-day", Some(max));
    clock.running.inject(ClockFault::TimePasses { ns: 53 * HOUR_NS });
    let now_ns = clock.time_ns();
    assert!(clock.running.is_running(), "{now_ns}");
    clock.running.inject(ClockFault::TimePasses { ns: 25 * HOUR_NS });
    until("the topology ends by itself", || !clock.running.is_running());
    let outcome = clock.running.stop();
    assert!(outcome.drained && !outcome.is_clean());
    let [RuntimeFault::DayWithoutEnd { seconds }] = outcome.status.faults[..] else {
        panic!("{:?}", outcome.status.faults);
    };
    assert!(seconds >= max.as_secs());
}

// R16
#[test]
fn midnight_passes_during_a_run() {
    // In some zone, it is one second to midnight.
    let mut topology = Topology::new();
    let shard = shard(&mut topology, "midnight", two_cpus()[0], Idle::Park);
    let actor = topology.actor(shard, "clock", clock);
    let mut sender = topology.external_sender("in", actor, EdgeSpec::backpressure(8));
    let mut receiver = topology.external_receiver(actor, out, EdgeSpec::backpressure(8));
    let running = topology.start(options().clock(ClockMaster::new(HostTime::new(), one_second_to_midnight()))).unwrap();
    let mut last_ns = 0;
    until("midnight", || {
        sender.send(note(0)).unwrap();
        let now_ns = receive(&mut receiver, 1)[0].number;
        assert!(now_ns >= last_ns && (last_ns == 0 || now_ns - last_ns < SECOND_NS), "{last_ns} to {now_ns}");
        last_ns = now_ns;
        now_ns > 24 * HOUR_NS
    });
    assert!(running.stop().is_clean());
}

fn one_second_to_midnight() -> UtcOffset {
    let since_1970 = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let second_of_day = (since_1970.as_secs() % 86_400) as i32;
    let east_s = 86_399 - second_of_day;
    UtcOffset::from_seconds(if east_s > 14 * 3600 { east_s - 86_400 } else { east_s }).unwrap()
}

/// An actor on a shard that parks has a timer a day ahead, sets one by `ahead` at each message, and says of each how late it
/// was.
fn timers(name: &str, ahead: fn(u64) -> u64) -> Clock {
    let mut topology = Topology::new();
    let shard = shard(&mut topology, name, two_cpus()[0], Idle::Park);
    let actor = topology.actor(shard, "timers", move || {
        let mut actor = One::new(move |ctx, _| {
            let now_ns = ctx.time_ns();
            let at_ns = ahead(now_ns);
            assert!(ctx.set_timer(at_ns - now_ns, at_ns).is_ok());
            Step::Done
        });
        actor.on_start = Box::new(|ctx, ()| {
            let at_ns = ctx.time_ns() + 24 * HOUR_NS;
            assert!(ctx.set_timer(24 * HOUR_NS, at_ns).is_ok());
        });
        actor.on_timer = Box::new(|ctx, at_ns| ctx.out.send(note(ctx.time_ns() - at_ns)));
        actor
    });
    let sender = topology.external_sender("in", actor, EdgeSpec::backpressure(8));
    let receiver = topology.external_receiver(actor, out, EdgeSpec::backpressure(8));
    Clock { running: topology.start(options()).unwrap(), sender, receiver }
}

/// By the kernel's clock, the timeout that is armed for the far timer still ends in 24 hours.
#[test]
fn a_timer_set_after_time_has_passed_fires_in_time() {
    let Clock { running, mut sender, mut receiver } = timers("passed", |now_ns| now_ns + SECOND_NS / 10);
    until("the shard sleeps", || counter(&running, 0, ShardCount::Parks) > 0);
    running.inject(ClockFault::TimePasses { ns: 25 * HOUR_NS });
    assert!(receive(&mut receiver, 1)[0].number >= HOUR_NS);
    sender.send(note(0)).unwrap();
    let late_ns = receive(&mut receiver, 1)[0].number;
    assert!(late_ns < SECOND_NS, "{late_ns} ns late");
    assert!(running.stop().is_clean());
}

/// The wall clock is an hour ahead, so that our time runs faster than the kernel's: by 2 ms in 4 seconds.
#[test]
fn timers_fire_in_time_while_the_clock_is_slewed() {
    /// At least 4 s ahead, where the wheel lets its shard sleep until the deadline itself: see `next_deadline_ns`.
    fn ahead(now_ns: u64) -> u64 {
        let (slot_ns, top_slot_ns) = (1 << 28, 1 << 34);
        let top_ns = now_ns.next_multiple_of(top_slot_ns);
        let from_ns = if top_ns - now_ns < 5 * SECOND_NS { top_ns } else { now_ns };
        (from_ns + 4 * SECOND_NS).next_multiple_of(slot_ns)
    }
    let Clock { running, mut sender, mut receiver } = timers("slewed", ahead);
    running.inject(ClockFault::WallClockSet { by_ns: HOUR_NS as i64 });
    until("the divergence is told", || running.status().clock.offset_ns > SECOND_NS as i64);
    let mut late_ns = || {
        sender.send(note(0)).unwrap();
        receive(&mut receiver, 1)[0].number
    };
    // A busy host is late too, but not each time.
    let least_ns = (0..5).map(|_| late_ns()).find(|&late_ns| late_ns < 1_500_000);
    assert!(least_ns.is_some(), "each timer was late by 1.5 ms or more");
    assert!(running.stop().is_clean());
}
