//! Building of books from a file.

use std::{collections::BTreeMap, path::Path};

use corelane_actors::{
    market_data::{BookLimits, Books, FeedCount},
    types::Locate,
};
use corelane_codecs::{itch::Message, text::Symbol};
use corelane_market::{MessageSource, SourceError};
use corelane_runtime::telemetry::Counters;
use miette::IntoDiagnostic;

use super::source;

/// More than all US instruments have at any time of a real day.
const LIMITS: BookLimits = BookLimits { orders_max: 1 << 22, levels_max: 1 << 16 };

/// The books of every instrument of a file.
pub(super) struct Replay {
    pub books: Books,
    /// The symbols by the file's locates.
    pub symbols: BTreeMap<Locate, Symbol>,
    counters: Counters<FeedCount>,
    /// The number of invalid messages, and the error if the file is truncated.
    errors: u64,
    truncated: Option<String>,
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
    /// Applies the messages of `file` up to and including `until_ns`.
    ///
    /// # Errors
    /// If the file cannot be opened or read. A truncated file and invalid messages are not errors; see
    /// [`Replay::warn`].
    pub(super) fn run(file: &Path, until_ns: u64, mut on_change: impl FnMut(Applied<'_>)) -> miette::Result<Self> {
        let mut source = MessageSource::new(source::open(file)?);
        let mut replay = Replay {
            books: Books::of_all(LIMITS),
            symbols: BTreeMap::new(),
            counters: Counters::default(),
            errors: 0,
            truncated: None,
        };
        let mut number = 0;
        loop {
            number += 1;
            match source.peek() {
                Ok(None) => break,
                Ok(Some(bytes)) => match Message::decode(bytes) {
                    Ok(message) if message.timestamp_ns() > until_ns => break,
                    Ok(message) => {
                        if let Some(locate) = replay.apply(&message) {
                            on_change(Applied { number, at_ns: message.timestamp_ns(), locate, books: &replay.books });
                        }
                    }
                    Err(_) => replay.errors += 1,
                },
                Err(error @ SourceError::Truncated { .. }) => {
                    replay.truncated = Some(error.to_string());
                    break;
                }
                Err(error) => return Err(error).into_diagnostic(),
            }
            source.take().into_diagnostic()?;
        }
        Ok(replay)
    }

    fn apply(&mut self, message: &Message<'_>) -> Option<Locate> {
        if let Message::StockDirectory(_) | Message::AddOrder(_) | Message::AddOrderMpid(_) = message
            && let Some(symbol) = message.stock()
        {
            self.symbols.insert(Locate(message.stock_locate()), *symbol);
        }
        self.books.apply(message, &self.counters)
    }

    /// Reports problems of the file on standard error, if there are any.
    pub(super) fn warn(&self) {
        let count = |name| self.counters.get(name);
        let told = [
            (self.errors, "messages are not ITCH 5.0; run `corelane itch stats` to see which"),
            (count(FeedCount::UnknownOrders), "messages refer to orders that were never added"),
            (count(FeedCount::DuplicateOrders), "adds repeat the reference of a resting order"),
            (count(FeedCount::Excess), "executions and cancels exceed the shares of their order"),
            (count(FeedCount::Overflows), "orders exceed the capacity of the books, which are incomplete"),
        ];
        for (count, what) in told.into_iter().filter(|(count, _)| *count > 0) {
            eprintln!("warning: {count} {what}");
        }
        if let Some(truncated) = &self.truncated {
            eprintln!("warning: {truncated}");
        }
    }
}
