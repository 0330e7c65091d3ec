//! The operator's desk: it runs the trading day, and does what the operator asks for.
//!
//! The housekeeping thread gives it a turn every 20 ms or so. Whatever changes trading is a command to the sequencer; it is done,
//! and said to be done, when the group has counted it ([`GroupCount::CommandsDone`]). Nobody else sends such commands. Requests come from the process itself
//! ([`Venue::ask`](crate::Venue::ask)) and from the [socket](socket).
//!
//! | module | holds |
//! |---|---|
//! | `breakers` | the circuit breakers, their samples and the gate that they shut |
//! | `day` | which events of the day are due, and which lead from one phase to another |
//! | `members` | the names of ports, accounts and firms |
//! | `request` | what can be asked for |
//! | `socket` | the Unix socket and its connections |
//! | `turn` | that servers which start at once make their sockets one after the other |

mod breakers;
mod day;
mod members;
mod request;
mod socket;
mod turn;

use std::{
    collections::VecDeque,
    mem,
    ops::ControlFlow,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc,
    },
    time::{Duration, Instant},
};

use corelane_actors::{
    engine::GroupCount,
    session::{EntryGate, SessionCount},
    types::{Command, KillSwitch, MarketEvent, Scope, SequencerIn},
};
use corelane_codecs::itch::EventCode;
use corelane_config::Config;
use corelane_runtime::{
    lifecycle::{RunningTime, Status},
    topology::ExternalSender,
};

use self::{breakers::Breakers, socket::ConnectionId};
pub(crate) use self::{
    day::Day,
    members::Names,
    socket::{AdminSocket, check_socket},
    turn::{PATIENCE as TURN_PATIENCE, turn},
};
pub use self::{
    day::DayIsOver,
    request::{Answer, Request},
    socket::SocketError,
};

use crate::{declare::VenueCounters, permits::WorkPermits};

/// How long the group may take to do what was asked for.
const GROUP_DEADLINE: Duration = Duration::from_secs(5);
/// Commands that wait for room on the edge to the sequencer; beyond them, requests are refused.
const UNSENT_MAX: usize = 64;

/// A request of the process itself, and who waits for its answer.
pub(crate) type Asked = (Request, mpsc::Sender<Answer>);

/// What the desk and the [`Venue`](crate::Venue) share.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    /// A stop was asked for.
    pub is_stopping: AtomicBool,
    /// The group has ended the day: all orders have their final answer, and the tape its last message.
    pub day_is_over: AtomicBool,
    /// There is nothing left to do before the topology is stopped.
    pub is_done: AtomicBool,
    /// Clients that had been closed as slow readers when the stop was asked for.
    pub slow_readers_before: AtomicU64,
    /// Faults of the clock that were asked for, for [`Venue::is_running`](crate::Venue::is_running) to inject.
    #[cfg(feature = "faults")]
    pub clock_faults: std::sync::Mutex<Vec<corelane_runtime::clock::ClockFault>>,
}

/// Who is answered.
#[derive(Debug)]
enum Asker {
    /// The schedule of the day.
    Schedule,
    Embedder(mpsc::Sender<Answer>),
    Connection(ConnectionId),
    /// Whoever it was has been told that it was not done in time.
    Told,
}

/// A request on its way through the group.
#[derive(Debug)]
struct Pending {
    /// The number of its last command.
    command: u64,
    /// In the desk's time.
    deadline: Duration,
    asker: Asker,
    /// What is true when the group has done the command.
    then: Then,
}

#[derive(Clone, Copy, Debug)]
enum Then {
    Phase(EventCode),
    Switch(KillSwitch),
    Stopped,
}

/// The operator's desk.
#[derive(Debug)]
pub(crate) struct Desk {
    control: ExternalSender<SequencerIn>,
    counters: VenueCounters,
    breakers: Breakers,
    title: String,
    names: Names,
    day: Day,
    permits: WorkPermits,
    /// The kill switches that are engaged, as far as the group has said.
    engaged: Vec<Scope>,
    socket: Option<AdminSocket>,
    asked: mpsc::Receiver<Asked>,
    unsent: VecDeque<SequencerIn>,
    pending: VecDeque<Pending>,
    /// Commands sent or waiting that the group counts.
    commands: u64,
    /// Instruments that were paused at the last turn.
    paused: u64,
    progress: Arc<Progress>,
    /// How long the feed's retransmission server answers after the last message.
    linger: Duration,
    /// When the lingering ends.
    ends_at: Option<Duration>,
    /// Its time, and what it was when the turn began: it stands still while the process is suspended.
    time: RunningTime,
    passed: Duration,
}

/// What a desk is made of.
pub(crate) struct Parts {
    pub control: ExternalSender<SequencerIn>,
    pub counters: VenueCounters,
    pub permits: WorkPermits,
    pub gate: EntryGate,
    pub day: Day,
    /// The time since midnight at the start.
    pub now: Duration,
    /// The start.
    pub at: Instant,
    pub socket: Option<AdminSocket>,
    pub asked: mpsc::Receiver<Asked>,
    pub progress: Arc<Progress>,
}

impl Desk {
    /// The desk of the venue of `config`. What is due of the day is sent at once, so that the group has it before any
    /// client's request.
    pub(crate) fn new(config: &Config, parts: Parts) -> Desk {
        let Parts { control, counters, permits, gate, day, now, at, socket, asked, progress } = parts;
        let server = config.feeds.outbound.as_ref().and_then(|feed| feed.retransmission.as_ref());
        let mut desk = Desk {
            control,
            breakers: Breakers::new(config, counters.clone(), gate),
            counters,
            title: format!("venue {}, session {}", config.venue.name, config.venue.session),
            names: Names::new(config),
            day,
            permits,
            engaged: Vec::new(),
            socket,
            asked,
            unsent: VecDeque::with_capacity(UNSENT_MAX),
            pending: VecDeque::new(),
            commands: 0,
            progress,
            paused: 0,
            linger: Duration::from_millis(server.map_or(0, |server| server.linger_ms)),
            ends_at: None,
            time: RunningTime::begin_at(at),
            passed: Duration::ZERO,
        };
        desk.keep_to_schedule(now);
        desk.send_waiting();
        desk
    }

    /// Does what is due `at` this time. Never waits. `Break` when the venue halts by itself and its day is ended, as far as it can be.
    pub(crate) fn turn(&mut self, status: &Status, at: Instant) -> ControlFlow<()> {
        self.passed = self.time.passed_at(at);
        if status.is_halting && !self.progress.is_stopping.load(Ordering::Acquire) {
            self.handle(Request::Stop, Asker::Schedule, status);
        }
        self.finish_pending(status);
        self.breakers.turn(status);
        while let Ok((request, answer)) = self.asked.try_recv() {
            self.handle(request, Asker::Embedder(answer), status);
        }
        let requests = self.socket.as_mut().map(AdminSocket::poll).unwrap_or_default();
        for (connection, line) in requests {
            match Request::parse(&line, &self.names) {
                Ok(request) => self.admit(request, connection, status),
                // It is nothing for the log: whoever asks for nothing in a loop would fill it.
                Err(problem) => self.answer_socket(connection, &Err(problem)),
            }
        }
        if !self.progress.is_stopping.load(Ordering::Acquire) {
            self.keep_to_schedule(Duration::from_nanos(status.clock.time_of_day_ns));
        }
        self.end_pauses();
        self.send_waiting();
        if self.ends_at.is_none_or(|end| self.passed < end) {
            return ControlFlow::Continue(());
        }
        self.progress.is_done.store(true, Ordering::Release);
        if status.is_halting { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    /// Handles a request of the socket, whose connection holds its permit until it ends.
    fn admit(&mut self, request: Request, connection: ConnectionId, status: &Status) {
        let permit = match request.class(&self.permits).map(|class| class.try_acquire()).transpose() {
            Ok(permit) => permit,
            Err(refusal) => return self.answer_socket(connection, &Err(refusal.to_string())),
        };
        if let Some(socket) = &mut self.socket {
            socket.hold(connection, permit);
        }
        self.handle(request, Asker::Connection(connection), status);
    }

    fn handle(&mut self, request: Request, asker: Asker, status: &Status) {
        // A stop is never refused: it ends by its deadline.
        if self.unsent.len() >= UNSENT_MAX && matches!(request, Request::Phase(_) | Request::KillSwitch(_)) {
            return self.answer(asker, Err("the sequencer takes no commands; try again".into()));
        }
        match request {
            Request::Status => {
                let text = self.status(status);
                self.answer(asker, Ok(text));
            }
            Request::KillSwitch(switch) => {
                self.send(Command::KillSwitch(switch));
                self.await_group(asker, Then::Switch(switch));
            }
            Request::Breaker { index, state } => {
                let answer = self.breakers.force(index, state, status);
                self.answer(asker, answer);
            }
            #[cfg(feature = "faults")]
            Request::Fault { site, kind } => {
                self.answer(asker, Ok(format!("fault point {site} is armed")));
                corelane_runtime::faults::arm(site, kind);
            }
            #[cfg(feature = "faults")]
            Request::ClockFault(fault) => {
                self.progress.clock_faults.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(fault);
                self.answer(asker, Ok("the clock will be set".to_owned()));
            }
            Request::Phase(event) => match self.day.steps_to(event) {
                Ok(steps) => self.enter(&steps, event, asker, Then::Phase(event)),
                Err(problem) => self.answer(asker, Err(problem)),
            },
            Request::Stop => {
                if !self.progress.is_stopping.swap(true, Ordering::AcqRel) {
                    self.progress
                        .slow_readers_before
                        .store(self.counters.session.get(SessionCount::SlowReader), Ordering::Release);
                }
                let end = EventCode::EndOfMessages;
                // None are left if the day is over already.
                let steps = self.day.steps_to(end).unwrap_or_default();
                self.enter(&steps, end, asker, Then::Stopped);
            }
        }
    }

    /// What it waits for, in words; none if the group has done all that it was given.
    pub(crate) fn waits_for(&self) -> Option<String> {
        self.pending.front().map(|first| self.words(first.then))
    }

    /// Sends the events of the day that are due `now`, by the clock that stamps the messages.
    fn keep_to_schedule(&mut self, now: Duration) {
        if let Some(event) = self.day.due(now)
            && let Ok(steps) = self.day.steps_to(event)
        {
            self.enter(&steps, event, Asker::Schedule, Then::Phase(event));
        }
    }

    /// Sends the steps that lead to an event of the day.
    fn enter(&mut self, steps: &[EventCode], event: EventCode, asker: Asker, then: Then) {
        for step in steps {
            self.send(Command::MarketEvent(MarketEvent { code: step.to_wire() }));
        }
        self.day.set_out_for(event);
        self.await_group(asker, then);
    }

    fn send(&mut self, command: Command) {
        self.unsent.push_back(SequencerIn::Command(command));
        self.commands += 1;
    }

    fn await_group(&mut self, asker: Asker, then: Then) {
        let (command, deadline) = (self.commands, self.passed + GROUP_DEADLINE);
        self.pending.push_back(Pending { command, deadline, asker, then });
    }

    /// Lets the group end the pauses of instruments that are over. It does so in its own time, which only its inputs bring.
    fn end_pauses(&mut self) {
        let paused = self.counters.group.get(GroupCount::InstrumentsPaused);
        let before = mem::replace(&mut self.paused, paused);
        if (before == 0) != (paused == 0) {
            tracing::warn!("delay protection: {paused} instruments are paused");
        }
        // If there is no room for commands, this has time too.
        if paused > 0 && self.unsent.is_empty() {
            self.unsent.push_back(SequencerIn::Command(Command::EndPauses));
        }
    }

    fn send_waiting(&mut self) {
        let mut batch = self.control.batch();
        while let Some(&command) = self.unsent.front()
            && batch.send(command).is_ok()
        {
            self.unsent.pop_front();
        }
    }

    /// Answers the requests that the group has done, and those that it does not do in time. What it does late is still noted.
    fn finish_pending(&mut self, status: &Status) {
        let done = self.counters.group.get(GroupCount::CommandsDone);
        while let Some(Pending { asker, then, .. }) = self.pending.pop_front_if(|first| first.command <= done) {
            let text = self.done(then);
            if matches!(then, Then::Stopped) {
                self.progress.day_is_over.store(true, Ordering::Release);
                self.end_after(self.linger);
            }
            self.answer(asker, Ok(text));
        }
        let dead = status.failures.iter().map(|(actor, _)| actor.as_str()).find(|actor| is_needed(actor));
        let now = self.passed;
        for late in 0..self.pending.len() {
            let Pending { deadline, asker, then, .. } = &mut self.pending[late];
            if dead.is_none() && now < *deadline {
                return;
            }
            let (asker, then) = (mem::replace(asker, Asker::Told), *then);
            if matches!(asker, Asker::Told) {
                continue;
            }
            if matches!(then, Then::Stopped) {
                self.end_after(Duration::ZERO);
            }
            let problem = match dead {
                Some(actor) => format!("not done: {actor} has failed"),
                None => {
                    let seconds = GROUP_DEADLINE.as_secs();
                    format!(
                        "not done within {seconds} s, but may still be: the group is behind or stands still; look in the log"
                    )
                }
            };
            self.answer(asker, Err(problem));
        }
        if dead.is_some() {
            self.pending.clear();
        }
    }

    /// Ends the desk's work after a time, unless its end is fixed already.
    fn end_after(&mut self, linger: Duration) {
        self.ends_at.get_or_insert(self.passed + linger);
    }

    /// Notes what the group has done, and says it.
    fn done(&mut self, then: Then) -> String {
        match then {
            Then::Phase(event) => {
                self.day.reach(event);
                day::phase_after(event).to_owned()
            }
            Then::Stopped => {
                self.day.reach(EventCode::EndOfMessages);
                "the group has ended the day; the venue now tells clients and the feed, and stops".to_owned()
            }
            Then::Switch(switch) => {
                self.engaged.retain(|scope| *scope != switch.scope());
                let word = if switch.is_engaged() { "engaged" } else { "released" };
                if switch.is_engaged() {
                    self.engaged.push(switch.scope());
                }
                format!("kill switch {word} for {}", self.names.of(switch.scope()))
            }
        }
    }

    /// What the group is to do, in words.
    fn words(&self, then: Then) -> String {
        match then {
            Then::Phase(event) => day::words(event).to_owned(),
            Then::Stopped => "the stop".to_owned(),
            Then::Switch(switch) => {
                let verb = if switch.is_engaged() { "engage" } else { "release" };
                format!("{verb} the kill switch for {}", self.names.of(switch.scope()))
            }
        }
    }

    fn answer(&mut self, asker: Asker, answer: Answer) {
        match (&asker, &answer) {
            (Asker::Schedule, Ok(text)) => tracing::info!("{text}"),
            (Asker::Told, Ok(text)) => tracing::warn!("late: {text}"),
            (_, Err(problem)) => tracing::error!("{problem}"),
            (_, Ok(text)) if !text.contains('\n') => tracing::warn!("{text}"),
            _ => {}
        }
        match asker {
            Asker::Schedule | Asker::Told => {}
            // Whoever asked may have stopped waiting.
            Asker::Embedder(waiting) => drop(waiting.send(answer)),
            Asker::Connection(connection) => self.answer_socket(connection, &answer),
        }
    }

    fn answer_socket(&mut self, connection: ConnectionId, answer: &Answer) {
        if let Some(socket) = &mut self.socket {
            socket.answer(connection, answer);
        }
    }

    fn status(&mut self, status: &Status) -> String {
        let engaged: Vec<String> = self.engaged.iter().map(|scope| self.names.of(*scope)).collect();
        let engaged = if engaged.is_empty() { "none".to_owned() } else { engaged.join(", ") };
        let next = match self.progress.is_stopping.load(Ordering::Acquire) {
            true => "the end of the venue, which is stopping".to_owned(),
            false => self.day.next(),
        };
        let mut lines = vec![
            self.title.clone(),
            format!("phase: {}", self.day.phase()),
            format!("next: {next}"),
            format!("kill switches engaged: {engaged}"),
        ];
        let paused = self.counters.group.get(GroupCount::InstrumentsPaused);
        if paused > 0 {
            lines.push(format!("instruments paused: {paused}"));
        }
        if !self.pending.is_empty() {
            let waiting: Vec<String> = self.pending.iter().map(|pending| self.words(pending.then)).collect();
            lines.push(format!("on its way: {}", waiting.join(", ")));
        }
        lines.extend(self.breakers.lines(status));
        lines.extend(self.permits.lines());
        let count = |count| self.counters.session.get(count);
        lines.push(format!(
            "log-ins: {}, requests: {}, answers: {}",
            count(SessionCount::LogIns),
            count(SessionCount::Requests),
            count(SessionCount::Answers)
        ));
        if status.failures.is_empty() {
            lines.push("failures: none".to_owned());
        }
        lines.extend(status.failure_lines().map(|line| format!("failure: {line}")));
        for (actor, times) in &status.restarted {
            lines.push(format!("restarted: actor {actor}, {times} times"));
        }
        lines.extend(status.warnings().iter().map(|warning| format!("warning: {warning}")));
        lines.join("\n")
    }
}

/// Whether nothing can be done without this actor.
fn is_needed(actor: &str) -> bool {
    matches!(actor, "sequencer" | "group")
}

#[cfg(test)]
mod tests;
