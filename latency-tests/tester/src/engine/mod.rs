//! The open loop: one thread serves all sessions and sends requests at times fixed before the run.
//!
//! Only the rate decides when a request is due, its *intended time*. If a request leaves late (because of backpressure
//! from the server, or because the tester was off its CPU), later requests keep their times, and its latency counts
//! from the intended time. A second figure, from the time at which the request was passed to the socket, is kept for
//! comparison.
//!
//! [`run`] drives any protocol that implements [`Wire`], so that the same instructions measure a venue and an echo
//! server.

mod connection;
mod kernel_times;
mod measured;
mod observer;
mod open_loop;
mod pacing;
mod schedule;
mod sent;
mod wire;

pub use kernel_times::{KernelTimes, SENT_SAMPLED};
pub use measured::{ACHIEVED_SHARE, Measured};
pub use observer::{Answered, Observer, Progress};
pub use pacing::{Cycle, IdleStrategy, Pacing, Timing};
pub use wire::{Event, Wire};

pub use crate::load_error::LoadError;
use crate::pin::pin;

/// Runs the load, and returns when all answers have arrived or the time limit for them is over.
///
/// # Errors
/// [`LoadError`] if the load cannot start.
pub fn run<W: Wire, O: Observer>(pacing: &Pacing, wire: &mut W, observer: &mut O) -> Result<Measured, LoadError> {
    for (setting, is_zero) in [
        ("the number of sessions", wire.sessions() == 0),
        ("the rate", !(pacing.rate_per_s > 0.0 && pacing.rate_per_s.is_finite())),
        ("the duration", pacing.duration.is_zero()),
        ("outstanding_max", pacing.outstanding_max == 0),
        (
            "a cycle's times and period",
            matches!(&pacing.timing, Timing::Cycle(cycle) if cycle.offsets_ns.is_empty() || cycle.period_ns == 0),
        ),
    ] {
        if is_zero {
            return Err(LoadError::Setting { setting, rule: "above zero" });
        }
    }
    if let Some(cpu) = pacing.cpu {
        pin(cpu)?;
    }
    open_loop::run(pacing, wire, observer)
}
