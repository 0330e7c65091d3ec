//! The libraries.

use corelane_runtime::message::{Envelope, Header};
use disruptor::{BusySpin, Producer as _, SingleConsumerBarrier, SingleProducer, SingleProducerBarrier};
use ringbuf::traits::{Consumer as _, Producer as _, Split as _};

use crate::hop::{Ball, CAPACITY, link::Link};

type Message = Envelope<Ball>;

/// Links whose ends are taken as they come and give one message at a time.
macro_rules! links {
    ($($(#[$meta:meta])* $name:ident: $sender:ty, $receiver:ty = $new:expr, $send:expr, $receive:expr;)+) => {$(
        $(#[$meta])*
        pub(super) struct $name;

        impl Link for $name {
            type Sender = $sender;
            type Receiver = $receiver;

            fn new() -> (Self::Sender, Self::Receiver) {
                $new
            }

            #[inline]
            fn try_send(sender: &mut Self::Sender, message: Message) -> bool {
                let send: fn(&mut Self::Sender, Message) -> bool = $send;
                send(sender, message)
            }

            #[inline]
            fn try_receive(receiver: &mut Self::Receiver, mut each: impl FnMut(Message)) -> u64 {
                let receive: fn(&mut Self::Receiver) -> Option<Message> = $receive;
                match receive(receiver) {
                    Some(message) => {
                        each(message);
                        1
                    }
                    None => 0,
                }
            }
        }
    )+};
}

links! {
    /// Bounded.
    Crossbeam: crossbeam_channel::Sender<Message>, crossbeam_channel::Receiver<Message> =
        crossbeam_channel::bounded(CAPACITY),
        |sender, message| sender.try_send(message).is_ok(),
        |receiver| receiver.try_recv().ok();
    /// Bounded, with its feature `spin`.
    Flume: flume::Sender<Message>, flume::Receiver<Message> =
        flume::bounded(CAPACITY),
        |sender, message| sender.try_send(message).is_ok(),
        |receiver| receiver.try_recv().ok();
    /// Bounded.
    Kanal: kanal::Sender<Message>, kanal::Receiver<Message> =
        kanal::bounded(CAPACITY),
        |sender, message| sender.try_send(message) == Ok(true),
        |receiver| receiver.try_recv().ok().flatten();
    /// Bounded, slots used again.
    Thingbuf: thingbuf::mpsc::blocking::Sender<Message, Keep>, thingbuf::mpsc::blocking::Receiver<Message, Keep> =
        thingbuf::mpsc::blocking::with_recycle(CAPACITY, Keep),
        |sender, message| sender.try_send_ref().map(|mut slot| *slot = message).is_ok(),
        |receiver| receiver.try_recv_ref().ok().map(|slot| *slot);
    /// Bounded.
    NexusMpsc: nexus_queue::mpsc::Producer<Message>, nexus_queue::mpsc::Consumer<Message> =
        nexus_queue::mpsc::ring_buffer(CAPACITY),
        |sender, message| sender.push(message).is_ok(),
        |receiver| receiver.pop();
    /// Bounded.
    SyncChannel: std::sync::mpsc::SyncSender<Message>, std::sync::mpsc::Receiver<Message> =
        std::sync::mpsc::sync_channel(CAPACITY),
        |sender, message| sender.try_send(message).is_ok(),
        |receiver| receiver.try_recv().ok();
    /// Bounded, without a runtime.
    TokioMpsc: tokio::sync::mpsc::Sender<Message>, tokio::sync::mpsc::Receiver<Message> =
        tokio::sync::mpsc::channel(CAPACITY),
        |sender, message| sender.try_send(message).is_ok(),
        |receiver| receiver.try_recv().ok();
    /// The ring's usual ends, which remember each other's place.
    Ringbuf: ringbuf::HeapProd<Message>, ringbuf::HeapCons<Message> =
        ringbuf::HeapRb::new(CAPACITY).split(),
        |sender, message| sender.try_push(message).is_ok(),
        |receiver| receiver.try_pop();
    /// A ring with one producer and one consumer.
    NexusSpsc: nexus_queue::spsc::Producer<Message>, nexus_queue::spsc::Consumer<Message> =
        nexus_queue::spsc::ring_buffer(CAPACITY),
        |sender, message| sender.push(message).is_ok(),
        |receiver| receiver.pop();
}

/// Slots are overwritten as they are.
pub(super) struct Keep;

impl thingbuf::Recycle<Message> for Keep {
    fn new_element(&self) -> Message {
        empty()
    }

    fn recycle(&self, _: &mut Message) {}
}

/// A ring with one producer and a poller that takes all that is there, which is how its authors get its throughput.
pub(super) struct Disruptor;

impl Link for Disruptor {
    type Sender = SingleProducer<Message, SingleConsumerBarrier>;
    type Receiver = disruptor::EventPoller<Message, SingleProducerBarrier>;

    fn new() -> (Self::Sender, Self::Receiver) {
        let (poller, builder) = disruptor::build_single_producer(CAPACITY, empty, BusySpin).new_event_poller();
        (builder.build(), poller)
    }

    #[inline]
    fn try_send(sender: &mut Self::Sender, message: Message) -> bool {
        sender.try_publish(|slot| *slot = message).is_ok()
    }

    #[inline]
    fn try_receive(receiver: &mut Self::Receiver, mut each: impl FnMut(Message)) -> u64 {
        let Ok(mut events) = receiver.poll() else { return 0 };
        let mut seen = 0;
        for message in &mut events {
            each(*message);
            seen += 1;
        }
        seen
    }
}

fn empty() -> Message {
    Envelope { header: Header::default(), body: Ball::new(0) }
}
