use crate::{bounded, exhaustive};
use corelane_sync::trail::{TrailReader, trail};
use loom::thread;

#[test]
fn a_record_that_was_counted_is_read_whole() {
    exhaustive(|| {
        let (mut writer, reader) = trail(4);
        let writing = thread::spawn(move || writer.push([1, 1]));
        assert_whole(&reader);
        writing.join().unwrap();
        assert_eq!(assert_whole(&reader), [1]);
    });
}

#[test]
fn a_record_that_is_overwritten_while_it_is_read_is_left_out() {
    bounded(3, || {
        let (mut writer, reader) = trail(2);
        writer.push([1, 1]);
        let writing = thread::spawn(move || {
            writer.push([2, 2]);
            writer.push([3, 3]);
        });
        assert_whole(&reader);
        writing.join().unwrap();
        assert_eq!(assert_whole(&reader), [3]);
    });
}

/// Reads, and finds every record whole and each one the next after the one before; returns their numbers.
fn assert_whole(reader: &TrailReader<2>) -> Vec<u64> {
    let mut records = vec![[0; 2]; reader.capacity()];
    let numbers: Vec<u64> = reader
        .read(&mut records)
        .iter()
        .map(|&[first, second]| {
            assert_eq!(first, second, "a torn record");
            assert_ne!(first, 0, "a record that was not written");
            first
        })
        .collect();
    assert!(numbers.windows(2).all(|pair| pair[1] == pair[0] + 1), "out of order: {numbers:?}");
    numbers
}
