//! An echo load: frames of a fixed size, measured by the same loop as [`load`](crate::load).
//!
//! A frame has the shape of an unsequenced SoupBinTCP packet (length, `U`, an eight-byte number, padding), so that a
//! server can use the same framer as for orders.

use corelane_codecs::soup;

use crate::engine::{self, Event, LoadError, Measured, Observer, Pacing, Wire};

/// The size of the smallest frame, which is a header and a number, in bytes.
pub const FRAME_BYTES_MIN: usize = soup::HEADER_LEN + NUMBER_BYTES;
const NUMBER_BYTES: usize = size_of::<u64>();

/// The parameters of an echo load.
#[derive(Clone, Debug)]
pub struct EchoSpec {
    /// The number of connections.
    pub connections: usize,
    /// The size of a frame, at least [`FRAME_BYTES_MIN`], in bytes.
    pub frame_bytes: usize,
    /// The rate, the duration and the target of the load.
    pub pacing: Pacing,
}

/// Runs an echo load. Every frame must come back unaltered and in order; any other is a fault of the run.
///
/// # Errors
/// [`LoadError`] if the load cannot start, for example because a frame would be too short for its number.
pub fn run(spec: &EchoSpec, observer: &mut impl Observer) -> Result<Measured, LoadError> {
    if !(FRAME_BYTES_MIN..=soup::MAX_PAYLOAD).contains(&spec.frame_bytes) {
        return Err(LoadError::Setting { setting: "frame_bytes", rule: "between 11 (header and number) and 65534" });
    }
    let mut wire = EchoWire {
        frame: vec![b'.'; spec.frame_bytes],
        sent: vec![0; spec.connections],
        answered: vec![0; spec.connections],
    };
    wire.frame[..2].copy_from_slice(&((spec.frame_bytes - 2) as u16).to_be_bytes());
    wire.frame[2] = b'U';
    engine::run(&spec.pacing, &mut wire, observer)
}

struct EchoWire {
    /// The frame, with a placeholder for its number.
    frame: Vec<u8>,
    sent: Vec<u64>,
    answered: Vec<u64>,
}

impl EchoWire {
    fn numbered(&mut self, number: u64) -> &[u8] {
        self.frame[soup::HEADER_LEN..FRAME_BYTES_MIN].copy_from_slice(&number.to_be_bytes());
        &self.frame
    }
}

impl Wire for EchoWire {
    fn sessions(&self) -> usize {
        self.sent.len()
    }

    fn greeting(&mut self, _: usize, _: &mut Vec<u8>) {}

    fn request(&mut self, session: usize, out: &mut Vec<u8>) {
        self.sent[session] += 1;
        let number = self.sent[session];
        out.extend_from_slice(self.numbered(number));
    }

    fn closing(&mut self, _: usize, _: &mut Vec<u8>) -> bool {
        false
    }

    fn heartbeat(&mut self, _: usize, _: &mut Vec<u8>) {}

    fn farewell(&mut self, _: usize, _: &mut Vec<u8>) {}

    fn frame_len(&self, bytes: &[u8]) -> Result<Option<usize>, String> {
        Ok((bytes.len() >= self.frame.len()).then_some(self.frame.len()))
    }

    fn on_frame(&mut self, session: usize, frame: &[u8]) -> Result<Event, String> {
        self.answered[session] += 1;
        let number = self.answered[session];
        if frame == self.numbered(number) {
            Ok(Event::First { unanswered: 0 })
        } else {
            Err(format!("frame {number} came back altered or out of order"))
        }
    }

    fn withdraw(&mut self, session: usize) {
        self.sent[session] -= 1;
    }

    fn owed(&self, _: usize, outstanding: usize) -> u64 {
        outstanding as u64
    }
}
