use crate::{bounded, exhaustive};
use corelane_sync::stage::{Progress, Stage, progress};
use loom::sync::Arc;
use loom::sync::atomic::{AtomicU64, Ordering::Relaxed};
use loom::thread;

#[test]
fn a_stage_brings_what_was_prepared_for_it() {
    exhaustive(|| {
        let stage = Arc::new(Stage::new(0));
        let prepared = Arc::new(AtomicU64::new(0));

        let (order, prepare) = (Arc::clone(&stage), Arc::clone(&prepared));
        let coordinator = thread::spawn(move || {
            prepare.store(1, Relaxed);
            assert!(order.advance_to(1));
        });
        if stage.current() == 1 {
            assert_eq!(prepared.load(Relaxed), 1);
        }
        coordinator.join().unwrap();
    });
}

#[test]
fn of_two_coordinators_the_later_stage_wins() {
    exhaustive(|| {
        let stage = Arc::new(Stage::new(0));
        let coordinators: Vec<_> = [1, 2]
            .map(|to| {
                let stage = Arc::clone(&stage);
                thread::spawn(move || stage.advance_to(to))
            })
            .into();
        let first = stage.current();
        assert!(stage.current() >= first, "the stage went back");
        let advanced: Vec<_> = coordinators.into_iter().map(|c| c.join().unwrap()).collect();
        assert!(advanced[1], "nothing was later than stage 2");
        assert_eq!(stage.current(), 2);
    });
}

#[test]
fn progress_is_published_as_a_whole() {
    bounded(3, || {
        let (mut writer, reader) = progress();
        let shard = thread::spawn(move || {
            writer.count_work();
            writer.reach(3);
            writer.publish();
        });
        let published = Progress { work: 1, stage_reached: 3, heartbeat: 1, is_asleep: false };
        let sample = reader.sample();
        assert!(sample == Progress::default() || sample == published, "{sample:?}");
        shard.join().unwrap();
        assert_eq!(reader.sample(), published);
    });
}

#[test]
fn a_publication_brings_what_was_pushed_before_it() {
    bounded(3, || {
        let (mut writer, reader) = progress();
        let ring = Arc::new(AtomicU64::new(0));
        let pushed = Arc::clone(&ring);
        let shard = thread::spawn(move || {
            pushed.store(1, Relaxed);
            writer.count_work();
            writer.publish();
        });
        let work = reader.sample().work;
        assert!(ring.load(Relaxed) >= work, "counted, and not visible");
        shard.join().unwrap();
    });
}
