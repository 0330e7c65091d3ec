//! Both ends of an edge that keeps only the newest message of each key: envelopes as the words of
//! [`corelane_sync::conflate`].

use std::{
    marker::PhantomData,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use bytemuck::{Zeroable, bytes_of, bytes_of_mut, cast_slice, cast_slice_mut};
use corelane_sync::conflate::{ConflatedReader, ConflatedWriter, conflated};

use crate::message::{Envelope, Header, Keyed};

const HEADER_WORDS: usize = size_of::<Header>() / 8;
/// The largest slot.
const WORDS_MAX: usize = 256 / 8;

const fn words_of<M: Keyed>() -> usize {
    assert!(Envelope::<M>::SLOT_BYTES <= 8 * WORDS_MAX);
    HEADER_WORDS + size_of::<M>().div_ceil(8)
}

/// The producing end, with its message type's demands erased.
pub(crate) trait PutConflated<M>: Send {
    /// Whether the edge has the message's key.
    fn has_key(&self, message: &M) -> bool;
    /// Replaces the message of its key.
    fn put(&mut self, envelope: &Envelope<M>);
}

/// The consuming end, likewise.
pub(crate) trait TakeConflated<M>: Send {
    fn take(&mut self) -> Option<Envelope<M>>;
    fn len(&self) -> usize;
    /// Whether the producing end is gone. What it put before that is seen then.
    fn is_abandoned(&self) -> bool;
    /// Messages replaced before they were read.
    fn overwritten(&self) -> u64;
}

/// Makes the two ends of an edge of `keys` keys.
pub(crate) fn conflated_pair<M: Keyed>(keys: usize) -> (Box<dyn PutConflated<M>>, Box<dyn TakeConflated<M>>) {
    let (writer, reader) = conflated(keys, words_of::<M>());
    let is_abandoned = Arc::<AtomicBool>::default();
    let writer = Writer { writer, is_abandoned: is_abandoned.clone() };
    (Box::new(writer), Box::new(Reader { reader, is_abandoned, message: PhantomData }))
}

struct Writer {
    writer: ConflatedWriter,
    is_abandoned: Arc<AtomicBool>,
}

impl Drop for Writer {
    fn drop(&mut self) {
        // Release: whoever sees it sees what was put.
        self.is_abandoned.store(true, Ordering::Release);
    }
}

impl<M: Keyed> PutConflated<M> for Writer {
    fn has_key(&self, message: &M) -> bool {
        message.key() < self.writer.keys()
    }

    fn put(&mut self, envelope: &Envelope<M>) {
        let mut words = [0; WORDS_MAX];
        let bytes: &mut [u8] = cast_slice_mut(&mut words);
        let (header, body) = bytes.split_at_mut(size_of::<Header>());
        header.copy_from_slice(bytes_of(&envelope.header));
        body[..size_of::<M>()].copy_from_slice(bytes_of(&envelope.body));
        self.writer.write(envelope.body.key(), &words[..words_of::<M>()]);
    }
}

struct Reader<M> {
    reader: ConflatedReader,
    is_abandoned: Arc<AtomicBool>,
    message: PhantomData<fn() -> M>,
}

impl<M: Keyed> TakeConflated<M> for Reader<M> {
    fn take(&mut self) -> Option<Envelope<M>> {
        let mut words = [0; WORDS_MAX];
        self.reader.take(&mut words[..words_of::<M>()])?;
        let bytes: &[u8] = cast_slice(&words);
        let (header, body) = bytes.split_at(size_of::<Header>());
        let mut envelope = Envelope { header: Header::zeroed(), body: M::zeroed() };
        bytes_of_mut(&mut envelope.header).copy_from_slice(header);
        bytes_of_mut(&mut envelope.body).copy_from_slice(&body[..size_of::<M>()]);
        Some(envelope)
    }

    fn len(&self) -> usize {
        self.reader.len()
    }

    fn is_abandoned(&self) -> bool {
        self.is_abandoned.load(Ordering::Acquire)
    }

    fn overwritten(&self) -> u64 {
        self.reader.overwritten()
    }
}
