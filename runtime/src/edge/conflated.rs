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

use crate::{
    edge::ends::{PutMessage, TakeMessage, Taken},
    message::{Envelope, Header, Keyed},
};

const HEADER_WORDS: usize = size_of::<Header>() / 8;
/// The largest slot.
const WORDS_MAX: usize = 256 / 8;

const fn words_of<M: Keyed>() -> usize {
    assert!(Envelope::<M>::SLOT_BYTES <= 8 * WORDS_MAX);
    HEADER_WORDS + size_of::<M>().div_ceil(8)
}

/// Makes the two ends of an edge of `keys` keys.
pub(crate) fn conflated_pair<M: Keyed>(keys: usize) -> (Writer, Reader<M>) {
    let (writer, reader) = conflated(keys, words_of::<M>());
    let is_abandoned = Arc::<AtomicBool>::default();
    let writer = Writer { writer, is_abandoned: is_abandoned.clone() };
    (writer, Reader { reader, is_abandoned, message: PhantomData })
}

pub(crate) struct Writer {
    writer: ConflatedWriter,
    is_abandoned: Arc<AtomicBool>,
}

impl Drop for Writer {
    fn drop(&mut self) {
        // Release: whoever sees it sees what was put.
        self.is_abandoned.store(true, Ordering::Release);
    }
}

impl<M: Keyed> PutMessage<M> for Writer {
    fn refuses(&self, message: &M) -> Option<&'static str> {
        (message.key() >= self.writer.keys())
            .then_some("the key of a message is not below the number of keys of its conflated edge: raise that number")
    }

    fn put(&mut self, envelope: &Envelope<M>) -> bool {
        let mut words = [0; WORDS_MAX];
        let bytes: &mut [u8] = cast_slice_mut(&mut words);
        let (header, body) = bytes.split_at_mut(size_of::<Header>());
        header.copy_from_slice(bytes_of(&envelope.header));
        body[..size_of::<M>()].copy_from_slice(bytes_of(&envelope.body));
        self.writer.write(envelope.body.key(), &words[..words_of::<M>()]);
        true
    }
}

pub(crate) struct Reader<M> {
    reader: ConflatedReader,
    is_abandoned: Arc<AtomicBool>,
    message: PhantomData<fn() -> M>,
}

impl<M> Reader<M> {
    /// Whether the producing end is gone. What it put before that is seen then.
    pub(crate) fn is_abandoned(&self) -> bool {
        self.is_abandoned.load(Ordering::Acquire)
    }
}

impl<M: Keyed> Reader<M> {
    /// The newest message of a key that has changed.
    pub(crate) fn receive(&mut self) -> Option<Envelope<M>> {
        let mut words = [0; WORDS_MAX];
        self.reader.take(&mut words[..words_of::<M>()])?;
        let bytes: &[u8] = cast_slice(&words);
        let (header, body) = bytes.split_at(size_of::<Header>());
        let mut envelope = Envelope { header: Header::zeroed(), body: M::zeroed() };
        bytes_of_mut(&mut envelope.header).copy_from_slice(header);
        bytes_of_mut(&mut envelope.body).copy_from_slice(&body[..size_of::<M>()]);
        Some(envelope)
    }
}

impl<M: Keyed> TakeMessage<M> for Reader<M> {
    fn take(&mut self) -> Option<Taken<M>> {
        self.receive().map(Taken::Message)
    }

    fn clear(&mut self, count: usize) -> usize {
        std::iter::from_fn(|| self.receive()).take(count).count()
    }

    fn len(&self) -> usize {
        self.reader.len()
    }

    fn overwritten(&self) -> u64 {
        self.reader.overwritten()
    }

    fn expired(&self) -> u64 {
        0
    }
}
