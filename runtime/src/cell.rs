//! The cell that hosts one actor: polls its inlets in a fair order, runs its steps inside one `catch_unwind` per
//! batch, and commits or discards what they staged.

use std::{
    net::SocketAddr,
    panic::{AssertUnwindSafe, catch_unwind},
    rc::Rc,
};

use crate::{
    actor::{Actor, Context, Down, NetActor, Step},
    message::{Envelope, Header},
    net::{CloseReason, ConnId, Datagram, EndpointId, Flow, Net, NetHandler},
    panics::{self, Place},
    port::{Inlet, Outputs, StepState},
    time::ShardEnv,
    timer::Wheel,
};

/// Most inputs a cell takes per poll: keeps neighbours on the shard served, and bounds what is staged.
pub const BATCH_MAX: usize = 64;

/// Steps that room is looked for at once, so that it need not be for each.
const CREDIT_MAX: usize = BATCH_MAX;

/// Which inlets a poll looks at. A group's members are polled for what they send each other until they are quiet;
/// only then is the next sequenced input let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    All,
    Internal,
    External,
}

/// On what input an actor failed, and where in the code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub header: Header,
    pub place: Place,
}

/// Sums for telemetry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Traffic {
    pub sent: u64,
    pub received: u64,
    pub dropped: u64,
    pub conflated: u64,
    pub holds: u64,
}

impl Traffic {
    pub fn plus(self, other: Traffic) -> Traffic {
        Traffic {
            sent: self.sent + other.sent,
            received: self.received + other.received,
            dropped: self.dropped + other.dropped,
            conflated: self.conflated + other.conflated,
            holds: self.holds + other.holds,
        }
    }
}

/// What a poll came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Polled {
    /// Steps that ran, and messages that moved on.
    pub steps: usize,
    /// Nothing is left for it in this scope.
    pub is_quiet: bool,
    /// Its last input is not done, or outputs wait for room.
    pub is_unfinished: bool,
    /// It was cut short by a full edge that is not internal to the actor's group.
    pub is_held_outside: bool,
}

/// What a shard needs of an actor, with its type erased: once per batch, never per message.
pub(crate) trait Hosted {
    fn start(&mut self, net: &mut dyn Net);
    /// Runs up to `budget` steps.
    fn poll(&mut self, scope: Scope, budget: usize, net: &mut dyn Net) -> Polled;
    /// True when nothing waits in the inlets or for room in an edge, and no step is unfinished.
    fn is_quiet(&self) -> bool;
    fn end_batch(&mut self, net: &mut dyn Net);
    fn down(&mut self, down: Down, net: &mut dyn Net);
    fn stop(&mut self, net: &mut dyn Net);
    /// Ends the actor without a panic of its own: its group has failed.
    fn fail(&mut self);
    /// Which actor of the unit failed (its index among the members of a group) and how, once.
    fn take_failure(&mut self) -> Option<(usize, Fault)>;
    fn next_timer_ns(&self) -> Option<u64>;
    fn net_handler(&mut self) -> Option<&mut dyn NetHandler>;
    fn traffic(&mut self) -> Traffic;
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Running,
    /// Failed, and not yet reported.
    Failing(Fault),
    Failed,
}

pub(crate) struct ActorCell<A: Actor> {
    actor: A,
    out: A::Out,
    inlets: Vec<(Inlet<A::In>, bool)>,
    /// Inlet that the next poll begins with.
    turn: usize,
    step: Rc<StepState>,
    env: Rc<ShardEnv>,
    timers: Wheel,
    state: State,
    /// The last step returned [`Step::More`].
    more: bool,
    /// Steps ran since the last end of batch.
    worked: bool,
    /// Messages that wait in the ports for room in their edges.
    backlog: usize,
    /// Steps for which every port that holds is known to have room.
    credit: usize,
    held_outside: bool,
    received: u64,
    /// Datagrams that found no room behind the actor.
    datagrams_dropped: u64,
    holds: u64,
}

impl<A: Actor> ActorCell<A> {
    pub fn new(
        actor: A,
        out: A::Out,
        inlets: Vec<(Inlet<A::In>, bool)>,
        step: Rc<StepState>,
        env: Rc<ShardEnv>,
        timers_max: usize,
    ) -> Self {
        ActorCell {
            actor,
            out,
            inlets,
            turn: 0,
            step,
            env,
            timers: Wheel::with_capacity(timers_max),
            state: State::Running,
            more: false,
            worked: false,
            backlog: 0,
            credit: 0,
            held_outside: false,
            received: 0,
            datagrams_dropped: 0,
            holds: 0,
        }
    }

    #[inline]
    fn is_running(&self) -> bool {
        self.state == State::Running
    }

    /// Steps that may run now: `wanted` at most, with room for `reserve` more left over.
    #[inline]
    fn room(&mut self, wanted: usize, reserve: usize, admitting: bool) -> usize {
        if wanted + reserve <= self.credit {
            return wanted;
        }
        self.look_for_room(wanted, reserve, admitting)
    }

    fn look_for_room(&mut self, wanted: usize, reserve: usize, admitting: bool) -> usize {
        let (mut internal, mut outside) = (wanted, wanted);
        let mut credit = CREDIT_MAX;
        self.out.visit(&mut |_, port| {
            credit = credit.min(port.steps_room(CREDIT_MAX, 0, true));
            let room = port.steps_room(wanted, reserve, admitting);
            let least = if port.is_internal() { &mut internal } else { &mut outside };
            *least = room.min(*least);
        });
        self.credit = credit;
        self.held_outside = outside < internal;
        let room = internal.min(outside);
        if room < wanted {
            self.holds += 1;
        }
        room
    }

    #[inline]
    fn flush(&mut self) {
        if self.step.staged.get() {
            self.flush_staged();
        }
    }

    fn flush_staged(&mut self) {
        let mut backlog = 0;
        self.out.visit(&mut |_, port| backlog += port.flush());
        self.backlog = backlog;
        self.step.staged.set(backlog > 0);
        if backlog > 0 {
            self.credit = 0;
        }
    }

    /// Runs one callback that is no answer to a message: from the network, a timer or the runtime.
    fn callback<R>(&mut self, net: &mut dyn Net, run: impl FnOnce(&mut A, &mut Context<'_, A::Out>) -> R) -> Option<R> {
        if !self.is_running() {
            return None;
        }
        self.worked = true;
        let header =
            Header { time_ns: self.env.time.wall_ns(), ingress_ticks: self.env.time.ticks(), ..Header::default() };
        // A callback between two steps of an unfinished input must not change the input's header.
        let interrupted = self.step.header.replace(header);
        self.step.admitting.set(true);
        let result = self.guarded(net, run);
        self.step.admitting.set(false);
        self.step.header.set(interrupted);
        self.flush();
        result
    }

    /// One step: whatever it staged is rolled back if it panics, and the actor is never run again.
    fn guarded<R>(&mut self, net: &mut dyn Net, run: impl FnOnce(&mut A, &mut Context<'_, A::Out>) -> R) -> Option<R> {
        let ActorCell { actor, out, step, env, timers, credit, .. } = self;
        step.id.set(step.id.get() + 1);
        *credit = credit.saturating_sub(1);
        let result = catch_unwind(AssertUnwindSafe(|| run(actor, &mut Context { out, net, step, timers, env })));
        result.map_err(|_| self.fail_on_step()).ok()
    }

    #[cold]
    fn fail_on_step(&mut self) {
        let failed_step = self.step.id.get();
        self.out.visit(&mut |_, port| port.roll_back(failed_step));
        self.state = State::Failing(Fault { header: self.step.header.get(), place: panics::take_place() });
        self.env.alarm.set(true);
        self.more = false;
    }

    fn go_on(&mut self, budget: usize, net: &mut dyn Net) -> usize {
        let room = self.room(budget, 0, false);
        let mut steps = 0;
        while self.more && steps < room {
            steps += 1;
            let step = self.guarded(net, |actor, ctx| actor.on_more(ctx));
            self.more = step == Some(Step::More);
        }
        self.held_outside &= self.more;
        steps
    }

    fn fire_timers(&mut self, net: &mut dyn Net) -> usize {
        let now_ns = self.env.time.wall_ns();
        let mut fired = 0;
        while fired < BATCH_MAX && self.is_running() && self.room(1, 1, true) > 0 {
            let Some(timer) = self.timers.expire(now_ns) else { break };
            fired += 1;
            self.callback(net, |actor, ctx| actor.on_timer(ctx, timer.token));
        }
        fired
    }

    /// Takes up to `count` messages from one inlet.
    #[inline]
    fn take(&mut self, inlet: usize, count: usize, net: &mut dyn Net) -> usize {
        let ActorCell { actor, out, inlets, step, env, timers, more, .. } = self;
        let mut failed = false;
        let taken = inlets[inlet].0.drain(count, |run: &[Envelope<A::In>]| {
            let mut taken = 0;
            let result = catch_unwind(AssertUnwindSafe(|| {
                for envelope in run {
                    taken += 1;
                    step.id.set(step.id.get() + 1);
                    step.header.set(envelope.header);
                    let mut ctx = Context { out, net: &mut *net, step, timers, env };
                    if actor.on_message(&mut ctx, &envelope.body) == Step::More {
                        *more = true;
                        return;
                    }
                }
            }));
            failed = result.is_err();
            (taken, !failed && !*more)
        });
        self.received += taken as u64;
        self.credit = self.credit.saturating_sub(taken);
        if failed {
            self.fail_on_step();
        }
        taken
    }

    /// Takes from the inlets of `scope` in turn, up to `budget` messages.
    ///
    /// The next poll goes on where this one was cut short, so that no producer keeps the others out: between two
    /// turns of an inlet, each of the others gets [`BATCH_MAX`] messages in at most. Within a group the order must
    /// not depend on where a poll was cut short: there, an inlet is emptied before the next is looked at.
    ///
    /// Returns how many it took, and whether it left any.
    #[inline]
    fn take_in_turn(&mut self, scope: Scope, budget: usize, net: &mut dyn Net) -> (usize, bool) {
        let fair = scope == Scope::All;
        let mut turn = if fair { self.turn } else { 0 };
        let (mut steps, mut left) = (0, false);
        for _ in 0..self.inlets.len() {
            let (inlet, internal) = &self.inlets[turn];
            let waiting = if scope.includes(*internal) { inlet.len() } else { 0 };
            let next = if turn + 1 == self.inlets.len() { 0 } else { turn + 1 };
            if waiting == 0 {
                turn = next;
                continue;
            }
            let wanted = waiting.min(budget - steps);
            let room = if wanted == 0 { 0 } else { self.room(wanted, 0, false) };
            if room == 0 {
                left = true;
                break;
            }
            let taken = self.take(turn, room, net);
            steps += taken;
            left |= taken < waiting;
            turn = next;
            self.flush();
            if self.more || !self.is_running() || (!fair && room < waiting) {
                // What the other inlets hold was not looked at.
                left = true;
                break;
            }
        }
        if fair {
            self.turn = turn;
        }
        (steps, left)
    }

    /// A failed actor's inputs are taken off their edges, so that nobody waits for it; who sent them has been told.
    fn discard(&mut self, scope: Scope) -> usize {
        let mut discarded = 0;
        for (inlet, internal) in &mut self.inlets {
            if scope.includes(*internal) {
                discarded += inlet.drain(usize::MAX, |run| (run.len(), true));
            }
        }
        self.received += discarded as u64;
        discarded
    }
}

impl Scope {
    fn includes(self, internal: bool) -> bool {
        match self {
            Scope::All => true,
            Scope::Internal => internal,
            Scope::External => !internal,
        }
    }
}

impl<A: Actor> Hosted for ActorCell<A> {
    fn start(&mut self, net: &mut dyn Net) {
        self.callback(net, |actor, ctx| actor.on_start(ctx));
    }

    #[inline]
    fn poll(&mut self, scope: Scope, budget: usize, net: &mut dyn Net) -> Polled {
        let mut moved = 0;
        if self.backlog > 0 {
            moved = self.backlog;
            self.flush_staged();
            moved -= self.backlog;
        }
        if !self.is_running() {
            let steps = moved + self.discard(scope);
            let is_unfinished = self.backlog > 0;
            return Polled { steps, is_quiet: !is_unfinished, is_unfinished, is_held_outside: false };
        }
        self.held_outside = false;
        let budget = budget.min(BATCH_MAX);
        let (mut steps, mut left) = (0, true);
        if self.more {
            steps = self.go_on(budget, net);
            self.flush();
        }
        if !self.more && self.is_running() && !self.timers.is_empty() {
            steps += self.fire_timers(net);
        }
        if !self.more && self.is_running() {
            let (taken, leaves) = self.take_in_turn(scope, budget.saturating_sub(steps), net);
            steps += taken;
            left = leaves;
        }
        self.worked |= steps > 0;
        let is_unfinished = self.more || self.backlog > 0;
        let is_quiet = !left && !is_unfinished;
        Polled { steps: moved + steps, is_quiet, is_unfinished, is_held_outside: self.held_outside }
    }

    fn is_quiet(&self) -> bool {
        !self.more && self.backlog == 0 && self.inlets.iter().all(|(inlet, _)| inlet.len() == 0)
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

    fn stop(&mut self, net: &mut dyn Net) {
        self.callback(net, |actor, ctx| actor.on_stop(ctx));
    }

    fn fail(&mut self) {
        self.state = State::Failed;
        self.more = false;
    }

    fn take_failure(&mut self) -> Option<(usize, Fault)> {
        let State::Failing(fault) = self.state else { return None };
        self.state = State::Failed;
        Some((0, fault))
    }

    fn next_timer_ns(&self) -> Option<u64> {
        self.timers.next_deadline_ns()
    }

    fn net_handler(&mut self) -> Option<&mut dyn NetHandler> {
        None
    }

    fn traffic(&mut self) -> Traffic {
        let dropped = self.datagrams_dropped;
        let conflated = self.inlets.iter().map(|(inlet, _)| inlet.conflated()).sum();
        let (received, holds) = (self.received, self.holds);
        let mut traffic = Traffic { received, holds, dropped, conflated, sent: 0 };
        self.out.visit(&mut |_, port| {
            traffic.sent += port.sent();
            traffic.dropped += port.dropped();
        });
        traffic
    }
}

/// A cell whose actor owns endpoints.
pub(crate) struct NetCell<A: NetActor>(pub ActorCell<A>);

impl<A: NetActor> Hosted for NetCell<A> {
    fn start(&mut self, net: &mut dyn Net) {
        self.0.start(net);
    }
    fn poll(&mut self, scope: Scope, budget: usize, net: &mut dyn Net) -> Polled {
        self.0.poll(scope, budget, net)
    }
    fn is_quiet(&self) -> bool {
        self.0.is_quiet()
    }
    fn end_batch(&mut self, net: &mut dyn Net) {
        self.0.end_batch(net);
    }
    fn down(&mut self, down: Down, net: &mut dyn Net) {
        self.0.down(down, net);
    }
    fn stop(&mut self, net: &mut dyn Net) {
        self.0.stop(net);
    }
    fn fail(&mut self) {
        self.0.fail();
    }
    fn take_failure(&mut self) -> Option<(usize, Fault)> {
        self.0.take_failure()
    }
    fn next_timer_ns(&self) -> Option<u64> {
        self.0.next_timer_ns()
    }
    fn net_handler(&mut self) -> Option<&mut dyn NetHandler> {
        Some(self)
    }
    fn traffic(&mut self) -> Traffic {
        self.0.traffic()
    }
}

impl<A: NetActor> NetHandler for NetCell<A> {
    fn on_open(&mut self, net: &mut dyn Net, endpoint: EndpointId, conn: ConnId, peer: SocketAddr) {
        if self.0.callback(net, |actor, ctx| actor.on_open(ctx, endpoint, conn, peer)).is_none() {
            net.close(conn, CloseReason::Local);
        }
    }

    #[inline]
    fn on_frame(&mut self, net: &mut dyn Net, conn: ConnId, frame: &[u8]) -> Flow {
        if self.0.is_running() && self.0.room(1, 1, true) == 0 {
            return Flow::Hold;
        }
        match self.0.callback(net, |actor, ctx| actor.on_frame(ctx, conn, frame)) {
            Some(flow) => flow,
            None => {
                net.close(conn, CloseReason::Local);
                Flow::Taken
            }
        }
    }

    #[inline]
    fn on_datagram(&mut self, net: &mut dyn Net, endpoint: EndpointId, datagram: &Datagram<'_>) {
        if self.0.backlog > 0 {
            self.0.datagrams_dropped += 1;
            return;
        }
        self.0.callback(net, |actor, ctx| actor.on_datagram(ctx, endpoint, datagram));
    }

    fn on_writable(&mut self, net: &mut dyn Net, conn: ConnId) {
        self.0.callback(net, |actor, ctx| actor.on_writable(ctx, conn));
    }

    fn on_close(&mut self, net: &mut dyn Net, endpoint: EndpointId, conn: ConnId, reason: CloseReason) {
        self.0.callback(net, |actor, ctx| actor.on_close(ctx, endpoint, conn, reason));
    }
}
