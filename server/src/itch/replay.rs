//! Building of books from a file.

use std::{collections::BTreeMap, io};

use corelane_actors::{
    market_data::{BookLimits, Books, FeedCount},
    types::Locate,
};
use corelane_codecs::{itch::Message, text::Symbol};
use corelane_console::warn;
use corelane_runtime::telemetry::Counters;

use super::input::Input;

/// More than all US instruments have at any time of a real day.
const LIMITS: BookLimits = BookLimits { orders_max: 1 << 22, levels_max: 1 << 16 };

/// The books of every instrument of a file.
pub(super) struct Replay {
    pub books: Books,
    /// The symbols by the file's locates.
    pub symbols: BTreeMap<Locate, Symbol>,
    counters: Counters<FeedCount>,
    /// The number of adds with a locate that has no book: 0, which stands for no instrument, or the last.
    nowhere: u64,
}

/// A message that [`Replay::run`] has applied.
pub(super) struct Applied<'a> {
    /// The number of the message in the file, from 1.
    pub number: u64,
    pub at_ns: u64,
    /// The locate of the book that it may have changed.
    pub locate: Locate,
    pub books: &'a Books,
}

impl Replay {
    /// Applies the messages of `input` up to and including `until_ns`, and lists what makes the books wrong as errors of
    /// `input`.
    ///
    /// # Errors
    /// The first error of `on_change`, which ends the replay.
    pub(super) fn run(
        input: &mut Input,
        until_ns: u64,
        mut on_change: impl FnMut(Applied<'_>) -> io::Result<()>,
    ) -> io::Result<Self> {
        let mut replay = Replay {
            books: Books::of_all(LIMITS),
            symbols: BTreeMap::new(),
            counters: Counters::default(),
            nowhere: 0,
        };
        let mut number = 0;
        while let Some(found) = input.next() {
            number += 1;
            let Ok(message) = found.message else { continue };
            if message.timestamp_ns() > until_ns {
                break;
            }
            if let Some(locate) = replay.apply(&message) {
                on_change(Applied { number, at_ns: message.timestamp_ns(), locate, books: &replay.books })?;
            }
        }
        replay.list(input);
        Ok(replay)
    }

    fn apply(&mut self, message: &Message<'_>) -> Option<Locate> {
        if let Message::StockDirectory(_) | Message::AddOrder(_) | Message::AddOrderMpid(_) = message
            && let Some(symbol) = message.stock()
        {
            self.symbols.entry(Locate(message.stock_locate())).or_insert(*symbol);
            let has_book = message.stock_locate() > 0 && self.books.has(Locate(message.stock_locate()));
            self.nowhere += u64::from(!has_book && !matches!(message, Message::StockDirectory(_)));
        }
        self.books.apply(message, &self.counters)
    }

    /// Lists what the books had to leave out. A file may refer to orders from before its start: the books hold what it
    /// adds, so that is no error.
    fn list(&self, input: &mut Input) {
        let count = |name| self.counters.get(name);
        for (count, what) in [
            (self.nowhere, "adds have locate 0 or 65535, which have no book, and are left out"),
            (count(FeedCount::DuplicateOrders), "adds repeat the reference of a resting order, and are left out"),
            (count(FeedCount::ForeignOrders), "messages refer to orders of another instrument, and are left out"),
            (count(FeedCount::ForeignSymbols), "adds name another symbol than their locate has, and are left out"),
            (count(FeedCount::Renames), "directory entries give a locate another symbol, and are left out"),
            (count(FeedCount::VoidOrders), "adds and replaces have no shares or no price, and are left out"),
            (count(FeedCount::Excess), "executions and cancels exceed the shares of their order"),
            (count(FeedCount::Overflows), "orders exceed the capacity of the books, which are incomplete"),
        ] {
            if count > 0 {
                input.error(&format_args!("{count} {what}"));
            }
        }
        let unknown = count(FeedCount::UnknownOrders);
        if unknown > 0 {
            warn(format_args!("note: {unknown} messages refer to orders that were never added"));
        }
    }
}
