//! Market data in: MoldUDP64 packets from two lines to full-depth books to the best prices that the sequencer attaches
//! to orders.
//!
//! Lines and retransmission are put into one sequence by [`Arbiter`]; messages of that sequence build the books. A
//! reference is *stale* when its prices may be wrong: while a gap stays open, while the feed is silent, after the end of
//! its session, and for a book that had no place for an order. When a message is lost for good, nobody can tell which
//! books missed it; so all references stay stale until the feed begins a new session.
//!
//! One session is followed: the configured one, else the first that is seen, and after its end or in its silence the
//! next that comes.

mod arbitration;
mod book;
mod counts;
mod gap_fill;
mod line;
mod references;
mod reorder;
mod state;

use std::net::SocketAddr;

use corelane_codecs::{
    itch::Message as Itch,
    mold::{self, Packet},
    text::Symbol,
};
use corelane_runtime::{
    actor::{Actor, Context, NetActor, Step},
    message::Message,
    net::EndpointId,
    timer::TimerId,
};

pub use arbitration::{Arbiter, ArbitrationConfig, FeedCounters, RecoveryCount, Sink};
pub use book::{BookLimits, Books, Inconsistency, Level, QueuePosition, RestingOrder, Top};
pub use counts::FeedCount;
pub use gap_fill::{Asked, GapFillConfig};
pub use line::{Line, LineCount};
pub use reorder::{MESSAGE_BYTES_MAX, reorder_buffer_bytes};
pub use state::{AuctionCollar, Cross, Imbalance, InstrumentState, MarketState};

use references::References;

use crate::{
    counters::Counters,
    messages::{Locate, Reference, ReferenceUpdate, SequencerIn},
};

/// How long references that found no room wait for the next try if nothing else happens.
const RETRY_NS: u64 = 1_000_000;

const LINES: u64 = 0;
const RETRY: u64 = 1;

corelane_runtime::ports! {
    /// Where references go.
    pub struct MarketDataOut {
        /// The sequencer.
        references: SequencerIn,
    }
}

/// What comes to an actor that only listens to the network: nothing.
#[derive(Clone, Copy, Debug)]
pub enum NoInput {}

impl Message for NoInput {}

/// What a market-data actor is sized and timed by.
#[derive(Clone, Debug)]
pub struct MarketDataConfig {
    /// The symbols in locate order, from 1.
    pub symbols: Vec<Symbol>,
    /// Sizes of the books.
    pub limits: BookLimits,
    /// How the lines become one sequence.
    pub arbitration: ArbitrationConfig,
    /// Whether there is a line B.
    pub has_line_b: bool,
    /// Where retransmission is asked for, in the order of preference; as many as the arbitration knows of.
    pub servers: Vec<SocketAddr>,
}

/// The market-data actor, see the [module](self).
pub struct MarketData {
    arbiter: Arbiter,
    built: Built,
    servers: Vec<SocketAddr>,
    line_b: Option<EndpointId>,
    requests: Option<EndpointId>,
    counters: FeedCounters,
    /// What the references last said of the feed as a whole.
    is_stale: bool,
    timer: Option<(TimerId, u64)>,
    retry_is_set: bool,
}

/// What is built from the sequence.
struct Built {
    books: Books,
    references: References,
    counters: Counters<FeedCount>,
}

type Ctx<'a> = Context<'a, MarketDataOut>;

impl MarketData {
    /// An actor with empty books that counts in `counters`. Its tables are allocated here.
    ///
    /// # Panics
    /// Unless `endpoints` are line A, line B if there is one, and one to ask for retransmission by if there are servers.
    pub fn new(config: MarketDataConfig, endpoints: &[EndpointId], counters: FeedCounters) -> Self {
        let MarketDataConfig { symbols, limits, arbitration, has_line_b, servers } = config;
        assert_eq!(arbitration.gap_fill.servers, servers.len(), "every server has an address");
        assert_eq!(endpoints.len(), 1 + usize::from(has_line_b) + usize::from(!servers.is_empty()));
        MarketData {
            arbiter: Arbiter::new(arbitration, counters.clone()),
            built: Built {
                books: Books::new(&symbols, limits),
                references: References::new(symbols.len()),
                counters: counters.feed.clone(),
            },
            line_b: has_line_b.then(|| endpoints[1]),
            requests: (!servers.is_empty()).then(|| endpoints[endpoints.len() - 1]),
            servers,
            counters,
            is_stale: false,
            timer: None,
            retry_is_set: false,
        }
    }

    /// The books as they are.
    pub fn books(&self) -> &Books {
        &self.built.books
    }

    /// After the arbiter has seen something: what it asks for, when it wants to be called, and what it makes of the
    /// references.
    #[inline]
    fn follow_up(&mut self, ctx: &mut Ctx<'_>) {
        let now_ns = ctx.time_ns();
        while let Some(Asked { server, request, .. }) = self.arbiter.next_request(now_ns) {
            let mut bytes = [0; mold::HEADER_LEN];
            if let (Some(endpoint), Ok(_)) = (self.requests, request.encode(&mut bytes)) {
                // One that finds no room is repeated as if it had been lost on its way.
                let _ = ctx.net.send_datagram_to(endpoint, self.servers[server], &bytes);
            }
        }
        if self.is_stale != self.arbiter.is_stale() {
            self.is_stale = !self.is_stale;
            self.built.references.mark_all();
        }
        self.set_timer(ctx);
    }

    /// Sets the timer for the arbiter's deadline, unless it is set for an earlier time.
    #[inline]
    fn set_timer(&mut self, ctx: &mut Ctx<'_>) {
        let Some(deadline_ns) = self.arbiter.deadline_ns() else { return };
        if let Some((timer, set_ns)) = self.timer {
            if set_ns <= deadline_ns {
                return;
            }
            ctx.cancel_timer(timer);
        }
        let after_ns = deadline_ns.saturating_sub(ctx.time_ns());
        self.timer = ctx.set_timer(after_ns, LINES).ok().map(|timer| (timer, deadline_ns));
    }

    fn reference(&self, locate: Locate) -> Reference {
        let Top { bid, ask } = self.built.books.top(locate);
        let is_stale = self.is_stale || self.built.books.is_incomplete(locate);
        Reference {
            bid: bid.map_or(0, |level| level.price.into()),
            ask: ask.map_or(0, |level| level.price.into()),
            feed_sequence: self.built.references.caused_by(locate),
            stale: is_stale.into(),
            reserved: [0; 7],
        }
    }
}

impl Sink for Built {
    fn begin(&mut self) {
        self.books.clear();
        self.references.begin();
        self.references.mark_all();
    }

    #[inline]
    fn message(&mut self, sequence: u64, message: &[u8]) {
        let Ok(message) = Itch::decode(message) else {
            self.counters.add(FeedCount::BadMessages, 1);
            return;
        };
        self.counters.add(FeedCount::Messages, 1);
        if let Some(locate) = self.books.apply(&message, &self.counters) {
            self.references.on_change(locate, sequence);
        }
    }
}

impl Actor for MarketData {
    type In = NoInput;
    type Out = MarketDataOut;
    /// References per batch; those beyond wait for the next one.
    const OUTPUTS_MAX: usize = 64;
    const TIMERS_MAX: usize = 2;

    fn on_message(&mut self, _ctx: &mut Ctx<'_>, message: &NoInput) -> Step {
        match *message {}
    }

    fn on_timer(&mut self, ctx: &mut Ctx<'_>, token: u64) {
        if token == RETRY {
            // The end of the batch, which follows, tries again.
            self.retry_is_set = false;
            return;
        }
        self.timer = None;
        self.arbiter.on_time(ctx.time_ns(), &mut self.built);
        self.follow_up(ctx);
    }

    fn on_batch_end(&mut self, ctx: &mut Ctx<'_>) {
        while ctx.out.references.room() > 0
            && let Some(locate) = self.built.references.next_changed()
        {
            let reference = self.reference(locate);
            if self.built.references.tell(locate, reference) {
                self.counters.feed.add(FeedCount::References, 1);
                let update = ReferenceUpdate { locate, reference };
                ctx.out.references.send(SequencerIn::Reference(update));
            }
        }
        if self.built.references.is_due() && !self.retry_is_set {
            self.retry_is_set = ctx.set_timer(RETRY_NS, RETRY).is_ok();
        }
    }
}

impl NetActor for MarketData {
    #[inline]
    fn on_datagram(&mut self, ctx: &mut Ctx<'_>, endpoint: EndpointId, from: SocketAddr, payload: &[u8]) {
        let now_ns = ctx.time_ns();
        let packet = Packet::decode(payload);
        if self.requests == Some(endpoint) {
            let server = self.servers.iter().position(|server| *server == from);
            match (server, packet) {
                (Some(server), Ok(packet)) => self.arbiter.on_answer(server, &packet, now_ns, &mut self.built),
                _ => self.counters.recovery.add(RecoveryCount::Refused, 1),
            }
        } else if let Ok(packet) = packet {
            let line = if self.line_b == Some(endpoint) { Line::B } else { Line::A };
            self.arbiter.on_line(line, &packet, now_ns, &mut self.built);
        } else {
            self.counters.feed.add(FeedCount::BadPackets, 1);
            return;
        }
        self.follow_up(ctx);
    }
}
