//! What is sent, and what every answer to it must be.

mod choice;
mod generator;
mod messages;
mod model;
#[cfg(test)]
mod tests;

use corelane_codecs::ouch::Outbound;
use thiserror::Error;

pub use generator::{MarketScript, MarketSpec, Mix};
pub use messages::{Expected, Request};
pub use model::{FillOrder, Instrument, Limits, Model, Order, PriorityRule, Rules};

/// The longest request that a script may write, in bytes.
pub const REQUEST_BYTES_MAX: usize = 128;

/// What an answer completes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Completion {
    /// It is the first answer to the request that follows `unanswered` earlier ones; these rightly get none.
    First {
        /// Requests passed over.
        unanswered: u32,
    },
    /// It is a further answer to the request that was answered last, or about an order that rested.
    Further,
}

/// An answer that is not what it must be.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("expected {expected}, got {actual}")]
pub struct Mismatch {
    /// What should have come.
    pub expected: String,
    /// What came.
    pub actual: String,
}

/// The content of a load: makes requests, and judges the answers.
///
/// Sessions are numbered from 0. Requests of one session are sent in the order in which they were made.
pub trait Script {
    /// Appends the next request of this session, one OUCH message of at most [`REQUEST_BYTES_MAX`].
    fn next(&mut self, session: usize, out: &mut Vec<u8>);

    /// Judges the next answer to this session.
    ///
    /// # Errors
    /// If it is not what it must be. Nothing that follows can be judged then.
    fn check(&mut self, session: usize, answer: &Outbound<'_>) -> Result<Completion, Mismatch>;

    /// The request that was made last is not sent after all.
    fn withdraw(&mut self, session: usize);

    /// Answers that the venue still owes this session, of whose requests the last `outstanding` that were sent have
    /// not been answered.
    fn owed(&self, session: usize, outstanding: usize) -> u64;

    /// Appends a request that takes away what this session has left at the venue; `false` when there is nothing
    /// more. Called after the load, when all answers have come.
    fn closing(&mut self, session: usize, out: &mut Vec<u8>) -> bool;
}
