//! The ends of edges for threads outside the topology.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use crate::{
    edge::conflated,
    edge::ends::TakeMessage,
    message::{Envelope, Header, Keyed, Message},
    shard::wake::Waker,
};

/// Sends to an actor from outside the topology.
///
/// A message that was accepted is handled, unless its actor fails before that or the topology stops in the same moment.
pub struct ExternalSender<M> {
    pub(super) producer: rtrb::Producer<Envelope<M>>,
    pub(super) waker: Arc<Waker>,
    pub(super) gate: Arc<Gate>,
}

/// Whether messages from outside are still accepted.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    is_closed: AtomicBool,
}

impl Gate {
    /// Accepts no more. It orders nothing: what was accepted before is in the rings.
    pub(crate) fn close(&self) {
        self.is_closed.store(true, Ordering::Relaxed);
    }

    fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::Relaxed)
    }
}

/// An edge did not accept a message from outside; this gives the message back.
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused<M> {
    /// The edge has no room now.
    #[error(
        "the edge is full; send the message again when its actor has caught up, or give the edge a larger capacity"
    )]
    Full(M),
    /// Nobody will take it: the actor has failed, or the topology stops.
    #[error("the actor has failed or the topology has stopped; Running::status says which")]
    Closed(M),
}

impl<M> Refused<M> {
    /// The message.
    pub fn into_message(self) -> M {
        match self {
            Refused::Full(message) | Refused::Closed(message) => message,
        }
    }

    /// Whether a later try may succeed.
    #[must_use]
    pub fn is_full(&self) -> bool {
        matches!(self, Refused::Full(_))
    }
}

impl<M> fmt::Debug for Refused<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<M> fmt::Debug for ExternalSender<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExternalSender").field("room", &self.producer.slots()).finish_non_exhaustive()
    }
}

impl<M: Message> ExternalSender<M> {
    /// Sends `body`. It never waits.
    ///
    /// # Errors
    /// [`Refused`], with the message, if the edge is full, the actor has failed or the topology stops.
    pub fn send(&mut self, body: M) -> Result<(), Refused<M>> {
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
    /// [`Refused`].
    // Always inline, so that the message is built in its slot, as in `Port::send`.
    #[inline(always)]
    pub fn send(&mut self, body: M) -> Result<(), Refused<M>> {
        self.send_as(Header::default(), body)
    }

    /// As [`send`](Self::send), with the header that a sequencer gave the message: for a sequenced actor whose sequencer is
    /// elsewhere, or whose inputs were recorded. The header's kind is replaced by the body's.
    ///
    /// # Errors
    /// [`Refused`].
    #[inline(always)]
    pub fn send_as(&mut self, header: Header, body: M) -> Result<(), Refused<M>> {
        if self.sender.gate.is_closed() || self.sender.producer.is_abandoned() {
            return Err(Refused::Closed(body));
        }
        let envelope = Envelope { header: Header { kind: body.kind(), ..header }, body };
        self.sender.producer.push(envelope).map_err(|rtrb::PushError::Full(envelope)| Refused::Full(envelope.body))?;
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

    /// Whether all has been received and no more will come, since the actor has failed or the topology has stopped.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        // In this order: what was sent before the end is seen with it.
        self.consumer.is_abandoned() && self.consumer.is_empty()
    }
}

/// Reads the newest message of each key that a port sends, outside the topology.
pub struct ConflatedReceiver<M> {
    pub(super) newest: conflated::Reader<M>,
}

impl<M: Keyed> fmt::Debug for ConflatedReceiver<M> {
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
        self.newest.receive()
    }

    /// Whether all has been received and no more will come, since the actor has failed or the topology has stopped.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        // In this order: what was sent before the end is seen with it.
        self.newest.is_abandoned() && self.newest.len() == 0
    }

    /// Messages replaced before they were read, counted when the newer message is read.
    #[must_use]
    pub fn conflated(&self) -> u64 {
        self.newest.overwritten()
    }
}
