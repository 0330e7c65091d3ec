use std::{cell::RefCell, collections::VecDeque, rc::Rc};

use bytemuck::Zeroable;
use corelane_test_support::random::Random;

use super::*;
use crate::{
    edge::bind::{Binding, EdgeIn, Notice, Touched, Waiting},
    edge::outlet::Outlet,
    edge::outlet::tests::Numbered,
    edge::queue::{LocalQueue, Queue},
    edge::step::{BATCH_MAX, StepState},
    message::{Envelope, Header, SequenceNumber},
};

#[test]
fn an_open_port_never_limits_the_steps_of_a_batch() {
    let mut port = Port::<Numbered>::default();
    for (wanted, reserve) in [(1, 0), (1, 1), (BATCH_MAX, 1)] {
        assert_eq!(port.steps_room(wanted, reserve, false), wanted);
    }
}

#[test]
fn an_open_port_allocates_nothing() {
    let mut port = Port::<Numbered>::default();
    let capacity = port.staged.capacity();
    port.send(Numbered::new(1));
    assert_eq!((port.staged.len(), port.staged.capacity()), (0, capacity));
}

#[test]
fn the_messages_of_an_input_are_counted_on_behind_callbacks() {
    let step = Rc::<StepState>::default();
    let (mut port, mut consumer) = edge(64, true, Overflow::Backpressure, &step);
    let mut sends = |sequence, messages| {
        step.id.set(step.id.get() + 1);
        step.header.set(Header { sequence: SequenceNumber(sequence), ..Header::default() });
        (0..messages).for_each(|_| port.send(Numbered::new(sequence)));
        std::iter::from_fn(|| consumer.pop()).map(|message| message.header.index).collect::<Vec<_>>()
    };
    assert_eq!(sends(1, 2), [0, 1]);
    assert_eq!(sends(1, 1), [2]);
    assert_eq!(sends(0, 2), [0, 1]);
    assert_eq!(sends(0, 1), [0]);
    assert_eq!(sends(1, 2), [3, 4]);
    assert_eq!(sends(0, 0), []);
    assert_eq!(sends(1, 1), [5]);
    assert_eq!(sends(0, 1), [0]);
    assert_eq!(sends(2, 2), [0, 1]);
    assert_eq!(sends(3, 1), [0]);
}

/// Where the messages of a port are: three plain lists.
#[derive(Default)]
struct Model {
    shown: VecDeque<u64>,
    in_slots: Vec<u64>,
    staged: Vec<u64>,
    dropped: u64,
}

impl Model {
    /// Returns how many stay.
    fn flush(&mut self, capacity: usize, drops: bool) -> usize {
        self.shown.extend(self.in_slots.drain(..));
        let fits = (capacity - self.shown.len()).min(self.staged.len());
        self.shown.extend(self.staged.drain(..fits));
        if drops {
            self.dropped += self.staged.drain(..).count() as u64;
        }
        self.staged.len()
    }
}

/// The other end of an edge.
enum Consumer {
    Ring(rtrb::Consumer<Envelope<Numbered>>),
    Local(LocalQueue<Numbered>, Waiting),
}

impl Consumer {
    fn pop(&mut self) -> Option<Envelope<Numbered>> {
        match self {
            Consumer::Ring(ring) => ring.pop().ok(),
            Consumer::Local(queue, _) => {
                let mut queue = queue.borrow_mut();
                let oldest = queue.runs().0.first().copied()?;
                queue.advance(1);
                Some(oldest)
            }
        }
    }

    fn len(&self) -> usize {
        match self {
            Consumer::Ring(ring) => ring.slots(),
            Consumer::Local(queue, _) => queue.borrow().len(),
        }
    }

    /// Whether it was told of messages since this was asked last; a ring's is not told.
    fn take_notice(&self) -> Option<bool> {
        match self {
            Consumer::Ring(_) => None,
            Consumer::Local(_, waiting) => Some(waiting.take()),
        }
    }
}

const OUTPUTS_MAX: usize = 3;

/// Both ends of a ring, or of a queue.
fn edge(capacity: usize, is_local: bool, overflow: Overflow, step: &Rc<StepState>) -> (Port<Numbered>, Consumer) {
    let (edge, notice, consumer) = if is_local {
        let queue = LocalQueue::new(RefCell::new(Queue::with_capacity(capacity)));
        let waiting = Waiting::default();
        (EdgeIn::Local(queue.clone()), Notice::Consumer(waiting.clone()), Consumer::Local(queue, waiting))
    } else {
        let (producer, consumer) = rtrb::RingBuffer::new(capacity);
        let edge = EdgeIn::Ring { outlet: Outlet::new(producer), touched: Some(Touched::default()) };
        (edge, Notice::Flush, Consumer::Ring(consumer))
    };
    let binding =
        Binding { edge, notice, capacity, overflow, admission: false, always_fits: false, is_external: false };
    let mut port = Port::default();
    port.bind(binding, step.clone(), OUTPUTS_MAX);
    (port, consumer)
}

/// Steps that send, of which some fail; flushes and a consumer between them.
fn does_what_the_model_does(capacity: usize, is_local: bool, overflow: Overflow) {
    let drops = overflow == Overflow::DropNewest;
    let step = Rc::<StepState>::default();
    let (mut port, mut consumer) = edge(capacity, is_local, overflow, &step);
    let mut model = Model::default();
    let mut random = Random::new(capacity as u64);
    let mut number = 0;
    for _ in 0..5000 {
        let state = random.bits();
        let before = model.shown.len();
        match state >> 61 {
            // Its cell does not let it go on for long without room.
            0..=3 if drops || model.staged.len() < 4 * OUTPUTS_MAX => {
                step.id.set(step.id.get() + 1);
                let before = (model.in_slots.len(), model.staged.len());
                let room = capacity - model.shown.len() - before.0;
                if !drops {
                    assert_eq!(port.room(), room.saturating_sub(before.1 + OUTPUTS_MAX).min(OUTPUTS_MAX));
                }
                for sent in 0..(state >> 40) as usize % (OUTPUTS_MAX + 1) {
                    number += 1;
                    match number % 2 {
                        0 => port.send(Numbered::new(number)),
                        _ => port.send_filled(|message| *message = Numbered::new(number)),
                    }
                    if drops && model.staged.len() == capacity {
                        model.dropped += 1;
                    } else if sent < room && model.staged.is_empty() {
                        model.in_slots.push(number);
                    } else {
                        model.staged.push(number);
                    }
                }
                if (state >> 50).is_multiple_of(4) {
                    port.roll_back(step.id.get());
                    model.in_slots.truncate(before.0);
                    model.staged.truncate(before.1);
                }
                if is_local {
                    model.shown.extend(model.in_slots.drain(..));
                }
            }
            4 | 5 if step.staged.get() => {
                let stay = model.flush(capacity, drops);
                assert_eq!(port.flush(), stay);
                step.staged.set(stay > 0);
            }
            _ => {
                let popped = consumer.pop().map(|message| message.body);
                assert_eq!(popped, model.shown.pop_front().map(Numbered::new));
            }
        }
        assert_eq!((consumer.len(), port.dropped()), (model.shown.len(), model.dropped));
        if let Some(told) = consumer.take_notice() {
            assert!(told || model.shown.len() <= before, "told of each message");
        }
    }
    assert_eq!(model.dropped > 0, drops, "it was full at times");
}

#[test]
fn a_port_keeps_order_and_counts_whatever_is_full_or_fails() {
    for capacity in [1, 2, 3, 5, 8] {
        for overflow in [Overflow::Backpressure, Overflow::DropNewest] {
            does_what_the_model_does(capacity, false, overflow);
            does_what_the_model_does(capacity, true, overflow);
        }
    }
}

#[test]
fn a_message_is_filled_into_zeros_and_not_sent_if_that_panics() {
    for (is_local, overflow) in
        [(false, Overflow::Backpressure), (true, Overflow::Backpressure), (false, Overflow::DropNewest)]
    {
        let step = Rc::<StepState>::default();
        let (mut port, mut consumer) = edge(2, is_local, overflow, &step);
        // Each place that is used below has held something.
        for number in 1..=6 {
            step.id.set(step.id.get() + 1);
            port.send(Numbered::new(number));
            port.flush();
            consumer.pop().unwrap();
        }
        step.id.set(step.id.get() + 1);
        let panics = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            port.send_filled(|message| {
                *message = Numbered::new(7);
                panic!("as the test wants");
            });
        }));
        assert!(panics.is_err());
        port.send_filled(|message| {
            assert_eq!(*message, Numbered::zeroed());
            *message = Numbered::new(8);
        });
        port.flush();
        let received = consumer.pop().unwrap();
        assert_eq!((received.header.index, received.body), (0, Numbered::new(8)));
        assert!(consumer.pop().is_none());
    }
}
