//! The requests to send, and the expected answers.

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

/// The role of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Completion {
    /// The first answer to a request. The `unanswered` requests before it correctly get no answer.
    First {
        /// The number of requests skipped.
        unanswered: u32,
    },
    /// A further answer to the last answered request, or a message about a resting order.
    Further,
}

/// An answer that differs from the expected one.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("expected {expected}, got {actual}")]
pub struct Mismatch {
    /// The expected answer.
    pub expected: String,
    /// The actual answer.
    pub actual: String,
}

/// The content of a load: generates requests and checks answers.
///
/// Sessions are numbered from 0. The requests of a session are sent in the order of their generation.
pub trait Script {
    /// Appends the next request of this session: one OUCH message of at most [`REQUEST_BYTES_MAX`] bytes.
    fn next(&mut self, session: usize, out: &mut Vec<u8>);

    /// Checks the next answer to this session.
    ///
    /// # Errors
    /// [`Mismatch`] if it is not the expected answer. Later answers cannot be checked after that.
    fn check(&mut self, session: usize, answer: &Outbound<'_>) -> Result<Completion, Mismatch>;

    /// Withdraws the last generated request, which will not be sent.
    fn withdraw(&mut self, session: usize);

    /// The number of answers that the venue still owes this session, given that the last `outstanding` sent requests
    /// are unanswered.
    fn owed(&self, session: usize, outstanding: usize) -> u64;

    /// Appends a request that removes one of this session's open orders; returns `false` if none is left. Called after
    /// the load, when all answers have arrived.
    fn closing(&mut self, session: usize, out: &mut Vec<u8>) -> bool;
}
