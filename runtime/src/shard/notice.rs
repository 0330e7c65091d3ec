//! What housekeeping and a shard tell each other about actors.

use std::any::Any;

use crate::{
    actor::{Down, Up},
    message::Header,
    shard::failure::{DeadLetter, Failure},
    shard::flight::Happened,
    shard::panics::{self, Caught},
    topology::ids::ActorIndex,
};

/// An actor of any type, built or to be dropped on housekeeping. It is the program's, and so is its drop: wherever it is dropped,
/// with what it waited in too, a panic of that ends nothing.
pub(crate) struct Value(Option<Box<dyn Any + Send>>);

impl Value {
    pub(crate) fn new(actor: impl Any + Send) -> Value {
        Value(Some(Box::new(actor)))
    }

    pub(crate) fn get_mut(&mut self) -> &mut (dyn Any + Send) {
        self.0.as_deref_mut().expect("it is there until it is let go")
    }

    /// Drops it where its panic is told.
    pub(crate) fn let_go(mut self) -> Result<(), Caught> {
        let actor = self.0.take();
        panics::catch(|| drop(actor))
    }
}

impl Drop for Value {
    fn drop(&mut self) {
        let Some(actor) = self.0.take() else { return };
        if panics::catch(|| drop(actor)).is_err() {
            let (place, message) = panics::take();
            let _ = panics::catch(
                || tracing::error!(%place, %message, "a replacement panicked when it was dropped unused"),
            );
        }
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    struct DropsBadly;

    impl Drop for DropsBadly {
        fn drop(&mut self) {
            panic!("as the test wants");
        }
    }

    #[test]
    fn replacements_whose_drops_panic_end_nothing_where_they_wait() {
        let (mut notices, ring) = rtrb::RingBuffer::new(2);
        for generation in 1..=2 {
            let value = Value::new(DropsBadly);
            assert!(notices.push(Notice::Replace { actor: ActorIndex::new(0), generation, value }).is_ok());
        }
        // As at the end of a topology: a second panic while the first unwinds would end the process.
        drop((notices, ring));
        assert!(Value::new(DropsBadly).let_go().is_err());
    }
}
