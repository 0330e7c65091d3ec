//! One turn of a shard: network, actors to bounded quiescence, ends of batch, wake-ups.
//!
//! *Sink* actors send to no other actor: a publisher, a recorder. They run last, after the other actors' end-of-batch hooks
//! have run and their answers have been submitted, so that no answer waits for a sink. While every turn brings network input
//! for other actors and none for a sink, the sinks wait for a few turns: their messages then share packets, and the next input
//! does not wait for them.

use std::{
    rc::Rc,
    sync::{Arc, atomic::Ordering},
};

use corelane_sync::wake::producer_fence;

use crate::{
    actor::{Down, Up},
    edge::bind::{Touched, Waiting},
    edge::step::BATCH_MAX,
    message::SequenceNumber,
    net::{EndpointId, Net, NetHandler, Owners},
    shard::cell::{Hosted, Rest, Traffic},
    shard::failure::{Failure, Fault},
    shard::flight::{LastCalled, Recorded},
    shard::notice::{Notice, Report, Value},
    shard::panics::{self, Caught, PanicLocation, PanicMessage},
    shard::time::ShardEnv,
    shard::transport::{NoNet, Transport},
    shard::wake::Waker,
    telemetry::ShardCount,
    topology::ids::ActorIndex,
};

/// Rounds over the hosted actors in one turn: enough for a request to pass a whole folded pipeline and come back
/// out, few enough that the network is polled again soon.
const ROUNDS_MAX: usize = 4;

/// The most turns that the sinks wait while the network has input for other actors.
const SINKS_WAIT_TURNS_MAX: u32 = 8;

/// Steps in such turns after which the sinks run: their input then fills packets, and is still in the cache.
const SINKS_WAIT_WORK_MAX: usize = 128;

/// An actor hosted by the shard.
pub(crate) struct Unit {
    pub hosted: Box<dyn Hosted>,
    pub actor: ActorIndex,
    /// Set by the ports of this shard that lead to it.
    pub waiting: Waiting,
    /// Whether it is a sink: it sends to no other actor.
    pub is_sink: bool,
    /// Whether it is suspended when it fails, until a notice comes. Otherwise it is given up at once.
    pub is_supervised: bool,
    /// How often it was restarted.
    pub generation: u16,
    /// Its neighbours know that its generation has begun, and not that it has ended.
    pub is_up: bool,
}

impl Unit {
    /// How it failed; returned once.
    #[cold]
    fn take_failure(&mut self, env: &ShardEnv) -> Option<Failure> {
        let mut fault = self.hosted.take_failure()?;
        // Its start has failed, or it would be up.
        fault.in_restart = !self.is_up && !fault.is_of_shard;
        env.telemetry.borrow().counters().add(ShardCount::ActorPanics, 1);
        Some(Failure::new(self.actor, self.generation, *fault))
    }
}

/// What marks a unit as called: where its cell is, which the call needs anyway.
#[inline(always)]
fn address(unit: &Unit) -> usize {
    std::ptr::from_ref(&*unit.hosted).addr()
}

/// Another shard that this one sends to and that may sleep.
pub(crate) struct Peer {
    pub touched: Touched,
    pub waker: Arc<Waker>,
}

pub(crate) struct Shard {
    pub units: Units,
    pub transport: Box<dyn Transport>,
    pub env: Rc<ShardEnv>,
    pub peers: Vec<Peer>,
    /// By actor: who on this shard exchanges messages with it (indices of units).
    pub neighbours: Vec<Vec<usize>>,
    /// By actor: how it ended, if it does not run. Whoever is built meanwhile has not heard of it.
    down: Vec<Option<Down>>,
    /// Busy turns since the sinks last ran, and the steps in them.
    turns_owed: u32,
    work_owed: usize,
    /// Actors have been notified of a failure, and their reactions are not flushed yet.
    pub stirred: bool,
}

pub(crate) struct Units {
    units: Vec<Unit>,
    has_sinks: bool,
    /// The network called an actor in this turn, and a sink.
    called: bool,
    sink_called: bool,
    /// By endpoint: the unit that owns it.
    endpoint_owner: Vec<usize>,
    env: Rc<ShardEnv>,
    last_called: LastCalled,
}

impl Units {
    pub(crate) fn new(
        mut units: Vec<Unit>,
        endpoint_owner: Vec<usize>,
        env: Rc<ShardEnv>,
        last_called: LastCalled,
    ) -> Units {
        // Without other actors, sinks never wait.
        if units.iter().all(|unit| unit.is_sink) {
            units.iter_mut().for_each(|unit| unit.is_sink = false);
        }
        let has_sinks = units.iter().any(|unit| unit.is_sink);
        last_called.name(units.iter().map(|unit| (address(unit), unit.actor)).collect());
        Units { units, has_sinks, called: false, sink_called: false, endpoint_owner, env, last_called }
    }

    fn position(&self, actor: ActorIndex) -> Option<usize> {
        self.units.iter().position(|unit| unit.actor == actor)
    }

    /// A unit that is about to be called.
    fn called(&mut self, index: usize) -> &mut Unit {
        let unit = &mut self.units[index];
        self.last_called.place().store(address(unit), Ordering::Relaxed);
        unit
    }
}

impl Owners for Units {
    #[inline]
    fn handler(&mut self, endpoint: EndpointId) -> &mut dyn NetHandler {
        let unit = &mut self.units[self.endpoint_owner[endpoint.0 as usize]];
        self.called = true;
        self.sink_called |= unit.is_sink;
        self.last_called.place().store(address(unit), Ordering::Relaxed);
        unit.hosted.net_handler().expect("the owner of an endpoint handles the network")
    }

    fn now_ns(&mut self) -> u64 {
        self.env.time.wall_ns_anew()
    }
}

impl Shard {
    pub(crate) fn new(
        units: Units,
        transport: Box<dyn Transport>,
        env: Rc<ShardEnv>,
        peers: Vec<Peer>,
        neighbours: Vec<Vec<usize>>,
    ) -> Shard {
        let down = vec![None; neighbours.len()];
        Shard { units, transport, env, peers, neighbours, down, turns_owed: 0, work_owed: 0, stirred: false }
    }

    pub(crate) fn start(&mut self) {
        for unit in &mut self.units.units {
            unit.hosted.start(&mut *self.transport);
        }
    }

    /// Runs one turn. Returns the work done; 0 means that the shard may idle, see [`Shard::called`] for what it may have sent.
    #[inline]
    pub(crate) fn turn(&mut self, reports: &mut Vec<Report>) -> usize {
        self.env.time.begin_turn();
        let mut work = usize::from(std::mem::take(&mut self.stirred));
        self.units.called = false;
        self.units.sink_called = false;
        // No actor was called yet: the network is polled.
        self.units.last_called.place().store(0, Ordering::Relaxed);
        let came_in = self.transport.poll(&mut self.units);
        work += came_in;
        // A callback whose frame was held is no work, but a batch that ends.
        let acted = work > 0 || self.units.called;
        work += self.run_units(false, acted);
        if self.units.has_sinks {
            self.work_owed += work;
            let others_are_busy = came_in > 0 && !self.units.sink_called;
            if others_are_busy && self.turns_owed < SINKS_WAIT_TURNS_MAX && self.work_owed < SINKS_WAIT_WORK_MAX {
                self.turns_owed += 1;
            } else {
                work += self.run_sinks(work > 0 || acted);
            }
        }
        // An actor can fail without work: in its start, or in its reaction to another failure.
        if self.env.alarm.get() {
            self.collect_failures(reports);
            work += 1;
        }
        // Whatever the work: a callback may send and hold its frame, a start hook has sent before the first turn.
        self.wake_peers();
        work
    }

    /// Whether the network called an actor in the last turn. Even if that was no work, since it held its frame, it may have
    /// sent.
    pub(crate) fn called(&self) -> bool {
        self.units.called
    }

    /// Runs the sinks, and clears what they are owed.
    #[inline]
    fn run_sinks(&mut self, worked: bool) -> usize {
        if worked && self.units.units.iter().any(|unit| unit.is_sink && unit.waiting.get()) {
            self.transport.flush();
        }
        let owed = std::mem::take(&mut self.turns_owed) > 0;
        self.work_owed = 0;
        usize::from(owed) + self.run_units(true, worked || owed)
    }

    /// Whether the sinks are owed a turn.
    pub(crate) fn owes_turns(&self) -> bool {
        self.turns_owed > 0
    }

    /// Polls the sinks or the others until they are quiet, and ends their batch if they, or the network (`worked`), did
    /// something; returns how many steps ran.
    #[inline]
    fn run_units(&mut self, sinks: bool, worked: bool) -> usize {
        let net: &mut dyn Net = &mut *self.transport;
        let last_called = self.units.last_called.place();
        let mut work = 0;
        for round in 0..ROUNDS_MAX {
            let mut steps = 0;
            for unit in self.units.units.iter_mut().filter(|unit| unit.is_sink == sinks) {
                // Rings and timers leave no mark, so they are polled once per turn.
                let is_marked = unit.waiting.get();
                if round > 0 && !is_marked {
                    continue;
                }
                last_called.store(address(unit), Ordering::Relaxed);
                let polled = unit.hosted.poll(BATCH_MAX, net);
                if polled.steps > 0 || is_marked {
                    unit.waiting.set(polled.has_more);
                }
                steps += polled.steps;
            }
            work += steps;
            if steps == 0 {
                break;
            }
        }
        if worked || work > 0 {
            for unit in self.units.units.iter_mut().filter(|unit| unit.is_sink == sinks) {
                last_called.store(address(unit), Ordering::Relaxed);
                unit.hosted.end_batch(net);
            }
        }
        work
    }

    /// Reports failures and notifies the neighbours on this shard; housekeeping notifies other shards.
    #[cold]
    fn collect_failures(&mut self, reports: &mut Vec<Report>) {
        self.env.alarm.set(false);
        for index in 0..self.units.units.len() {
            let Some(failure) = self.units.units[index].take_failure(&self.env) else { continue };
            let sequence = failure.header.sequence;
            reports.push(Report::Failed(failure));
            self.leave_network(index);
            self.announce_end(index, sequence, reports);
        }
    }

    /// Collects what has failed since the last turn: who was told of a failure in it may have failed too.
    pub(crate) fn collect_last_failures(&mut self, reports: &mut Vec<Report>) {
        while self.env.alarm.get() {
            self.collect_failures(reports);
        }
    }

    /// Closes the connections of an actor that does not run, so that its peers see the end. The endpoints of one that is
    /// supervised are kept for its next generation.
    fn leave_network(&mut self, unit: usize) {
        let is_supervised = self.units.units[unit].is_supervised;
        for (endpoint, _) in self.units.endpoint_owner.iter().enumerate().filter(|&(_, &owner)| owner == unit) {
            let endpoint = EndpointId(endpoint as u32);
            if is_supervised {
                self.transport.suspend_endpoint(endpoint);
            } else {
                self.transport.close_endpoint(endpoint);
            }
        }
    }

    /// Notifies the neighbours of an actor that has ended, once for each generation.
    fn announce_end(&mut self, unit: usize, sequence: SequenceNumber, reports: &mut Vec<Report>) {
        let Unit { actor, generation, is_up, .. } = &mut self.units.units[unit];
        if std::mem::take(is_up) {
            let down = Down { actor: *actor, sequence, generation: *generation };
            self.announce_down(down);
            reports.push(Report::Down(down));
        }
    }

    #[cold]
    fn announce_down(&mut self, down: Down) {
        self.stirred = true;
        self.down[down.actor.position()] = Some(down);
        for &unit in &self.neighbours[down.actor.position()] {
            self.units.called(unit).hosted.down(down, &mut *self.transport);
        }
    }

    #[cold]
    fn announce_up(&mut self, up: Up) {
        self.stirred = true;
        self.down[up.actor.position()] = None;
        for &unit in &self.neighbours[up.actor.position()] {
            self.units.called(unit).hosted.up(up, &mut *self.transport);
        }
    }

    /// Does what housekeeping asks for.
    #[cold]
    pub(crate) fn take(&mut self, notice: Notice, reports: &mut Vec<Report>) {
        if self.env.alarm.get() {
            // In order: what it answers must not overtake an earlier failure.
            self.collect_failures(reports);
        }
        match notice {
            Notice::Down(down) => self.announce_down(down),
            Notice::Up(up) => self.announce_up(up),
            Notice::Suspend(actor) => self.suspend(actor, reports),
            Notice::End(actor) => {
                let Some(unit) = self.units.position(actor) else { return };
                self.units.units[unit].is_supervised = false;
                self.suspend(actor, reports);
                self.units.units[unit].hosted.give_up();
            }
            Notice::Replace { actor, generation, value } => self.replace(actor, generation, value, reports),
        }
        // Whoever was told may have failed or sent, and who runs again has input.
        self.stirred = true;
    }

    /// What the flight recorder looks at.
    pub(crate) fn recorded(&self) -> Vec<Recorded> {
        let recorded = |unit: &Unit| Recorded { actor: unit.actor, step: unit.hosted.step(), steps: 0 };
        self.units.units.iter().map(recorded).collect()
    }

    /// Whether an actor of this shard runs.
    pub(crate) fn runs(&self, actor: ActorIndex) -> bool {
        self.units.position(actor).is_some_and(|unit| self.units.units[unit].is_up)
    }

    fn suspend(&mut self, actor: ActorIndex, reports: &mut Vec<Report>) {
        let Some(unit) = self.units.position(actor) else { return };
        let dead_letter = self.units.units[unit].hosted.suspend();
        self.leave_network(unit);
        self.announce_end(unit, SequenceNumber::NONE, reports);
        reports.push(Report::Suspended { actor, dead_letter });
    }

    fn replace(&mut self, actor: ActorIndex, generation: u16, mut value: Value, reports: &mut Vec<Report>) {
        let Some(unit) = self.units.position(actor) else { return };
        let replaced = self.units.called(unit);
        let retired = std::mem::replace(&mut replaced.generation, generation);
        let is_up = replaced.hosted.replace(value.get_mut(), generation, &mut *self.transport);
        replaced.is_up = is_up;
        reports.push(Report::Retired { actor, generation: retired, value });
        if is_up {
            for (endpoint, _) in self.units.endpoint_owner.iter().enumerate().filter(|&(_, &owner)| owner == unit) {
                self.transport.resume_endpoint(EndpointId(endpoint as u32));
            }
            // Before it can hear of their restart.
            for (neighbours, down) in self.neighbours.iter().zip(&self.down) {
                if let Some(down) = down.filter(|_| neighbours.contains(&unit)) {
                    self.units.called(unit).hosted.down(down, &mut *self.transport);
                }
            }
            let up = Up { actor, generation };
            self.announce_up(up);
            reports.push(Report::Up(up));
        }
    }

    #[inline]
    pub(crate) fn wake_peers(&mut self) {
        if self.peers.iter().all(|peer| !peer.touched.get()) {
            return;
        }
        producer_fence();
        for peer in &self.peers {
            if peer.touched.replace(false) && peer.waker.wake() {
                self.env.telemetry.borrow().counters().add(ShardCount::WakesSent, 1);
            }
        }
    }

    /// What keeps the shard's actors from sleeping at `now_ns`. What has come from the network and is not taken yet is known
    /// to the driver, held frames excepted.
    pub(crate) fn rest(&mut self, now_ns: u64) -> Rest {
        if self.stirred || self.env.alarm.get() {
            return Rest::Busy;
        }
        let held = if self.transport.holds_input() { Rest::WaitsForRoom } else { Rest::Quiet };
        self.units.units.iter_mut().map(|unit| unit.hosted.rest(now_ns)).fold(held, Rest::max)
    }

    /// Whether nothing that has come waits for an actor of this shard, or for room in an edge out of one.
    pub(crate) fn is_quiet(&self) -> bool {
        !self.stirred
            && !self.env.alarm.get()
            && !self.transport.holds_input()
            && self.units.units.iter().all(|unit| unit.hosted.is_quiet())
    }

    pub(crate) fn stop_actors(&mut self) {
        self.run_sinks(false);
        for unit in (0..self.units.units.len()).rev() {
            self.units.called(unit).hosted.stop(&mut *self.transport);
        }
    }

    /// After a panic outside of the actors: fails them all, and drops the network. Nothing of the shard runs again, but what
    /// is sent to its actors is discarded in its turns, so that nobody waits for it.
    #[cold]
    pub(crate) fn bury(&mut self, place: PanicLocation, message: PanicMessage, reports: &mut Vec<Report>) {
        // Its sockets close. If that panics too, the first panic is the one to report.
        let _ = self.drop_network();
        for unit in &mut self.units.units {
            // One that had failed in the same turn is lost all the same: its supervisor would restart it, and wait.
            if unit.is_supervised {
                reports.extend(unit.take_failure(&self.env).map(Report::Failed));
            }
            unit.hosted.fail(Fault { is_of_shard: true, ..Fault::without_input(place, message) });
            unit.hosted.give_up();
            unit.is_supervised = false;
        }
    }

    /// Drops the actors, and notes those whose drop panics; then the network.
    pub(crate) fn dispose(&mut self, reports: &mut Vec<Report>) -> Result<(), Caught> {
        for unit in self.units.units.drain(..) {
            self.units.last_called.place().store(address(&unit), Ordering::Relaxed);
            let Unit { hosted, actor, generation, .. } = unit;
            let failure = hosted.dispose().map(|fault| Failure::new(actor, generation, fault));
            reports.extend(failure.map(Report::Failed));
        }
        self.drop_network()
    }

    fn drop_network(&mut self) -> Result<(), Caught> {
        let mut network = std::mem::replace(&mut self.transport, Box::new(NoNet));
        // One by one: a second drop that panics while the first unwinds would end the process.
        let framers = network.take_framers().into_iter().map(|framer| panics::catch(|| drop(framer)));
        let dropped = framers.fold(Ok(()), Result::and);
        panics::catch(|| drop(network)).and(dropped)
    }

    /// When the next timer wakes the shard. If it `waits` for room, a timer that is due at `now_ns` is one that cannot fire
    /// yet: it wakes nobody, and hides no later timer of another actor.
    pub(crate) fn next_timer_ns(&self, now_ns: u64, waits: bool) -> Option<u64> {
        let timers = self.units.units.iter().filter_map(|unit| unit.hosted.next_timer_ns());
        timers.filter(|&at_ns| !waits || at_ns > now_ns).min()
    }

    pub(crate) fn traffic(&mut self) -> Traffic {
        self.units.units.iter_mut().map(|unit| unit.hosted.traffic()).fold(Traffic::default(), Traffic::plus)
    }
}
