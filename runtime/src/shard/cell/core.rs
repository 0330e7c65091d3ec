//! An actor with what its steps touch, and how a run of steps is made.

use std::rc::Rc;

use crate::{
    actor::{Actor, Context, Step},
    edge::step::StepState,
    mem,
    message::{Envelope, Message},
    net::Net,
    shard::failure::{FailedInput, InputKind},
    shard::panics,
    shard::time::ShardEnv,
    shard::timer::Wheel,
};

/// An actor and what its steps touch.
pub(super) struct Core<A: Actor> {
    pub actor: A,
    pub out: A::Out,
    pub step: Rc<StepState>,
    pub env: Rc<ShardEnv>,
    pub timers: Wheel,
    /// The input that a run of steps panicked on, until it is reported.
    pub failed_on: Option<Box<FailedInput>>,
}

/// How a run of steps ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ran {
    /// All are done.
    Through,
    /// The last one did not finish its input.
    ToMore,
    /// The last one panicked.
    IntoPanic,
}

impl<A: Actor> Core<A> {
    /// Makes a step of each of the first `count` messages until one asks for more or panics; returns how many, that one
    /// included.
    pub(super) fn run(&mut self, messages: &[Envelope<A::In>], count: usize, net: &mut dyn Net) -> (usize, Ran) {
        let Core { actor, out, step, env, timers, failed_on } = self;
        let mut taken = 0;
        let result = panics::catch(|| {
            let mut ctx = Context { out, net, step, timers, env };
            for envelope in &messages[..count] {
                taken += 1;
                step.id.set(step.id.get() + 1);
                step.header.set(envelope.header);
                // Without a panic, so that nothing is left of it where an actor does not look.
                actor.prefetch(messages.get(taken..).unwrap_or_default());
                if actor.on_message(&mut ctx, &envelope.body) != Step::Done {
                    return Ran::ToMore;
                }
            }
            Ran::Through
        });
        let ran = result.unwrap_or_else(|_| {
            *failed_on = messages[..taken].last().map(failed_input);
            Ran::IntoPanic
        });
        (taken, ran)
    }

    /// Makes one step; the caller catches its panic.
    #[inline]
    pub(super) fn run_one<R>(
        &mut self,
        net: &mut dyn Net,
        run: impl FnOnce(&mut A, &mut Context<'_, A::Out>) -> R,
    ) -> R {
        let Core { actor, out, step, env, timers, .. } = self;
        step.id.set(step.id.get() + 1);
        run(actor, &mut Context { out, net, step, timers, env })
    }
}

#[cold]
fn failed_input<M: Message>(envelope: &Envelope<M>) -> Box<FailedInput> {
    Box::new(FailedInput::new(InputKind::Message, &mem::copy_of_bytes(&envelope.body)))
}
