//! What travels on edges: a fixed-size value with a header, in a slot of one to four cache lines.

use bytemuck::{Pod, Zeroable};

/// Travels with every message: which input caused it, when it came in, and what it is.
///
/// A step's outputs inherit the header of the input being worked on; only the sequencer writes a new one.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
pub struct Header {
    /// Number of the sequenced input that caused this message; 0 before the sequencer.
    pub sequence: u64,
    /// Time of that input in nanoseconds since midnight of the venue's zone: sequenced, so the same in a replay.
    pub time_ns: u64,
    /// Clock ticks when the batch that held the input was reaped from the network (queueing in the kernel
    /// excluded).
    pub ingress_ticks: u64,
    /// Index of this message among the outputs that its input caused on the same edge; before the sequencer, among
    /// those of one step.
    pub index: u32,
    /// [`Message::kind`] of the body.
    pub kind: u16,
    /// Generation of the producer: 0 until an actor is restarted or replaced.
    pub generation: u16,
}

/// A value that can travel on an edge.
pub trait Message: Copy + Send + 'static {
    /// A number that names the variant, for tools that look at headers only.
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
    /// Where the message comes from.
    pub header: Header,
    /// The message.
    pub body: M,
}

impl<M: Message> Envelope<M> {
    /// Size of the slot in bytes: 64, 128 or 256. A body that needs another size does not compile: pad it, or
    /// move what is rare into a message of its own.
    pub const SLOT_BYTES: usize = {
        let bytes = size_of::<Envelope<M>>();
        assert!(
            bytes == 64 || bytes == 128 || bytes == 256,
            "a message with its 32-byte header must fill a slot of 64, 128 or 256 bytes: pad the body or split it"
        );
        bytes
    };
}
