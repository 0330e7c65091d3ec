//! The duty cycle: the one task of a shard's executor. Turns the shard, follows the stages of the topology, and
//! idles by the declared strategy.
#![expect(clippy::disallowed_methods, reason = "idling and the last flush take wall time, not the shard's")]

use std::{
    future::poll_fn,
    io,
    os::fd::OwnedFd,
    pin::pin,
    sync::Arc,
    task::Poll,
    time::{Duration, Instant},
};

use corelane_sync::stage::{ProgressWriter, Stage};
use glommio::io::PollableFd;

use crate::{
    cpu, fault,
    lifecycle::running_time::RunningTime,
    lifecycle::stages,
    net::{CloseReason, NetCounters},
    shard::Shard,
    shard::cell::Rest,
    shard::flight::{Recorder, ShardEvent},
    shard::notice::{Notice, Report},
    shard::panics::{self, Caught, PanicLocation, PanicMessage},
    shard::wake::Waker,
    telemetry::{Counters, ShardCount},
    topology::Idle,
};

/// Interval of the work that is not needed in every turn, in nanoseconds. It goes by time and not by turns, since a busy turn
/// may last milliseconds.
const CHECK_NS: u64 = 500_000;
/// Interval at which figures are handed to housekeeping, about.
const HAND_OVER_NS: u64 = 50_000_000;
/// How long a shard that may sleep looks for work first. A sleep costs a wake-up of 20 µs and disturbs the shards
/// that run, because glommio issues a membarrier.
const PARK_AFTER: Duration = Duration::from_micros(50);
/// The longest sleep of a shard that waits for room in an edge or holds frames, in nanoseconds. Nobody tells it of the room,
/// so it looks again after twice as long as it has waited already, and at least this often: that costs about 1 % of a CPU.
const ROOM_WAIT_NS_MAX: u64 = 20_000_000;
const ROOM_WAIT_NS_MIN: u64 = 100_000;
/// Empty turns in that window before each turn yields the CPU: two shards on one CPU make 275,000 round trips a second with
/// the yield and 9,000 without.
const EMPTY_TURNS_BEFORE_YIELD: u32 = 50;
/// Empty turns before `backoff` sleeps, and how long it sleeps.
const EMPTY_TURNS_BEFORE_SLEEP: u32 = 1000;
const BACKOFF_SLEEP: Duration = Duration::from_micros(50);
/// A shard that has not looked at the network for so long takes in what has come on all sockets, before its timers find peers silent
/// and so that all of it counts from the same moment.
const CATCH_UP_NS: u64 = 10_000_000;
/// More than a step takes. A turn whose steps may have taken all of its time has not stood still.
const STEP_NS: u64 = 2_500;
/// How long actors may go on sending, and sockets take to flush, after the stop hooks.
const FLUSH_DEADLINE: Duration = Duration::from_secs(2);
/// How long the connections that are cut off then may take to end: they wait for nobody.
const CUT_OFF_DEADLINE: Duration = Duration::from_secs(1);
/// Reports made in a turn without allocating.
const REPORTS_PER_TURN: usize = 64;

pub(crate) struct DutyCycle {
    pub shard: Shard,
    pub idle: Idle,
    pub cpu: usize,
    pub stage: Arc<Stage>,
    pub progress: ProgressWriter,
    pub waker: Arc<Waker>,
    /// None on a shard that never sleeps.
    pub sleeper: Option<Sleeper>,
    pub recorder: Recorder,
    /// What happened to actors of this shard, to housekeeping.
    pub reports: rtrb::Producer<Report>,
    /// What happened to others and what is to be done, from housekeeping.
    pub notices: rtrb::Consumer<Notice>,
    /// Wakes housekeeping, which may sleep.
    pub wake_housekeeping: Box<dyn Fn()>,
    pub figures: Figures,
}

/// The cycle's own counts, and how far they have been handed to housekeeping.
#[derive(Default)]
pub(crate) struct Figures {
    turns: u64,
    busy_turns: u64,
    busy_ticks: u64,
    /// When the last turn ended, by the clock's ticks.
    turn_end_ticks: u64,
    /// When it began, and so the shard looked at the network; or when the shard should have woken up since.
    looked_ticks: u64,
    /// The work of the last turn.
    last_work: usize,
    /// When they were last handed over.
    handed_over_ns: u64,
    /// Whether work was done since.
    behind: bool,
    /// The bytes that connections had lost when the stop began.
    lost_before_stop_bytes: u64,
    /// The messages that actors had sent when a turn of the stop was last looked at.
    sent: u64,
}

impl Figures {
    /// A turn lasts from the end of the one before.
    #[inline]
    fn count_turn(&mut self, was_busy: bool, now_ticks: u64) {
        let began_ticks = std::mem::replace(&mut self.turn_end_ticks, now_ticks);
        self.looked_ticks = began_ticks;
        self.turns += 1;
        if was_busy {
            self.busy_turns += 1;
            self.busy_ticks += now_ticks.saturating_sub(began_ticks);
            self.behind = true;
        }
    }

    /// Whether the turn that begins comes after a stall of more than `stall_ticks`. A step may have taken `step_ticks`: the turn that
    /// first finds what has come during a stall has thousands.
    #[inline]
    fn has_stood(&self, stall_ticks: u64, step_ticks: u64) -> bool {
        let turn_ticks = self.turn_end_ticks.saturating_sub(self.looked_ticks);
        turn_ticks > stall_ticks && turn_ticks > step_ticks.saturating_mul(self.last_work as u64)
    }

    /// Leaves the time until `now_ticks` out of the turns: the shard has slept, and should have woken up at `due_ticks`.
    fn slept(&mut self, now_ticks: u64, due_ticks: u64) {
        self.turn_end_ticks = now_ticks;
        self.looked_ticks = now_ticks.min(due_ticks);
    }
}

impl DutyCycle {
    /// Runs until the topology's last stage, then drops what the shard holds. `report` hears of panics outside of the actors:
    /// of a framer, of the network driver.
    pub(crate) async fn run(mut self, report: impl Fn(PanicLocation, PanicMessage, Arc<[ShardEvent]>)) {
        let mut reports = Vec::with_capacity(REPORTS_PER_TURN);
        let mut panicked = catching(self.turn_until_exit(&mut reports)).await.is_err();
        if panicked {
            let (place, message) = panics::take();
            self.recorder.note_turn(self.shard.env.time.ticks_anew());
            report(place, message, self.events());
            self.shard.bury(place, message, &mut reports);
            // There is nothing to sleep on.
            self.idle = Idle::Backoff;
            panicked = catching(self.turn_until_exit(&mut reports)).await.is_err();
            // However far its turns came: nobody waits for any of them.
            self.shard.collect_last_failures(&mut reports);
        }
        panicked |= self.shard.dispose(&mut reports).is_err();
        if panicked {
            let (place, message) = panics::take();
            report(place, message, self.events());
        }
        self.report(&mut reports);
        self.publish(stages::EXIT);
    }

    async fn turn_until_exit(&mut self, reports: &mut Vec<Report>) {
        let sleeper = self.sleeper.take();
        let mut reached = stages::RUN;
        let mut empty_turns = 0u32;
        let check_ticks = self.shard.env.time.ticks_of(CHECK_NS);
        let back_off_ticks = self.shard.env.time.ticks_of(BACKOFF_SLEEP.as_nanos() as u64);
        let stall_ticks = self.shard.env.time.ticks_of(CATCH_UP_NS);
        let step_ticks = self.shard.env.time.ticks_of(STEP_NS);
        let mut checked_ticks = 0;
        let mut caught_up = false;
        let mut idle_since: Option<Instant> = None;
        let mut waits_since_ns: Option<u64> = None;
        self.figures.slept(self.shard.env.time.ticks_anew(), u64::MAX);
        // The actors' start hooks may have sent.
        self.progress.count_work();
        loop {
            let stage = match self.stage.current() {
                // A stop without patience goes on before this shard has seen it: the actors stop all the same, and what they
                // have sent leaves.
                stage if stage > stages::STOP && reached < stages::STOP => stages::STOP,
                stage if stage > stages::CLOSE && reached < stages::CLOSE => stages::CLOSE,
                stage => stage,
            };
            if stage != reached {
                self.enter_stage(stage, reached);
                reached = stage;
                if stage == stages::EXIT {
                    break;
                }
            }
            fault!("shard.turn");
            self.shard.env.time.set_looked(self.figures.looked_ticks);
            // Never in two turns in a row: one that catches up may itself last as long as a stall.
            caught_up = !caught_up && self.figures.has_stood(stall_ticks, step_ticks);
            if caught_up {
                self.shard.transport.catch_up();
            }
            let work = self.shard.turn(reports);
            let now_ticks = self.shard.env.time.ticks_anew();
            self.figures.count_turn(work > 0, now_ticks);
            self.figures.last_work = work;
            if (work > 0 || self.shard.called()) && (stage == stages::RUN || self.moved_messages(work)) {
                self.progress.count_work();
            }
            if work > 0 {
                empty_turns = 0;
                idle_since = None;
                waits_since_ns = None;
                self.recorder.note_turn(now_ticks);
                if !reports.is_empty() {
                    self.report(reports);
                }
            } else {
                empty_turns = empty_turns.saturating_add(1);
            }
            if now_ticks.wrapping_sub(checked_ticks) >= check_ticks || stage != stages::RUN {
                checked_ticks = now_ticks;
                self.check(stage, reports);
                if work == 0 && stage != stages::RUN && !self.shard.is_quiet() {
                    // A full edge blocks the actors, or they hold frames: no work is done, but the shard is not at rest.
                    self.progress.count_work();
                }
                self.publish(stage);
            }
            if work > 0 {
                continue;
            }
            match self.idle {
                Idle::Spin => std::hint::spin_loop(),
                Idle::Backoff if empty_turns > EMPTY_TURNS_BEFORE_SLEEP => {
                    std::thread::sleep(BACKOFF_SLEEP);
                    self.figures.slept(self.shard.env.time.ticks_anew(), now_ticks + back_off_ticks);
                }
                Idle::Backoff => std::hint::spin_loop(),
                Idle::Park => {
                    if empty_turns < EMPTY_TURNS_BEFORE_YIELD {
                        continue;
                    }
                    std::thread::yield_now();
                    // It yields to whoever has work, and what comes meanwhile waits.
                    let mut due_ticks = now_ticks;
                    let since = *idle_since.get_or_insert_with(Instant::now);
                    if since.elapsed() >= PARK_AFTER {
                        self.check(stage, reports);
                        self.publish(stage);
                        if let Some(sleeper) = &sleeper {
                            due_ticks = self.park(sleeper, stage, &mut waits_since_ns).await.unwrap_or(due_ticks);
                        }
                        // `idle_since` and `empty_turns` stay: a wake-up without work ends in the next sleep at once.
                    }
                    self.figures.slept(self.shard.env.time.ticks_anew(), due_ticks);
                }
            }
        }
        self.shard.collect_last_failures(reports);
        self.report(reports);
        if let Some(driver) = self.shard.transport.driver() {
            // What the last turn has sent leaves too.
            driver.submit_and_reap();
        }
        self.count_figures();
        if let Some(driver) = self.shard.transport.driver() {
            let counters = self.shard.env.telemetry.borrow().counters().clone();
            counters.set(ShardCount::NetDatagramsLost, driver.unsent_datagrams());
        }
    }

    fn enter_stage(&mut self, stage: u32, reached: u32) {
        if reached == stages::RUN {
            self.shard.transport.stop_input();
            self.figures.lost_before_stop_bytes = self.lost_bytes();
        }
        if stage == stages::STOP {
            // No turn has begun yet since the shard slept.
            self.shard.env.time.begin_turn();
            self.shard.stop_actors();
            self.shard.wake_peers();
        }
        if stage == stages::CLOSE {
            self.flush();
            if let Some(driver) = self.shard.transport.driver() {
                let counters = self.shard.env.telemetry.borrow().counters().clone();
                let unsent_bytes = driver.unsent_bytes().saturating_sub(self.figures.lost_before_stop_bytes);
                counters.set(ShardCount::NetUnsentAtStopBytes, unsent_bytes);
            }
        }
        self.shard.env.timers_fired.set(0);
        self.figures.sent = self.shard.traffic().sent;
    }

    /// Whether a turn of the stop did more than fire timers that sent nothing. These put nothing in flight, and as they are set
    /// again and again, no stop can wait for their end.
    #[cold]
    fn moved_messages(&mut self, work: usize) -> bool {
        let timers = self.shard.env.timers_fired.take();
        let sent = self.shard.traffic().sent;
        let sent_before = std::mem::replace(&mut self.figures.sent, sent);
        work > timers || sent != sent_before || self.shard.called()
    }

    /// The bytes that connections which have ended did not deliver.
    fn lost_bytes(&mut self) -> u64 {
        self.shard.transport.driver().map_or(0, |driver| driver.counters().unsent_bytes)
    }

    /// Turns until the actors have sent what they had for the network, and all sockets are flushed and closed, or their time
    /// is up. What is open then is cut off.
    fn flush(&mut self) {
        let mut time = RunningTime::begin();
        let mut is_cut_off = false;
        let mut reports = Vec::new();
        let transport_is_busy = |shard: &Shard| shard.transport.open_connections() > 0 || shard.transport.has_pending();
        self.shard.transport.close_served();
        while transport_is_busy(&self.shard) || self.shard.owes_turns() {
            self.shard.turn(&mut reports);
            self.report(&mut reports);
            self.shard.transport.close_served();
            let elapsed = time.passed();
            if elapsed > FLUSH_DEADLINE + CUT_OFF_DEADLINE {
                break;
            }
            if elapsed > FLUSH_DEADLINE && !is_cut_off {
                is_cut_off = true;
                self.shard.transport.cut_off_all();
            }
            std::thread::yield_now();
        }
    }

    /// Reports that a whole turn has run since `stage` was seen.
    fn publish(&mut self, stage: u32) {
        self.progress.reach(stage);
        self.progress.publish();
    }

    /// Hands reports to housekeeping; what it has no room for stays.
    #[cold]
    fn report(&mut self, reports: &mut Vec<Report>) {
        let room = reports.len().min(self.reports.slots());
        let ticks = self.shard.env.time.ticks_anew();
        // Who is reported of may have run since.
        self.recorder.note_turn(ticks);
        for mut report in reports.drain(..room) {
            if let Some((actor, what, input)) = report.happened() {
                self.recorder.note(ticks, actor, what, input);
            }
            if let Report::Failed(failure) = &mut report {
                failure.events = self.events();
            }
            let _ = self.reports.push(report);
        }
        if room > 0 {
            (self.wake_housekeeping)();
        }
    }

    fn events(&self) -> Arc<[ShardEvent]> {
        self.recorder.events(|ticks| self.shard.env.time.time_of_day_ns(ticks))
    }

    /// Does the work that is not needed in every turn.
    #[cold]
    fn check(&mut self, stage: u32, reports: &mut Vec<Report>) {
        while let Ok(notice) = self.notices.pop() {
            // The turn's reading may be old: the yield gave the CPU away.
            self.shard.env.time.begin_turn();
            match notice {
                // An actor whose stop hook could not be called any more is not started.
                Notice::Replace { actor, generation, value } if stage >= stages::STOP => {
                    reports.push(Report::Retired { actor, generation, value });
                }
                notice => self.shard.take(notice, reports),
            }
            // The neighbours may have sent in answer, and no turn has counted it or woken who gets it.
            self.progress.count_work();
            self.shard.wake_peers();
        }
        if !reports.is_empty() {
            self.report(reports);
        }
        let now_ns = self.shard.env.time.wall_ns();
        if now_ns.saturating_sub(self.figures.handed_over_ns) < HAND_OVER_NS {
            return;
        }
        self.count_figures();
        self.figures.handed_over_ns = now_ns;
        if self.shard.env.telemetry.borrow_mut().offer() {
            self.figures.behind = false;
        }
    }

    /// Brings the figures of the shard up to date; they go to housekeeping with the next offer, or at the end.
    fn count_figures(&mut self) {
        let traffic = self.shard.traffic();
        let counters = self.shard.env.telemetry.borrow().counters().clone();
        counters.set(ShardCount::Cycles, self.figures.turns);
        counters.set(ShardCount::BusyCycles, self.figures.busy_turns);
        counters.set(ShardCount::BusyNs, self.shard.env.time.nanos_of(self.figures.busy_ticks));
        counters.set(ShardCount::Messages, traffic.received);
        counters.set(ShardCount::Holds, traffic.holds);
        counters.set(ShardCount::Dropped, traffic.dropped);
        counters.set(ShardCount::Conflated, traffic.conflated);
        counters.set(ShardCount::Expired, traffic.expired);
        counters.set(ShardCount::ReadersGone, traffic.readers_gone);
        if !cpu::verify_pinned(self.cpu) {
            counters.add(ShardCount::PinLosses, 1);
        }
        if let Some(driver) = self.shard.transport.driver() {
            report_network(driver.counters(), &counters);
        }
    }

    /// Sleeps until a packet, a message, a timer or a stage comes. A shard that waits for room sleeps for a bounded time, and
    /// `waits_since_ns` says since when. Returns when it should have woken up at the latest, by the clock's ticks; none if it did
    /// not sleep. The order of these steps matters.
    async fn park(&mut self, sleeper: &Sleeper, stage: u32, waits_since_ns: &mut Option<u64>) -> Option<u64> {
        // The turn's reading may be old: the yield gave the CPU away.
        self.shard.env.time.begin_turn();
        let now_ns = self.shard.env.time.wall_ns();
        let rest = self.shard.rest(now_ns);
        if rest == Rest::Busy {
            return None;
        }
        let waits = rest == Rest::WaitsForRoom;
        *waits_since_ns = waits.then(|| waits_since_ns.unwrap_or(now_ns));
        let room_ns =
            waits_since_ns.map(|since_ns| now_ns + (2 * (now_ns - since_ns)).clamp(ROOM_WAIT_NS_MIN, ROOM_WAIT_NS_MAX));
        // Housekeeping gets the last figures before a long sleep. The first sleep is told soon after it has begun; each later
        // one when it ends.
        self.figures.behind |= self.shard.env.telemetry.borrow().counters().get(ShardCount::Parks) == 0;
        let figures_ns = self.figures.behind.then_some(self.figures.handed_over_ns + HAND_OVER_NS);
        let actors_ns = self.shard.next_timer_ns(now_ns, waits);
        let driver = self.shard.transport.driver()?;
        // The driver's: a listener that backs off, a connection whose peer does not let it close.
        let timer_ns = [actors_ns, figures_ns, driver.next_deadline_ns(), room_ns].into_iter().flatten().min();
        if timer_ns.is_some_and(|timer_ns| !driver.arm_timeout(now_ns, timer_ns)) {
            return None;
        }
        let mut due_ticks = None;
        self.waker.flag().announce();
        driver.enable_eventfd();
        let nothing_came = driver.prepare_park();
        let still_rests = nothing_came && self.shard.rest(now_ns) <= rest;
        if still_rests && self.stage.current() == stage && self.notices.is_empty() {
            self.shard.env.telemetry.borrow().counters().add(ShardCount::Parks, 1);
            self.progress.publish_asleep();
            let time = &self.shard.env.time;
            let wait_ticks = timer_ns.map_or(u64::MAX, |timer_ns| time.ticks_of(timer_ns.saturating_sub(now_ns)));
            due_ticks = Some(time.ticks_anew().saturating_add(wait_ticks));
            let woken = sleeper.eventfd.readable().await;
            self.progress.publish();
            if woken.is_err() {
                // The executor is going away, or short of memory: then the shard idles as one that backs off.
                std::thread::sleep(BACKOFF_SLEEP);
            }
        }
        self.waker.flag().retract();
        if let Some(driver) = self.shard.transport.driver() {
            driver.disable_eventfd();
        }
        self.waker.clear();
        due_ticks
    }
}

/// Awaits `future` and catches its panic, after which it is not polled again.
async fn catching<T>(future: impl Future<Output = T>) -> Result<T, Caught> {
    let mut future = pin!(future);
    poll_fn(|context| match panics::catch(|| future.as_mut().poll(context)) {
        Ok(poll) => poll.map(Ok),
        Err(caught) => Poll::Ready(Err(caught)),
    })
    .await
}

/// Copies the driver's totals into the shard's figures.
fn report_network(network: &NetCounters, counters: &Counters<ShardCount>) {
    counters.set(ShardCount::NetEnters, network.enters + network.sends_by_call);
    counters.set(ShardCount::NetOpened, network.accepted + network.connected);
    counters.set(ShardCount::NetClosed, network.closed.iter().sum());
    counters.set(ShardCount::NetFramesIn, network.frames + network.datagrams_received);
    counters.set(ShardCount::NetDatagramsOut, network.datagrams_sent);
    counters.set(ShardCount::NetBytesIn, network.received_bytes);
    counters.set(ShardCount::NetBytesOut, network.sent_bytes);
    counters.set(ShardCount::NetSlowReaders, network.closed_for(CloseReason::SlowReader));
    counters.set(ShardCount::NetBadFrames, network.closed_for(CloseReason::BadFrame));
    counters.set(ShardCount::NetTooMany, network.closed_for(CloseReason::TooMany));
    counters.set(ShardCount::NetDatagramsLost, network.datagrams_refused);
    counters.set(ShardCount::NetDatagramErrors, network.datagram_errors);
    counters.set(ShardCount::NetDatagramsTruncated, network.datagrams_truncated);
    counters.set(ShardCount::NetAcceptErrors, network.accept_errors);
    counters.set(ShardCount::NetConnectErrors, network.connect_errors);
    counters.set(ShardCount::NetResetErrors, network.reset_errors);
    counters.set(ShardCount::NetBuffersExhausted, network.buffers_exhausted);
}

/// The descriptor that a sleeping shard awaits through its executor.
pub(crate) struct Sleeper {
    eventfd: PollableFd<OwnedFd>,
}

impl Sleeper {
    /// The sleeper of a shard, on its executor; none if it never sleeps.
    ///
    /// # Errors
    /// Why the descriptor could not be opened or registered.
    pub(crate) fn new(waker: &Waker) -> io::Result<Option<Self>> {
        let Some(descriptor) = waker.descriptor()? else { return Ok(None) };
        Ok(Some(Sleeper { eventfd: PollableFd::new(descriptor.try_clone_to_owned()?)? }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_sleeps_looks_at_the_network_until_it_should_wake_up() {
        let mut figures = Figures::default();
        figures.count_turn(false, 100);
        figures.count_turn(false, 150);
        assert_eq!(figures.looked_ticks, 100, "the last turn began there");
        for (now_ticks, due_ticks, looked_ticks) in [(900, u64::MAX, 900), (950, 950, 950), (990, 960, 960)] {
            figures.slept(now_ticks, due_ticks);
            assert_eq!((figures.looked_ticks, figures.turn_end_ticks), (looked_ticks, now_ticks));
        }
    }

    #[test]
    fn a_turn_has_stood_still_that_lasted_longer_than_its_steps() {
        for (turn_ticks, last_work, has_stood) in [
            (10_000, 0, false),
            (10_001, 0, true),
            (10_001, 4_000, true),
            (10_001, 5_100, false),
            (100_000, 10_000, true),
        ] {
            let figures = Figures { looked_ticks: 7, turn_end_ticks: 7 + turn_ticks, last_work, ..Figures::default() };
            // Ticks are microseconds.
            assert_eq!(figures.has_stood(10_000, 2), has_stood, "{turn_ticks} {last_work}");
        }
    }

    #[test]
    fn only_the_time_of_busy_turns_counts() {
        let mut figures = Figures { turn_end_ticks: 100, ..Figures::default() };
        for (was_busy, now_ticks) in [(false, 150), (true, 170), (true, 200), (false, 900), (true, 901)] {
            figures.count_turn(was_busy, now_ticks);
        }
        assert_eq!((figures.turns, figures.busy_turns, figures.busy_ticks), (5, 3, 20 + 30 + 1));
    }
}
