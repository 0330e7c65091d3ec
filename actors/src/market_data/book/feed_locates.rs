//! Translation of the feed's locates, which change each day, to ours.

use std::collections::HashMap;

use corelane_codecs::text::Symbol;
use corelane_runtime::telemetry::Counters;

use super::doubts::Doubts;
use crate::{market_data::counts::FeedCount, types::Locate};

/// Meaning of a locate of the feed: unknown, an instrument that we do not trade, or our locate.
type Meaning = u16;
const UNKNOWN: Meaning = 0;
const IGNORED: Meaning = u16::MAX;

/// Which instruments are ours.
#[derive(Debug)]
enum Instruments {
    /// These, whatever locates the feed gives them.
    BySymbol(HashMap<Symbol, Locate>),
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

    fn named(&self, feed_locate: u16, symbol: &Symbol) -> Meaning {
        match self {
            Instruments::BySymbol(symbols) => symbols.get(symbol).map_or(IGNORED, |ours| ours.0),
            Instruments::AsNumbered => self.unnamed(feed_locate),
        }
    }
}

/// Meanings of the feed's locates.
#[derive(Debug)]
pub(super) struct FeedLocates {
    /// By the feed's locate.
    meanings: Box<[Meaning]>,
    /// The symbol that the feed gave each of its locates; blank before.
    symbols: Box<[Symbol]>,
    instruments: Instruments,
}

impl FeedLocates {
    /// Most instruments that can be ours.
    pub(super) const OURS_MAX: usize = IGNORED as usize - 1;

    /// Instruments with these symbols are ours; their locates are their places from 1. If a symbol is repeated, its
    /// last place counts.
    pub(super) fn by_symbol(symbols: &[Symbol]) -> Self {
        Self::new(Instruments::BySymbol(symbols.iter().copied().zip(Locate::first(symbols.len())).collect()))
    }

    /// All instruments are ours, under the feed's locates.
    pub(super) fn as_numbered() -> Self {
        Self::new(Instruments::AsNumbered)
    }

    fn new(instruments: Instruments) -> Self {
        FeedLocates {
            meanings: (0..=u16::MAX).map(|feed| instruments.unnamed(feed)).collect(),
            symbols: vec![Symbol::default(); 1 << u16::BITS].into(),
            instruments,
        }
    }

    /// Forgets what the feed has said.
    pub(super) fn clear(&mut self) {
        (0..=u16::MAX).zip(&mut self.meanings).for_each(|(feed, meaning)| *meaning = self.instruments.unnamed(feed));
        self.symbols.fill(Symbol::default());
    }

    /// Takes a stock directory entry.
    #[cold]
    pub(super) fn define(&mut self, feed_locate: u16, symbol: &Symbol, doubts: &mut Doubts) {
        self.meanings[usize::from(feed_locate)] = self.instruments.named(feed_locate, symbol);
        self.symbols[usize::from(feed_locate)] = *symbol;
        if let Some(locate) = self.ours(feed_locate) {
            doubts.on_named(feed_locate, locate);
        }
    }

    /// Our locate, if the feed has named the instrument and it is ours.
    #[inline]
    pub(super) fn ours(&self, feed_locate: u16) -> Option<Locate> {
        let meaning = self.meanings[usize::from(feed_locate)];
        (meaning != UNKNOWN && meaning != IGNORED).then_some(Locate(meaning))
    }

    /// Our locate, for a message that is no evidence.
    pub(super) fn learn(&mut self, feed_locate: u16, symbol: &Symbol, doubts: &mut Doubts) -> Option<Locate> {
        if self.meanings[usize::from(feed_locate)] == UNKNOWN {
            self.define(feed_locate, symbol, doubts);
        }
        let meaning = self.meanings[usize::from(feed_locate)];
        (meaning != IGNORED).then_some(Locate(meaning))
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
        let is_named = self.meanings[usize::from(feed_locate)] != UNKNOWN;
        let is_sound = is_named && self.symbols[usize::from(feed_locate)] == *symbol;
        if !is_sound && !self.name_by_add(feed_locate, symbol, doubts, counters) {
            return None;
        }
        self.unless_ignored(feed_locate)
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
        if self.symbols[usize::from(feed_locate)] == Symbol::default() {
            self.define(feed_locate, symbol, doubts);
            return true;
        }
        let by_symbol = match &self.instruments {
            Instruments::BySymbol(symbols) => symbols.get(symbol).copied(),
            Instruments::AsNumbered => None,
        };
        let by_locate = self.ours(feed_locate);
        if by_symbol.or(by_locate).is_some() {
            counters.add(FeedCount::ForeignSymbols, 1);
        }
        [by_symbol, by_locate].into_iter().flatten().for_each(|locate| doubts.contradict(locate));
        false
    }

    /// `None` if the instrument is known not to be ours, so that its order need not be looked up; otherwise our locate,
    /// or 0 if the feed has not named the instrument.
    #[inline]
    pub(super) fn unless_ignored(&self, feed_locate: u16) -> Option<Locate> {
        let meaning = self.meanings[usize::from(feed_locate)];
        (meaning != IGNORED).then_some(Locate(meaning))
    }
}
