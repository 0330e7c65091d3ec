//! The baseline: the `rtrb` ring that carries the edges, used directly, with the same slots.

use corelane_runtime::message::Envelope;
use rtrb::{Consumer, Producer, RingBuffer};

use super::{
    ball::{Ball, CAPACITY, CHUNK},
    link::Link,
};

type Message = Envelope<Ball>;

/// Pushed and popped one at a time.
#[derive(Debug)]
pub struct Rtrb;

impl Link for Rtrb {
    type Sender = Producer<Message>;
    type Receiver = Consumer<Message>;

    fn new() -> (Self::Sender, Self::Receiver) {
        RingBuffer::new(CAPACITY)
    }

    #[inline]
    fn try_send(sender: &mut Self::Sender, message: Message) -> bool {
        sender.push(message).is_ok()
    }

    #[inline]
    fn try_receive(receiver: &mut Self::Receiver, mut each: impl FnMut(Message)) -> u64 {
        let Ok(message) = receiver.pop() else { return 0 };
        each(message);
        1
    }
}

/// Pushed and popped [`CHUNK`] at a time: for a flood, of which the last chunk stays behind.
#[derive(Debug)]
pub struct RtrbChunked;

/// A producer, and what it pushes next.
#[derive(Debug)]
pub struct Staged {
    producer: Producer<Message>,
    chunk: Vec<Message>,
}

impl Link for RtrbChunked {
    type Sender = Staged;
    type Receiver = Consumer<Message>;

    fn new() -> (Self::Sender, Self::Receiver) {
        let (producer, consumer) = RingBuffer::new(CAPACITY);
        (Staged { producer, chunk: Vec::with_capacity(CHUNK) }, consumer)
    }

    #[inline]
    fn try_send(Staged { producer, chunk }: &mut Self::Sender, message: Message) -> bool {
        if chunk.len() == CHUNK {
            if producer.push_entire_slice(chunk).is_err() {
                return false;
            }
            chunk.clear();
        }
        chunk.push(message);
        true
    }

    #[inline]
    fn try_receive(receiver: &mut Self::Receiver, mut each: impl FnMut(Message)) -> u64 {
        let Ok(messages) = receiver.read_chunk(receiver.slots().min(CHUNK)) else { return 0 };
        let (one, two) = messages.as_slices();
        let seen = one.len() + two.len();
        one.iter().chain(two).for_each(|message| each(*message));
        messages.commit_all();
        seen as u64
    }
}
