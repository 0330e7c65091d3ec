//! Messages on edges: fixed-size values with a header, in slots of one to four cache lines.
//!
//! ```
//! use corelane_runtime::message::{Envelope, Message};
//!
//! #[derive(Clone, Copy)]
//! enum Request {
//!     Enter { price: u64, shares: u32 },
//!     Cancel { order: u64 },
//! }
//!
//! impl Message for Request {
//!     fn kind(&self) -> u16 {
//!         match self {
//!             Request::Enter { .. } => 1,
//!             Request::Cancel { .. } => 2,
//!         }
//!     }
//! }
//!
//! assert_eq!(Envelope::<Request>::SLOT_BYTES, 64);
//! assert_eq!(Request::Cancel { order: 7 }.kind(), 2);
//! ```

use bytemuck::{Pod, Zeroable};

mod priority;
mod sequence_number;

pub use self::priority::{Prioritized, Priority};
pub use self::sequence_number::SequenceNumber;

/// The header of every message: the input that caused it, the time of that input, and the kind of the message.
///
/// The outputs of a step inherit the header of the input being handled; only the sequencer writes a new one.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
pub struct Header {
    /// The number of the input that caused this message; [`SequenceNumber::NONE`] before the sequencer.
    pub sequence: SequenceNumber,
    /// The sequenced time of that input, in nanoseconds since midnight (as [`Context::time_ns`](crate::actor::Context::time_ns)); a replay gives the
    /// same.
    pub time_ns: u64,
    /// The clock ticks when the shard reaped the input's batch from the network; queueing in the kernel came before. If the shard
    /// had stood still for more than a millisecond, the ticks when it last looked: the input has come since. (After less than 10 ms
    /// that is so for some twenty sockets and 128 frames of each, after more for some 4,096 frames in all, or what an actor takes in 10 ms; the others have the ticks of
    /// one of the next turns.) A frame that was held
    /// ([`Flow::Hold`](crate::net::Flow::Hold)) has those of the turn in which it was taken.
    pub ingress_ticks: u64,
    /// The index of this message among the outputs of the same input on the same edge; before the sequencer, among the
    /// outputs of one step.
    pub index: u32,
    /// The [`Message::kind`] of the body.
    pub kind: u16,
    /// The generation of the actor that sent it: 0 until it was restarted (see [`supervision`](crate::supervision)).
    pub generation: u16,
}

/// A value that can travel on an edge.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a message",
    label = "not a `Message`",
    note = "a message is a plain value: derive `Clone` and `Copy` for a type of your own, and write `impl Message for` it"
)]
pub trait Message: Copy + Send + 'static {
    /// A number for the variant, for tools that read only headers.
    fn kind(&self) -> u16 {
        0
    }
}

/// The input of an actor that nobody sends to: one with timers or endpoints alone.
impl Message for () {}

/// A message that replaces the one before it of the same key, for edges that keep only the newest of each
/// ([`Topology::conflate`](crate::topology::Topology::conflate)).
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no key, by which a conflated edge replaces messages",
    label = "not `Keyed`",
    note = "write `impl Keyed for` it, and derive `bytemuck::Pod` and `bytemuck::Zeroable` with `#[repr(C)]`"
)]
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
    /// Size of the slot in bytes: the smallest of 64, 128, 192 and 256 that holds the 32-byte header and the body, which
    /// is padded to fill it. A body of more than 224 bytes does not compile:
    ///
    /// ```compile_fail,E0080
    /// use corelane_runtime::message::{Envelope, Message};
    /// #[derive(Clone, Copy)]
    /// struct TooLarge([u8; 225]);
    /// impl Message for TooLarge {}
    /// let slot_bytes = Envelope::<TooLarge>::SLOT_BYTES;
    /// ```
    pub const SLOT_BYTES: usize = {
        let bytes = size_of::<Envelope<M>>();
        assert!(
            bytes <= SLOT_BYTES_MAX,
            "a message's body is at most 224 bytes: move rare fields to a message of their own, or send an index into a table"
        );
        bytes
    };
}

/// Size of the largest slot, in bytes: four cache lines.
const SLOT_BYTES_MAX: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Copy)]
    struct Bytes<const N: usize>([u8; N]);
    impl<const N: usize> Message for Bytes<N> {}

    #[test]
    fn a_body_of_any_size_is_padded_to_whole_cache_lines() {
        let slots = [
            Envelope::<Bytes<0>>::SLOT_BYTES,
            Envelope::<Bytes<32>>::SLOT_BYTES,
            Envelope::<Bytes<33>>::SLOT_BYTES,
            Envelope::<Bytes<96>>::SLOT_BYTES,
            Envelope::<Bytes<97>>::SLOT_BYTES,
            Envelope::<Bytes<161>>::SLOT_BYTES,
            Envelope::<Bytes<224>>::SLOT_BYTES,
        ];
        assert_eq!(slots, [64, 64, 128, 128, 192, 256, 256]);
        assert_eq!(Bytes([7; 3]).0, [7; 3]);
    }
}
