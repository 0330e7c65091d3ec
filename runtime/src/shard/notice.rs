//! What housekeeping and a shard tell each other about actors.

use std::any::Any;

use crate::{
    actor::{Down, Up},
    message::Header,
    shard::failure::{DeadLetter, Failure},
    shard::flight::Happened,
    topology::ids::ActorIndex,
};

/// An actor of any type, built or to be dropped on housekeeping.
pub(crate) type Value = Box<dyn Any + Send>;

/// What a shard is told.
pub(crate) enum Notice {
    /// An actor of another shard has ended.
    Down(Down),
    /// An actor of another shard was restarted.
    Up(Up),
    /// An actor of the shard is to be suspended.
    Suspend(ActorIndex),
    /// An actor of the shard is to be given up.
    End(ActorIndex),
    /// An actor of the shard is to be replaced by its next generation.
    Replace { actor: ActorIndex, generation: u16, value: Value },
}

/// What a shard reports.
#[expect(clippy::large_enum_variant, reason = "reports are rare, and a failure is handled without allocating")]
pub(crate) enum Report {
    Failed(Failure),
    /// An actor of the shard has ended; its neighbours on the shard know it.
    Down(Down),
    /// An actor of the shard was restarted; its neighbours on the shard know it.
    Up(Up),
    /// An actor is suspended, as a notice asked.
    Suspended {
        actor: ActorIndex,
        dead_letter: Option<DeadLetter>,
    },
    /// What was replaced, or was not needed, for housekeeping to drop.
    Retired {
        actor: ActorIndex,
        generation: u16,
        value: Value,
    },
}

impl Report {
    /// What the flight recorder keeps of it.
    pub(crate) fn happened(&self) -> Option<(ActorIndex, Happened, Header)> {
        match self {
            Report::Failed(failure) => Some((failure.actor, Happened::Failed, failure.header)),
            Report::Suspended { actor, .. } => Some((*actor, Happened::Suspended, Header::default())),
            Report::Up(Up { actor, generation }) => {
                Some((*actor, Happened::Restarted { generation: *generation }, Header::default()))
            }
            Report::Down(_) | Report::Retired { .. } => None,
        }
    }
}
