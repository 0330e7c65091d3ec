//! The books built from the feed's sequence, and the changes that are not published yet.

use corelane_codecs::{
    itch::{Message as Itch, TradingState},
    mold::Packet,
    price::{Price, Price4},
    text::Symbol,
};
use corelane_runtime::{edge::port::Port, telemetry::Counters};

use super::{
    arbitration::MessageSink,
    book::{BookLimits, Books, Level, Top},
    counts::FeedCount,
    last_published::LastPublished,
    publication::{BookEvent, DEPTH_PART_LEVELS, DepthPart, DepthRequest, TopOfBook},
    rebuild::Rebuild,
};
use crate::types::{Locate, Reference, SequenceNumber};

/// The message that changed an instrument last.
#[derive(Clone, Copy, Debug, Default)]
struct Cause {
    sequence: SequenceNumber,
    exchange_ns: u64,
}

/// Arrival times of a datagram.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ingress {
    /// Clock ticks when its batch was reaped.
    pub ticks: u64,
    /// As [`Datagram::kernel_utc_ns`](corelane_runtime::net::Datagram::kernel_utc_ns).
    pub kernel_utc_ns: Option<u64>,
}

/// The first change that is not published yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unpublished {
    /// Arrival of the datagram that caused it: its own, or the one that it had to wait for.
    pub ingress: Ingress,
    /// The exchange's time of its message.
    pub exchange_ns: u64,
}

/// The books, and what is due to be published.
pub(super) struct BookBuilder {
    pub books: Books,
    /// Absent without servers, which it takes to replay a run.
    rebuild: Option<Rebuild>,
    /// Whether a replay has reached the live sequence and is compared with the books.
    pub is_comparing: bool,
    pub references: LastPublished<Reference>,
    /// Absent if no edge reads them.
    pub tops: Option<LastPublished<TopOfBook>>,
    /// By our locate, less 1.
    causes: Box<[Cause]>,
    pub unpublished: Option<Unpublished>,
    /// The last event.
    last_event: SequenceNumber,
    counters: Counters<FeedCount>,
}

impl BookBuilder {
    /// Empty books of `symbols`, and as many to build from a replay if `can_replay`.
    pub(super) fn new(symbols: &[Symbol], limits: BookLimits, can_replay: bool, counters: Counters<FeedCount>) -> Self {
        let instruments = symbols.len();
        BookBuilder {
            books: Books::new(symbols, limits),
            rebuild: can_replay.then(|| Rebuild::new(Books::new(symbols, limits), instruments)),
            is_comparing: false,
            references: LastPublished::new(instruments),
            tops: None,
            causes: vec![Cause::default(); instruments].into(),
            unpublished: None,
            last_event: SequenceNumber::NONE,
            counters,
        }
    }

    /// Tracks best levels from now on. All are due. Allocates.
    pub(super) fn watch_tops(&mut self) {
        self.tops.insert(LastPublished::new(self.causes.len())).mark_all();
    }

    /// Marks all instruments as changed.
    pub(super) fn mark_all(&mut self) {
        self.references.mark_all();
        self.tops.iter_mut().for_each(LastPublished::mark_all);
    }

    /// Marks the instruments whose books have become doubtful as changed. Returns whether there are any and the feed has
    /// contradicted a book, so that a replay may help.
    #[inline]
    pub(super) fn mark_doubtful(&mut self) -> bool {
        let mut has_marked = false;
        while let Some(locate) = self.books.next_new_doubt() {
            self.mark(locate);
            has_marked = true;
        }
        has_marked && self.books.is_contradicted()
    }

    fn mark(&mut self, locate: Locate) {
        self.references.mark(locate);
        if let Some(tops) = &mut self.tops {
            tops.mark(locate);
        }
    }

    /// Compares the books of a replay that has reached the live sequence with the others, or does without them.
    #[cold]
    fn end_replay(&mut self, is_complete: bool) {
        let Some(rebuild) = self.rebuild.as_mut().filter(|_| is_complete) else { return self.end_comparing(false) };
        rebuild.begin_comparing();
        self.is_comparing = true;
    }

    /// Compares a few more instruments; takes the books of the replay once all fresh ones have turned out to be the same.
    #[cold]
    pub(super) fn compare(&mut self, instruments: usize) {
        let Some(rebuild) = &mut self.rebuild else { return };
        if let Some(is_same) = rebuild.compare(&self.books, instruments) {
            self.end_comparing(is_same);
        }
    }

    fn end_comparing(&mut self, is_taken: bool) {
        self.is_comparing = false;
        let Some(rebuild) = &mut self.rebuild else { return };
        for locate in Locate::first(self.causes.len()).filter(|&locate| self.books.is_doubtful(locate)) {
            let is_fresh = is_taken && !rebuild.books.is_doubtful(locate);
            self.counters.add(if is_fresh { FeedCount::Rejoined } else { FeedCount::NotRejoined }, 1);
        }
        if is_taken {
            std::mem::swap(&mut self.books, &mut rebuild.books);
            self.mark_all();
        }
    }

    /// Lets the books that are compared follow a message that has changed `changed`.
    #[cold]
    fn follow(&mut self, message: &[u8], changed: Option<Locate>) {
        if let Some(rebuild) = &mut self.rebuild {
            let here = rebuild.apply(message);
            changed.into_iter().chain(here).for_each(|locate| rebuild.mark(locate));
        }
    }

    /// Whether something waits to be published.
    pub(super) fn is_due(&self) -> bool {
        self.references.is_due() || self.tops.as_ref().is_some_and(LastPublished::is_due)
    }

    pub(super) fn reference(&self, locate: Locate, is_feed_stale: bool) -> Reference {
        let Top { bid, ask } = self.books.top(locate);
        let price = |level: Option<Level>| level.map_or(Price::ZERO, |level| Price4::from_raw(level.price).into());
        Reference {
            bid: price(bid),
            ask: price(ask),
            feed_sequence: self.cause(locate).sequence,
            stale: self.is_stale(locate, is_feed_stale).into(),
        }
    }

    pub(super) fn top(&self, locate: Locate, is_feed_stale: bool) -> TopOfBook {
        let Top { bid, ask } = self.books.top(locate);
        let Cause { sequence, exchange_ns } = self.cause(locate);
        TopOfBook {
            bid: bid.unwrap_or_default(),
            ask: ask.unwrap_or_default(),
            feed_sequence: sequence,
            exchange_ns,
            locate,
            trading_state: self.books.state(locate).trading.map_or(0, TradingState::to_wire),
            stale: self.is_stale(locate, is_feed_stale).into(),
            reserved: [0; 4],
        }
    }

    /// Passes the parts of the answer to a valid request to `show`.
    pub(super) fn depth(
        &self,
        request: &DepthRequest,
        feed_sequence: SequenceNumber,
        is_feed_stale: bool,
        mut show: impl FnMut(DepthPart),
    ) {
        let locate = request.locate;
        let part = |is_bid| DepthPart {
            request: request.request,
            feed_sequence,
            locate,
            is_bid,
            is_stale: self.is_stale(locate, is_feed_stale),
            is_last: false,
            count: 0,
            levels: [Level::default(); DEPTH_PART_LEVELS],
        };
        let (bids, asks) = self.books.levels(locate);
        let most = usize::from(request.levels);
        show_side(part(true), bids.take(most), &mut show);
        show_side(part(false), asks.take(most), &mut show);
    }

    fn is_stale(&self, locate: Locate, is_feed_stale: bool) -> bool {
        is_feed_stale || self.books.is_doubtful(locate)
    }

    fn cause(&self, locate: Locate) -> Cause {
        self.causes[locate.index()]
    }

    /// Notes that message `sequence` changed the book of an instrument, or its trading state.
    #[inline]
    fn on_change(&mut self, locate: Locate, sequence: SequenceNumber, message: &Itch<'_>, ingress: Ingress) {
        let exchange_ns = message.timestamp_ns();
        self.causes[locate.index()] = Cause { sequence, exchange_ns };
        self.unpublished.get_or_insert(Unpublished { ingress, exchange_ns });
        if let Some(tops) = &mut self.tops {
            tops.mark(locate);
        }
    }
}

/// Receiver of the arbiter's messages during one callback.
pub(super) struct Building<'a> {
    pub builder: &'a mut BookBuilder,
    pub events: &'a mut Port<BookEvent>,
    /// Arrival times of the callback's datagram.
    pub ingress: Ingress,
}

impl MessageSink for Building<'_> {
    fn begin(&mut self) {
        self.builder.books.clear();
        self.builder.rebuild.iter_mut().for_each(Rebuild::clear);
        self.builder.is_comparing = false;
        self.builder.causes.fill(Cause::default());
        self.builder.mark_all();
    }

    fn replayed(&mut self, message: &[u8]) {
        if let Some(rebuild) = &mut self.builder.rebuild {
            rebuild.apply(message);
        }
    }

    fn replay_ended(&mut self, is_complete: bool) {
        self.builder.end_replay(is_complete);
    }

    #[inline]
    fn prefetch(&mut self, packet: &Packet<'_>) {
        self.builder.books.prefetch(packet.messages().map_while(Result::ok).map(|(_, message)| message));
    }

    #[inline]
    fn message(&mut self, sequence: SequenceNumber, bytes: &[u8]) {
        let Building { builder, events, ingress } = self;
        let Ok(message) = Itch::decode(bytes) else {
            builder.books.note_unreadable(bytes, &builder.counters);
            if builder.is_comparing {
                builder.follow(bytes, None);
            }
            return;
        };
        builder.counters.add(FeedCount::Messages, 1);
        let changed = builder.books.apply(&message, &builder.counters);
        if builder.is_comparing {
            builder.follow(bytes, changed);
        }
        if let Some(locate) = changed {
            builder.on_change(locate, sequence, &message, *ingress);
            builder.references.mark(locate);
            if events.is_connected() {
                builder.last_event = builder.last_event.next();
                events.send(event(builder.last_event, sequence, locate, bytes));
            }
        } else if let Itch::StockTradingAction(action) = &message
            && let Some(locate) = builder.books.our_locate(action.header.stock_locate.get())
        {
            builder.on_change(locate, sequence, &message, *ingress);
        }
    }
}

/// Passes the levels of one side to `show`, in parts like `part`. The last part of the asks is the last of the answer.
fn show_side(mut part: DepthPart, levels: impl Iterator<Item = Level>, show: &mut impl FnMut(DepthPart)) {
    for level in levels {
        if usize::from(part.count) == DEPTH_PART_LEVELS {
            show(part);
            part.count = 0;
            part.levels = [Level::default(); DEPTH_PART_LEVELS];
        }
        part.levels[usize::from(part.count)] = level;
        part.count += 1;
    }
    part.is_last = !part.is_bid;
    show(part);
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the message was decoded, and the longest ITCH message has 50 bytes"
)]
fn event(number: SequenceNumber, feed_sequence: SequenceNumber, locate: Locate, message: &[u8]) -> BookEvent {
    let mut event = BookEvent { number, feed_sequence, locate, length: message.len() as u8, bytes: [0; 50] };
    // The message was decoded, and the longest ITCH message has 50 bytes.
    let length = message.len().min(event.bytes.len());
    event.bytes[..length].copy_from_slice(&message[..length]);
    event
}
