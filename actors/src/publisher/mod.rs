//! The venue's feed: ITCH messages packed into MoldUDP64 packets.
//!
//! Packets leave at the end of a batch or when they are full, a heartbeat when nothing has left for a while, and the
//! end of the session on stop. What the network refuses is kept, in order, in a ring of packets; when the ring is
//! full the publisher takes no further message ([`Step::More`]), which holds its producers back. Nothing is dropped.
//! What subscribers miss all the same they can ask for again, see [`Retransmission`](RetransmissionConfig).

mod retransmission;

use corelane_codecs::mold::{self, PacketBuilder, Session};
use corelane_runtime::{
    actor::{Actor, Context, NetActor, Step},
    net::{Datagram, EndpointId, SendError},
};
use thiserror::Error;

pub use retransmission::{ANSWERS_PER_BATCH_MAX, RetransmissionConfig, RetransmissionCount};

use retransmission::Retransmission;

use crate::{counters::Counters, messages::Publication};

/// The longest ITCH message with its block length, in bytes.
const BLOCK_MAX: usize = 2 + 50;
/// The least `payload_max`: a header and one message.
pub const PAYLOAD_MIN: usize = mold::HEADER_LEN + BLOCK_MAX;
/// How long refused packets wait for the next try if nothing else happens.
const RETRY_NS: u64 = 1_000_000;
/// How often the end of the session is said: it is the last packet, so none that follows would reveal its loss.
const END_OF_SESSION_PACKETS: usize = 3;

const HEARTBEAT: u64 = 0;
const RETRY: u64 = 1;

/// What a publisher is sized and timed by.
#[derive(Clone, Debug)]
pub struct PublisherConfig {
    /// Name of the feed's session.
    pub session: Session,
    /// Longest payload of a datagram in bytes, [`PAYLOAD_MIN`] to 65,507.
    pub payload_max: usize,
    /// Silence after which a heartbeat is sent.
    pub heartbeat_ns: u64,
    /// Packets that may wait for the network.
    pub packets_max: usize,
    /// What is kept to be sent again; nothing if absent.
    pub retransmission: Option<RetransmissionConfig>,
}

/// Why a publisher cannot be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PublisherConfigError {
    /// The payload is out of range.
    #[error("payload_max is {payload_max}; it must be from {PAYLOAD_MIN} to 65507")]
    Payload {
        /// The value.
        payload_max: usize,
    },
    /// There is no place for a packet.
    #[error("packets_max is 0; it must be 1 or more")]
    NoPackets,
    /// There is no place for a message that is kept.
    #[error("messages_max of the retransmission server is 0; it must be 1 or more")]
    NoMessages,
}

crate::counter_names! {
    /// What a publisher counts.
    pub enum PublisherCount {
        /// Messages taken.
        Messages,
        /// Packets with messages sent.
        Packets,
        /// Heartbeats sent.
        Heartbeats,
        /// Sends that the network refused for now.
        Refused,
        /// Messages that had not left when the publisher was stopped.
        UnsentAtStop,
    }
}

/// The feed actor, see the [module](self).
pub struct Publisher {
    config: PublisherConfig,
    endpoint: EndpointId,
    /// Messages of the packet that is being filled.
    open: Vec<Publication>,
    open_bytes: usize,
    /// A message that found the ring full.
    held: Option<Publication>,
    /// Finished packets: a ring of `packets_max` places of `payload_max` bytes.
    packets: Box<[u8]>,
    lengths: Box<[(usize, u16)]>,
    first: usize,
    count: usize,
    /// Number of the first message of the next packet.
    next_sequence: u64,
    last_sent_ns: u64,
    retry_is_set: bool,
    retransmission: Option<Retransmission>,
    counters: PublisherCounters,
}

/// Counters of one publisher. Cloning gives other readers of the same ones.
#[derive(Clone, Debug, Default)]
pub struct PublisherCounters {
    /// The feed.
    pub feed: Counters<PublisherCount>,
    /// Its retransmission server.
    pub retransmission: Counters<RetransmissionCount>,
}

impl Publisher {
    /// A feed that leaves by the first of `endpoints` and is asked for by the second, if it has a retransmission server.
    /// It counts in `counters`.
    ///
    /// # Errors
    /// [`PublisherConfigError`] for sizes out of range.
    ///
    /// # Panics
    /// Unless there are as many endpoints.
    pub fn new(
        config: PublisherConfig,
        endpoints: &[EndpointId],
        counters: PublisherCounters,
    ) -> Result<Self, PublisherConfigError> {
        let PublisherConfig { session, payload_max, packets_max, retransmission, .. } = config;
        assert_eq!(endpoints.len(), 1 + usize::from(retransmission.is_some()));
        if !(PAYLOAD_MIN..=65_507).contains(&payload_max) {
            return Err(PublisherConfigError::Payload { payload_max });
        }
        if packets_max == 0 {
            return Err(PublisherConfigError::NoPackets);
        }
        if retransmission.is_some_and(|config| config.messages_max == 0) {
            return Err(PublisherConfigError::NoMessages);
        }
        let server =
            |config| Retransmission::new(config, endpoints[1], session, payload_max, counters.retransmission.clone());
        // A block has at least its length.
        let messages_max = (payload_max - mold::HEADER_LEN) / 2;
        Ok(Publisher {
            retransmission: retransmission.map(server),
            config,
            endpoint: endpoints[0],
            open: Vec::with_capacity(messages_max),
            open_bytes: mold::HEADER_LEN,
            held: None,
            packets: vec![0; payload_max * packets_max].into(),
            lengths: vec![(0, 0); packets_max].into(),
            first: 0,
            count: 0,
            next_sequence: 1,
            last_sent_ns: 0,
            retry_is_set: false,
            counters,
        })
    }

    /// Takes a message into the open packet; false if there is no place for it.
    #[inline]
    fn take(&mut self, ctx: &mut Context<'_, ()>, publication: &Publication) -> bool {
        let block = 2 + usize::from(publication.length);
        if self.open_bytes + block > self.config.payload_max && !self.finish_packet(ctx) {
            return false;
        }
        self.open.push(*publication);
        self.open_bytes += block;
        self.counters.feed.add(PublisherCount::Messages, 1);
        true
    }

    /// Moves the open packet to the ring; false if that is full.
    fn finish_packet(&mut self, ctx: &mut Context<'_, ()>) -> bool {
        if self.open.is_empty() {
            return true;
        }
        if self.count == self.lengths.len() {
            self.send_packets(ctx);
            if self.count == self.lengths.len() {
                return false;
            }
        }
        let place = (self.first + self.count) % self.lengths.len();
        let payload_max = self.config.payload_max;
        let buffer = &mut self.packets[place * payload_max..][..payload_max];
        let builder = PacketBuilder::new(buffer, self.config.session, self.next_sequence, payload_max);
        let mut builder = builder.expect("payload_max holds a header");
        for publication in self.open.drain(..) {
            let message = &publication.bytes[..usize::from(publication.length)];
            assert!(builder.push(message), "open_bytes counts what fits");
            if let Some(server) = &mut self.retransmission {
                server.keep(&publication);
            }
        }
        self.next_sequence = builder.next_sequence();
        let messages = builder.count();
        self.lengths[place] = (builder.finish().len(), messages);
        self.count += 1;
        self.open_bytes = mold::HEADER_LEN;
        true
    }

    /// Sends finished packets, oldest first, until the network refuses one.
    fn send_packets(&mut self, ctx: &mut Context<'_, ()>) {
        while self.count > 0 {
            let (length, _) = self.lengths[self.first];
            let packet = &self.packets[self.first * self.config.payload_max..][..length];
            if let Err(error) = ctx.net.send_datagram(self.endpoint, packet) {
                assert_ne!(error, SendError::TooLong, "payload_max exceeds the endpoint's");
                self.counters.feed.add(PublisherCount::Refused, 1);
                return;
            }
            self.first = (self.first + 1) % self.lengths.len();
            self.count -= 1;
            self.last_sent_ns = ctx.time_ns();
            self.counters.feed.add(PublisherCount::Packets, 1);
        }
    }

    fn heartbeat(&mut self, ctx: &mut Context<'_, ()>) {
        let now_ns = ctx.time_ns();
        let idle_ns = now_ns.saturating_sub(self.last_sent_ns);
        let mut after_ns = self.config.heartbeat_ns.saturating_sub(idle_ns);
        if after_ns == 0 {
            after_ns = self.config.heartbeat_ns;
            let mut packet = [0; mold::HEADER_LEN];
            let is_idle = self.count == 0 && self.open.is_empty();
            if is_idle
                && mold::heartbeat(&mut packet, self.config.session, self.next_sequence).is_ok()
                && ctx.net.send_datagram(self.endpoint, &packet).is_ok()
            {
                self.last_sent_ns = now_ns;
                self.counters.feed.add(PublisherCount::Heartbeats, 1);
            }
        }
        // It has two timers and sets each only when it has fired.
        let _ = ctx.set_timer(after_ns, HEARTBEAT);
    }
}

impl Actor for Publisher {
    type In = Publication;
    type Out = ();
    const OUTPUTS_MAX: usize = 1;
    const TIMERS_MAX: usize = 2;

    fn on_start(&mut self, ctx: &mut Context<'_, ()>) {
        self.last_sent_ns = ctx.time_ns();
        let _ = ctx.set_timer(self.config.heartbeat_ns, HEARTBEAT);
    }

    #[inline]
    fn on_message(&mut self, ctx: &mut Context<'_, ()>, publication: &Publication) -> Step {
        if self.take(ctx, publication) {
            return Step::Done;
        }
        self.held = Some(*publication);
        Step::More
    }

    fn on_more(&mut self, ctx: &mut Context<'_, ()>) -> Step {
        let Some(publication) = self.held else {
            return Step::Done;
        };
        if !self.take(ctx, &publication) {
            return Step::More;
        }
        self.held = None;
        Step::Done
    }

    fn on_timer(&mut self, ctx: &mut Context<'_, ()>, token: u64) {
        match token {
            HEARTBEAT => self.heartbeat(ctx),
            // The end of the batch, which follows, tries again.
            _ => self.retry_is_set = false,
        }
    }

    fn on_batch_end(&mut self, ctx: &mut Context<'_, ()>) {
        self.finish_packet(ctx);
        self.send_packets(ctx);
        // After the feed: who missed something waits rather than those who did not.
        let unanswered = self.retransmission.as_mut().and_then(|server| server.answer(ctx.net));
        let unsent = (self.count > 0).then_some(RETRY_NS);
        if let Some(after_ns) = unanswered.or(unsent)
            && !self.retry_is_set
        {
            self.retry_is_set = ctx.set_timer(after_ns, RETRY).is_ok();
        }
    }

    fn on_stop(&mut self, ctx: &mut Context<'_, ()>) {
        self.finish_packet(ctx);
        self.send_packets(ctx);
        let waiting = (0..self.count).map(|index| (self.first + index) % self.lengths.len());
        let unsent: u64 = waiting.map(|place| u64::from(self.lengths[place].1)).sum();
        let unsent = unsent + self.open.len() as u64 + u64::from(self.held.is_some());
        self.counters.feed.add(PublisherCount::UnsentAtStop, unsent);
        let mut packet = [0; mold::HEADER_LEN];
        let next_sequence = self.next_sequence + self.open.len() as u64;
        if mold::end_of_session(&mut packet, self.config.session, next_sequence).is_ok() {
            for _ in 0..END_OF_SESSION_PACKETS {
                // With no room left for it, the feed's silence has to say it.
                let _ = ctx.net.send_datagram(self.endpoint, &packet);
            }
        }
    }
}

impl NetActor for Publisher {
    fn on_datagram(&mut self, _ctx: &mut Context<'_, ()>, _: EndpointId, datagram: &Datagram<'_>) {
        // Only the retransmission server's endpoint receives; the end of the batch answers.
        if let Some(server) = &mut self.retransmission {
            server.on_request(datagram.from, datagram.payload);
        }
    }
}
