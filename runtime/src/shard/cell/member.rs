//! The cell as a member of a group: the group tells it which message to take, one at a time.

use super::{ActorCell, Hosted, NetCell, State};
use crate::{
    actor::{Actor, NetActor, Step},
    edge::port::Outputs,
    net::Net,
    shard::agenda::What,
};

/// What a group needs of a member.
pub(crate) trait Member: Hosted {
    /// Makes one step. If it panics, [`fail_on_step`](Member::fail_on_step) must be called.
    fn step(&mut self, what: What, net: &mut dyn Net) -> Stepped;
    /// Its step has panicked: what the step sent is taken back, and the actor is never run again.
    fn fail_on_step(&mut self);
    /// Moves what waits for room into the edges; whether none is left.
    fn unload(&mut self) -> bool;
    /// Ends the actor without a panic of its own: its group has failed.
    fn fail(&mut self);
}

/// What became of a member's step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stepped {
    /// It ran.
    Done,
    /// It ran, and the same input asks for another.
    ToMore,
    /// There was no message.
    Empty,
    /// It did not run: an earlier input is not done yet, or an edge within the group is full.
    Waits,
    /// It did not run: an edge out of the group is full.
    HeldOutside,
}

impl<A: Actor> ActorCell<A> {
    /// Looks whether a step has room; what it comes to if it has none.
    #[cold]
    fn hindered(&mut self) -> Option<Stepped> {
        if self.backlog > 0 {
            self.flush_staged();
        }
        if self.look_for_room(1, 0, false) > 0 && self.backlog == 0 {
            return None;
        }
        // Whether an edge out of the group is full depends on when one looks, so that must not change the order.
        let mut is_inside = false;
        self.core.out.visit(&mut |_, port| is_inside |= port.is_internal() && port.steps_room(1, 0, false) == 0);
        Some(if is_inside { Stepped::Waits } else { Stepped::HeldOutside })
    }
}

impl<A: Actor> Member for ActorCell<A> {
    #[inline]
    fn step(&mut self, what: What, net: &mut dyn Net) -> Stepped {
        if (self.credit == 0 || self.backlog > 0)
            && let Some(hindered) = self.hindered()
        {
            return hindered;
        }
        let step = match what {
            What::Message(_) if self.more => return Stepped::Waits,
            What::Message(inlet) => {
                let core = &mut self.core;
                let Some(step) = self.inlets[inlet as usize].take_first(|message| {
                    core.step.header.set(message.header);
                    core.run_one(net, |actor, ctx| actor.on_message(ctx, &message.body))
                }) else {
                    return Stepped::Empty;
                };
                self.received += 1;
                step
            }
            What::More => self.core.run_one(net, |actor, ctx| actor.on_more(ctx)),
        };
        self.credit = self.credit.saturating_sub(1);
        self.more = step == Step::More;
        self.flush();
        if self.more { Stepped::ToMore } else { Stepped::Done }
    }

    fn fail_on_step(&mut self) {
        ActorCell::fail_on_step(self);
    }

    fn unload(&mut self) -> bool {
        self.flush_staged();
        self.backlog == 0
    }

    fn fail(&mut self) {
        self.state = State::Failed;
        self.more = false;
    }
}

impl<A: NetActor> Member for NetCell<A> {
    fn step(&mut self, what: What, net: &mut dyn Net) -> Stepped {
        self.0.step(what, net)
    }
    fn fail_on_step(&mut self) {
        self.0.fail_on_step();
    }
    fn unload(&mut self) -> bool {
        self.0.unload()
    }
    fn fail(&mut self) {
        self.0.fail();
    }
}
