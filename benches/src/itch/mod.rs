//! ITCH from memory on one core: decoding, and decoding with full order-by-order books, beside what others make.
//!
//! All read the same bytes. All decoders read the same fields of each message, those that books need; their sums and the
//! books at the end are compared. Matching engines are not here: they match what crosses, where a feed's book must not.
//!
//! | module | what |
//! |---|---|
//! | [`flow`] | the bytes: a recorded day, or a generated one |
//! | `sum` | how the fields that a decoder read are added up |
//!
//! The other parsers and book builders are in `peers::itch`, with the cargo feature `peers`.

pub mod flow;
pub(crate) mod sum;

use std::{
    fmt,
    hint::black_box,
    time::{Duration, Instant},
};

use corelane_actors::market_data::{BookLimits, Books, FeedCount};
use corelane_codecs::{
    binary_file::Frames,
    itch::{Message, Side},
};
use corelane_runtime::{
    mem::streamed,
    telemetry::{Counters, Metric},
};

use self::{flow::Flow, sum::total};
#[cfg(feature = "peers")]
use crate::peers::itch as peers;

const LEVELS_MAX: usize = 4096;

/// A reader of the flow.
#[derive(Clone, Copy, Debug)]
pub struct Contender {
    /// Name of the contender. The first contender is ours.
    pub name: &'static str,
    /// Name of our contender that a peer is compared to; `None` for ours.
    pub beside: Option<&'static str>,
    /// Whether it does the same work as the contender in `beside`, so that a ratio to it counts.
    pub counts: bool,
    /// Differences of a peer from ours: work that it does otherwise or leaves out.
    pub differs: Option<&'static str>,
}

const fn ours(name: &'static str) -> Contender {
    Contender { name, beside: None, counts: false, differs: None }
}

#[cfg(feature = "peers")]
const fn peer(name: &'static str, beside: &'static str, counts: bool, differs: &'static str) -> Contender {
    Contender { name, beside: Some(beside), counts, differs: Some(differs) }
}

const TYPED: &str = "ours, typed views";
#[cfg(feature = "peers")]
const HEADERS: &str = "ours, headers only";
const BOOKS: &str = "ours";

/// Contenders that read the same flow, in turns.
pub trait Contest {
    /// All of them, ours first.
    fn contenders(&self) -> &[Contender];

    /// The time that one of them, by its place, takes for the timed part of the flow.
    ///
    /// # Panics
    /// If the flow is not read as it must be.
    fn round(&mut self, at: usize) -> Duration;
}

/// Contenders that decode.
pub struct Decoders<'a> {
    flow: &'a Flow,
    runs: Vec<fn(&[u8]) -> u64>,
    contenders: Vec<Contender>,
}

impl fmt::Debug for Decoders<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decoders").field("flow", self.flow).finish_non_exhaustive()
    }
}

impl<'a> Decoders<'a> {
    /// Reads the flow once with each.
    ///
    /// # Panics
    /// If one of them reads other fields than ours.
    pub fn new(flow: &'a Flow) -> Self {
        let mut all = Self { flow, runs: Vec::new(), contenders: Vec::new() };
        let sum = decode(flow.timed());
        all.add(ours(TYPED), sum, decode);
        #[cfg(feature = "peers")]
        {
            all.add(peer("itch5, typed views", TYPED, true, peers::ITCH5_DIFFERS), sum, peers::decode_itch5);
            all.add(peer("itchy, owned messages", TYPED, true, peers::ITCHY_DIFFERS), sum, peers::decode_itchy);
            let headers = walk(flow.timed());
            all.add(ours(HEADERS), headers, walk);
            all.add(peer("lunary, headers only", HEADERS, false, peers::LUNARY_DIFFERS), headers, peers::walk_lunary);
        }
        all
    }

    fn add(&mut self, contender: Contender, expected: u64, run: fn(&[u8]) -> u64) {
        assert_eq!(run(self.flow.timed()), expected, "{}: another sum", contender.name);
        self.contenders.push(contender);
        self.runs.push(run);
    }
}

impl Contest for Decoders<'_> {
    fn contenders(&self) -> &[Contender] {
        &self.contenders
    }

    fn round(&mut self, at: usize) -> Duration {
        timed(|| _ = black_box(self.runs[at](black_box(self.flow.timed()))))
    }
}

/// Contenders that decode and keep books.
pub struct Builders<'a> {
    flow: &'a Flow,
    books: Books,
    counters: Counters<FeedCount>,
    #[cfg(feature = "peers")]
    maps: peers::HashMaps,
    #[cfg(feature = "peers")]
    vectors: peers::Vectors,
}

impl fmt::Debug for Builders<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builders").field("flow", self.flow).finish_non_exhaustive()
    }
}

impl<'a> Builders<'a> {
    /// Empty books.
    pub fn new(flow: &'a Flow) -> Self {
        let limits = BookLimits { orders_max: flow.orders_max, levels_max: LEVELS_MAX };
        Self {
            flow,
            books: Books::new(&flow.symbols, limits),
            counters: Counters::default(),
            #[cfg(feature = "peers")]
            maps: peers::hash_maps(flow),
            #[cfg(feature = "peers")]
            vectors: peers::vectors(flow),
        }
    }

    /// Compares the books of all after a round of each.
    ///
    /// # Panics
    /// If they differ, or ours refused a message.
    pub fn check(&self) {
        for count in FeedCount::ALL {
            assert_eq!(self.counters.get(*count), 0, "{count:?}: the flow is valid");
        }
        self.books.check().unwrap_or_else(|error| panic!("{error}"));
        #[cfg(feature = "peers")]
        {
            self.maps.check(&self.books);
            self.vectors.check(&self.books);
        }
    }

    /// Our books, built up to where the timed part begins, and what applies the rest to them one by one.
    pub fn warmed(&mut self) -> (&mut Books, &Counters<FeedCount>) {
        self.books.clear();
        build(&mut self.books, &self.flow.bytes[..self.flow.warm], &self.counters);
        (&mut self.books, &self.counters)
    }
}

impl Contest for Builders<'_> {
    fn contenders(&self) -> &[Contender] {
        #[cfg(not(feature = "peers"))]
        const ALL: [Contender; 1] = [ours(BOOKS)];
        #[cfg(feature = "peers")]
        const ALL: [Contender; 3] = [
            ours(BOOKS),
            peer("itch5 + hftbacktest, hash maps", BOOKS, true, peers::HFTBACKTEST_DIFFERS),
            peer("itch5 + hftbacktest, known prices", BOOKS, true, peers::KNOWN_PRICES_DIFFER),
        ];
        &ALL
    }

    fn round(&mut self, at: usize) -> Duration {
        let (warm, rest) = (&self.flow.bytes[..self.flow.warm], self.flow.timed());
        match at {
            #[cfg(feature = "peers")]
            1 => {
                self.maps = peers::hash_maps(self.flow);
                self.maps.run(warm);
                timed(|| self.maps.run(rest))
            }
            #[cfg(feature = "peers")]
            2 => {
                self.vectors = peers::vectors(self.flow);
                self.vectors.run(warm);
                timed(|| self.vectors.run(rest))
            }
            _ => {
                self.books.clear();
                build(&mut self.books, warm, &self.counters);
                timed(|| build(&mut self.books, rest, &self.counters))
            }
        }
    }
}

fn timed(run: impl FnOnce()) -> Duration {
    let started = Instant::now();
    run();
    started.elapsed()
}

/// The messages of length-prefixed bytes.
pub fn frames(bytes: &[u8]) -> impl Iterator<Item = &[u8]> + Clone {
    streamed(Frames::new(bytes).map_while(Result::ok))
}

/// Applies all messages.
fn build(books: &mut Books, bytes: &[u8], counters: &Counters<FeedCount>) {
    books.for_each_prefetched(frames(bytes), |books, frame| {
        if let Ok(message) = Message::decode(frame) {
            books.apply(&message, counters);
        }
    });
}

/// Decodes all and adds up what books need of each: the time, and of messages about orders the locate, references, side,
/// shares and price.
fn decode(bytes: &[u8]) -> u64 {
    frames(bytes).filter_map(|frame| Message::decode(frame).ok()).fold(0, |sum, message| {
        let order = match &message {
            Message::AddOrder(add) => total([
                add.order_ref.get(),
                (add.side.get() == Side::Buy).into(),
                add.shares.get().into(),
                add.price.get().raw().into(),
            ]),
            Message::AddOrderMpid(add) => total([
                add.order_ref.get(),
                (add.side.get() == Side::Buy).into(),
                add.shares.get().into(),
                add.price.get().raw().into(),
            ]),
            Message::OrderExecuted(executed) => {
                total([executed.order_ref.get(), executed.executed_shares.get().into()])
            }
            Message::OrderExecutedWithPrice(executed) => {
                total([executed.order_ref.get(), executed.executed_shares.get().into()])
            }
            Message::OrderCancel(cancel) => total([cancel.order_ref.get(), cancel.cancelled_shares.get().into()]),
            Message::OrderDelete(delete) => delete.order_ref.get(),
            Message::OrderReplace(replace) => total([
                replace.original_order_ref.get(),
                replace.new_order_ref.get(),
                replace.shares.get().into(),
                replace.price.get().raw().into(),
            ]),
            _ => return total([sum, message.timestamp_ns()]),
        };
        total([sum, message.stock_locate().into(), message.timestamp_ns(), order])
    })
}

/// The sum of the times, from the headers alone.
#[cfg(feature = "peers")]
fn walk(bytes: &[u8]) -> u64 {
    use corelane_codecs::itch::Header;
    use zerocopy::FromBytes;

    frames(bytes)
        .filter_map(|frame| Header::<0>::ref_from_prefix(frame).ok())
        .fold(0, |sum, (header, _)| sum.wrapping_add(header.timestamp.ns()))
}
