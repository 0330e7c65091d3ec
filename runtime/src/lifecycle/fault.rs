//! What else than an actor can fail, and end a topology.

use crate::shard::panics::{PanicLocation, PanicMessage};

/// Why a topology stopped by itself, or did not end as it should. An actor that fails is a
/// [`Failure`](crate::Failure) instead, and ends nothing but itself.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RuntimeFault {
    /// A shard panicked outside of its actors: in a framer, or in the network driver. Its actors have failed with it, its
    /// sockets are closed, and the others were stopped in order.
    #[error("shard {shard:?} panicked at {place}, outside of its actors, and ended the topology: {message}")]
    ShardPanicked {
        /// The shard.
        shard: String,
        /// Where in the code.
        place: PanicLocation,
        /// What the panic said.
        message: PanicMessage,
    },
    /// A supervisor gave up, and ended the topology: restarts did not help, or could not.
    #[error(
        "supervisor {supervisor:?} gave up when actor {actor:?} failed, and ended the topology; its failures say why"
    )]
    GaveUp {
        /// The supervisor.
        supervisor: String,
        /// The actor whose failure was one too many, or that did not stop or start in time.
        actor: String,
    },
    /// A shard's thread ended before the stop.
    #[error("shard {shard:?}: its thread ended and with it the topology; look into the log for its executor's words")]
    ShardEnded {
        /// The shard.
        shard: String,
    },
    /// A shard made no turn for longer than [`RunOptions::watchdog`](super::RunOptions::watchdog) allows.
    #[error(
        "shard {shard:?} made no turn for {milliseconds} ms, after {turns} with work, and ended the topology; look for an endless loop in {}",
        looping(actor)
    )]
    ShardStuck {
        /// The shard.
        shard: String,
        /// How long.
        milliseconds: u64,
        /// The actor that it had called last in its turn; none if that was the network, or a framer, before any actor.
        actor: Option<String>,
        /// The turns with work that it had published before.
        turns: u64,
    },
    /// A shard's thread did not end when all should. It was left behind: end the process.
    #[error("shard {shard:?} {}; look for an endless loop in {}", not_ended(*seconds), looping(actor))]
    ShardHangs {
        /// The shard.
        shard: String,
        /// How long it was given, in whole seconds: 0 if it made no turns, and nobody waited for it.
        seconds: u64,
        /// The actor that it had called last.
        actor: Option<String>,
    },
    /// The housekeeping thread panicked, and stopped the topology.
    #[error("housekeeping panicked at {place} and ended the topology: {message}")]
    HousekeepingPanicked {
        /// Where in the code.
        place: PanicLocation,
        /// What the panic said.
        message: PanicMessage,
    },
    /// The housekeeping thread did nothing new for longer than
    /// [`RunOptions::housekeeping_watchdog`](super::RunOptions::housekeeping_watchdog) allows. If it does not go on, its thread is left behind: end the process.
    #[error(
        "housekeeping made no turn for {milliseconds} ms, and the topology ended at once without it; look for an endless loop, or a wait, in {doing}"
    )]
    HousekeepingStuck {
        /// How long.
        milliseconds: u64,
        /// What it was doing, in words.
        doing: String,
    },
    /// Nobody ended the day before [`RunOptions::time_of_day_max`](super::RunOptions::time_of_day_max).
    #[error(
        "the day did not end: its time reached {seconds} s since midnight, where the topology stops; start it anew each day"
    )]
    DayWithoutEnd {
        /// The time of day, in seconds.
        seconds: u64,
    },
}

fn not_ended(seconds: u64) -> String {
    match seconds {
        0 => "did not end with the others, and nobody waited for it".to_owned(),
        _ => format!("did not end within {seconds} s"),
    }
}

fn looping(actor: &Option<String>) -> String {
    match actor {
        Some(actor) => format!("actor {actor:?}, which it had called last"),
        None => "its network, which it polled".to_owned(),
    }
}
