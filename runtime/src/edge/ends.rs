//! The two ends of an edge that is neither a ring nor a queue, behind a dynamic call, so that the plain edges pay nothing
//! for it.

use crate::message::Envelope;

/// The producing end, which the port calls at the flush.
pub(crate) trait PutMessage<M> {
    /// What is wrong with a message, so that the actor that sends it fails.
    fn refuses(&self, message: &M) -> Option<&'static str>;
    /// Puts a message; false if it was dropped.
    fn put(&mut self, envelope: &Envelope<M>) -> bool;
}

/// What became of a message that was taken off its edge.
pub(crate) enum Taken<M> {
    Message(Envelope<M>),
    /// It waited longer than it lives.
    Expired,
}

/// The consuming end.
pub(crate) trait TakeMessage<M> {
    /// Takes the next message.
    fn take(&mut self) -> Option<Taken<M>>;
    /// Discards up to `count` messages; returns how many.
    fn clear(&mut self, count: usize) -> usize;
    fn len(&self) -> usize;
    /// Messages replaced before they were read.
    fn overwritten(&self) -> u64;
    /// Messages that have expired when they were taken.
    fn expired(&self) -> u64;
}
