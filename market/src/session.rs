//! One MoldUDP64 session of a capture: which of its messages came, and in which order.

use std::collections::{BTreeMap, BTreeSet};

use corelane_codecs::mold::SessionName;

use crate::recorded::{Damage, Place};

/// The maximum size of the messages of a session that wait for an earlier one, which another line or a retransmission
/// may bring: some 40,000 messages of ITCH.
const WAITING_BYTES_MAX: usize = 4 << 20;
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
}

impl Session {
    pub(crate) fn new(name: SessionName) -> Self {
        let ports = BTreeSet::new();
        let report = SessionReport { name, ports, first: 0, messages: 0, repeated: 0, missing: 0, has_ended: false };
        Session { report, next: None, announced: 0, waiting: BTreeMap::new(), waiting_bytes: 0 }
    }

    /// Notes a packet without messages, whose sequence number is the next one.
    pub(crate) fn announce(&mut self, sequence: u64) {
        self.next.get_or_insert(sequence);
        self.announced = self.announced.max(sequence);
    }

    /// Takes a message. Returns whether it is the next one, to be read now; otherwise it waits or is left out.
    pub(crate) fn take(&mut self, sequence: u64, waiting: impl FnOnce() -> Waiting) -> bool {
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
            self.advance();
            return true;
        }
        if sequence < next || self.waiting.contains_key(&sequence) {
            self.report.repeated += 1;
        } else {
            let waiting = waiting();
            self.waiting_bytes += waiting.size();
            self.waiting.insert(sequence, waiting);
        }
        false
    }

    /// Takes the waiting message that is now the next one.
    pub(crate) fn take_waiting(&mut self) -> Option<Waiting> {
        let waiting = self.waiting.remove(&self.next?)?;
        self.waiting_bytes -= waiting.size();
        self.advance();
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

    fn advance(&mut self) {
        self.next = self.next.map(|next| next.saturating_add(1));
        self.report.messages += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is read of a session whose packets have these messages, gaps as 0.
    fn read(sequences: &[u64], announced: u64) -> (Vec<u64>, SessionReport) {
        let (mut session, mut read) = (Session::new(SessionName::BLANK), Vec::new());
        let waiting = |sequence: u64| Waiting {
            place: Place::File { number: sequence, offset: 0 },
            bytes: sequence.to_be_bytes().into(),
        };
        let drain = |session: &mut Session, read: &mut Vec<u64>| {
            while let Some(waiting) = session.take_waiting() {
                read.push(u64::from_be_bytes(waiting.bytes[..].try_into().unwrap()));
            }
        };
        for sequence in sequences {
            if session.take(*sequence, || waiting(*sequence)) {
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
        (read, session.report)
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
        let waiting = || Waiting { place, bytes: Box::default() };
        let most = (WAITING_BYTES_MAX / WAITING_OVERHEAD_BYTES) as u64;
        assert!(session.take(1, || unreachable!()));
        for sequence in 3..3 + most {
            assert!(!session.take(sequence, waiting));
            assert!(session.give_up(false).is_none());
        }
        assert!(!session.take(3 + most, waiting));
        assert!(matches!(session.give_up(false), Some(Damage::Missing { messages: 1, before: 3, .. })));
        assert!(session.take_waiting().is_some());
    }
}
