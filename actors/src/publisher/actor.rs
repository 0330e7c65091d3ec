//! The publisher: messages in, packets out.

use std::fmt;

use corelane_codecs::{
    itch::{EventCode, SystemEvent},
    mold::{self, PacketBuilder},
};
use corelane_runtime::{
    actor::{Actor, Context, NetActor, Step},
    fault,
    message::SequenceNumber,
    net::{Datagram, EndpointId, SendError},
};

use super::{
    config::{PublisherConfig, PublisherConfigError, RETRY_NS},
    counts::{PublisherCount, PublisherCounters},
    packet_queue::PacketQueue,
    retransmission::Retransmission,
};
use crate::types::Publication;

/// Copies of the end of the session to send at the stop. No packet follows it, so its loss would go unnoticed.
const END_OF_SESSION_PACKETS: usize = 3;

/// The offset of the event code in an ITCH system event.
const EVENT_CODE: usize = size_of::<SystemEvent>() - 1;

const HEARTBEAT: u64 = 0;
const RETRY: u64 = 1;

/// The publishing actor, see the [module](super).
pub struct Publisher {
    config: PublisherConfig,
    endpoint: EndpointId,
    /// Messages of the open packet.
    open: Vec<Publication>,
    open_bytes: usize,
    /// A message that waits for room in `packets`.
    held: Option<Publication>,
    /// Finished packets that wait for the network.
    packets: PacketQueue,
    /// Number of the first message of the next packet.
    next_sequence: SequenceNumber,
    /// Whether the last message of the session is packed.
    is_over: bool,
    /// Whether the end of the session was sent once. It is then repeated in place of heartbeats.
    end_is_said: bool,
    last_sent_ns: u64,
    retry_is_set: bool,
    retransmission: Option<Retransmission>,
    counters: PublisherCounters,
}

/// The state of the feed, without the messages.
impl fmt::Debug for Publisher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Publisher")
            .field("session", &self.config.session)
            .field("next_sequence", &self.next_sequence)
            .finish_non_exhaustive()
    }
}

impl Publisher {
    /// A publisher that sends by the first of `endpoints`, answers retransmission requests by the second if it has such
    /// a server, and counts in `counters`.
    ///
    /// # Errors
    /// [`PublisherConfigError`] if a size is out of range.
    ///
    /// # Panics
    /// If the number of endpoints is wrong.
    pub fn new(
        config: PublisherConfig,
        endpoints: &[EndpointId],
        counters: PublisherCounters,
    ) -> Result<Self, PublisherConfigError> {
        config.check()?;
        let PublisherConfig { session, payload_max, packets_max, retransmission, .. } = config;
        assert_eq!(endpoints.len(), 1 + usize::from(retransmission.is_some()));
        let server =
            |config| Retransmission::new(config, endpoints[1], session, payload_max, counters.retransmission.clone());
        // The shortest block is a length field alone.
        let messages_max = (payload_max - mold::HEADER_LEN) / 2;
        Ok(Publisher {
            retransmission: retransmission.map(server),
            config,
            endpoint: endpoints[0],
            open: Vec::with_capacity(messages_max),
            open_bytes: mold::HEADER_LEN,
            held: None,
            packets: PacketQueue::new(packets_max, payload_max),
            next_sequence: SequenceNumber::FIRST,
            is_over: false,
            end_is_said: false,
            last_sent_ns: 0,
            retry_is_set: false,
            counters,
        })
    }

    /// Adds a message to the open packet; false if there is no room.
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

    /// Moves the open packet to the queue; false if the queue is full.
    fn finish_packet(&mut self, ctx: &mut Context<'_, ()>) -> bool {
        if self.open.is_empty() {
            return true;
        }
        if self.packets.is_full() {
            self.send_packets(ctx);
            if self.packets.is_full() {
                return false;
            }
        }
        // Nothing follows the end of messages, so it is the last of its packet.
        self.is_over |= self.open.last().is_some_and(ends_messages);
        let PublisherConfig { session, payload_max, .. } = self.config;
        let Publisher { packets, open, retransmission, next_sequence, .. } = self;
        packets.push(|buffer| {
            let builder = PacketBuilder::new(buffer, session, next_sequence.0, payload_max);
            let mut builder = builder.expect("payload_max holds a header");
            for publication in open.drain(..) {
                let message = &publication.bytes[..usize::from(publication.length)];
                assert!(builder.push(message), "open_bytes counts what fits");
                if let Some(server) = retransmission {
                    server.keep(&publication);
                }
            }
            *next_sequence = SequenceNumber(builder.next_sequence());
            let messages = builder.count();
            (builder.finish().len(), messages)
        });
        self.open_bytes = mold::HEADER_LEN;
        true
    }

    /// Sends finished packets, oldest first, until the network refuses one.
    fn send_packets(&mut self, ctx: &mut Context<'_, ()>) {
        while let Some(packet) = self.packets.front() {
            if let Err(error) = ctx.net.send_datagram(self.endpoint, packet) {
                assert_ne!(error, SendError::TooLong, "payload_max exceeds the endpoint's");
                self.counters.feed.add(PublisherCount::Refused, 1);
                return;
            }
            self.packets.pop_front();
            self.last_sent_ns = ctx.time_ns();
            self.counters.feed.add(PublisherCount::Packets, 1);
        }
    }

    /// Sends a heartbeat or, once all messages of the session are sent, its end; true if the network took it.
    fn say_next_sequence(&mut self, ctx: &mut Context<'_, ()>) -> bool {
        let mut packet = [0; mold::HEADER_LEN];
        let PublisherConfig { session, .. } = self.config;
        let (encoded, count) = match self.is_over {
            true => (mold::end_of_session(&mut packet, session, self.next_sequence.0), PublisherCount::Ends),
            false => (mold::heartbeat(&mut packet, session, self.next_sequence.0), PublisherCount::Heartbeats),
        };
        if encoded.is_err() || ctx.net.send_datagram(self.endpoint, &packet).is_err() {
            return false;
        }
        self.last_sent_ns = ctx.time_ns();
        self.counters.feed.add(count, 1);
        true
    }

    fn heartbeat(&mut self, ctx: &mut Context<'_, ()>) {
        let now_ns = ctx.time_ns();
        let idle_ns = now_ns.saturating_sub(self.last_sent_ns);
        let mut after_ns = self.config.heartbeat_ns.saturating_sub(idle_ns);
        if after_ns == 0 {
            after_ns = self.config.heartbeat_ns;
            if self.packets.is_empty() && self.open.is_empty() {
                self.say_next_sequence(ctx);
            }
        }
        // It cannot fail: the actor has two timers and sets each only after it has fired.
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
        fault!("publisher.message");
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
            return Step::Wait;
        }
        self.held = None;
        Step::Done
    }

    fn on_timer(&mut self, ctx: &mut Context<'_, ()>, token: u64) {
        match token {
            HEARTBEAT => self.heartbeat(ctx),
            // `on_batch_end` follows and tries again.
            _ => self.retry_is_set = false,
        }
    }

    fn on_batch_end(&mut self, ctx: &mut Context<'_, ()>) {
        self.finish_packet(ctx);
        self.send_packets(ctx);
        if self.is_over && !self.end_is_said && self.packets.is_empty() {
            self.end_is_said = self.say_next_sequence(ctx);
        }
        // After the feed, so that retransmission does not delay subscribers that have missed nothing, nor tell others of what the
        // network has not taken for them yet.
        let server = self.retransmission.as_mut().filter(|_| self.packets.is_empty());
        let unanswered = server.and_then(|server| server.answer(ctx.net));
        let waits = !self.packets.is_empty() || self.is_over && !self.end_is_said;
        let unsent = waits.then_some(RETRY_NS);
        if let Some(after_ns) = unanswered.or(unsent)
            && !self.retry_is_set
        {
            self.retry_is_set = ctx.set_timer(after_ns, RETRY).is_ok();
        }
    }

    /// Says the end of the session only if it is over. A stop before that is one that the feed may be taken up after, and
    /// says nothing.
    fn on_stop(&mut self, ctx: &mut Context<'_, ()>) {
        self.finish_packet(ctx);
        self.send_packets(ctx);
        let unsent = self.packets.messages() + self.open.len() as u64 + u64::from(self.held.is_some());
        self.counters.feed.add(PublisherCount::UnsentAtStop, unsent);
        if self.is_over {
            for _ in 0..END_OF_SESSION_PACKETS {
                // Without room, subscribers see the end by the feed's silence.
                self.say_next_sequence(ctx);
            }
        }
    }
}

/// Whether this is the system event that ends the messages of the day.
fn ends_messages(publication: &Publication) -> bool {
    let Publication { length, bytes } = publication;
    usize::from(*length) == size_of::<SystemEvent>()
        && (bytes[0], bytes[EVENT_CODE]) == (b'S', EventCode::EndOfMessages.to_wire())
}

impl NetActor for Publisher {
    fn on_datagram(&mut self, _ctx: &mut Context<'_, ()>, _: EndpointId, datagram: &Datagram<'_>) {
        fault!("publisher.request");
        // Only the retransmission server's endpoint receives. `on_batch_end` answers.
        if let Some(server) = &mut self.retransmission {
            server.on_request(datagram.from, datagram.payload);
        }
    }
}
