//! Channels and rings between two threads that spin, each with [`CAPACITY`](crate::hop::CAPACITY) slots where it is
//! bounded.
//!
//! Each is used in the way that is fastest for it. A receiver that looks again at once beats one that lets itself be
//! woken, so all but those with `await` in their name are polled with `try_send` and `try_recv`.

#[cfg(feature = "aeron")]
mod aeron;
mod awaiting;
mod links;

use self::links::{
    Crossbeam, Disruptor, Flume, Kanal, NexusMpsc, NexusSpsc, Ringbuf, SyncChannel, Thingbuf, TokioMpsc,
};
use super::peer::{Kind, Peer};

/// All of them.
pub const ALL: &[Peer] = &[
    Peer::spinning::<Crossbeam>("crossbeam-channel", Kind::Channel),
    Peer::spinning::<Flume>("flume", Kind::Channel),
    Peer::spinning::<Kanal>("kanal", Kind::Channel),
    Peer::spinning::<Thingbuf>("thingbuf mpsc", Kind::Channel),
    Peer::spinning::<SyncChannel>("std sync_channel", Kind::Channel),
    Peer::spinning::<TokioMpsc>("tokio mpsc, try_recv", Kind::Channel),
    awaiting::TOKIO,
    awaiting::GLOMMIO,
    #[cfg(feature = "aeron")]
    Peer::spinning::<aeron::AeronIpc>("Aeron IPC", Kind::Channel),
    Peer::spinning::<Ringbuf>("ringbuf", Kind::RawRing),
    Peer::spinning::<NexusSpsc>("nexus-queue spsc", Kind::RawRing),
    Peer::spinning::<NexusMpsc>("nexus-queue mpsc", Kind::RawRing),
    Peer::spinning::<Disruptor>("disruptor", Kind::RawRing),
];
