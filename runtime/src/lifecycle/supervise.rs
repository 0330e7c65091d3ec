//! Looks after the shards: relays between them how actors fare, restarts those that are supervised, keeps the shards' clock true
//! and gathers their figures.

use std::{
    collections::VecDeque,
    ops::ControlFlow,
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError},
    },
    time::{Duration, Instant},
};

use corelane_sync::stage::{Progress, ProgressReader, Stage};

use super::{
    clock_watch::ClockWatch,
    event::Event,
    fault::RuntimeFault,
    incident::Incidents,
    last_resort::LastResort,
    net_watch::NetWatch,
    options::RunOptions,
    running::Shared,
    running_time::RunningTime,
    status::{ClockStatus, ShardStatus, Status},
    watchdog::{Stuck, Watchdog},
};
use crate::{
    actor::Up,
    clock::ClockMaster,
    fault,
    shard::Failure,
    shard::ShardEvent,
    shard::failure::Fault,
    shard::flight::{FlightReader, LastCalled},
    shard::notice::{Notice, Report},
    shard::panics,
    shard::wake::Waker,
    supervision::{
        Escalation,
        crew::{Crew, GaveUp},
        pulse::{Doing, Pulse},
    },
    telemetry::Collector,
    topology::ids::ActorIndex,
    topology::outside::Gate,
};

/// See [`Topology::start_with`](crate::topology::Topology::start_with).
pub(super) type Chore = Box<dyn FnMut(&Status) -> ControlFlow<()> + Send>;

/// How often housekeeping looks at the shards; the clock is recalibrated as often, well within its 100 ms.
const HOUSEKEEPING_PERIOD: Duration = Duration::from_millis(20);

/// The least time between two looks at restarts that are due.
const RESTART_WAIT_MIN: Duration = Duration::from_micros(100);

/// The supervisor's ends of what leads to one shard.
pub(super) struct Link {
    pub name: String,
    pub actors: Vec<ActorIndex>,
    pub progress: ProgressReader,
    pub waker: Arc<Waker>,
    pub reports: rtrb::Consumer<Report>,
    pub notices: rtrb::Producer<Notice>,
    /// Notices that the ring had no room for. No actor is restarted while there are any, so they do not add up.
    pub waiting: VecDeque<Notice>,
    /// Since when there are any, in the supervisors' time.
    pub unheard_since: Option<Duration>,
    pub flight: FlightReader,
    pub last_called: LastCalled,
    /// Its thread has ended.
    pub has_ended: bool,
    /// Its heartbeat when it was found to make no turns any more.
    pub stuck_at: Option<u64>,
}

impl Link {
    /// Tells the shard something, as soon as it has room.
    fn notify(&mut self, notice: Notice) {
        self.waiting.push_back(notice);
        self.flush();
    }

    /// Whether nothing that it was told waits for room, or nobody waits for it.
    pub(super) fn is_heard(&self) -> bool {
        self.is_away() || self.waiting.is_empty()
    }

    /// It was found to make no turns any more.
    pub(super) fn note_stuck(&mut self) {
        self.stuck_at = Some(self.progress.sample().heartbeat);
    }

    /// Whether nobody waits for it: its thread has ended, or it has made no turn since it was found to make none.
    pub(super) fn is_away(&self) -> bool {
        self.has_ended || self.stuck_at.is_some_and(|heartbeat| heartbeat == self.progress.sample().heartbeat)
    }

    /// Passes on what waits. A shard that has ended needs no notice.
    fn flush(&mut self) {
        let mut pushed = false;
        while !self.has_ended && self.notices.slots() > 0 {
            let Some(notice) = self.waiting.pop_front() else { break };
            pushed |= self.notices.push(notice).is_ok();
        }
        if pushed {
            self.waker.wake_after_push();
        }
    }
}

pub(super) struct Supervisor {
    pub stage: Arc<Stage>,
    pub shared: Arc<Shared>,
    pub links: Vec<Link>,
    pub events: Receiver<Event>,
    pub gate: Arc<Gate>,
    pub crew: Crew,
    /// What others know of this thread.
    pub pulse: Pulse,
    /// A shard has reported something since the reports were last looked at.
    pub has_reports: bool,
    /// Nobody is restarted any more.
    pub is_unsupervised: bool,
    /// When housekeeping began.
    pub epoch: Instant,
    /// The supervisors' time, and that of all deadlines. It stands still while nothing runs, so that nobody is late for that.
    pub time: RunningTime,
    pub collector: Collector,
    pub master: ClockMaster,
    pub clock_watch: ClockWatch,
    pub net_watch: NetWatch,
    pub watchdog: Option<Watchdog>,
    /// When the clock was last recalibrated.
    pub clock_kept: Instant,
    pub names: Vec<String>,
    /// By actor that runs, as far as the shards have reported: its generation.
    pub up: Vec<Option<u16>>,
    /// By actor that has failed and does not run again: when its failure was noticed.
    pub failed_at: Vec<Option<Instant>>,
    pub incidents: Incidents,
    pub last_resort: LastResort,
    pub options: RunOptions,
    /// Somebody asked for the stop, or a part failed without which it does not go on.
    pub is_ending: bool,
    /// The end does not wait for what is in flight.
    pub is_hasty: bool,
    /// It halts by itself: it stops when its program has ended its business.
    pub halts: bool,
    /// When it stops that halts, if its program has not ended its business.
    pub halts_at: Option<Duration>,
    /// See [`Topology::start_with`](crate::topology::Topology::start_with).
    pub chore: Chore,
}

/// What follows from a fault.
pub(super) const AT_ONCE: &str = "the topology ends at once";
const HALTS: &str = "the topology halts in order";
const STOPS: &str = "the topology stops in order";

fn microseconds_since(at: Instant) -> u64 {
    at.elapsed().as_micros() as u64
}

impl Supervisor {
    /// Looks after the shards until the topology ends.
    pub(super) fn look_after(&mut self) {
        while !self.is_ending && !self.is_left() {
            self.pulse.beat();
            fault!("housekeeping.turn");
            self.relay();
            self.keep_clock();
            self.gather();
            // A copy of the pointer: whoever else wants the status does not wait for the chore.
            let status = self.shared.status();
            self.watch();
            let chore = self.pulse.during(Doing::Chore, || (self.chore)(&status));
            drop(status);
            let now = self.time.passed();
            if chore.is_break() || self.halts_at.is_some_and(|at| now >= at) {
                self.is_ending = true;
            } else {
                let timeout = self.until_next_turn();
                self.wait(timeout);
            }
        }
    }

    /// Whether the shards were ended in place of this thread, which was held up for too long.
    fn is_left(&mut self) -> bool {
        let is_left = !self.is_ending && self.stage.current() == super::stages::EXIT;
        self.is_hasty |= is_left;
        is_left
    }

    /// How long nothing is to be done but what is reported.
    fn until_next_turn(&mut self) -> Duration {
        if self.has_reports || self.is_ending {
            return Duration::ZERO;
        }
        let now_ns = self.supervisors_ns();
        let restart_ns = self.crew.next_deadline_ns().map(|at_ns| at_ns.saturating_sub(now_ns));
        // One that is due may wait for a shard to hear of the last one.
        restart_ns.map_or(HOUSEKEEPING_PERIOD, Duration::from_nanos).clamp(RESTART_WAIT_MIN, HOUSEKEEPING_PERIOD)
    }

    fn supervisors_ns(&mut self) -> u64 {
        self.time.passed().as_nanos() as u64
    }

    /// Looks whether all shards make turns.
    fn watch(&mut self) {
        let Supervisor { watchdog: Some(watchdog), links, epoch, .. } = self else { return };
        let samples = links.iter().map(|link| link.progress.sample());
        if let Some(Stuck { shard, silence }) = watchdog.observe(epoch.elapsed(), samples) {
            links[shard].note_stuck();
            self.is_hasty = true;
            self.note_of(shard, self.stuck(shard, silence), AT_ONCE);
        }
    }

    /// Waits for an event and takes it. Keeps the clock meanwhile, if it is called often enough.
    pub(super) fn wait(&mut self, timeout: Duration) {
        let began = Instant::now();
        let waited = self.events.recv_timeout(timeout);
        let late = began.elapsed().saturating_sub(timeout);
        self.pulse.beat();
        self.time.passed();
        match waited {
            Ok(event) => self.take(event),
            Err(RecvTimeoutError::Timeout) => {
                self.watchdog.iter_mut().for_each(|watchdog| watchdog.measure(late));
            }
            // All shards have ended, and the handle is gone.
            Err(RecvTimeoutError::Disconnected) => self.is_ending = true,
        }
        if self.clock_kept.elapsed() >= HOUSEKEEPING_PERIOD {
            self.keep_clock();
        }
    }

    /// Waits until all shards have let go of what they held. After a panic, it can be called again.
    pub(super) fn wait_for_ends(&mut self, deadline: Duration) {
        while !self.links.iter().all(Link::is_away) && self.time.passed() < deadline {
            self.pulse.beat();
            match self.events.recv_timeout(HOUSEKEEPING_PERIOD) {
                Ok(event) => self.take(event),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Stop => self.is_ending = true,
            // Whoever waits looks at the reports next, or does not wait.
            Event::Reported => self.has_reports = true,
            Event::Panicked { shard, place, message, events, at } => {
                let noticed_after_us = at.map(microseconds_since);
                let shard = self.links[shard].name.clone();
                self.log(|| tracing::error!(shard, noticed_after_us, "a panic outside of the actors"));
                self.halt(RuntimeFault::ShardPanicked { shard, place, message }, events);
            }
            Event::Ended { shard } => {
                self.links[shard].has_ended = true;
                if self.stage.current() < super::stages::EXIT {
                    let fault = RuntimeFault::ShardEnded { shard: self.links[shard].name.clone() };
                    self.halt(fault, self.events_of(shard));
                    self.lose_actors(shard);
                }
            }
            Event::ClockFault(fault) => {
                self.master.inject(fault);
                self.keep_clock();
                // They sleep until a time that may have passed.
                self.wake_all();
            }
        }
    }

    fn is_halting(&self) -> bool {
        self.is_ending || self.halts
    }

    /// Records a fault, which ends the topology once its program has ended its business.
    pub(super) fn halt(&mut self, fault: RuntimeFault, events: Arc<[ShardEvent]>) {
        let was_ending = self.is_ending;
        let halts = !was_ending && !self.options.halt_deadline.is_zero();
        self.note_with(fault, &events, if halts { HALTS } else { STOPS });
        if halts {
            self.is_ending = false;
            self.halts = true;
            let now = self.time.passed();
            self.halts_at = self.halts_at.or_else(|| now.checked_add(self.options.halt_deadline));
            self.shared.update(|status| status.is_halting = true);
        }
    }

    /// Records a fault of a shard, which ends the topology.
    pub(super) fn note_of(&mut self, shard: usize, fault: RuntimeFault, decision: &str) {
        self.note_with(fault, &self.events_of(shard), decision);
    }

    /// Records a fault, which ends the topology.
    fn note_with(&mut self, fault: RuntimeFault, events: &Arc<[ShardEvent]>, decision: &str) {
        self.is_ending = true;
        self.incidents.open_fault(&fault, events, decision);
        self.shared.update(|status| status.faults.push(fault.clone()));
        // A panic here, in the program's own log, may keep nothing from ending.
        let _ = panics::catch(|| self.pulse.during(Doing::Log, || tracing::error!("{fault}")));
        self.last_resort.say(format_args!("{fault}"));
    }

    /// Writes to the program's own log. A panic in it is recorded, and keeps nothing from being done.
    pub(super) fn log(&mut self, write: impl FnOnce()) {
        if panics::catch(|| self.pulse.during(Doing::Log, write)).is_err() {
            self.note_own_panic();
        }
    }

    /// Records a panic of this thread that was caught, which halts the topology.
    pub(super) fn halt_for_own_panic(&mut self) {
        let noticed_after_us = panics::time_of_last().map(microseconds_since);
        let (place, message) = panics::take();
        self.log(|| tracing::error!(noticed_after_us, "a panic of housekeeping"));
        self.halt(RuntimeFault::HousekeepingPanicked { place, message }, Arc::default());
    }

    /// Records a panic of this thread that was caught where the log or the program was called, which halts the topology.
    pub(super) fn note_own_panic(&mut self) {
        let (place, message) = panics::take();
        self.halt(RuntimeFault::HousekeepingPanicked { place, message }, Arc::default());
    }

    /// Recalibrates the clock, and says what is wrong with it.
    fn keep_clock(&mut self) {
        let found = self.master.recalibrate();
        self.clock_kept = Instant::now();
        let time_of_day_ns = self.master.time_of_day_ns();
        let clock = ClockStatus { time_of_day_ns, offset_ns: found.offset_ns, bracket_ns: found.bracket_ns };
        self.shared.update(|status| status.clock = clock);
        let max = self.options.time_of_day_max;
        if max.is_some_and(|max| u128::from(time_of_day_ns) >= max.as_nanos()) && !self.is_halting() {
            self.halt(RuntimeFault::DayWithoutEnd { seconds: time_of_day_ns / 1_000_000_000 }, Arc::default());
        }
        for notice in self.clock_watch.observe(time_of_day_ns, found).into_iter().flatten() {
            self.log(|| tracing::warn!("{notice}"));
        }
    }

    /// Takes what the shards report, passes it on to the others, and restarts who is to be restarted; returns how many ends of
    /// actors were passed on.
    pub(super) fn relay(&mut self) -> usize {
        let mut ends = 0;
        self.has_reports = false;
        for from in 0..self.links.len() {
            ends += self.take_reports(from);
        }
        self.links.iter_mut().for_each(Link::flush);
        // A shard that panicked has said so before it lost its actors: the cause is noted before what follows from it. What is
        // reported from here on is looked at without a wait.
        while let Ok(event) = self.events.try_recv() {
            self.take(event);
        }
        self.bound_silence();
        let are_heard = self.links.iter().all(Link::is_heard);
        if are_heard && !self.is_unsupervised {
            self.supervise();
        } else if !self.is_ending
            && let Some(gave_up) = self.is_unsupervised.then(|| self.crew.exit()).flatten()
        {
            // What failed during a halt, without which there is no business to end.
            self.escalate(&gave_up);
        }
        self.hand_over_incidents();
        ends
    }

    /// Takes what a shard reports; returns how many ends of actors were passed on.
    pub(super) fn take_reports(&mut self, from: usize) -> usize {
        let mut ends = 0;
        while let Ok(report) = self.links[from].reports.pop() {
            ends += usize::from(matches!(report, Report::Down(_)));
            self.take_report(from, report);
        }
        ends
    }

    pub(super) fn take_report(&mut self, from: usize, report: Report) {
        self.crew.note(&report);
        match report {
            Report::Failed(failure) => {
                let actor = failure.actor;
                self.failed_at[actor.position()].get_or_insert_with(Instant::now);
                self.note_failure(failure, Some(from));
                if self.is_unsupervised {
                    self.links[from].notify(Notice::End(actor));
                }
            }
            Report::Down(down) => {
                self.up[down.actor.position()] = None;
                self.notify_others(from, || Notice::Down(down));
            }
            Report::Up(up) => self.note_restart(from, up),
            Report::Suspended { actor, dead_letter } => {
                let name = &self.names[actor.position()];
                self.shared.update(|status| status.note_dead_letter(name, dead_letter));
            }
            Report::Retired { actor, generation, value } => {
                self.time.passed();
                let let_go = self.pulse.during(Doing::Dropping(actor), || value.let_go());
                self.time.leave_out();
                if let_go.is_err() {
                    let (place, message) = panics::take();
                    let fault = Fault::without_input(place, message);
                    self.note_failure(Failure::new(actor, generation, fault), Some(from));
                }
            }
        }
    }

    /// Hands over what is known of failures, once it is decided what follows from them.
    pub(super) fn hand_over_incidents(&mut self) {
        if self.is_unsupervised {
            self.incidents.decide(|_| "it ended: nobody is restarted during a stop".to_owned());
        }
        let Some((mut taker, incidents)) = self.incidents.take() else { return };
        let mut hand_over = |incident| self.pulse.during(Doing::Incident, || taker(incident));
        if panics::catch(|| incidents.into_iter().for_each(&mut hand_over)).is_ok() {
            self.incidents.give_back(taker);
        } else {
            self.note_own_panic();
            if panics::catch(|| self.pulse.during(Doing::LettingGo, || drop(taker))).is_err() {
                self.note_own_panic();
            }
        }
    }

    /// The name of the actor that a shard called last.
    pub(super) fn last_called(&self, shard: usize) -> Option<String> {
        self.links[shard].last_called.get().map(|actor| self.names[actor.position()].clone())
    }

    pub(super) fn events_of(&self, shard: usize) -> Arc<[ShardEvent]> {
        let clock = self.master.clock();
        self.links[shard].flight.read(|ticks| clock.time_of_day_ns(ticks))
    }

    fn notify_others(&mut self, from: usize, notice: impl Fn() -> Notice) {
        for (_, link) in self.links.iter_mut().enumerate().filter(|(to, _)| *to != from) {
            link.notify(notice());
        }
    }

    fn note_failure(&mut self, mut failure: Failure, shard: Option<usize>) {
        failure.noticed_after = failure.panicked_at.map(|at| at.elapsed());
        self.incidents.open_failure(&failure, shard.map(|shard| self.links[shard].name.as_str()));
        let Failure { header, generation, place, message: reason, noticed_after, in_restart, .. } = failure;
        let name = self.names[failure.actor.position()].clone();
        self.shared.update(|status| status.note_failure(&name, failure));
        let (sequence, kind) = (header.sequence.0, header.kind);
        let noticed_after_us = noticed_after.map(|after| after.as_micros() as u64);
        self.log(|| {
            if in_restart {
                tracing::error!(actor = name, generation, noticed_after_us, %place, %reason, "actor could not be restarted");
            } else {
                tracing::error!(actor = name, generation, sequence, kind, noticed_after_us, %place, %reason, "actor failed");
            }
        });
        self.last_resort.say(format_args!("actor {name:?} failed at {place}: {reason}"));
    }

    fn note_restart(&mut self, from: usize, up: Up) {
        self.up[up.actor.position()] = Some(up.generation);
        self.notify_others(from, || Notice::Up(up));
        let name = self.names[up.actor.position()].clone();
        self.shared.update(|status| status.note_restart(&name, up.generation));
        let after_us = self.failed_at[up.actor.position()].take().map(microseconds_since);
        self.log(|| tracing::warn!(actor = name, generation = up.generation, after_us, "actor restarted"));
    }

    /// Restarts, stops and gives up actors as their supervisors decide.
    fn supervise(&mut self) {
        let now_ns = self.supervisors_ns();
        let Supervisor { crew, links, .. } = self;
        let mut failures = Vec::new();
        let gave_up =
            crew.turn(now_ns, &mut |shard, notice| links[shard].notify(notice), &mut |failure| failures.push(failure));
        // Of the time in which it built replacements, nothing counts for those who are to start.
        self.time.leave_out();
        if gave_up.is_none() {
            let Supervisor { crew, incidents, .. } = self;
            incidents.decide(|actor| crew.decision(actor, now_ns));
        }
        // What follows from these is decided in the next turn.
        failures.into_iter().for_each(|failure| self.note_failure(failure, None));
        if let Some(gave_up) = gave_up {
            self.escalate(&gave_up);
            self.end_supervision();
        }
    }

    /// Ends the topology as a supervisor wants it that has given up.
    fn escalate(&mut self, gave_up: &GaveUp) {
        let supervisor = self.crew.tree().spec(gave_up.supervisor).name.clone();
        let actor = self.names[gave_up.actor.position()].clone();
        let at_once = gave_up.escalation == Escalation::Exit;
        let then = if at_once { AT_ONCE } else { HALTS };
        let decision = format!("supervisor {supervisor:?} gave up for actor {actor:?}: {then}");
        let is_known = self.incidents.has_open(gave_up.actor);
        self.incidents.decide(|_| decision.clone());
        let fault = RuntimeFault::GaveUp { supervisor, actor };
        if at_once {
            self.is_hasty = true;
            self.note_with(fault, &Arc::default(), AT_ONCE);
        } else {
            self.halt(fault, Arc::default());
        }
        if is_known {
            // It is their decision, and no failure of its own.
            self.incidents.withdraw_last();
        }
    }

    /// Ends supervision: who is suspended is given up, so that nobody waits for it any more.
    pub(super) fn end_supervision(&mut self) {
        if !std::mem::replace(&mut self.is_unsupervised, true) {
            let Supervisor { crew, links, .. } = self;
            crew.give_up(&mut |shard, notice| links[shard].notify(notice));
        }
    }

    /// Takes in the figures that the shards handed over, and says what the network lost or refused.
    pub(super) fn gather(&mut self) {
        if self.collector.collect() > 0 {
            let shards = self.collector.shards().iter().map(ShardStatus::of).collect();
            self.shared.update(|status| status.shards = shards);
        }
        for notice in self.net_watch.observe(Instant::now(), &self.shared.status().shards) {
            self.pulse.during(Doing::Log, || tracing::warn!("{notice}"));
            self.last_resort.warn(format_args!("{notice}"));
        }
    }

    /// Leads the shards to a stage of their life.
    pub(super) fn advance(&self, stage: u32) {
        self.stage.advance_to(stage);
        self.wake_all();
    }

    fn wake_all(&self) {
        self.links.iter().for_each(|link| link.waker.wake_after_push());
    }

    /// How far each shard is.
    pub(super) fn samples(&self) -> impl Iterator<Item = Progress> {
        self.links.iter().map(|link| link.progress.sample())
    }

    pub(super) fn has_ended(&self, shard: usize) -> bool {
        self.links[shard].has_ended
    }
}
