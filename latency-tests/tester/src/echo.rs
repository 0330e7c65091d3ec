//! Load for an echo server: fixed-size frames, measured by the same loop as [`load`](crate::load).
//!
//! A frame is shaped like an unsequenced SoupBinTCP packet (length, `U`, an eight-byte number, padding), so that a
//! server can find its end with the framer that it uses for orders.

use corelane_codecs::soup;

use crate::engine::{self, Event, LoadError, Measured, Observer, Pacing, Wire};

/// The smallest frame: header and number.
pub const FRAME_BYTES_MIN: usize = soup::HEADER_LEN + NUMBER_BYTES;
const NUMBER_BYTES: usize = size_of::<u64>();

/// An echo load.
#[derive(Clone, Debug)]
pub struct EchoSpec {
    /// Connections.
    pub connections: usize,
    /// Bytes of a frame, at least [`FRAME_BYTES_MIN`].
    pub frame_bytes: usize,
    /// How fast and how long.
    pub pacing: Pacing,
}

/// Runs it. Every frame must come back unaltered and in order.
///
/// # Errors
/// [`LoadError`] if it cannot be started, also if a frame is too short for its number.
pub fn run(spec: &EchoSpec, observer: &mut impl Observer) -> Result<Measured, LoadError> {
    if !(FRAME_BYTES_MIN..=soup::MAX_PAYLOAD).contains(&spec.frame_bytes) {
        return Err(LoadError::Setting { setting: "frame_bytes", rule: "from 11 (header and number) to 65534" });
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
    /// The frame, but for its number.
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
