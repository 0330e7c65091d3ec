//! The open loop: one thread, all sessions, requests sent at times that were fixed before the run.
//!
//! The rate alone decides when a request is due. One that goes out late (the server pushed back, the tester was
//! off its CPU) does not shift those after it, and its latency counts from the time at which it was due: *intended
//! time*. The other figure, from the time at which it was handed to the socket, is kept beside it for comparison.
//!
//! [`run`] drives any protocol that implements [`Wire`], so that a venue and an echo server are measured by the same
//! instructions.

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
pub use pacing::{Cycle, Idle, Pacing, Timing};
pub use wire::{Event, Wire};

pub use crate::load_error::LoadError;
use crate::pin::pin;

/// Runs the load and returns when every answer has come, or the bounded wait for it is over.
///
/// # Errors
/// [`LoadError`] if it cannot be started.
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
