//! Marks on requests that the venue does not take now.
//!
//! The group numbers the answers to requests. So an actor before it that finds that a request must not trade now does not answer
//! the request but marks it, and the group rejects it for that reason. A mark never cancels an order: requests that lower exposure
//! pass, and a replace that is rejected leaves its order as it is.

use bytemuck::{CheckedBitPattern, NoUninit};
use corelane_codecs::ouch::RejectReason;

/// Why an enter, or a replace that raises something, is rejected before any other check.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, NoUninit, CheckedBitPattern)]
#[repr(u8)]
pub enum Mark {
    /// It is not marked.
    #[default]
    None = 0,
    /// The rate of its port, its account or its firm is used up.
    Rate = 1,
    /// Its port, its account or its firm has too many unanswered requests.
    InFlight = 2,
    /// A circuit breaker of the venue is open.
    Breaker = 3,
    /// It was older than the venue allows when it was sequenced. Its instrument is paused.
    Delay = 4,
}

impl Mark {
    /// The reason that the client gets; `None` without a mark.
    #[inline]
    #[must_use]
    pub fn reject_reason(self) -> Option<RejectReason> {
        match self {
            Mark::None => None,
            Mark::Rate => Some(RejectReason::RiskPortMessageRate),
            Mark::InFlight => Some(RejectReason::Other),
            Mark::Breaker => Some(RejectReason::ProcessingError),
            Mark::Delay => Some(RejectReason::Halted),
        }
    }
}
