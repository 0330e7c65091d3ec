//! The actor: a single-threaded, deterministic state machine without I/O, and the context it acts through.

use std::net::SocketAddr;

use crate::{
    edge::port::{Outputs, StepState},
    message::{Envelope, Header, Message},
    net::{CloseReason, ConnId, Datagram, EndpointId, Flow, Net},
    shard::time::ShardEnv,
    shard::timer::{TimerId, TimersExhausted, Wheel},
    telemetry::{TIMED_ONE_IN, Timing},
};

/// Whether a step finished its input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Step {
    /// The input is done.
    Done,
    /// There is more to do for this input: [`Actor::on_more`] is called, now or in a later cycle, before any
    /// other message is delivered.
    More,
}

/// Which part of the topology went down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Down {
    /// Index of the actor that failed, in the order of declaration.
    pub actor: u32,
    /// The sequenced input it failed on; 0 if it was none.
    pub sequence: u64,
}

/// A state machine hosted by a shard.
///
/// Everything it may touch comes through its [`Context`]: time, ports, timers, the network. It has no clock and no
/// randomness of its own, allocates nothing after [`Actor::on_start`], and does not log: then the same inputs give
/// the same outputs, in a replica and in a replay alike.
pub trait Actor: 'static {
    /// Its one input type; an actor with several kinds of input makes it an enum.
    type In: Message;
    /// Its typed ports; see [`ports!`](crate::ports).
    type Out: Outputs;
    /// Most messages that one step puts on any one port. A step runs only while every port has that much room; one
    /// that sends more fails the actor. Edges that drop set no such bound: what exceeds their room is dropped.
    const OUTPUTS_MAX: usize;
    /// Most timers it has set at once.
    const TIMERS_MAX: usize = 0;

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

/// What an actor may touch during a step.
pub struct Context<'a, O> {
    /// Its ports.
    pub out: &'a mut O,
    /// The network of its shard; on a shard without one every call says closed.
    pub net: &'a mut dyn Net,
    pub(crate) step: &'a StepState,
    pub(crate) timers: &'a mut Wheel,
    pub(crate) env: &'a ShardEnv,
}

impl<O> Context<'_, O> {
    /// Header of the input being worked on.
    #[inline]
    pub fn header(&self) -> Header {
        self.step.header.get()
    }

    /// Time in nanoseconds since midnight of the venue's zone: the sequenced time of the input behind the
    /// sequencer, the shard's time before it.
    #[inline]
    pub fn time_ns(&self) -> u64 {
        let header = self.step.header.get();
        if header.sequence == 0 { self.env.time.wall_ns() } else { header.time_ns }
    }

    /// The shard's clock in ticks, read once per cycle: for measuring only. It is not the same in a replay, so
    /// nothing sequenced may depend on it.
    pub fn ticks(&self) -> u64 {
        self.env.time.ticks()
    }

    /// Asks for [`Actor::on_timer`] with `token`, `after_ns` nanoseconds from now and never earlier.
    ///
    /// # Errors
    /// [`TimersExhausted`] when the actor's timers are all in use. A group's members have none: to them, time comes
    /// as a sequenced input.
    pub fn set_timer(&mut self, after_ns: u64, token: u64) -> Result<TimerId, TimersExhausted> {
        let now_ns = self.env.time.wall_ns();
        self.timers.set(now_ns, now_ns.saturating_add(after_ns), token)
    }

    /// Takes a timer back; false if it has fired already.
    pub fn cancel_timer(&mut self, timer: TimerId) -> bool {
        self.timers.cancel(timer)
    }

    /// Records, as [`Timing`], the time from `ingress_ticks` of a message that was kept until now: for answers that are
    /// collected and sent at the end of a batch.
    pub fn record_since(&mut self, timing: Timing, ingress_ticks: u64) {
        self.env.record_since(timing, ingress_ticks);
    }

    /// Records, as [`Timing`], the time from the reaping of the batch that the input came in until now, if it is one of
    /// those that are timed: one in [`TIMED_ONE_IN`], by its number.
    #[inline]
    pub fn record_sampled(&mut self, timing: Timing) {
        let Header { sequence, ingress_ticks, .. } = self.step.header.get();
        // What an sender sent has no such time.
        if sequence.is_multiple_of(TIMED_ONE_IN) && ingress_ticks != 0 {
            self.env.record_since(timing, ingress_ticks);
        }
    }

    /// Records, as [`Timing`], the time from `time_ns` since midnight of the venue's zone until now, for times that
    /// somebody else's clock has told. False, and nothing is recorded, if that is ahead or more than
    /// [`TIMING_NS_MAX`](crate::telemetry::TIMING_NS_MAX) behind: then the clock has nothing to do with ours.
    pub fn record_since_time(&mut self, timing: Timing, time_ns: u64) -> bool {
        self.env.record_since_time(timing, time_ns)
    }

    /// The same for a time in nanoseconds since 1970 UTC, as [`Datagram::kernel_utc_ns`] is: the wall clock as it is, which
    /// ours follows slowly after it was set. A time that is ahead by that is not recorded either.
    pub fn record_since_utc(&mut self, timing: Timing, utc_ns: u64) -> bool {
        self.env.record_since_utc(timing, utc_ns)
    }

    /// Gives the outputs of the rest of this step another header than their input's: the sequencer's privilege.
    pub(crate) fn stamp(&mut self, header: Header) {
        self.step.header.set(header);
    }
}
