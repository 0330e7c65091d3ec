use crate::{bounded, exhaustive};
use corelane_sync::conflate::{ConflatedReader, conflated};
use loom::thread;

/// Takes the next key and its value, which must not be torn.
fn take(reader: &mut ConflatedReader) -> Option<(usize, u64)> {
    let mut words = [0; 2];
    let key = reader.take(&mut words)?;
    assert_eq!(words[0], words[1], "a torn read");
    Some((key, words[0]))
}

#[test]
fn the_only_value_of_a_key_is_read_once() {
    exhaustive(|| {
        let (mut writer, mut reader) = conflated(1, 2);
        let writing = thread::spawn(move || writer.write(0, &[1, 1]));
        let early = take(&mut reader);
        writing.join().unwrap();
        let late = take(&mut reader);
        assert_eq!([early, late].into_iter().flatten().collect::<Vec<_>>(), [(0, 1)]);
        assert_eq!(reader.len(), 0);
    });
}

#[test]
fn the_last_value_of_a_key_is_read_last() {
    bounded(3, || {
        let (mut writer, mut reader) = conflated(1, 2);
        let writing = thread::spawn(move || {
            writer.write(0, &[1, 1]);
            writer.write(0, &[2, 2]);
        });
        let mut seen = Vec::new();
        seen.extend(take(&mut reader));
        seen.extend(take(&mut reader));
        writing.join().unwrap();
        seen.extend(take(&mut reader));
        assert!(seen.is_sorted_by(|a, b| a < b), "values go back or come twice: {seen:?}");
        assert_eq!(seen.len() as u64 + reader.overwritten(), 2);
        assert_eq!(seen.last(), Some(&(0, 2)), "the last value is lost");
        assert_eq!(take(&mut reader), None);
    });
}

#[test]
fn keys_of_two_blocks_do_not_hide_each_other() {
    bounded(2, || {
        let (mut writer, mut reader) = conflated(65, 2);
        let writing = thread::spawn(move || {
            writer.write(64, &[1, 1]);
            writer.write(0, &[2, 2]);
        });
        let mut seen = Vec::new();
        seen.extend(take(&mut reader));
        writing.join().unwrap();
        seen.extend(take(&mut reader));
        seen.extend(take(&mut reader));
        seen.sort_unstable();
        assert_eq!(seen, [(0, 2), (64, 1)]);
    });
}
