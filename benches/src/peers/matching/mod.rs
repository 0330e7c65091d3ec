//! Published matching crates on the same commands as our group, a book for each instrument.
//!
//! They match only: no risk checks, no accounts, no encoded reports and no feed, all of which our group does in its time.

mod lobster;
mod matchcore;

use std::ops::Range;

use crate::engine::{self, Commands, Engine, Op, Round, Totals};

/// What they do not do that our group does in the same time, for who reads a ratio to them.
pub const DIFFERS: &str = "matches only: no risk checks, no accounts, no sequence, no encoded reports, no feed";

/// A crate.
#[derive(Clone, Copy)]
pub struct Peer {
    /// Its name.
    pub name: &'static str,
    /// Executes the commands on a CPU, as [`engine::run`].
    pub run: fn(cpu: usize, commands: &Commands, rate_per_s: f64) -> Round,
}

/// All of them.
pub const ALL: &[Peer] = &[peer::<matchcore::Books>("matchcore"), peer::<lobster::Books>("lobster")];

/// The books of one crate. Each call answers before it returns.
trait Books: Sized {
    /// Empty books, one for each instrument, for this stream of commands.
    fn new(commands: &Commands) -> Self;

    /// Executes one command.
    fn execute(&mut self, op: &Op, totals: &mut Totals);
}

const fn peer<B: Books>(name: &'static str) -> Peer {
    Peer {
        name,
        run: |cpu, commands, rate_per_s| engine::run(|| Direct::<B>::new(commands), cpu, commands, rate_per_s),
    }
}

/// Calls the books directly.
struct Direct<B> {
    books: B,
    totals: Totals,
}

impl<B: Books> Direct<B> {
    fn new(commands: &Commands) -> Self {
        Direct { books: B::new(commands), totals: Totals::default() }
    }
}

impl<B: Books> Engine for Direct<B> {
    #[inline]
    fn execute(&mut self, commands: &Commands, places: Range<usize>, done: &mut impl FnMut(Range<usize>)) {
        for place in places.clone() {
            self.books.execute(commands.at(place), &mut self.totals);
        }
        done(places);
    }

    fn finish(&mut self, _: &mut impl FnMut(Range<usize>)) -> Totals {
        self.totals
    }
}
