//! Published matching crates on the same commands as our group, a book for each instrument.
//!
//! They match only: no risk checks, no accounts, no encoded reports and no feed, all of which our group does in its time.

mod books;
mod lobster;
mod matchcore;

use std::ops::Range;

use self::books::Books;
use crate::engine::{self, Commands, Engine, Round, Totals};

/// Work that our group does in the same time and lobster does not.
const LOBSTER_DIFFERS: &str = "matches only: no risk checks, no accounts, no sequence, no encoded reports, no feed";
/// Work that our group does in the same time and matchcore does not, and work that is done for matchcore.
const MATCHCORE_DIFFERS: &str = "matches only: no risk checks, no accounts, no sequence, no encoded reports, no feed; \
     matchcore 0.4.0 lets an order trade through its own limit, so each order is split at the best opposite price before \
     it is submitted, and the lookup is in its time";

/// A crate.
#[derive(Clone, Copy, Debug)]
pub struct Peer {
    /// Name of the crate.
    pub name: &'static str,
    /// Differences from our group: work that it leaves out or does otherwise.
    pub differs: &'static str,
    /// Executes the commands on a CPU, as [`engine::run`].
    pub run: fn(cpu: usize, commands: &Commands, rate_per_s: f64) -> Round,
}

/// All of them.
pub const ALL: &[Peer] =
    &[peer::<matchcore::Books>("matchcore", MATCHCORE_DIFFERS), peer::<lobster::Books>("lobster", LOBSTER_DIFFERS)];

const fn peer<B: Books>(name: &'static str, differs: &'static str) -> Peer {
    Peer {
        name,
        differs,
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
