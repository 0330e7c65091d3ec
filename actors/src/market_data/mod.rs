//! Market data in: MoldUDP64 packets to full-depth books to the best prices that the sequencer attaches to orders.
//!
//! A reference is *stale* when its prices may be wrong: after a gap, while the feed is silent, after the end of its
//! session, and for a book that had no place for an order. There is no recovery of lost messages here, and books
//! that missed one cannot be told to be right again; so after a gap all references stay stale until the feed begins
//! a new session. A feed that is joined late begins with a gap.
//!
//! One session is followed: the configured one, else the first that is seen, and after its end or in its silence the
//! next that comes. Messages that were seen are dropped, also where a packet repeats only some of them.

mod book;
mod counts;
mod state;

use std::net::SocketAddr;

use corelane_codecs::{
    itch::Message as Itch,
    mold::{Content, Packet, Session},
    text::Symbol,
};
use corelane_runtime::{
    actor::{Actor, Context, NetActor, Step},
    message::Message,
    net::EndpointId,
};

pub use book::{BookLimits, Books, Inconsistency, Level, QueuePosition, RestingOrder, Top};
pub use counts::FeedCount;
pub use state::{AuctionCollar, Cross, Imbalance, InstrumentState, MarketState};

use crate::{
    counters::Counters,
    messages::{Locate, Reference, ReferenceUpdate, SequencerIn},
};

/// How long references that found no room wait for the next try if nothing else happens.
const RETRY_NS: u64 = 1_000_000;

const SILENCE: u64 = 0;
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
    /// The only session to follow; the first one seen if absent.
    pub session: Option<Session>,
    /// Sizes of the books.
    pub limits: BookLimits,
    /// Silence after which all references are stale.
    pub stale_after_ns: u64,
}

/// The market-data actor, see the [module](self).
pub struct MarketData {
    config: MarketDataConfig,
    books: Books,
    counters: Counters<FeedCount>,
    /// The session that is followed.
    session: Option<Session>,
    /// Number of the next message.
    expected: u64,
    has_gap: bool,
    has_ended: bool,
    is_silent: bool,
    last_packet_ns: u64,
    /// By our locate, less 1: what the sequencer knows, and whether the instrument is on the list of changed ones.
    sent: Vec<(Reference, bool)>,
    /// Number of the message that an instrument's reference is due to.
    caused_by: Vec<u64>,
    changed: Vec<Locate>,
    silence_is_set: bool,
    retry_is_set: bool,
}

type Ctx<'a> = Context<'a, MarketDataOut>;

impl MarketData {
    /// An actor with empty books. Its tables are allocated here.
    pub fn new(config: MarketDataConfig) -> Self {
        let instruments = config.symbols.len();
        MarketData {
            books: Books::new(&config.symbols, config.limits),
            counters: Counters::default(),
            session: config.session,
            expected: 1,
            has_gap: false,
            has_ended: false,
            is_silent: false,
            last_packet_ns: 0,
            sent: vec![(Reference::default(), false); instruments],
            caused_by: vec![0; instruments],
            changed: Vec::with_capacity(instruments),
            silence_is_set: false,
            retry_is_set: false,
            config,
        }
    }

    /// What it counts, to be read from anywhere while it runs.
    pub fn stats(&self) -> Counters<FeedCount> {
        self.counters.clone()
    }

    fn on_packet(&mut self, packet: &Packet<'_>) {
        self.counters.add(FeedCount::Packets, 1);
        self.set_silent(false);
        if packet.sequence > self.expected {
            self.on_gap(packet.sequence);
        }
        for message in packet.messages() {
            let Ok((sequence, message)) = message else {
                // What is missing shows as a gap when the next packet comes.
                self.counters.add(FeedCount::BadPackets, 1);
                break;
            };
            if sequence < self.expected {
                self.counters.add(FeedCount::Duplicates, 1);
                continue;
            }
            self.expected = sequence + 1;
            self.on_itch(sequence, message);
        }
        if packet.content == Content::EndOfSession && !self.has_ended {
            self.has_ended = true;
            self.mark_all();
        }
    }

    /// Whether a packet belongs to the session; a new one may begin it.
    #[inline]
    fn follows(&mut self, session: Session) -> bool {
        if self.session == Some(session) {
            return true;
        }
        let may_begin = self.session.is_none() || self.has_ended || self.is_silent;
        if self.config.session.is_some() || !may_begin {
            return false;
        }
        self.session = Some(session);
        self.books.clear();
        self.caused_by.fill(0);
        self.expected = 1;
        self.has_gap = false;
        self.has_ended = false;
        self.mark_all();
        true
    }

    #[inline]
    fn on_itch(&mut self, sequence: u64, message: &[u8]) {
        let Ok(message) = Itch::decode(message) else {
            self.counters.add(FeedCount::BadMessages, 1);
            return;
        };
        self.counters.add(FeedCount::Messages, 1);
        if let Some(locate) = self.books.apply(&message, &self.counters) {
            self.caused_by[usize::from(locate) - 1] = sequence;
            self.mark(locate);
        }
    }

    fn on_gap(&mut self, sequence: u64) {
        self.counters.add(FeedCount::Gaps, 1);
        self.counters.add(FeedCount::Lost, sequence - self.expected);
        self.expected = sequence;
        if !self.has_gap {
            self.has_gap = true;
            self.mark_all();
        }
    }

    fn set_silent(&mut self, is_silent: bool) {
        if self.is_silent != is_silent {
            self.is_silent = is_silent;
            self.counters.add(FeedCount::Silences, u64::from(is_silent));
            self.mark_all();
        }
    }

    #[inline]
    fn mark(&mut self, locate: Locate) {
        let (_, is_marked) = &mut self.sent[usize::from(locate) - 1];
        if !*is_marked {
            *is_marked = true;
            self.changed.push(locate);
        }
    }

    fn mark_all(&mut self) {
        for locate in 1..=self.sent.len() as Locate {
            self.mark(locate);
        }
    }

    fn reference(&self, locate: Locate) -> Reference {
        let Top { bid, ask } = self.books.top(locate);
        let is_stale = self.has_gap || self.has_ended || self.is_silent || self.books.is_incomplete(locate);
        Reference {
            bid: bid.map_or(0, |level| level.price.into()),
            ask: ask.map_or(0, |level| level.price.into()),
            feed_sequence: self.caused_by[usize::from(locate) - 1],
            stale: is_stale.into(),
            reserved: [0; 7],
        }
    }

    fn watch_silence(&mut self, ctx: &mut Ctx<'_>, after_ns: u64) {
        if !self.silence_is_set {
            self.silence_is_set = ctx.set_timer(after_ns, SILENCE).is_ok();
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
        self.silence_is_set = false;
        let silent_ns = ctx.time_ns().saturating_sub(self.last_packet_ns);
        match self.config.stale_after_ns.saturating_sub(silent_ns) {
            // The next packet sets the timer again.
            0 => self.set_silent(true),
            left_ns => self.watch_silence(ctx, left_ns),
        }
    }

    fn on_batch_end(&mut self, ctx: &mut Ctx<'_>) {
        while let Some(&locate) = self.changed.last()
            && ctx.out.references.room() > 0
        {
            self.changed.pop();
            let reference = self.reference(locate);
            let (sent, is_marked) = &mut self.sent[usize::from(locate) - 1];
            *is_marked = false;
            let known = (sent.bid, sent.ask, sent.stale);
            if known != (reference.bid, reference.ask, reference.stale) {
                *sent = reference;
                self.counters.add(FeedCount::References, 1);
                let update = ReferenceUpdate { locate, reference };
                ctx.out.references.send(SequencerIn::Reference(update));
            }
        }
        if !self.changed.is_empty() && !self.retry_is_set {
            self.retry_is_set = ctx.set_timer(RETRY_NS, RETRY).is_ok();
        }
    }
}

impl NetActor for MarketData {
    #[inline]
    fn on_datagram(&mut self, ctx: &mut Ctx<'_>, _endpoint: EndpointId, _from: SocketAddr, payload: &[u8]) {
        let Ok(packet) = Packet::decode(payload) else {
            self.counters.add(FeedCount::BadPackets, 1);
            return;
        };
        if !self.follows(packet.session) {
            self.counters.add(FeedCount::ForeignSession, 1);
            return;
        }
        self.last_packet_ns = ctx.time_ns();
        self.watch_silence(ctx, self.config.stale_after_ns);
        self.on_packet(&packet);
    }
}
