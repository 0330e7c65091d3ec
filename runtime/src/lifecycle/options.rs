//! How a topology is run.

use std::{fmt, time::Duration};

use super::incident::{Incident, Taker};
use crate::clock::ClockMaster;

/// A factory may fill tables of many gigabytes, which takes seconds.
const HOUSEKEEPING_WATCHDOG: Duration = Duration::from_secs(10);

/// How a topology is run.
#[derive(Debug)]
#[non_exhaustive]
#[must_use]
pub struct RunOptions {
    /// The CPU that housekeeping is pinned to; any if `None`.
    pub housekeeping_cpu: Option<usize>,
    /// The clock of all shards; if `None`, one in UTC that begins at the start.
    pub clock: Option<ClockMaster>,
    /// How long an ordered stop waits for what is in flight; not counting times in which the process is suspended.
    pub drain_deadline: Duration,
    /// The time of day at which the topology halts with [`RuntimeFault::DayWithoutEnd`](super::RuntimeFault::DayWithoutEnd), because
    /// its messages cannot carry later times. If `None`, it runs on, and the log warns when the day passes 24 hours.
    pub time_of_day_max: Option<Duration>,
    /// How long a topology that halts by itself gives its program to end its business (see
    /// [`Status::is_halting`](super::Status::is_halting)) before the ordered stop.
    pub halt_deadline: Duration,
    /// How long a shard may make no turn before it counts as stuck ([`RuntimeFault::ShardStuck`](super::RuntimeFault::ShardStuck)) and the
    /// topology ends at once. If 80 ms, or twice the jitter that housekeeping measures in its first second, is longer, that counts
    /// (its latest wait left out, which a pause of the host may have made late). A saturated shard reports its turns every half millisecond, or each of them if they last longer. If `None`, nobody watches.
    pub watchdog: Option<Duration>,
    /// How long housekeeping may be held up by code of the program's (a factory, the drop of an actor, the chore, the log, what takes
    /// incidents) before it counts as stuck ([`RuntimeFault::HousekeepingStuck`](super::RuntimeFault::HousekeepingStuck)). Nobody can end its
    /// thread, which is left behind; the topology ends at once, and [`Running::stop`](super::Running::stop) does not wait for it. As with
    /// [`watchdog`](RunOptions::watchdog), 80 ms and twice the jitter measured at the start are the least, and suspensions of the process do
    /// not count. If `None`, nobody watches.
    pub housekeeping_watchdog: Option<Duration>,
    /// Whether each shard records which actors ran in a turn. If not, an incident's events are failures and restarts only.
    pub flight_recorder: bool,
    pub(super) on_incident: Option<OnIncident>,
}

/// See [`RunOptions::on_incident`].
pub(super) struct OnIncident(pub Taker);

impl fmt::Debug for OnIncident {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OnIncident")
    }
}

impl Default for RunOptions {
    /// Housekeeping on any CPU, UTC, five seconds to drain, days of any length, no business to end, no watchdog of shards, ten
    /// seconds for housekeeping, and flight recorders.
    fn default() -> Self {
        RunOptions {
            housekeeping_cpu: None,
            clock: None,
            drain_deadline: Duration::from_secs(5),
            time_of_day_max: None,
            halt_deadline: Duration::ZERO,
            watchdog: None,
            housekeeping_watchdog: Some(HOUSEKEEPING_WATCHDOG),
            flight_recorder: true,
            on_incident: None,
        }
    }
}

impl RunOptions {
    /// Pins housekeeping to a CPU.
    pub fn housekeeping_cpu(mut self, cpu: usize) -> Self {
        self.housekeeping_cpu = Some(cpu);
        self
    }

    /// Sets the clock. Its time zone and its start decide from which midnight times of day count, so a program that reads it
    /// before the start is in the same day as the shards.
    pub fn clock(mut self, clock: ClockMaster) -> Self {
        self.clock = Some(clock);
        self
    }

    /// Sets how long an ordered stop waits for what is in flight.
    pub fn drain_deadline(mut self, drain_deadline: Duration) -> Self {
        self.drain_deadline = drain_deadline;
        self
    }

    /// Sets how long a topology that halts by itself gives its program to end its business.
    pub fn halt_deadline(mut self, halt_deadline: Duration) -> Self {
        self.halt_deadline = halt_deadline;
        self
    }

    /// Sets how long a shard may make no turn.
    pub fn watchdog(mut self, watchdog: Duration) -> Self {
        self.watchdog = Some(watchdog);
        self
    }

    /// Sets how long housekeeping may be held up.
    pub fn housekeeping_watchdog(mut self, watchdog: Duration) -> Self {
        self.housekeeping_watchdog = Some(watchdog);
        self
    }

    /// Leaves the flight recorders out, to measure what they cost.
    pub fn without_flight_recorder(mut self) -> Self {
        self.flight_recorder = false;
        self
    }

    /// Sets the function that gets an [`Incident`] for each failure. Housekeeping calls it when the supervisor has decided and the
    /// shards know it; it should not wait. A panic in it is reported, and it is not called again.
    ///
    /// # Examples
    /// ```
    /// use corelane_runtime::{lifecycle::Failed, prelude::*};
    /// use std::sync::mpsc;
    ///
    /// #[derive(Clone, Copy)]
    /// struct Word([u8; 4]);
    /// impl Message for Word {}
    ///
    /// struct Reader;
    /// impl Actor for Reader {
    ///     type In = Word;
    ///     type Out = ();
    ///     const OUTPUTS_MAX: usize = 0;
    ///     fn on_message(&mut self, _: &mut Context<'_, ()>, word: &Word) -> Step {
    ///         std::str::from_utf8(&word.0).expect("words are UTF-8");
    ///         Step::Done
    ///     }
    /// }
    ///
    /// let mut topology = Topology::new();
    /// let shard = topology.shard(ShardSpec::new("shard", allowed_cpus()[0]));
    /// let reader = topology.actor(shard, "reader", || Reader);
    /// let mut words = topology.external_sender("words", reader, EdgeSpec::backpressure(8));
    /// // Another thread may write it to a file, which takes time.
    /// let (incidents, taken) = mpsc::channel();
    /// let options = RunOptions::default().on_incident(move |incident| {
    ///     let _ = incidents.send(incident);
    /// });
    /// let running = topology.start(options)?;
    /// words.send(Word(*b"good"))?;
    /// words.send(Word([0xff; 4]))?;
    /// let incident = taken.recv()?;
    /// let Failed::Actor(failure) = &incident.what else { panic!("an actor has failed") };
    /// assert_eq!(incident.actor.as_deref(), Some("reader"));
    /// assert!(failure.message.as_str().starts_with("words are UTF-8"));
    /// assert_eq!(failure.input.as_ref().map(|input| &input.bytes[..4]), Some(&[0xff; 4][..]));
    /// // What the actors of its shard did before, from the shard's flight recorder, and what the supervisor has decided.
    /// assert!(incident.events.iter().all(|(actor, _event)| actor == "reader"));
    /// println!("{}: {}", incident.what, incident.decision);
    /// drop(running);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn on_incident(mut self, take: impl FnMut(Incident) + Send + 'static) -> Self {
        self.on_incident = Some(OnIncident(Box::new(take)));
        self
    }

    /// Sets the time of day at which the topology halts.
    pub fn time_of_day_max(mut self, time_of_day_max: Duration) -> Self {
        self.time_of_day_max = Some(time_of_day_max);
        self
    }
}
