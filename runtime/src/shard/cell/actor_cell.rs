//! The cell of an actor: decides which steps may run, and commits or discards their messages.

use std::{any::Any, mem, rc::Rc};

use super::core::{Core, Ran};
use super::hosted::{Hosted, Polled, Rest, Traffic};
use crate::{
    actor::{Actor, Context, Down, Step, Up},
    edge::inlet::Inlet,
    edge::port::Outputs,
    edge::step::{BATCH_MAX, StepState},
    message::Header,
    net::{Net, NetHandler},
    shard::failure::{DeadLetter, FailedInput, Fault, InputKind},
    shard::panics::{self, Caught},
    shard::time::ShardEnv,
    shard::timer::Wheel,
};

/// Batch size of capacity checks: room is checked once for this many steps.
const CREDIT_MAX: usize = BATCH_MAX;

#[derive(Debug)]
enum State {
    Running,
    /// Failed, and not yet reported. Boxed, so that a running cell is not larger for it.
    Failing(Box<Fault>),
    Failed,
}

pub(crate) struct ActorCell<A: Actor> {
    core: Core<A>,
    /// In the order in which the edges were declared.
    inlets: Vec<Inlet<A::In>>,
    /// Inlet that the next poll begins with.
    turn: usize,
    state: State,
    /// An actor that does not run is suspended: its input waits for its next generation. If nobody supervises it, it is given
    /// up, and its input is discarded.
    is_supervised: bool,
    /// The last step did not finish its input.
    more: bool,
    /// Steps done for the input that is not finished.
    steps_done: u32,
    /// The last call of `on_more` returned [`Step::Wait`].
    waits: bool,
    /// Steps ran since the last end of batch.
    worked: bool,
    /// Messages that wait in the ports for room in their edges.
    pub(super) backlog: usize,
    /// Steps for which every port with backpressure is known to have room.
    credit: usize,
    /// Messages taken, those included that had expired.
    received: u64,
    /// Datagrams dropped because messages of the actor still waited for room or it did not run, and messages discarded since it
    /// was given up.
    pub(super) dropped: u64,
    holds: u64,
}

impl<A: Actor> ActorCell<A> {
    pub(crate) fn new(
        actor: A,
        out: A::Out,
        inlets: Vec<Inlet<A::In>>,
        step: Rc<StepState>,
        env: Rc<ShardEnv>,
        is_supervised: bool,
    ) -> Self {
        ActorCell {
            core: Core { actor, out, step, env, timers: Wheel::with_capacity(A::TIMERS_MAX), failed_on: None },
            inlets,
            turn: 0,
            state: State::Running,
            is_supervised,
            more: false,
            steps_done: 0,
            waits: false,
            worked: false,
            backlog: 0,
            credit: 0,
            received: 0,
            dropped: 0,
            holds: 0,
        }
    }

    #[inline]
    pub(super) fn is_running(&self) -> bool {
        matches!(self.state, State::Running)
    }

    /// Steps that may run now: `wanted` at most, with room for `reserve` more left over.
    #[inline]
    pub(super) fn room(&mut self, wanted: usize, reserve: usize, admitting: bool) -> usize {
        if wanted + reserve <= self.credit {
            return wanted;
        }
        self.look_for_room(wanted, reserve, admitting)
    }

    #[cold]
    fn look_for_room(&mut self, wanted: usize, reserve: usize, admitting: bool) -> usize {
        let mut credit = CREDIT_MAX;
        self.core.out.visit(&mut |_, port| credit = credit.min(port.steps_room(CREDIT_MAX, 0, true)));
        self.credit = credit;
        // Mostly there is room for any step, so the ports are asked once.
        if wanted + reserve <= credit {
            return wanted;
        }
        let mut room = wanted;
        self.core.out.visit(&mut |_, port| room = room.min(port.steps_room(wanted, reserve, admitting)));
        if room < wanted {
            self.holds += 1;
        }
        room
    }

    /// Whether every port has room for a step that takes a message.
    fn has_room(&mut self) -> bool {
        let mut has_room = true;
        self.core.out.visit(&mut |_, port| has_room &= port.steps_room(1, 0, false) > 0);
        has_room
    }

    #[inline]
    fn flush(&mut self) {
        if self.core.step.staged.get() {
            self.flush_staged();
        }
    }

    fn flush_staged(&mut self) {
        let backlog = self.core.out.flush_all();
        self.backlog = backlog;
        self.core.step.staged.set(backlog > 0);
        if backlog > 0 {
            self.credit = 0;
        }
    }

    /// Runs one callback of the network, a timer or the runtime.
    pub(super) fn callback<R>(
        &mut self,
        net: &mut dyn Net,
        run: impl FnOnce(&mut A, &mut Context<'_, A::Out>) -> R,
    ) -> Option<R> {
        if !self.is_running() {
            return None;
        }
        self.worked = true;
        let header = Header {
            time_ns: self.core.env.time.wall_ns(),
            ingress_ticks: self.core.env.time.arrival_ticks(),
            ..Header::default()
        };
        // A callback between two steps of an unfinished input must not change the input's header.
        let interrupted = self.core.step.header.replace(header);
        self.core.step.admitting.set(true);
        let result = self.guarded(net, run);
        self.core.step.admitting.set(false);
        if result.is_err() {
            self.fail_on_step(self.more.then_some(interrupted));
        }
        self.core.step.header.set(interrupted);
        self.flush();
        result.ok()
    }

    /// Runs one step. If it panics, the caller calls [`fail_on_step`](Self::fail_on_step).
    fn guarded<R>(
        &mut self,
        net: &mut dyn Net,
        run: impl FnOnce(&mut A, &mut Context<'_, A::Out>) -> R,
    ) -> Result<R, Caught> {
        self.credit = self.credit.saturating_sub(1);
        panics::catch(|| self.core.run_one(net, run))
    }

    /// Discards the messages of the step that panicked. The actor does not run again; it had begun the message `input`, if any.
    #[cold]
    fn fail_on_step(&mut self, input: Option<Header>) {
        let failed_step = self.core.step.id.get();
        self.core.out.visit(&mut |_, port| port.roll_back(failed_step));
        let (place, message) = panics::take();
        let dead_letter = input.map(|header| DeadLetter { header, steps: self.steps_done });
        let (header, input) = (self.core.step.header.get(), self.core.failed_on.take().map(|input| *input));
        self.fail(Fault { header, dead_letter, input, ..Fault::without_input(place, message) });
    }

    /// Keeps what a callback of the network panicked on.
    #[cold]
    pub(super) fn keep_input(&mut self, kind: InputKind, bytes: &[u8]) {
        if let State::Failing(fault) = &mut self.state {
            fault.input = Some(FailedInput::new(kind, bytes));
        }
    }

    fn go_on(&mut self, budget: usize, net: &mut dyn Net) -> usize {
        let room = self.room(budget, 0, false);
        let mut steps = 0;
        self.waits = false;
        while self.more && !self.waits && steps < room {
            steps += 1;
            match self.guarded(net, |actor, ctx| actor.on_more(ctx)) {
                Ok(Step::More) => self.steps_done = self.steps_done.saturating_add(1),
                Ok(Step::Wait) => {
                    self.waits = true;
                    steps -= 1;
                }
                Ok(Step::Done) => {
                    self.more = false;
                    self.steps_done = 0;
                }
                Err(_) => self.fail_on_step(Some(self.core.step.header.get())),
            }
        }
        steps
    }

    /// Fires timers that are due, whether or not the edges have room or an input is unfinished: full edges, network input that
    /// fills them, and what a long input waits for may not stop heartbeats and time-outs. What one of them sends without room waits in the port, and the next timers for that.
    fn fire_timers(&mut self, net: &mut dyn Net) -> usize {
        let now_ns = self.core.env.time.wall_ns();
        let mut fired = 0;
        while fired < BATCH_MAX && self.is_running() && self.backlog == 0 {
            let Some(timer) = self.core.timers.expire(now_ns) else { break };
            fired += 1;
            self.callback(net, |actor, ctx| actor.on_timer(ctx, timer.token));
        }
        let all_fired = &self.core.env.timers_fired;
        all_fired.set(all_fired.get() + fired);
        fired
    }

    /// Takes up to `count` messages from one inlet; returns how many, and whether the next may be taken.
    #[inline]
    fn take(&mut self, inlet: usize, count: usize, net: &mut dyn Net) -> (usize, bool) {
        let core = &mut self.core;
        core.out.prefetch_all();
        let mut ran = Ran::Through;
        let taken = self.inlets[inlet].drain(count, |messages, count| {
            let (taken, ended) = core.run(messages, count, net);
            ran = ended;
            (taken, ended == Ran::Through)
        });
        self.received += taken as u64;
        self.credit = self.credit.saturating_sub(taken);
        self.note(ran);
        self.flush();
        (taken, ran == Ran::Through)
    }

    #[inline]
    fn note(&mut self, ran: Ran) {
        match ran {
            Ran::Through => {}
            Ran::ToMore => {
                self.more = true;
                self.steps_done = 1;
            }
            Ran::IntoPanic => self.fail_on_step(Some(self.core.step.header.get())),
        }
    }

    /// Takes up to `budget` messages from the inlets, beginning where the last poll was cut short, so that no producer
    /// keeps the others out: between two turns of an inlet, each of the others gets [`BATCH_MAX`] messages in at most.
    ///
    /// Returns how many it took, and whether it left any.
    #[inline]
    fn take_in_turn(&mut self, budget: usize, net: &mut dyn Net) -> (usize, bool) {
        let (mut steps, mut left) = (0, false);
        let inlets = self.inlets.len();
        for _ in 0..inlets {
            let at = self.turn;
            let next = if at + 1 == inlets { 0 } else { at + 1 };
            let waiting = self.inlets[at].len();
            if waiting == 0 {
                self.turn = next;
                continue;
            }
            let room = self.room(waiting.min(budget - steps), 0, false);
            if room == 0 {
                return (steps, true);
            }
            self.turn = next;
            let (taken, goes_on) = self.take(at, room, net);
            steps += taken;
            left |= taken < waiting;
            if !goes_on {
                // The other inlets were not looked at.
                return (steps, true);
            }
        }
        (steps, left)
    }

    /// Polls an actor that has more than inlets to look at. Timers take nothing from the budget of its input, nor input from
    /// theirs: however many are due, up to [`BATCH_MAX`] of them fire and up to `budget` steps are made of what waits.
    fn poll_unfinished(&mut self, budget: usize, net: &mut dyn Net) -> Polled {
        let mut moved = 0;
        if self.backlog > 0 {
            moved = self.backlog;
            self.flush_staged();
            moved -= self.backlog;
        }
        if !self.is_running() {
            let discarded = if self.is_supervised { 0 } else { self.discard() };
            return Polled { steps: moved + discarded, has_more: self.backlog > 0 };
        }
        let budget = budget.min(BATCH_MAX);
        let (mut steps, mut left) = (0, true);
        if self.more {
            steps = self.go_on(budget, net);
            self.flush();
        }
        let mut fired = 0;
        if self.is_running() && !self.core.timers.is_empty() {
            fired = self.fire_timers(net);
        }
        if !self.more && self.is_running() {
            let (taken, leaves) = self.take_in_turn(budget - steps, net);
            steps += taken;
            left = leaves;
        }
        let polled = self.polled(steps + fired, left);
        Polled { steps: moved + polled.steps, ..polled }
    }

    #[inline]
    fn polled(&mut self, steps: usize, left: bool) -> Polled {
        self.worked |= steps > 0;
        Polled { steps, has_more: left | self.more | (self.backlog > 0) }
    }

    /// Ends what the actor had begun; its input waits.
    fn suspend_now(&mut self) {
        self.state = State::Failed;
        self.more = false;
        self.steps_done = 0;
        self.worked = false;
        self.core.timers.clear();
    }

    /// Discards the inputs of an actor that was given up, so that nobody waits for it: of each edge at most as many messages in a
    /// poll as it would take, or what costs as little. Its neighbours have been notified.
    fn discard(&mut self) -> usize {
        if self.backlog == 0 {
            self.core.out.visit(&mut |_, port| port.close());
        }
        let mut discarded = 0;
        for inlet in &mut self.inlets {
            if inlet.len() > 0 {
                discarded += inlet.clear(BATCH_MAX);
            }
        }
        self.dropped += discarded as u64;
        discarded
    }
}

impl<A: Actor> Hosted for ActorCell<A> {
    fn start(&mut self, net: &mut dyn Net) {
        self.callback(net, |actor, ctx| actor.on_start(ctx));
    }

    #[inline]
    fn poll(&mut self, budget: usize, net: &mut dyn Net) -> Polled {
        if self.backlog > 0 || self.more || !self.is_running() || !self.core.timers.is_empty() {
            return self.poll_unfinished(budget, net);
        }
        let (steps, left) = self.take_in_turn(budget.min(BATCH_MAX), net);
        self.polled(steps, left)
    }

    fn is_quiet(&self) -> bool {
        !self.more && self.backlog == 0 && self.inlets.iter().all(|inlet| inlet.len() == 0)
    }

    fn rest(&mut self, now_ns: u64) -> Rest {
        let is_due = self.next_timer_ns().is_some_and(|at_ns| at_ns <= now_ns);
        let has_input = self.more || self.inlets.iter().any(|inlet| inlet.len() > 0);
        if !has_input && !is_due && self.backlog == 0 {
            return Rest::Quiet;
        }
        let goes_on = if self.is_running() {
            (has_input && !(self.more && self.waits) && self.has_room()) || (is_due && self.backlog == 0)
        } else if self.is_supervised {
            // What comes with its next generation wakes the shard.
            return if self.backlog == 0 { Rest::Quiet } else { Rest::WaitsForRoom };
        } else {
            has_input
        };
        if goes_on { Rest::Busy } else { Rest::WaitsForRoom }
    }

    fn end_batch(&mut self, net: &mut dyn Net) {
        if self.worked {
            self.callback(net, |actor, ctx| actor.on_batch_end(ctx));
            self.worked = false;
        }
    }

    fn down(&mut self, down: Down, net: &mut dyn Net) {
        self.callback(net, |actor, ctx| actor.on_down(ctx, down));
    }

    fn up(&mut self, up: Up, net: &mut dyn Net) {
        self.callback(net, |actor, ctx| actor.on_up(ctx, up));
    }

    fn stop(&mut self, net: &mut dyn Net) {
        self.callback(net, |actor, ctx| actor.on_stop(ctx));
    }

    fn take_failure(&mut self) -> Option<Box<Fault>> {
        if !matches!(self.state, State::Failing(_)) {
            return None;
        }
        let State::Failing(fault) = mem::replace(&mut self.state, State::Failed) else { return None };
        self.suspend_now();
        Some(fault)
    }

    fn fail(&mut self, fault: Fault) {
        // Of one that waits for its restart, its shard's end is a failure too: it cannot come back.
        let waits = matches!(self.state, State::Failed) && self.is_supervised;
        if !self.is_running() && !waits {
            return;
        }
        self.state = State::Failing(Box::new(fault));
        self.core.env.alarm.set(true);
        self.more = false;
        if !self.is_supervised {
            self.give_up();
        }
    }

    fn suspend(&mut self) -> Option<DeadLetter> {
        if !self.is_running() {
            return None;
        }
        let header = self.core.step.header.get();
        let unfinished = self.more.then_some(DeadLetter { header, steps: self.steps_done });
        self.suspend_now();
        unfinished
    }

    fn replace(&mut self, value: &mut (dyn Any + Send), generation: u16, net: &mut dyn Net) -> bool {
        let is_suspended = matches!(self.state, State::Failed) && self.is_supervised;
        let Some(next) = value.downcast_mut::<A>().filter(|_| is_suspended) else { return false };
        mem::swap(&mut self.core.actor, next);
        self.core.out.visit(&mut |_, port| port.set_generation(generation));
        self.state = State::Running;
        self.start(net);
        self.is_running()
    }

    fn give_up(&mut self) {
        self.is_supervised = false;
        // So their senders learn that nobody takes their messages.
        self.inlets.retain(|inlet| {
            let is_gone = inlet.is_external();
            self.dropped += if is_gone { inlet.len() as u64 } else { 0 };
            !is_gone
        });
    }

    fn dispose(self: Box<Self>) -> Option<Fault> {
        let ActorCell { core: Core { actor, .. }, .. } = *self;
        panics::catch(|| drop(actor)).err().map(|_| {
            let (place, message) = panics::take();
            Fault::without_input(place, message)
        })
    }

    fn next_timer_ns(&self) -> Option<u64> {
        if self.is_running() { self.core.timers.next_deadline_ns() } else { None }
    }

    fn net_handler(&mut self) -> Option<&mut dyn NetHandler> {
        None
    }

    fn step(&self) -> Rc<StepState> {
        self.core.step.clone()
    }

    fn traffic(&mut self) -> Traffic {
        let dropped = self.dropped;
        let conflated = self.inlets.iter().map(Inlet::conflated).sum();
        let expired: u64 = self.inlets.iter().map(Inlet::expired).sum();
        let (received, holds) = (self.received - expired, self.holds);
        let mut traffic = Traffic { received, holds, dropped, conflated, expired, ..Traffic::default() };
        self.core.out.visit(&mut |_, port| {
            traffic.dropped += port.dropped();
            traffic.readers_gone += u64::from(port.is_forsaken());
            traffic.sent += port.sent();
        });
        traffic
    }
}
