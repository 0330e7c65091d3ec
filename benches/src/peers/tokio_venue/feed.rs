//! The outgoing feed: ITCH messages packed into MoldUDP64, by the socket's owner.

use std::net::SocketAddr;

use corelane_actors::types::Publication;
use corelane_codecs::mold::{PacketBuilder, SessionName};

/// Destination and packing of the feed.
#[derive(Clone, Copy)]
pub(super) struct FeedSetup {
    pub to: SocketAddr,
    pub session: SessionName,
    pub payload_max: usize,
}

/// Packs messages.
pub(super) struct Feed {
    session: SessionName,
    buffer: Vec<u8>,
    next_sequence: u64,
}

impl Feed {
    pub(super) fn new(setup: &FeedSetup) -> Feed {
        Feed { session: setup.session, buffer: vec![0; setup.payload_max], next_sequence: 1 }
    }

    /// Packs one packet with the first of `messages` and removes them; at least one fits.
    pub(super) fn pack<'a>(&'a mut self, messages: &mut &[Publication]) -> &'a [u8] {
        let payload_max = self.buffer.len();
        let builder = PacketBuilder::new(&mut self.buffer, self.session, self.next_sequence, payload_max);
        let mut builder = builder.expect("the configuration leaves room for a header");
        while let Some((first, rest)) = messages.split_first()
            && builder.push(&first.bytes[..usize::from(first.length)])
        {
            *messages = rest;
        }
        self.next_sequence = builder.next_sequence();
        builder.finish()
    }
}

/// A message to be published.
pub(super) fn publication(message: &[u8]) -> Publication {
    let mut bytes = [0; 50];
    bytes[..message.len()].copy_from_slice(message);
    Publication { length: message.len() as u8, bytes }
}
