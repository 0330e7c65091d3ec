//! The cell of a sequenced actor.

use std::{any::Any, rc::Rc};

use super::actor_cell::ActorCell;
use super::hosted::{Hosted, Polled, Rest, Traffic};
use crate::{
    actor::{Down, SequencedActor, Up},
    edge::step::StepState,
    net::{Net, NetHandler},
    shard::failure::{DeadLetter, Fault},
};

/// A cell whose actor sees its input stream and nothing else: no end of batch, no failure of a neighbour, no stop. When
/// these come depends on timing, and a sequenced actor's outputs may not.
pub(crate) struct SequencedCell<A: SequencedActor>(pub ActorCell<A>);

impl<A: SequencedActor> Hosted for SequencedCell<A> {
    fn start(&mut self, net: &mut dyn Net) {
        self.0.start(net);
    }
    #[inline]
    fn poll(&mut self, budget: usize, net: &mut dyn Net) -> Polled {
        self.0.poll(budget, net)
    }
    fn is_quiet(&self) -> bool {
        self.0.is_quiet()
    }
    fn rest(&mut self, now_ns: u64) -> Rest {
        self.0.rest(now_ns)
    }
    fn end_batch(&mut self, _net: &mut dyn Net) {}
    fn down(&mut self, _down: Down, _net: &mut dyn Net) {}
    fn up(&mut self, _up: Up, _net: &mut dyn Net) {}
    fn stop(&mut self, _net: &mut dyn Net) {}
    fn take_failure(&mut self) -> Option<Box<Fault>> {
        self.0.take_failure()
    }
    fn fail(&mut self, fault: Fault) {
        self.0.fail(fault);
    }
    fn suspend(&mut self) -> Option<DeadLetter> {
        self.0.suspend()
    }
    fn replace(&mut self, value: &mut (dyn Any + Send), generation: u16, net: &mut dyn Net) -> bool {
        self.0.replace(value, generation, net)
    }
    fn give_up(&mut self) {
        self.0.give_up();
    }
    fn dispose(self: Box<Self>) -> Option<Fault> {
        Box::new(self.0).dispose()
    }
    fn next_timer_ns(&self) -> Option<u64> {
        None
    }
    fn net_handler(&mut self) -> Option<&mut dyn NetHandler> {
        None
    }
    fn step(&self) -> Rc<StepState> {
        self.0.step()
    }
    fn traffic(&mut self) -> Traffic {
        self.0.traffic()
    }
}
