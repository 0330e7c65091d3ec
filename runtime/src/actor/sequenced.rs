//! The sequenced actor: its context has its input and its ports, and nothing else.

use std::fmt;

use super::context::Context;
use super::hooks::{Actor, Role, Step};
use crate::{
    edge::port::Outputs,
    edge::step::StepState,
    message::{Envelope, Header, Message},
    shard::time::ShardEnv,
};

/// A state machine whose outputs depend on one sequenced input stream alone: the same inputs give the same output bytes, in a
/// replica, in a replay and in a simulation, however the inputs arrive and however fast the outputs are taken.
///
/// Its context has no network and no timers; it has no hooks for the end of a batch, failures and the stop. Time comes with its input.
/// Declare it with [`Topology::sequenced`](crate::topology::Topology::sequenced). Every sequenced actor is an [`Actor`] too,
/// so that edges connect to it as to any other.
pub trait SequencedActor: 'static {
    /// Its only input type: an enum for several kinds of input.
    type In: Message;
    /// Its typed ports; see [`ports!`](crate::ports).
    type Out: Outputs;
    /// As [`Actor::OUTPUTS_MAX`].
    const OUTPUTS_MAX: usize;

    /// Called once on the shard's thread before any input; the place to allocate.
    fn on_start(&mut self, ctx: &mut SequencedContext<'_, Self::Out>) {
        let _ = ctx;
    }

    /// Handles one input.
    fn on_message(&mut self, ctx: &mut SequencedContext<'_, Self::Out>, message: &Self::In) -> Step;

    /// As [`Actor::prefetch`]: how many messages it shows depends on timing, so no output may depend on it.
    #[inline]
    fn prefetch(&mut self, coming: &[Envelope<Self::In>]) {
        let _ = coming;
    }

    /// Continues the input whose last step returned [`Step::More`]; the next input waits.
    fn on_more(&mut self, ctx: &mut SequencedContext<'_, Self::Out>) -> Step {
        let _ = ctx;
        Step::Done
    }
}

/// What a sequenced actor may touch during a step: neither the network nor timers.
///
/// ```compile_fail,E0609
/// # use corelane_runtime::actor::SequencedContext;
/// fn step(ctx: &mut SequencedContext<'_, ()>) {
///     let net = &mut ctx.net;
/// }
/// ```
///
/// ```compile_fail,E0599
/// # use corelane_runtime::actor::SequencedContext;
/// fn step(ctx: &mut SequencedContext<'_, ()>) {
///     ctx.set_timer(1_000_000, 7);
/// }
/// ```
pub struct SequencedContext<'a, O> {
    /// Its ports.
    pub out: &'a mut O,
    step: &'a StepState,
    env: &'a ShardEnv,
}

impl<O> fmt::Debug for SequencedContext<'_, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SequencedContext").field("header", &self.header()).finish_non_exhaustive()
    }
}

impl<O> SequencedContext<'_, O> {
    /// Header of the input being worked on.
    #[inline]
    #[must_use]
    pub fn header(&self) -> Header {
        self.step.header.get()
    }

    /// Time of the input being worked on, in nanoseconds since midnight (as [`Context::time_ns`]). The shard's time if no
    /// sequencer has numbered the input, and while the actor starts.
    #[inline]
    #[must_use]
    pub fn time_ns(&self) -> u64 {
        self.env.time_ns(self.step.header.get())
    }
}

impl<'a, O> SequencedContext<'a, O> {
    #[inline(always)]
    fn of<'b: 'a>(ctx: &'a mut Context<'b, O>) -> Self {
        SequencedContext { out: ctx.out, step: ctx.step, env: ctx.env }
    }
}

impl<A: SequencedActor> Actor for A {
    type In = <A as SequencedActor>::In;
    type Out = <A as SequencedActor>::Out;
    const OUTPUTS_MAX: usize = <A as SequencedActor>::OUTPUTS_MAX;
    const ROLE: Role = Role::Sequenced;

    fn on_start(&mut self, ctx: &mut Context<'_, Self::Out>) {
        SequencedActor::on_start(self, &mut SequencedContext::of(ctx));
    }

    #[inline(always)]
    fn on_message(&mut self, ctx: &mut Context<'_, Self::Out>, message: &Self::In) -> Step {
        SequencedActor::on_message(self, &mut SequencedContext::of(ctx), message)
    }

    #[inline(always)]
    fn prefetch(&mut self, coming: &[Envelope<Self::In>]) {
        SequencedActor::prefetch(self, coming);
    }

    fn on_more(&mut self, ctx: &mut Context<'_, Self::Out>) -> Step {
        SequencedActor::on_more(self, &mut SequencedContext::of(ctx))
    }
}
