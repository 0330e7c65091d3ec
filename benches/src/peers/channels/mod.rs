//! Channels and rings between two threads that spin, each with [`CAPACITY`](crate::hop::CAPACITY) slots where it is
//! bounded.
//!
//! Each is used in the way that is fastest for it. A receiver that looks again at once beats one that lets itself be
//! woken, so all but those with `await` in their name are polled with `try_send` and `try_recv`.

mod awaiting;
mod links;
mod shared_channel;
mod spinning;

use self::links::{
    Crossbeam, Disruptor, Flume, Kanal, NexusMpsc, NexusSpsc, Ringbuf, SyncChannel, Thingbuf, TokioMpsc,
};
use super::{Kind, Peer};

/// All of them.
pub const ALL: &[Peer] = &[
    spinning::peer::<Crossbeam>("crossbeam-channel", Kind::Channel),
    spinning::peer::<Flume>("flume", Kind::Channel),
    spinning::peer::<Kanal>("kanal", Kind::Channel),
    spinning::peer::<Thingbuf>("thingbuf mpsc", Kind::Channel),
    spinning::peer::<NexusMpsc>("nexus-queue mpsc", Kind::Channel),
    spinning::peer::<SyncChannel>("std sync_channel", Kind::Channel),
    spinning::peer::<TokioMpsc>("tokio mpsc, try_recv", Kind::Channel),
    awaiting::PEER,
    shared_channel::PEER,
    spinning::peer::<Ringbuf>("ringbuf", Kind::RawRing),
    spinning::peer::<NexusSpsc>("nexus-queue spsc", Kind::RawRing),
    spinning::peer::<Disruptor>("disruptor", Kind::RawRing),
];
