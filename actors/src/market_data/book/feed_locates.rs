//! Translation of the feed's locates, which change each day, to ours.

use std::{collections::HashMap, fmt::Debug};

use corelane_codecs::text::Symbol;
use corelane_runtime::telemetry::Counters;

use super::doubts::Doubts;
use crate::{market_data::counts::FeedCount, types::Locate};

/// Meaning of a locate of the feed: unknown, an instrument that we do not trade, or our locate.
type Meaning = u16;
const UNKNOWN: Meaning = 0;
const IGNORED: Meaning = u16::MAX;

/// Locates that a feed can give.
const LOCATES: usize = 1 << u16::BITS;

/// An instrument of ours.
#[derive(Debug)]
struct Ours {
    locate: Locate,
    /// The feed's locate, once the feed has named the instrument.
    feed_locate: Option<u16>,
}

/// Which instruments are ours.
#[derive(Debug)]
enum Instruments {
    /// These, whatever locates the feed gives them.
    BySymbol(HashMap<Symbol, Ours>),
    /// All, under the feed's locates.
    AsNumbered,
}

impl Instruments {
    /// Meaning of a locate before the feed has named its instrument.
    fn unnamed(&self, feed_locate: u16) -> Meaning {
        match self {
            Instruments::BySymbol(_) => UNKNOWN,
            // No instrument has locate 0.
            Instruments::AsNumbered if feed_locate == 0 => IGNORED,
            Instruments::AsNumbered => feed_locate,
        }
    }

    /// Our locate of an instrument, if it is one of those that are ours by their symbols.
    fn by_symbol(&self, symbol: &Symbol) -> Option<Locate> {
        match self {
            Instruments::BySymbol(symbols) => symbols.get(symbol).map(|ours| ours.locate),
            Instruments::AsNumbered => None,
        }
    }
}

/// Meanings of the feed's locates. A feed gives each instrument one locate for the day.
#[derive(Debug)]
pub(super) struct FeedLocates {
    /// By the feed's locate.
    meanings: Box<[Meaning; LOCATES]>,
    /// The symbol that the feed gave each of its locates; blank before.
    symbols: Box<[Symbol; LOCATES]>,
    instruments: Instruments,
}

impl FeedLocates {
    /// Most instruments that can be ours.
    pub(super) const OURS_MAX: usize = IGNORED as usize - 1;

    /// Memory of the tables, in bytes.
    pub(super) const BYTES: usize = LOCATES * (size_of::<Meaning>() + size_of::<Symbol>());

    /// Instruments with these symbols are ours; their locates are their places from 1. If a symbol is repeated, its
    /// last place counts.
    pub(super) fn by_symbol(symbols: &[Symbol]) -> Self {
        let ours = symbols.iter().zip(Locate::first(symbols.len()));
        let ours = ours.map(|(symbol, locate)| (*symbol, Ours { locate, feed_locate: None }));
        Self::new(Instruments::BySymbol(ours.collect()))
    }

    /// All instruments are ours, under the feed's locates.
    pub(super) fn as_numbered() -> Self {
        Self::new(Instruments::AsNumbered)
    }

    fn new(instruments: Instruments) -> Self {
        let mut locates = FeedLocates { meanings: table(UNKNOWN), symbols: table(Symbol::default()), instruments };
        locates.clear();
        locates
    }

    /// Forgets what the feed has said.
    pub(super) fn clear(&mut self) {
        (0..=u16::MAX)
            .zip(&mut self.meanings[..])
            .for_each(|(feed, meaning)| *meaning = self.instruments.unnamed(feed));
        self.symbols.fill(Symbol::default());
        if let Instruments::BySymbol(symbols) = &mut self.instruments {
            symbols.values_mut().for_each(|ours| ours.feed_locate = None);
        }
    }

    /// Takes a stock directory entry, or the first add of a feed without a directory. One that gives a locate another symbol,
    /// or an instrument of ours another locate, is counted and changes no name; the books of both, if they are ours, are
    /// doubtful.
    #[cold]
    pub(super) fn define(
        &mut self,
        feed_locate: u16,
        symbol: &Symbol,
        doubts: &mut Doubts,
        counters: &Counters<FeedCount>,
    ) {
        let at = usize::from(feed_locate);
        if self.symbols[at] == *symbol {
            return;
        }
        if self.symbols[at] != Symbol::default() {
            return self.contradict(feed_locate, symbol, FeedCount::Renames, doubts, counters);
        }
        self.symbols[at] = *symbol;
        let Instruments::BySymbol(symbols) = &mut self.instruments else { return };
        self.meanings[at] = IGNORED;
        let Some(ours) = symbols.get_mut(symbol) else { return };
        match ours.feed_locate {
            Some(_) => self.contradict(feed_locate, symbol, FeedCount::Renames, doubts, counters),
            None => {
                ours.feed_locate = Some(feed_locate);
                self.meanings[at] = ours.locate.0;
                doubts.on_named(feed_locate, ours.locate);
            }
        }
    }

    /// Counts a contradiction between a locate and a symbol, and doubts the books of both.
    #[cold]
    fn contradict(
        &self,
        feed_locate: u16,
        symbol: &Symbol,
        reason: FeedCount,
        doubts: &mut Doubts,
        counters: &Counters<FeedCount>,
    ) {
        let both = [self.instruments.by_symbol(symbol), self.ours(feed_locate)];
        if both.iter().any(Option::is_some) {
            counters.add(reason, 1);
        }
        both.into_iter().flatten().for_each(|locate| doubts.contradict(locate));
    }

    /// Our locate, if the feed has named the instrument and it is ours.
    #[inline]
    pub(super) fn ours(&self, feed_locate: u16) -> Option<Locate> {
        let meaning = self.meanings[usize::from(feed_locate)];
        // One comparison for both of those that are no locates.
        (meaning.wrapping_sub(UNKNOWN + 1) < IGNORED - 1).then_some(Locate(meaning))
    }

    /// Our locate, for a message that is no evidence.
    pub(super) fn learn(
        &mut self,
        feed_locate: u16,
        symbol: &Symbol,
        doubts: &mut Doubts,
        counters: &Counters<FeedCount>,
    ) -> Option<Locate> {
        let is_unnamed = self.symbols[usize::from(feed_locate)] == Symbol::default();
        if is_unnamed && self.instruments.by_symbol(symbol).is_some() {
            self.define(feed_locate, symbol, doubts, counters);
        }
        self.ours(feed_locate)
    }

    /// Our locate, for an add order. A feed without a directory names its instruments in adds. An add whose symbol is not
    /// its locate's is counted and belongs to no book; the books of both, if they are ours, are doubtful.
    #[inline]
    pub(super) fn of_add(
        &mut self,
        feed_locate: u16,
        symbol: &Symbol,
        doubts: &mut Doubts,
        counters: &Counters<FeedCount>,
    ) -> Option<Locate> {
        if self.symbols[usize::from(feed_locate)] != *symbol && !self.name_by_add(feed_locate, symbol, doubts, counters)
        {
            return None;
        }
        self.ours(feed_locate)
    }

    /// Names a locate that has no symbol yet; false if it has another one.
    #[cold]
    fn name_by_add(
        &mut self,
        feed_locate: u16,
        symbol: &Symbol,
        doubts: &mut Doubts,
        counters: &Counters<FeedCount>,
    ) -> bool {
        let is_unnamed = self.symbols[usize::from(feed_locate)] == Symbol::default();
        if is_unnamed {
            self.define(feed_locate, symbol, doubts, counters);
        } else {
            self.contradict(feed_locate, symbol, FeedCount::ForeignSymbols, doubts, counters);
        }
        is_unnamed
    }

    /// `None` if the instrument is known not to be ours, so that its order need not be looked up; otherwise our locate,
    /// or 0 if the feed has not named the instrument.
    #[inline]
    pub(super) fn unless_ignored(&self, feed_locate: u16) -> Option<Locate> {
        let meaning = self.meanings[usize::from(feed_locate)];
        (meaning != IGNORED).then_some(Locate(meaning))
    }
}

fn table<T: Copy + Debug>(value: T) -> Box<[T; LOCATES]> {
    vec![value; LOCATES].try_into().expect("as many as there are locates")
}
