//! A subscriber of the venue's feed: it asks again for what it misses, and rebuilds the book.

use std::{collections::BTreeMap, net::SocketAddr};

use corelane_codecs::{
    itch::Message,
    mold::{Content, HEADER_LEN, Packet, Request, SessionName},
};
use corelane_runtime::simulation::{LineSpec, Socket, World};

use crate::stream::Stream;

/// How long the subscriber waits before it asks, and asks again.
const PATIENCE_NS: u64 = 2_000_000;
/// Tokens of its wake-ups.
pub(crate) const ASK: u64 = 2 << 56;
/// The most messages of a request.
const COUNT_MAX: u64 = 64;

/// The subscriber.
pub(crate) struct Subscriber {
    feed: Socket,
    server: Option<Socket>,
    from: SocketAddr,
    line: LineSpec,
    session: SessionName,
    /// The number of the next message, and those behind it that have come.
    next: u64,
    early: BTreeMap<u64, Vec<u8>>,
    /// The number after the last that the feed has told of.
    end: u64,
    /// Whether the feed has said that its session is over.
    pub is_over: bool,
    asks: bool,
    attempts: u64,
    /// Open shares by order reference.
    pub book: BTreeMap<u64, u32>,
}

impl Subscriber {
    /// A subscriber of the feed that is sent by the first of `sockets`, and which the second, if there is one, serves again.
    pub(crate) fn new(
        world: &mut World,
        sockets: &[Socket],
        session: SessionName,
        parts_per_million: u32,
    ) -> Option<Subscriber> {
        let line = LineSpec {
            loss_ppm: parts_per_million,
            duplicate_ppm: parts_per_million,
            reorder_ppm: parts_per_million,
            ..LineSpec::default()
        };
        sockets.iter().for_each(|socket| world.set_line(*socket, line.clone()));
        Some(Subscriber {
            feed: *sockets.first()?,
            server: sockets.get(1).copied(),
            from: SocketAddr::from(([10, 0, 1, 1], 5000)),
            line,
            session,
            next: 1,
            early: BTreeMap::new(),
            end: 1,
            is_over: false,
            asks: false,
            attempts: 0,
            book: BTreeMap::new(),
        })
    }

    /// Whether datagrams of this socket are for it.
    pub(crate) fn hears(&self, socket: Socket) -> bool {
        socket == self.feed || Some(socket) == self.server
    }

    /// Takes a datagram. `tape` is what the model publishes.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn take(&mut self, world: &mut World, datagram: &[u8], tape: &Stream) -> Result<(), String> {
        let packet = Packet::decode(datagram).map_err(|error| format!("the feed: {error}"))?;
        if packet.content == Content::EndOfSession {
            self.is_over = true;
            if packet.sequence != tape.len() + 1 {
                return Err(format!(
                    "the feed: its session ends before {}, and has {} messages",
                    packet.sequence,
                    tape.len()
                ));
            }
        }
        self.end = self.end.max(packet.next_sequence());
        for message in packet.messages() {
            let (number, message) = message.map_err(|error| format!("the feed: {error}"))?;
            // What is sent twice must be the same both times.
            tape.compare(number, message).map_err(|why| format!("the feed: {why}"))?;
            if number > self.next {
                self.early.entry(number).or_insert_with(|| message.to_vec());
            } else if number == self.next {
                self.follow(message)?;
                while let Some(message) = self.early.remove(&self.next) {
                    self.follow(&message)?;
                }
            }
        }
        if self.next < self.end && !self.asks && self.server.is_some() {
            self.asks = true;
            world.wake_at(world.now_ns() + PATIENCE_NS, ASK);
        }
        Ok(())
    }

    /// Asks for what is missing.
    pub(crate) fn ask(&mut self, world: &mut World) {
        self.asks = self.next < self.end;
        let (Some(server), true) = (self.server, self.asks) else { return };
        let first_early = self.early.keys().next().copied().unwrap_or(self.end);
        let count = (first_early - self.next).clamp(1, COUNT_MAX) as u16;
        let mut bytes = [0; HEADER_LEN];
        let request = Request { session: self.session, sequence: self.next, count };
        if request.encode(&mut bytes).is_ok() {
            self.attempts += 1;
            world.send_datagram(server, self.from, self.next << 20 | self.attempts, &bytes, &self.line);
        }
        world.wake_at(world.now_ns() + PATIENCE_NS, ASK);
    }

    fn follow(&mut self, message: &[u8]) -> Result<(), String> {
        let number = self.next;
        self.next += 1;
        let book = &mut self.book;
        let unless = |is_wrong: bool, why: &'static str| if is_wrong { Err(why) } else { Ok(()) };
        let followed = match Message::decode(message).map_err(|error| format!("the feed: message {number}: {error}"))? {
            Message::AddOrder(add) => {
                let before = book.insert(add.order_ref.get(), add.shares.get());
                unless(before.is_some(), "adds an order that rests")
            }
            Message::OrderExecuted(executed) => {
                take_from(book, executed.order_ref.get(), executed.executed_shares.get())
            }
            Message::OrderCancel(cancel) => take_from(book, cancel.order_ref.get(), cancel.cancelled_shares.get()),
            Message::OrderDelete(delete) => {
                unless(book.remove(&delete.order_ref.get()).is_none(), "deletes an order that does not rest")
            }
            Message::OrderReplace(replace) => {
                let original = book.remove(&replace.original_order_ref.get());
                let before = book.insert(replace.new_order_ref.get(), replace.shares.get());
                unless(
                    original.is_none() || before.is_some(),
                    "replaces an order that does not rest, or by one that does",
                )
            }
            _ => Ok(()),
        };
        followed.map_err(|why| format!("the feed: message {number} {why}"))
    }

    /// What it still waits for; none if it is at rest.
    pub(crate) fn waits_for(&self, tape: &Stream) -> Option<String> {
        // Without a server, what is lost stays lost.
        let is_complete = self.server.is_none() || self.next == tape.len() + 1;
        (!is_complete).then(|| format!("the feed: has {} of {} messages", self.next - 1, tape.len()))
    }

    /// Whether it has every message so far.
    pub(crate) fn is_complete(&self, tape: &Stream) -> bool {
        self.next == tape.len() + 1
    }
}

/// Takes shares off a resting order.
fn take_from(book: &mut BTreeMap<u64, u32>, order_ref: u64, shares: u32) -> Result<(), &'static str> {
    match book.get_mut(&order_ref) {
        Some(open) if shares > 0 && *open > shares => *open -= shares,
        Some(open) if *open == shares => drop(book.remove(&order_ref)),
        Some(_) => return Err("takes more than rests, or nothing"),
        None => return Err("is about an order that does not rest"),
    }
    Ok(())
}
