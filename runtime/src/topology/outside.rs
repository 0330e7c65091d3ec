//! The ends of edges for threads outside the topology.

use std::{fmt, sync::Arc};

use crate::{
    edge::conflated::TakeConflated,
    message::{Envelope, Header, Keyed, Message},
    shard::wake::Waker,
};

/// Sends to an actor from outside the topology.
///
/// What is sent to an actor that has failed, or after the topology has stopped, is accepted while there is room, and lost:
/// [`Running::status`](crate::lifecycle::Running::status) tells which actors failed.
pub struct ExternalSender<M> {
    pub(super) producer: rtrb::Producer<Envelope<M>>,
    pub(super) waker: Arc<Waker>,
}

impl<M> fmt::Debug for ExternalSender<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExternalSender").field("room", &self.producer.slots()).finish_non_exhaustive()
    }
}

impl<M: Message> ExternalSender<M> {
    /// Sends `body`, or returns it if the edge is full.
    ///
    /// # Errors
    /// Returns the message if the edge is full.
    pub fn send(&mut self, body: M) -> Result<(), M> {
        self.batch().send(body)
    }

    /// Starts a batch of messages. The actor's shard is woken once, when the batch is dropped.
    #[inline]
    pub fn batch(&mut self) -> SenderBatch<'_, M> {
        SenderBatch { sender: self, is_empty: true }
    }
}

/// See [`ExternalSender::batch`].
pub struct SenderBatch<'a, M: Message> {
    sender: &'a mut ExternalSender<M>,
    is_empty: bool,
}

impl<M: Message> fmt::Debug for SenderBatch<'_, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SenderBatch").field("sender", self.sender).finish_non_exhaustive()
    }
}

impl<M: Message> SenderBatch<'_, M> {
    /// As [`ExternalSender::send`]. The actor may see the message before the batch is dropped.
    ///
    /// # Errors
    /// Returns the message if the edge is full.
    // Always inline, so that the message is built in its slot, as in `Port::send`.
    #[inline(always)]
    pub fn send(&mut self, body: M) -> Result<(), M> {
        self.send_as(Header::default(), body)
    }

    /// As [`send`](Self::send), with the header that a sequencer gave the message: for a sequenced actor whose sequencer is
    /// elsewhere, or whose inputs were recorded. The header's kind is replaced by the body's.
    ///
    /// # Errors
    /// Returns the message if the edge is full.
    #[inline(always)]
    pub fn send_as(&mut self, header: Header, body: M) -> Result<(), M> {
        let envelope = Envelope { header: Header { kind: body.kind(), ..header }, body };
        self.sender.producer.push(envelope).map_err(|rtrb::PushError::Full(envelope)| envelope.body)?;
        self.is_empty = false;
        Ok(())
    }
}

impl<M: Message> Drop for SenderBatch<'_, M> {
    fn drop(&mut self) {
        if !self.is_empty {
            self.sender.waker.wake_after_push();
        }
    }
}

/// Reads what a port sends, outside the topology.
pub struct ExternalReceiver<M> {
    pub(super) consumer: rtrb::Consumer<Envelope<M>>,
}

impl<M> fmt::Debug for ExternalReceiver<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExternalReceiver").field("waiting", &self.consumer.slots()).finish_non_exhaustive()
    }
}

impl<M: Message> ExternalReceiver<M> {
    /// The oldest message not yet read; `None` if there is none now. It never waits. Messages that were sent before the
    /// topology stopped can be received afterwards.
    #[must_use]
    pub fn receive(&mut self) -> Option<Envelope<M>> {
        self.consumer.pop().ok()
    }
}

/// Reads the newest message of each key that a port sends, outside the topology.
pub struct ConflatedReceiver<M> {
    pub(super) newest: Box<dyn TakeConflated<M>>,
}

impl<M> fmt::Debug for ConflatedReceiver<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConflatedReceiver")
            .field("waiting", &self.newest.len())
            .field("conflated", &self.newest.overwritten())
            .finish_non_exhaustive()
    }
}

impl<M: Keyed> ConflatedReceiver<M> {
    /// The newest message of a key that has changed since it was last read; `None` if none has. Keys that have changed are
    /// read round robin.
    #[must_use]
    pub fn receive(&mut self) -> Option<Envelope<M>> {
        self.newest.take()
    }

    /// Messages replaced before they were read, counted when the newer message is read.
    #[must_use]
    pub fn conflated(&self) -> u64 {
        self.newest.overwritten()
    }
}
