//! Messages on edges: fixed-size values with a header, in slots of one, two or four cache lines.

use bytemuck::{Pod, Zeroable};

/// The header of every message: the input that caused it, the time of that input, and the kind of the message.
///
/// The outputs of a step inherit the header of the input being handled; only the sequencer writes a new one.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
pub struct Header {
    /// The sequence number of the input that caused this message; 0 before the sequencer.
    pub sequence: u64,
    /// The sequenced time of that input, in nanoseconds since midnight in the venue's time zone; a replay gives the
    /// same.
    pub time_ns: u64,
    /// The clock ticks when the shard reaped the input's batch from the network; queueing in the kernel came before.
    pub ingress_ticks: u64,
    /// The index of this message among the outputs of the same input on the same edge; before the sequencer, among the
    /// outputs of one step.
    pub index: u32,
    /// The [`Message::kind`] of the body.
    pub kind: u16,
    /// The generation of the producer: 0 until the actor is restarted or replaced.
    pub generation: u16,
}

/// A value that can travel on an edge.
pub trait Message: Copy + Send + 'static {
    /// A number for the variant, for tools that read only headers.
    fn kind(&self) -> u16 {
        0
    }
}

/// A message that replaces the one before it of the same key, for edges that keep only the newest of each
/// ([`Topology::conflate`](crate::topology::Topology::conflate)).
pub trait Keyed: Message + Pod {
    /// Its key, from 0 to one less than the edge's number of keys; a larger one fails the actor that sends it.
    fn key(&self) -> usize;
}

/// A message in its slot.
#[repr(C, align(64))]
#[derive(Clone, Copy, Debug)]
pub struct Envelope<M> {
    /// The header.
    pub header: Header,
    /// The message itself.
    pub body: M,
}

impl<M: Message> Envelope<M> {
    /// The size of the slot: 64, 128 or 256 bytes. A body that needs another size does not compile; pad it, or move
    /// rare fields to a message of their own.
    pub const SLOT_BYTES: usize = {
        let bytes = size_of::<Envelope<M>>();
        assert!(
            bytes == 64 || bytes == 128 || bytes == 256,
            "a message with its 32-byte header must fill a slot of 64, 128 or 256 bytes: pad the body or split it"
        );
        bytes
    };
}
