//! The hooks of an actor, which its cell calls.

use std::net::SocketAddr;

use super::context::Context;
use crate::{
    edge::port::Outputs,
    message::{Envelope, Message},
    net::{CloseReason, ConnId, Datagram, EndpointId, Flow},
    telemetry::TimingSet,
    topology::ids::ActorIndex,
};

/// Whether a step finished its input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Step {
    /// The input is done.
    Done,
    /// There is more to do for this input: [`Actor::on_more`] is called, now or in a later turn, before any
    /// other message is delivered.
    More,
}

/// Which part of the topology went down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Down {
    /// The actor that failed; it compares with an [`ActorId`](crate::topology::ActorId).
    pub actor: ActorIndex,
    /// The sequenced input it failed on; 0 if it was none.
    pub sequence: u64,
}

/// What [`Topology::check`](crate::topology::Topology::check) must know of an actor by its type.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Neither of the others.
    Ordinary,
    /// A [`Sequencer`](crate::sequencer::Sequencer).
    Sequencer,
    /// A [`SequencedActor`](crate::actor::SequencedActor).
    Sequenced,
}

/// A state machine hosted by a shard.
///
/// Everything it may touch comes through its [`Context`]: time, ports, timers, the network. It has no clock and no
/// randomness of its own, allocates nothing after [`Actor::on_start`], and does not log: then the same inputs give
/// the same outputs, in a replica and in a replay alike.
pub trait Actor: 'static {
    /// Its one input type. An actor with several kinds of input makes it an enum; one that nobody sends to, `()`.
    type In: Message;
    /// Its typed ports: `()` for none, a [`Port`](crate::edge::port::Port) for one, a struct that [`ports!`](crate::ports)
    /// declares for several.
    type Out: Outputs;
    /// Most messages that one step puts on any one port. A step runs only while every port has that much room; one
    /// that sends more fails the actor. Edges that drop set no such bound: what exceeds their room is dropped. An actor
    /// without ports says 0.
    const OUTPUTS_MAX: usize;
    /// Most timers it has set at once.
    const TIMERS_MAX: usize = 0;
    /// The timings it records through its [`Context`]: [`TimingSet::of`] an enum that [`metrics!`](crate::metrics) made.
    const TIMINGS: TimingSet = TimingSet::NONE;
    /// What the runtime must know of it by its type; set by the runtime alone.
    #[doc(hidden)]
    const ROLE: Role = Role::Ordinary;

    /// Called once on the shard's thread before any input; the place to allocate.
    fn on_start(&mut self, ctx: &mut Context<'_, Self::Out>) {
        let _ = ctx;
    }

    /// One input.
    fn on_message(&mut self, ctx: &mut Context<'_, Self::Out>, message: &Self::In) -> Step;

    /// What waits behind the message that is taken next, oldest first, as far as it is known: the place to ask for the
    /// memory that it will need ([`mem::prefetch`](crate::mem::prefetch)) while another is worked on.
    ///
    /// Called before each message of a batch. How much is seen depends on timing, so that no output may depend on it.
    #[inline]
    fn prefetch(&mut self, coming: &[Envelope<Self::In>]) {
        let _ = coming;
    }

    /// Goes on with the input whose last step returned [`Step::More`].
    fn on_more(&mut self, ctx: &mut Context<'_, Self::Out>) -> Step {
        let _ = ctx;
        Step::Done
    }

    /// A timer set through [`Context::set_timer`] is due.
    fn on_timer(&mut self, ctx: &mut Context<'_, Self::Out>, token: u64) {
        let _ = (ctx, token);
    }

    /// The inputs that came are done: the place to flush what was packed.
    fn on_batch_end(&mut self, ctx: &mut Context<'_, Self::Out>) {
        let _ = ctx;
    }

    /// An actor that this one exchanges messages with has failed and will not answer.
    fn on_down(&mut self, ctx: &mut Context<'_, Self::Out>, down: Down) {
        let _ = (ctx, down);
    }

    /// The topology is quiet and stops: the last chance to send to the network.
    fn on_stop(&mut self, ctx: &mut Context<'_, Self::Out>) {
        let _ = ctx;
    }
}

/// An actor that owns network endpoints.
///
/// A frame is delivered only while every port has room for two steps, so that what comes from outside never blocks what
/// is answered: otherwise it is held. The other callbacks cannot be put off; what they send while there is no room waits
/// in the port. While it waits, datagrams are dropped and counted: an actor that must see them all asks
/// [`Port::room`](crate::edge::port::Port::room) before it sends, and keeps what does not fit in a form of its own.
pub trait NetActor: Actor {
    /// A connection was accepted, or an outgoing one is established.
    fn on_open(&mut self, ctx: &mut Context<'_, Self::Out>, endpoint: EndpointId, conn: ConnId, peer: SocketAddr) {
        let _ = (ctx, endpoint, conn, peer);
    }

    /// One whole frame of a stream, borrowed for the call.
    fn on_frame(&mut self, ctx: &mut Context<'_, Self::Out>, conn: ConnId, frame: &[u8]) -> Flow {
        let _ = (ctx, conn, frame);
        Flow::Taken
    }

    /// One datagram.
    fn on_datagram(&mut self, ctx: &mut Context<'_, Self::Out>, endpoint: EndpointId, datagram: &Datagram<'_>) {
        let _ = (ctx, endpoint, datagram);
    }

    /// A connection that refused a send has room again.
    fn on_writable(&mut self, ctx: &mut Context<'_, Self::Out>, conn: ConnId) {
        let _ = (ctx, conn);
    }

    /// A connection is gone.
    fn on_close(&mut self, ctx: &mut Context<'_, Self::Out>, endpoint: EndpointId, conn: ConnId, reason: CloseReason) {
        let _ = (ctx, endpoint, conn, reason);
    }
}
