use crate::{bounded, exhaustive};
use corelane_sync::seqlock::{SeqReader, seqlock};
use loom::thread;

#[test]
fn a_read_is_one_whole_write() {
    exhaustive(|| {
        let (mut writer, reader) = seqlock([0, 0]);
        let writing = thread::spawn(move || writer.write([1, 1]));
        assert_whole(&reader);
        writing.join().unwrap();
        assert_eq!(reader.try_read(), Some([1, 1]));
    });
}

#[test]
fn reads_never_go_back() {
    bounded(3, || {
        let (mut writer, reader) = seqlock([0, 0]);
        let writing = thread::spawn(move || {
            writer.write([1, 1]);
            writer.write([2, 2]);
        });
        let first = assert_whole(&reader);
        let second = assert_whole(&reader);
        assert!(first.is_none() || second.is_none() || second >= first);
        writing.join().unwrap();
    });
}

#[test]
fn a_blocking_read_ends_with_a_whole_write() {
    bounded(3, || {
        let (mut writer, reader) = seqlock([0, 0]);
        let writing = thread::spawn(move || writer.write([1, 1]));
        let [first, second] = reader.read();
        assert_eq!(first, second);
        writing.join().unwrap();
    });
}

fn assert_whole(reader: &SeqReader<2>) -> Option<u64> {
    let [first, second] = reader.try_read()?;
    assert_eq!(first, second, "a torn read");
    Some(first)
}
