use std::collections::VecDeque;

use super::*;
use crate::outlet::tests::Numbered;

#[test]
fn an_open_port_never_limits_the_steps_of_a_batch() {
    let mut port = Port::<Numbered>::default();
    for (wanted, reserve) in [(1, 0), (1, 1), (BATCH_MAX, 1)] {
        assert_eq!(port.steps_room(wanted, reserve, false), wanted);
    }
}

/// Where the messages of a port to a ring are: three plain lists.
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

const OUTPUTS_MAX: usize = 3;

/// Steps that send, of which some fail; flushes and a consumer between them.
fn does_what_the_model_does(capacity: usize, overflow: Overflow) {
    let drops = overflow == Overflow::DropNewest;
    let (producer, mut consumer) = rtrb::RingBuffer::new(capacity);
    let step = Rc::<StepState>::default();
    let edge = EdgeIn::Ring { outlet: Outlet::new(producer), touched: Some(Touched::default()) };
    let (internal, admission, always_fits, per_input_max) = (false, false, false, None);
    let mut port = Port::default();
    port.bind(
        Binding { edge, capacity, overflow, admission, internal, always_fits, per_input_max },
        step.clone(),
        OUTPUTS_MAX,
    );
    let mut model = Model::default();
    let mut state = 0x9e37_79b9_u64 ^ capacity as u64;
    let mut number = 0;
    for _ in 0..5000 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
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
                    port.send(Numbered::new(number));
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
            }
            4 | 5 if step.staged.get() => {
                let stay = model.flush(capacity, drops);
                assert_eq!(port.flush(), stay);
                step.staged.set(stay > 0);
            }
            _ => {
                let popped = consumer.pop().ok().map(|message| message.body);
                assert_eq!(popped, model.shown.pop_front().map(Numbered::new));
            }
        }
        assert_eq!((consumer.slots(), port.dropped()), (model.shown.len(), model.dropped));
    }
    assert_eq!(model.dropped > 0, drops, "it was full at times");
}

#[test]
fn a_port_to_a_ring_keeps_order_and_counts_whatever_is_full_or_fails() {
    for capacity in [1, 2, 3, 5, 8] {
        for overflow in [Overflow::Hold, Overflow::DropNewest] {
            does_what_the_model_does(capacity, overflow);
        }
    }
}
