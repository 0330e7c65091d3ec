//! The cell of a sequenced actor.

use super::actor_cell::ActorCell;
use super::hosted::{Hosted, Polled, Rest, Traffic};
use crate::{
    actor::{Down, SequencedActor},
    net::{Net, NetHandler},
    shard::failure::Fault,
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
    fn stop(&mut self, _net: &mut dyn Net) {}
    fn take_failure(&mut self) -> Option<Box<Fault>> {
        self.0.take_failure()
    }
    fn fail(&mut self, fault: Fault) {
        self.0.fail(fault);
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
    fn traffic(&mut self) -> Traffic {
        self.0.traffic()
    }
}
