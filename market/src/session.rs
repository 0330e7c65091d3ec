//! One MoldUDP64 session of a capture: which of its messages came, and in which order.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hasher};

use corelane_codecs::mold::SessionName;

use crate::recorded::{Damage, Place};

/// The maximum size of the messages of a session that wait for an earlier one, which another line or a retransmission
/// may bring: some 40,000 messages of ITCH.
const WAITING_BYTES_MAX: usize = 4 << 20;
/// The number of messages of a session with which repeated ones are compared. A feed that begins again under its name
/// differs there, at the latest where its messages carry their times.
const COMPARED_MAX: usize = 4096;
/// What a waiting message takes beside its own bytes.
const WAITING_OVERHEAD_BYTES: usize = 64;

/// The counts of one session in a capture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionReport {
    /// The name.
    pub name: SessionName,
    /// The destination ports of its packets.
    pub ports: BTreeSet<u16>,
    /// The sequence number of its first message; 0 before that, or if the capture's sequence numbers are blanked.
    pub first: u64,
    /// The number of messages, each counted once.
    pub messages: u64,
    /// The number of messages that came again, by another line for example.
    pub repeated: u64,
    /// The number of messages that never came although later ones did.
    pub missing: u64,
    /// Whether the end of the session is in the capture.
    pub has_ended: bool,
}

/// A message that waits for an earlier one.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(crate) place: Place,
    pub(crate) bytes: Box<[u8]>,
}

impl Waiting {
    fn size(&self) -> usize {
        WAITING_OVERHEAD_BYTES + self.bytes.len()
    }
}

/// A session, whose messages are put into order.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) report: SessionReport,
    /// The next sequence number to be read; `None` before the first.
    next: Option<u64>,
    /// The next sequence number of which the venue has told.
    announced: u64,
    waiting: BTreeMap<u64, Waiting>,
    waiting_bytes: usize,
    /// Fingerprints of the first messages, by number less that of the first one; none for those that are missing.
    compared: Vec<Option<u64>>,
    /// The first message that differs from the one read under its number, and the number of all.
    differing: Option<(Place, u64)>,
}

impl Session {
    pub(crate) fn new(name: SessionName) -> Self {
        let ports = BTreeSet::new();
        let report = SessionReport { name, ports, first: 0, messages: 0, repeated: 0, missing: 0, has_ended: false };
        Session {
            report,
            next: None,
            announced: 0,
            waiting: BTreeMap::new(),
            waiting_bytes: 0,
            compared: Vec::new(),
            differing: None,
        }
    }

    /// Notes a packet without messages, whose sequence number is the next one.
    pub(crate) fn announce(&mut self, sequence: u64) {
        self.next.get_or_insert(sequence);
        self.announced = self.announced.max(sequence);
    }

    /// Takes a message. Returns whether it is the next one, to be read now; otherwise it waits or is left out.
    pub(crate) fn take(&mut self, sequence: u64, place: Place, bytes: &[u8]) -> bool {
        if sequence == 0 {
            // The sequence numbers are blanked.
            self.report.messages += 1;
            return true;
        }
        let next = *self.next.get_or_insert(sequence);
        if self.report.first == 0 {
            self.report.first = next;
        }
        if sequence == next {
            self.advance(bytes);
            return true;
        }
        if sequence < next {
            self.repeat(sequence, place, bytes);
        } else if self.waiting.contains_key(&sequence) {
            self.report.repeated += 1;
        } else {
            let waiting = Waiting { place, bytes: bytes.into() };
            self.waiting_bytes += waiting.size();
            self.waiting.insert(sequence, waiting);
        }
        false
    }

    /// Takes the waiting message that is now the next one.
    pub(crate) fn take_waiting(&mut self) -> Option<Waiting> {
        let waiting = self.waiting.remove(&self.next?)?;
        self.waiting_bytes -= waiting.size();
        self.advance(&waiting.bytes);
        Some(waiting)
    }

    /// Gives up the messages before the first waiting one if too many wait, or at the end of the capture.
    pub(crate) fn give_up(&mut self, is_end: bool) -> Option<Damage> {
        let before = match self.waiting.first_key_value() {
            Some((first, _)) if is_end || self.waiting_bytes > WAITING_BYTES_MAX => *first,
            None if is_end => self.announced,
            _ => return None,
        };
        let messages = before.checked_sub(self.next?).filter(|messages| *messages > 0)?;
        self.next = Some(before);
        self.report.missing += messages;
        Some(Damage::Missing { session: self.report.name, messages, before })
    }

    /// What contradicts the session, at the end of the capture.
    pub(crate) fn contradiction(&self) -> Option<Damage> {
        let (place, messages) = self.differing?;
        Some(Damage::BegunAgain { session: self.report.name, messages, place })
    }

    fn advance(&mut self, bytes: &[u8]) {
        if let Some(index) = self.next.and_then(|next| self.compared_index(next)) {
            self.compared.resize(index, None);
            self.compared.push(Some(fingerprint(bytes)));
        }
        self.next = self.next.map(|next| next.saturating_add(1));
        self.report.messages += 1;
    }

    /// Counts a message whose number was passed, and compares it with the one that was read.
    fn repeat(&mut self, sequence: u64, place: Place, bytes: &[u8]) {
        self.report.repeated += 1;
        let read = self.compared_index(sequence).and_then(|index| *self.compared.get(index)?);
        if read.is_some_and(|read| read != fingerprint(bytes)) {
            self.differing.get_or_insert((place, 0)).1 += 1;
        }
    }

    fn compared_index(&self, sequence: u64) -> Option<usize> {
        let index = usize::try_from(sequence.checked_sub(self.report.first)?).ok()?;
        (index < COMPARED_MAX).then_some(index)
    }
}

fn fingerprint(message: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(message);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is read of a session whose packets have these messages, gaps as 0.
    fn read(sequences: &[u64], announced: u64) -> (Vec<u64>, SessionReport) {
        let (mut session, mut read) = (Session::new(SessionName::BLANK), Vec::new());
        let place = Place::File { number: 0, offset: 0 };
        let drain = |session: &mut Session, read: &mut Vec<u64>| {
            while let Some(waiting) = session.take_waiting() {
                read.push(u64::from_be_bytes(waiting.bytes[..].try_into().unwrap()));
            }
        };
        for sequence in sequences {
            if session.take(*sequence, place, &sequence.to_be_bytes()) {
                read.push(*sequence);
            }
            drain(&mut session, &mut read);
        }
        if announced > 0 {
            session.announce(announced);
        }
        while session.give_up(true).is_some() {
            read.push(0);
            drain(&mut session, &mut read);
        }
        assert!(session.contradiction().is_none());
        (read, session.report)
    }

    // M5
    #[test]
    fn another_message_under_a_number_that_was_read_is_no_copy() {
        let mut session = Session::new(SessionName::BLANK);
        let place = |number| Place::File { number, offset: 0 };
        for (number, message) in (1..).zip([b"one", b"two", b"sea", b"one", b"new", b"sun"]) {
            let sequence = 7 + (number - 1) % 3;
            assert_eq!(session.take(sequence, place(number), message), number < 4);
        }
        assert_eq!((session.report.messages, session.report.repeated), (3, 3));
        let Some(Damage::BegunAgain { messages: 2, place: first, .. }) = session.contradiction() else {
            panic!("{:?}", session.contradiction())
        };
        assert_eq!(first, place(5));
    }

    #[test]
    fn each_message_is_read_once_and_in_order() {
        for (sequences, announced, expected, repeated, missing) in [
            (&[7, 8, 9][..], 0, &[7, 8, 9][..], 0, 0),
            // Two lines, of which one lost a packet and the other is late.
            (&[1, 2, 4, 1, 2, 3, 4, 5], 0, &[1, 2, 3, 4, 5], 3, 0),
            (&[1, 4, 4, 5], 0, &[1, 0, 4, 5], 1, 2),
            (&[1, 3, 5], 0, &[1, 0, 3, 0, 5], 0, 2),
            (&[1, 2], 5, &[1, 2, 0], 0, 2),
            (&[5, 4], 6, &[5], 1, 0),
            (&[u64::MAX - 1], 0, &[u64::MAX - 1], 0, 0),
        ] {
            let (read, report) = read(sequences, announced);
            assert_eq!(read, expected, "{sequences:?}");
            assert_eq!((report.repeated, report.missing), (repeated, missing), "{sequences:?}");
            assert_eq!(report.messages, expected.iter().filter(|sequence| **sequence > 0).count() as u64);
        }
    }

    #[test]
    fn what_waits_is_bounded() {
        let mut session = Session::new(SessionName::BLANK);
        let place = Place::File { number: 0, offset: 0 };
        let most = (WAITING_BYTES_MAX / WAITING_OVERHEAD_BYTES) as u64;
        assert!(session.take(1, place, &[]));
        for sequence in 3..3 + most {
            assert!(!session.take(sequence, place, &[]));
            assert!(session.give_up(false).is_none());
        }
        assert!(!session.take(3 + most, place, &[]));
        assert!(matches!(session.give_up(false), Some(Damage::Missing { messages: 1, before: 3, .. })));
        assert!(session.take_waiting().is_some());
    }
}
