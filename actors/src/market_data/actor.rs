//! The market-data actor: packets and requests in, publications out.

use std::{fmt, net::SocketAddr};

use corelane_codecs::{
    mold::{self, Packet},
    text::Symbol,
};
use corelane_runtime::{
    actor::{Actor, Context, NetActor, Step},
    fault,
    net::{Datagram, EndpointId},
    shard::timer::{TICK_NS, TimerId},
    telemetry::TimingSet,
};

use super::{
    arbitration::{Arbiter, ArbitrationConfig, DueRequest},
    book::{BookLimits, Books},
    book_builder::{BookBuilder, Building, Ingress},
    counts::{FeedCount, FeedCounters, RecoveryCount},
    feed_line::FeedLine,
    last_published::LastPublished,
    publication::{DEPTH_LEVELS_MAX, DepthAnswer, DepthRefusal, MarketDataIn, MarketDataOut},
};
use crate::{
    telemetry::FeedTiming,
    types::{Locate, Reference, ReferenceUpdate, SequenceNumber, SequencerIn},
};

/// Time until the next try to publish when an edge was full.
const RETRY_NS: u64 = 1_000_000;

/// Instruments that a batch compares with a replay: in a full market about 170 µs, in which the shard does nothing else.
const COMPARED_PER_BATCH: usize = 16;
/// Time until the next batch that compares, if none comes before.
const COMPARE_NS: u64 = 100_000;

const LINES: u64 = 0;
const RETRY: u64 = 1;

/// Sizes and times of a market-data actor.
#[derive(Clone, Debug)]
pub struct MarketDataConfig {
    /// The symbols in locate order, from 1.
    pub symbols: Vec<Symbol>,
    /// Sizes of the books.
    pub limits: BookLimits,
    /// Arbitration of the lines.
    pub arbitration: ArbitrationConfig,
    /// Whether there is a line B.
    pub has_line_b: bool,
    /// Retransmission servers in order of preference, as many as `arbitration.gap_fill.servers`.
    pub servers: Vec<SocketAddr>,
}

/// The market-data actor, see the [module](super).
pub struct MarketData {
    arbiter: Arbiter,
    builder: BookBuilder,
    servers: Vec<SocketAddr>,
    line_b: Option<EndpointId>,
    requests: Option<EndpointId>,
    counters: FeedCounters,
    /// Whether all books were last published as stale. They are before the first packet, so that what was published before
    /// a restart passes for nothing.
    is_stale: bool,
    timer: Option<(TimerId, u64)>,
    retry_is_set: bool,
}

/// The state of the feed, without the books.
impl fmt::Debug for MarketData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MarketData")
            .field("expected", &self.arbiter.expected())
            .field("is_stale", &self.is_stale)
            .finish_non_exhaustive()
    }
}

type Ctx<'a> = Context<'a, MarketDataOut>;

impl MarketData {
    /// An actor with empty books and these counters. Allocates its tables.
    ///
    /// # Panics
    /// If the number of `endpoints` is wrong. They are line A, line B if there is one, and one for retransmission
    /// requests if there are servers.
    #[must_use]
    pub fn new(config: MarketDataConfig, endpoints: &[EndpointId], counters: FeedCounters) -> Self {
        let MarketDataConfig { symbols, limits, arbitration, has_line_b, servers } = config;
        assert_eq!(arbitration.gap_fill.servers, servers.len(), "every server has an address");
        assert_eq!(endpoints.len(), 1 + usize::from(has_line_b) + usize::from(!servers.is_empty()));
        counters.feed.set(FeedCount::PricesStale, 1);
        MarketData {
            arbiter: Arbiter::new(arbitration, counters.clone()),
            builder: BookBuilder::new(&symbols, limits, !servers.is_empty(), counters.feed.clone()),
            line_b: has_line_b.then(|| endpoints[1]),
            requests: (!servers.is_empty()).then(|| endpoints[endpoints.len() - 1]),
            servers,
            counters,
            is_stale: true,
            timer: None,
            retry_is_set: false,
        }
    }

    /// The books.
    #[must_use]
    pub fn books(&self) -> &Books {
        &self.builder.books
    }

    /// Acts on a change in the arbiter: sends its requests, marks prices as stale or fresh, sets its timer.
    #[inline]
    fn follow_up(&mut self, ctx: &mut Ctx<'_>) {
        let now_ns = ctx.time_ns();
        if self.builder.mark_doubtful() {
            self.arbiter.begin_replay();
        }
        while let Some(DueRequest { server, request, .. }) = self.arbiter.next_request(now_ns) {
            let mut bytes = [0; mold::HEADER_LEN];
            if let (Some(endpoint), Ok(_)) = (self.requests, request.encode(&mut bytes)) {
                // If there is no room, the request is repeated like one that was lost in the network.
                let _ = ctx.net.send_datagram_to(endpoint, self.servers[server], &bytes);
            }
        }
        if self.is_stale != self.arbiter.is_stale() {
            self.is_stale = !self.is_stale;
            self.counters.feed.set(FeedCount::PricesStale, self.is_stale.into());
            self.builder.mark_all();
        }
        self.set_timer(ctx);
    }

    /// Sets the timer to the arbiter's deadline, unless it is set to an earlier time.
    #[inline]
    fn set_timer(&mut self, ctx: &mut Ctx<'_>) {
        let Some(deadline_ns) = self.arbiter.deadline_ns() else { return };
        if let Some((timer, set_ns)) = self.timer {
            if set_ns <= deadline_ns {
                return;
            }
            ctx.cancel_timer(timer);
        }
        // What is to be done soon is done in another turn.
        let after_ns = if deadline_ns == 0 { TICK_NS } else { deadline_ns.saturating_sub(ctx.time_ns()) };
        self.timer = ctx.set_timer(after_ns, LINES).ok().map(|timer| (timer, deadline_ns));
    }

    /// The arbiter and the receiver of its messages, for one callback.
    #[inline]
    fn parts<'a>(&'a mut self, ctx: &'a mut Ctx<'_>, kernel_utc_ns: Option<u64>) -> (&'a mut Arbiter, Building<'a>) {
        let ingress = Ingress { ticks: ctx.ticks(), kernel_utc_ns };
        (&mut self.arbiter, Building { builder: &mut self.builder, events: &mut ctx.out.events, ingress })
    }

    /// Compares a few instruments with a replay.
    #[cold]
    fn compare(&mut self, ctx: &mut Ctx<'_>) {
        self.builder.compare(COMPARED_PER_BATCH);
        if self.builder.is_comparing && !self.retry_is_set {
            self.retry_is_set = ctx.set_timer(COMPARE_NS, RETRY).is_ok();
        }
    }

    /// Sends changed references to the sequencer; returns whether it sent any.
    #[inline]
    fn publish_references(&mut self, ctx: &mut Ctx<'_>) -> bool {
        let mut has_published = false;
        while ctx.out.references.room() > 0
            && let Some(locate) = self.builder.references.next_changed()
        {
            let reference = self.builder.reference(locate, self.is_stale);
            if self.builder.references.publish(locate, reference) {
                has_published = true;
                self.counters.feed.add(FeedCount::References, 1);
                let update = ReferenceUpdate { locate, reference };
                ctx.out.references.send(SequencerIn::Reference(update));
            }
        }
        has_published
    }

    /// Sends changed best levels to their readers; returns whether it sent any.
    #[inline]
    fn publish_tops(&mut self, ctx: &mut Ctx<'_>) -> bool {
        let mut has_published = false;
        while ctx.out.tops.room() > 0
            && let Some(locate) = self.builder.tops.as_mut().and_then(LastPublished::next_changed)
        {
            let top = self.builder.top(locate, self.is_stale);
            if self.builder.tops.as_mut().is_some_and(|tops| tops.publish(locate, top)) {
                has_published = true;
                self.counters.feed.add(FeedCount::Tops, 1);
                ctx.out.tops.send(top);
            }
        }
        has_published
    }
}

impl Actor for MarketData {
    type In = MarketDataIn;
    type Out = MarketDataOut;
    /// References and best levels per batch, each. The rest wait for the next batch.
    const OUTPUTS_MAX: usize = 64;
    const TIMERS_MAX: usize = 2;
    const TIMINGS: TimingSet = TimingSet::of::<FeedTiming>();

    fn on_start(&mut self, ctx: &mut Ctx<'_>) {
        let begins = ReferenceUpdate { locate: Locate::NONE, reference: Reference::default() };
        ctx.out.references.send(SequencerIn::Reference(begins));
        if ctx.out.tops.is_connected() {
            self.builder.watch_tops();
            self.retry_is_set = ctx.set_timer(RETRY_NS, RETRY).is_ok();
        }
    }

    fn on_message(&mut self, ctx: &mut Ctx<'_>, message: &MarketDataIn) -> Step {
        let MarketDataIn::Depth(asked) = message;
        let reason = match asked {
            _ if !self.builder.books.has(asked.locate) => Some(DepthRefusal::UnknownLocate),
            _ if !(1..=DEPTH_LEVELS_MAX).contains(&asked.levels) => Some(DepthRefusal::LevelsOutOfRange),
            _ => None,
        };
        if let Some(reason) = reason {
            ctx.out.depth.send(DepthAnswer::Refused { request: asked.request, reason });
            return Step::Done;
        }
        self.counters.feed.add(FeedCount::Depths, 1);
        let last_sequence = SequenceNumber(self.arbiter.expected().0 - 1);
        let send = |part| ctx.out.depth.send(DepthAnswer::Levels(part));
        self.builder.depth(asked, last_sequence, self.is_stale, send);
        Step::Done
    }

    fn on_timer(&mut self, ctx: &mut Ctx<'_>, token: u64) {
        if token == RETRY {
            // `on_batch_end` follows and tries again.
            self.retry_is_set = false;
            return;
        }
        fault!("market-data.timer");
        self.timer = None;
        let now_ns = ctx.time_ns();
        let (arbiter, mut building) = self.parts(ctx, None);
        arbiter.on_time(now_ns, &mut building);
        self.follow_up(ctx);
    }

    fn on_batch_end(&mut self, ctx: &mut Ctx<'_>) {
        if self.builder.is_comparing {
            self.compare(ctx);
        }
        let has_published = self.publish_references(ctx) | self.publish_tops(ctx);
        if self.builder.is_due() {
            if !self.retry_is_set {
                self.retry_is_set = ctx.set_timer(RETRY_NS, RETRY).is_ok();
            }
        } else if let Some(unpublished) = self.builder.unpublished.take()
            && has_published
        {
            ctx.record_since(FeedTiming::FeedToPublication, unpublished.ingress.ticks);
            if !ctx.record_since_time(FeedTiming::ExchangeToPublication, unpublished.exchange_ns) {
                self.counters.feed.add(FeedCount::ForeignTimes, 1);
            }
            if let Some(utc_ns) = unpublished.ingress.kernel_utc_ns
                && !ctx.record_since_utc(FeedTiming::KernelToPublication, utc_ns)
            {
                self.counters.feed.add(FeedCount::ForeignKernelTimes, 1);
            }
        }
    }
}

impl NetActor for MarketData {
    #[inline]
    fn on_datagram(&mut self, ctx: &mut Ctx<'_>, endpoint: EndpointId, datagram: &Datagram<'_>) {
        fault!("market-data.datagram");
        let &Datagram { from, kernel_utc_ns, payload } = datagram;
        let now_ns = ctx.time_ns();
        let packet = Packet::decode(payload);
        if self.requests == Some(endpoint) {
            let server = self.servers.iter().position(|server| *server == from);
            match (server, packet) {
                (Some(server), Ok(packet)) => {
                    let (arbiter, mut building) = self.parts(ctx, kernel_utc_ns);
                    arbiter.on_answer(server, &packet, now_ns, &mut building);
                }
                _ => self.counters.recovery.add(RecoveryCount::Refused, 1),
            }
        } else if let Ok(packet) = packet {
            let line = if self.line_b == Some(endpoint) { FeedLine::B } else { FeedLine::A };
            let (arbiter, mut building) = self.parts(ctx, kernel_utc_ns);
            arbiter.on_line(line, &packet, now_ns, &mut building);
        } else {
            self.counters.feed.add(FeedCount::BadPackets, 1);
            return;
        }
        self.follow_up(ctx);
    }
}
