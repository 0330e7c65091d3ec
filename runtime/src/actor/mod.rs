//! The actor: a single-threaded, deterministic state machine without I/O, and the context that it acts through.
//!
//! - [`Actor`] is what a shard hosts; [`NetActor`] also owns endpoints.
//! - [`SequencedActor`] sees one sequenced input stream and nothing else, so that its outputs can be replayed.
//! - [`Context`] and [`SequencedContext`] are all that a step may touch.
//!
//! What a context does not offer, an actor cannot do: there is no clock that is not the input's or the shard's, no
//! randomness, no file, no thread, no way to wait. Think of replay and of every actor's cell before you add to them.

mod context;
mod hooks;
mod sequenced;

pub use self::context::Context;
#[doc(hidden)]
pub use self::hooks::Role;
pub use self::hooks::{Actor, Down, NetActor, Step};
pub use self::sequenced::{SequencedActor, SequencedContext};
