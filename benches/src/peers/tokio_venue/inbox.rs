//! Input of a connection: packets, log-ins, requests.

use corelane_actors::types::PortId;
use corelane_codecs::{
    ouch::Inbound,
    soup::{ClientPacket, LoginRequest, SoupError, packet_len},
    text::Alpha,
};

use super::exchange::Request;

/// Longest payload that a client may send, in bytes; as our venue's.
const PAYLOAD_MAX: usize = 1021;
/// Bytes read at once.
const BUFFER_BYTES: usize = 64 * 1024;

/// Credentials of a client that may log in.
#[derive(Clone)]
pub(super) struct Credentials {
    user: Alpha<6>,
    password: Alpha<10>,
}

impl Credentials {
    pub(super) fn new(user: &str, password: &str) -> Credentials {
        let checked = "the configuration's check knows the lengths";
        Credentials { user: Alpha::new(user).expect(checked), password: Alpha::new(password).expect(checked) }
    }
}

/// The port of a log-in.
pub(super) fn authenticate(ports: &[Credentials], login: &LoginRequest) -> Option<PortId> {
    let slot = ports.iter().position(|port| login.matches(&port.user, &port.password))?;
    Some(PortId::from_index(slot))
}

/// Bytes received and not yet read as packets.
pub(super) struct Inbox {
    buffer: Box<[u8]>,
    read: usize,
    filled: usize,
}

impl Inbox {
    pub(super) fn new() -> Inbox {
        Inbox { buffer: vec![0; BUFFER_BYTES].into(), read: 0, filled: 0 }
    }

    /// Space for the next bytes. It is never empty: the rest of a packet is shorter than the buffer.
    pub(super) fn space(&mut self) -> &mut [u8] {
        self.buffer.copy_within(self.read..self.filled, 0);
        self.filled -= self.read;
        self.read = 0;
        &mut self.buffer[self.filled..]
    }

    /// So many bytes were put there.
    pub(super) fn received(&mut self, bytes: usize) {
        self.filled += bytes;
    }

    /// The next whole packet, if there is one.
    pub(super) fn next(&mut self) -> Result<Option<ClientPacket<'_>>, SoupError> {
        let bytes = &self.buffer[self.read..self.filled];
        let Some(length) = packet_len(bytes, PAYLOAD_MAX)? else {
            return Ok(None);
        };
        self.read += length;
        ClientPacket::decode(&bytes[..length]).map(Some)
    }
}

/// A request as the exchange takes it; `None` for one that cannot be read, or of a kind that the load has not.
pub(super) fn request(payload: &[u8]) -> Option<Request> {
    Some(match Inbound::decode(payload).ok()? {
        Inbound::Enter(enter, _) => Request::Enter(*enter),
        Inbound::Replace(replace, _) => Request::Replace(*replace),
        Inbound::Cancel(cancel, _) => {
            Request::Cancel { user_ref: cancel.user_ref_num.get(), quantity: cancel.quantity.get() }
        }
        _ => return None,
    })
}
