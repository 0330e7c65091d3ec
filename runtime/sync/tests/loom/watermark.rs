use crate::exhaustive;
use corelane_sync::watermark::watermark;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicU64, Ordering::Relaxed};
use loom::thread;

#[test]
fn a_position_brings_what_was_written_before_it() {
    exhaustive(|| {
        let (mut writer, reader) = watermark();
        let work = Arc::new(AtomicU64::new(0));

        let done = Arc::clone(&work);
        let writing = thread::spawn(move || {
            for position in 1..=2 {
                done.store(position, Relaxed);
                writer.publish(position);
            }
        });

        let first = reader.get();
        assert!(work.load(Relaxed) >= first);
        let second = reader.get();
        assert!(second >= first, "the watermark went back");
        assert!(work.load(Relaxed) >= second);
        writing.join().unwrap();
    });
}
