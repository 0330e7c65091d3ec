//! Packets of runs. A message says which run it belongs to, and its number.

use corelane_codecs::mold::{HEADER_LEN, PacketBuilder, SessionName, end_of_session, heartbeat};

/// The run of forged messages.
pub const FORGED: u8 = u8::MAX;

/// A run of the feed.
#[derive(Clone, Copy)]
pub struct Run {
    pub session: SessionName,
    /// Different for each run, also under the same session name.
    pub id: u8,
    /// Number of its last message so far.
    pub head: u64,
    pub has_ended: bool,
}

/// A session's name.
pub fn session(number: u8) -> SessionName {
    SessionName::from_bytes([b'A' + number % 3; 10])
}

/// A message of a run. Their lengths differ.
fn text(run: u8, number: u64) -> Vec<u8> {
    [&[run; 9][..1 + number as usize % 9], &number.to_be_bytes()].concat()
}

/// The messages of a run in `first..end`, as far as they exist.
pub fn packet(run: &Run, first: u64, end: u64) -> Vec<u8> {
    messages(run.session, run.id, first.max(1), end.min(run.head + 1))
}

/// The messages `first..end` of any run.
pub fn messages(session: SessionName, run: u8, first: u64, end: u64) -> Vec<u8> {
    let mut buffer = [0; 2000];
    let mut packet = PacketBuilder::new(&mut buffer, session, first, 2000).expect("a header fits");
    for number in first..end {
        assert!(packet.push(&text(run, number)), "a message fits");
    }
    packet.finish().to_vec()
}

/// A heartbeat, or the end.
pub fn empty(session: SessionName, next: u64, is_end: bool) -> Vec<u8> {
    let mut bytes = [0; HEADER_LEN];
    let write = if is_end { end_of_session } else { heartbeat };
    write(&mut bytes, session, next).expect("a header fits");
    bytes.to_vec()
}
