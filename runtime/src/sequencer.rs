//! The sequencer: gives every input of a sequenced actor its number and its time.

use std::fmt;

use crate::{
    actor::{Actor, Context, Down, Role, Step},
    fault,
    message::{Header, Message, SequenceNumber},
    telemetry::TimingSet,
};

/// Turns requests into sequenced inputs.
///
/// If risk needs a price, the policy keeps the prices that market data sends it and attaches them here, so that everything
/// behind the sequencer is a pure function of its input.
pub trait SequencerPolicy: 'static {
    /// Input of the sequencer: requests, and the values to attach to them.
    type In: Message;
    /// A sequenced input.
    type Out: Message;

    /// Passes to `emit` the sequenced input that `input` becomes, or only takes note of `input`. Construct the sequenced input
    /// inside the call to `emit`: it is then built in its slot and not copied. What depends on where the input comes from must be in
    /// the sequenced input.
    fn sequence(&mut self, input: &Self::In, origin: Origin, emit: impl FnOnce(Self::Out));

    /// A neighbour of the sequencer has failed.
    fn on_down(&mut self, down: Down) {
        let _ = down;
    }
}

/// Where an input of the sequencer comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// How long it has been on its way ([`Context::age_ns`]), in nanoseconds.
    pub age_ns: u64,
    /// The generation of the actor that sent it ([`Header::generation`]). What that has sent may be read after its
    /// [`Down`].
    pub generation: u16,
}

crate::metrics! {
    /// Timings of the sequencer, sampled from one input in [`TIMED_ONE_IN`](crate::telemetry::TIMED_ONE_IN).
    pub enum SequencerTiming {
        /// From the reaping of the batch that held the input to its sequence number.
        InputToNumber = "input_to_number_ns",
    }
}

crate::ports! {
    /// Outputs of the sequencer.
    pub struct SequencerOut<M: Message> {
        /// The sequenced actor.
        group: M,
        /// A recorder of the stream, or a replica; may stay unconnected.
        record: M,
    }
}

/// Stamps every input with a sequence number (from 1, without gaps) and a time that never goes back.
pub struct Sequencer<S: SequencerPolicy> {
    policy: S,
    last_sequence: SequenceNumber,
    last_time_ns: u64,
}

impl<S: SequencerPolicy> fmt::Debug for Sequencer<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Sequencer { policy: _, last_sequence, last_time_ns } = self;
        f.debug_struct("Sequencer")
            .field("last_sequence", last_sequence)
            .field("last_time_ns", last_time_ns)
            .finish_non_exhaustive()
    }
}

impl<S: SequencerPolicy> Sequencer<S> {
    /// A sequencer that begins a new stream.
    pub fn new(policy: S) -> Self {
        Sequencer { policy, last_sequence: SequenceNumber::NONE, last_time_ns: 0 }
    }
}

impl<S: SequencerPolicy> Actor for Sequencer<S> {
    type In = S::In;
    type Out = SequencerOut<S::Out>;
    const OUTPUTS_MAX: usize = 1;
    const TIMINGS: TimingSet = TimingSet::of::<SequencerTiming>();
    const ROLE: Role = Role::Sequencer;

    #[inline]
    fn on_message(&mut self, ctx: &mut Context<'_, Self::Out>, message: &S::In) -> Step {
        fault!("sequencer.message");
        let Sequencer { policy, last_sequence, last_time_ns } = self;
        let origin = Origin { age_ns: ctx.age_ns(), generation: ctx.header().generation };
        policy.sequence(
            message,
            origin,
            #[inline(always)]
            |input| {
                *last_sequence = last_sequence.next();
                *last_time_ns = (*last_time_ns).max(ctx.time_ns());
                ctx.stamp(Header {
                    sequence: *last_sequence,
                    time_ns: *last_time_ns,
                    ingress_ticks: ctx.header().ingress_ticks,
                    ..Header::default()
                });
                ctx.record_sampled(SequencerTiming::InputToNumber);
                if ctx.out.record.is_connected() {
                    ctx.out.record.send(input);
                }
                ctx.out.group.send(input);
            },
        );
        Step::Done
    }

    fn on_down(&mut self, _ctx: &mut Context<'_, Self::Out>, down: Down) {
        self.policy.on_down(down);
    }
}
