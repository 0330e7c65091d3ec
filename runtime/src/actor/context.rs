//! The context that an actor acts through.

use std::fmt;

use crate::{
    edge::step::StepState,
    message::Header,
    net::Net,
    shard::time::ShardEnv,
    shard::timer::{TimerId, TimersExhausted, Wheel},
    telemetry::{Metric, TIMED_ONE_IN},
};

/// What an actor may touch during a step.
pub struct Context<'a, O> {
    /// Its ports.
    pub out: &'a mut O,
    /// The network of its shard; on a shard without one, every call returns that it is closed.
    pub net: &'a mut dyn Net,
    pub(crate) step: &'a StepState,
    pub(crate) timers: &'a mut Wheel,
    pub(crate) env: &'a ShardEnv,
}

impl<O> fmt::Debug for Context<'_, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context").field("header", &self.header()).finish_non_exhaustive()
    }
}

impl<O> Context<'_, O> {
    /// Header of the input being worked on.
    #[inline]
    #[must_use]
    pub fn header(&self) -> Header {
        self.step.header.get()
    }

    /// Time in nanoseconds since midnight in the zone of [`RunOptions::clock`](crate::lifecycle::RunOptions::clock),
    /// UTC by default; past the next midnight it runs on. It is the sequenced time of the input behind the
    /// sequencer, the shard's time before it.
    #[inline]
    #[must_use]
    pub fn time_ns(&self) -> u64 {
        self.env.time_ns(self.step.header.get())
    }

    /// The shard's clock in ticks, read once per turn: for measuring only. It is not the same in a replay, so
    /// nothing sequenced may depend on it.
    #[must_use]
    pub fn ticks(&self) -> u64 {
        self.env.time.ticks()
    }

    /// How long the input being worked on has been in the topology, in nanoseconds: from [`Header::ingress_ticks`] to this turn; 0
    /// if it has no such stamp. As [`Context::ticks`], it is not the same in a replay.
    #[inline]
    #[must_use]
    pub fn age_ns(&self) -> u64 {
        let (now, then) = (self.env.time.ticks(), self.header().ingress_ticks);
        // Mostly it came in this turn.
        if now == then || then == 0 { 0 } else { self.env.time.nanos_of(now.saturating_sub(then)) }
    }

    /// Sets a timer: [`Actor::on_timer`](crate::actor::Actor::on_timer) is called with `token` in `after_ns` nanoseconds from
    /// now, never earlier, and up to [`TICK_NS`](crate::shard::timer::TICK_NS) later. So in a simulation it may not be due at the very
    /// time that it was set for. That is now as the clock is read for this call, not [`Context::time_ns`]: the turn may have lasted.
    ///
    /// # Errors
    /// [`TimersExhausted`] when the actor's timers are all in use.
    pub fn set_timer(&mut self, after_ns: u64, token: u64) -> Result<TimerId, TimersExhausted> {
        let deadline_ns = self.env.time.wall_ns_anew().saturating_add(after_ns);
        self.timers.set(self.env.time.wall_ns(), deadline_ns, token)
    }

    /// Cancels a timer; false if it has fired already.
    pub fn cancel_timer(&mut self, timer: TimerId) -> bool {
        self.timers.cancel(timer)
    }

    /// Records the time from `ingress_ticks` ([`Header::ingress_ticks`], or [`Context::ticks`] of an earlier moment) until
    /// now, as one of the actor's [`TIMINGS`](crate::actor::Actor::TIMINGS).
    pub fn record_since<T: Metric>(&mut self, timing: T, ingress_ticks: u64) {
        if ingress_ticks != 0 {
            self.env.record_since(self.step.timings, timing, ingress_ticks);
        }
    }

    /// Records the time from the reaping of the batch that held the input until now, for one sequenced input in
    /// [`TIMED_ONE_IN`].
    #[inline]
    pub fn record_sampled<T: Metric>(&mut self, timing: T) {
        let Header { sequence, ingress_ticks, .. } = self.step.header.get();
        if sequence.0.is_multiple_of(TIMED_ONE_IN) {
            self.record_since(timing, ingress_ticks);
        }
    }

    /// Records the time from `time_ns` since midnight (as [`Context::time_ns`]), read from another host's clock, until now.
    /// Returns false and records nothing if `time_ns` is in the future or more than
    /// [`TIMING_NS_MAX`](crate::telemetry::TIMING_NS_MAX) ago: then that clock is not synchronized with ours.
    pub fn record_since_time<T: Metric>(&mut self, timing: T, time_ns: u64) -> bool {
        self.env.record_since_time(self.step.timings, timing, time_ns)
    }

    /// Like [`Context::record_since_time`] for a time in nanoseconds since 1970 UTC, such as
    /// [`Datagram::kernel_utc_ns`](crate::net::Datagram::kernel_utc_ns). After the host's clock was set, the runtime's clock
    /// follows slowly; a time that is in the future by the difference is not recorded.
    pub fn record_since_utc<T: Metric>(&mut self, timing: T, utc_ns: u64) -> bool {
        self.env.record_since_utc(self.step.timings, timing, utc_ns)
    }

    /// Replaces the header of the outputs of the rest of this step. Only the sequencer does.
    pub(crate) fn stamp(&mut self, header: Header) {
        self.step.header.set(header);
    }
}
