//! Fingerprints of the first messages of a session, to tell a copy from another message under the same number.

use corelane_codecs::mold::Packet;
use corelane_runtime::message::SequenceNumber;

/// Messages whose fingerprints are kept. The first messages of a run differ from those of another run at the latest
/// where they carry its times.
const KEPT: usize = 4096;

/// What a packet says under numbers that were delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    /// Another message under at least one number.
    Differs,
    /// The same messages, as far as they are known.
    Same,
    /// No message of the packet is known.
    Unknown,
}

/// By number, less 1: the fingerprint of the delivered message; 0 if it is not known.
#[derive(Debug)]
pub(super) struct Fingerprints(Box<[u64; KEPT]>);

impl Fingerprints {
    /// End of the numbers whose fingerprints are kept.
    pub(super) const END: SequenceNumber = SequenceNumber(KEPT as u64 + 1);

    pub(super) fn new() -> Self {
        Fingerprints(Box::new([0; KEPT]))
    }

    pub(super) fn clear(&mut self) {
        self.0.fill(0);
    }

    /// Notes a message, unless it is known already: the first copy is the one that counts.
    pub(super) fn note(&mut self, sequence: SequenceNumber, message: &[u8]) {
        if let Some(kept) = self.place(sequence)
            && self.0[kept] == 0
        {
            self.0[kept] = fingerprint(message);
        }
    }

    /// Compares the messages of a packet with the delivered ones, which are below `end`.
    pub(super) fn compare(&self, packet: &Packet<'_>, end: SequenceNumber) -> Comparison {
        let mut comparison = Comparison::Unknown;
        for (number, message) in packet.messages().map_while(Result::ok).take_while(|(number, _)| *number < end.0) {
            match self.place(SequenceNumber(number)).map_or(0, |kept| self.0[kept]) {
                0 => {}
                known if known != fingerprint(message) => return Comparison::Differs,
                _ => comparison = Comparison::Same,
            }
        }
        comparison
    }

    fn place(&self, sequence: SequenceNumber) -> Option<usize> {
        let place = usize::try_from(sequence.0.checked_sub(1)?).ok()?;
        (place < self.0.len()).then_some(place)
    }
}

/// FNV-1a, which is not 0.
fn fingerprint(message: &[u8]) -> u64 {
    let fnv = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
    message.iter().fold(0xcbf2_9ce4_8422_2325, fnv) | 1
}
