//! Supervision: who is restarted when an actor fails, how often, and what happens when that does not help.
//!
//! - [`SupervisorSpec`] declares a supervisor in the terms of Erlang/OTP: strategy, intensity and period, and besides these
//!   backoff, escalation and a deadline.
//! - [`Tree`] is the state machine of all supervisors together. It does no I/O: it is given the time and what has happened, and
//!   returns what to do. Housekeeping drives it for a topology that runs, the simulation for one that is simulated.
//!
//! ```
//! use std::time::Duration;
//! use corelane_runtime::{supervision::*, topology::ActorIndex};
//!
//! let mut tree = Tree::new(7);
//! let spec = SupervisorSpec::new("feeds", Strategy::OneForOne).intensity(1, Duration::from_secs(5));
//! let feeds = tree.supervisor(None, spec);
//! let books = ActorIndex::new(0);
//! tree.child(feeds, books, Restart::Permanent);
//!
//! let mut actions = Vec::new();
//! tree.turn(0, &[Event::Failed(books)], &mut actions);
//! assert_eq!(actions, [Action::Start { actor: books, generation: 1 }]);
//! actions.clear();
//! tree.turn(1, &[Event::Started(books), Event::Failed(books)], &mut actions);
//! assert_eq!(actions, [Action::Escalate { supervisor: feeds, escalation: Escalation::Halt, actor: books }]);
//! ```

pub(crate) mod crew;
mod declare;
pub(crate) mod pulse;
mod spec;
mod tree;

pub use self::spec::{Backoff, Escalation, Restart, Strategy, SupervisorSpec};
pub use self::tree::{Action, Event, Outlook, SupervisorId, Tree};
