//! What a shard does for itself on every turn allocates nothing: telemetry, timers, the clock.

use corelane_runtime::clock::{ClockMaster, HostTime, UtcOffset};
use corelane_runtime::shard::timer::{TICK_NS, Wheel};
use corelane_runtime::{
    metrics,
    telemetry::{Collector, ShardCount, TimingSet},
};
use corelane_test_support::allocator::{CountingAllocator, calls_within};

metrics! {
    enum Probe { Age = "age_ns" }
}

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

#[test]
fn the_count_sees_what_it_should() {
    assert_eq!(calls_within(|| drop(std::hint::black_box(Box::new(1)))), 2);
    assert_eq!(calls_within(|| drop(std::hint::black_box(vec![0; 100]))), 2);
}

#[test]
fn the_shards_side_of_telemetry_allocates_nothing() {
    let mut collector = Collector::new();
    let (mut telemetry, slots) = collector.register("core-1", [("actor".to_owned(), TimingSet::of::<Probe>())]);
    let mut handed_over = 0;
    for round in 0..1000_u64 {
        let calls = calls_within(|| {
            telemetry.counters().add(ShardCount::Messages, 1);
            telemetry.counters().set(ShardCount::NetBytesIn, round);
            // Every magnitude, and beyond the histogram's end.
            telemetry.record(slots[0], Probe::Age, 1 << (round % 64));
            handed_over += u64::from(telemetry.offer());
            // The other snapshot is away.
            assert!(!telemetry.offer());
        });
        assert_eq!(calls, 0, "in round {round}");
        if round % 3 == 0 {
            collector.collect();
        }
    }
    assert!(handed_over > 300);
    collector.collect();
    // Merging reuses the snapshots too.
    telemetry.offer();
    assert_eq!(calls_within(|| assert_eq!(collector.collect(), 1)), 0);
    assert_eq!(calls_within(|| drop(telemetry)), 0, "the last hand-over");
}

#[test]
fn a_wheel_allocates_nothing_after_it_was_made() {
    let mut wheel = Wheel::with_capacity(64);
    let calls = calls_within(|| {
        let mut now_ns = 0;
        for round in 0..10_000_u64 {
            let id = wheel.set(now_ns, now_ns + (round % 40) * (round << 12), round);
            if let (Ok(id), 0) = (id, round % 5) {
                assert!(wheel.cancel(id));
            }
            now_ns += 3 * TICK_NS;
            while wheel.expire(now_ns).is_some() {}
        }
    });
    assert_eq!(calls, 0);
}

#[test]
fn reading_and_recalibrating_the_clock_allocates_nothing() {
    let mut master = ClockMaster::new(HostTime::new(), UtcOffset::UTC);
    let clock = master.clock();
    let calls = calls_within(|| {
        for _ in 0..100 {
            master.recalibrate();
            let ticks = clock.ticks();
            assert!(clock.time_of_day_ns(clock.ticks()) >= clock.time_of_day_ns(ticks));
        }
    });
    assert_eq!(calls, 0);
}
