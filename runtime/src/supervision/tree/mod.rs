//! The supervisors of a topology as one state machine.
//!
//! Its rules are those of OTP's `supervisor` (`stdlib`, OTP 26), with which a property test compares it. A supervisor handles one
//! failure at a time; those that come meanwhile are handled afterwards, unless its restart has already dealt with them. A start
//! that fails is a failure, handled after those that came before it. A supervisor that starts anew has forgotten its failures.
//!
//! Three things are added. A restart may wait ([`Backoff`](super::Backoff)). A child that does not stop or start in time
//! escalates, since no actor can be killed. A temporary child that has ended never comes back, not even with its supervisor:
//! its edges were given up.

#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use super::spec::{Escalation, Restart, Strategy, SupervisorSpec, nanos};
use crate::{resilience::mix, topology::ids::ActorIndex};

/// Restarts within a period that a supervisor notes without allocating.
const RESTARTS_KEPT: u32 = 64;

/// A declared supervisor. It is valid only with the tree, or the topology, that made it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SupervisorId(usize);

/// What has happened to a supervised actor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// It panicked, in a step or while it started. It is suspended: it runs no more, and keeps its input.
    Failed(ActorIndex),
    /// Its shard has died, which took it along: it cannot be started again.
    Lost(ActorIndex),
    /// It is suspended, as [`Action::Stop`] or [`Action::End`] asked.
    Stopped(ActorIndex),
    /// The generation that [`Action::Start`] asked for runs.
    Started(ActorIndex),
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Suspend a running actor, because it is restarted with others.
    Stop(ActorIndex),
    /// Replace a suspended actor by a new one, and let that run.
    Start {
        /// The actor.
        actor: ActorIndex,
        /// The generation that begins, from 1, and from 1 again after 65,535.
        generation: u16,
    },
    /// End an actor for good: it is not replaced, and what is sent to it is discarded.
    End(ActorIndex),
    /// End the topology. Nothing more follows.
    Escalate {
        /// The supervisor that gave up.
        supervisor: SupervisorId,
        /// How the topology ends; never [`Escalation::Parent`].
        escalation: Escalation,
        /// The actor whose failure, or whose silence, was one too many.
        actor: ActorIndex,
    },
}

/// What is to become of an actor that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outlook {
    /// It is not started again.
    Ends,
    /// It is being started, or runs again.
    Starts {
        /// The generation that begins.
        generation: u16,
    },
    /// It starts when its backoff is over.
    StartsAt {
        /// When, by the clock of [`Tree::turn`].
        ns: u64,
        /// The generation that will begin.
        generation: u16,
    },
    /// It waits for others of its supervisor, which are stopped, started or waited for.
    Waits,
}

/// The supervisors of a topology, their children and the state of each.
#[derive(Debug, Default)]
pub struct Tree {
    nodes: Vec<Node>,
    seed: u64,
    /// A supervisor without a parent has given up.
    has_escalated: bool,
}

/// A supervisor, or an actor.
#[derive(Debug)]
struct Node {
    parent: Option<usize>,
    state: State,
    /// When it last came up.
    up_since_ns: u64,
    /// Failures in a row, for the backoff.
    failures: u32,
    /// When a wait for its stop or its start is given up.
    deadline_ns: u64,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Actor { actor: ActorIndex, restart: Restart, generation: u16 },
    Supervisor(Box<Supervisor>),
}

#[derive(Debug)]
struct Supervisor {
    spec: SupervisorSpec,
    children: Vec<usize>,
    /// When its children failed, within the period, oldest first.
    restarts: VecDeque<u64>,
    /// Children whose failure is to be handled after the restart in progress.
    pending: VecDeque<usize>,
    group: Option<GroupRestart>,
    /// What follows when all its children have stopped.
    then: Then,
    /// The actor that failed last below it.
    culprit: ActorIndex,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Up,
    /// It failed, and the failure is not handled yet.
    Failed,
    /// It starts when its backoff is over.
    Waiting {
        until_ns: u64,
    },
    Starting,
    Stopping,
    /// It is stopped, to be started again.
    Down,
    /// It is stopped for good.
    Ended,
}

/// The restart of several children, from the one at `first` on.
#[derive(Clone, Copy, Debug)]
struct GroupRestart {
    first: usize,
    starts_at_ns: u64,
    phase: Phase,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Stopping,
    /// All are down, and their backoff is not over.
    Waiting,
    Starting,
}

/// What follows the stop of a supervisor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    Stopped,
    Failed,
    StartFailed,
}

/// A turn: the time, and where its actions go.
struct Turn<'a> {
    now_ns: u64,
    actions: &'a mut Vec<Action>,
}

impl Tree {
    /// A tree without supervisors. `seed` chooses the jitter of all backoffs.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Tree { nodes: Vec::new(), seed, has_escalated: false }
    }

    pub(crate) fn set_seed(&mut self, seed: u64) {
        self.seed = seed;
    }

    /// Declares a supervisor, as the last child of `parent` if it has one.
    pub fn supervisor(&mut self, parent: Option<SupervisorId>, spec: SupervisorSpec) -> SupervisorId {
        // One that restarts for ever has a high intensity, and no memory for all of it.
        let restarts = VecDeque::with_capacity(spec.intensity.min(RESTARTS_KEPT) as usize + 1);
        let supervisor = Supervisor {
            spec,
            children: Vec::new(),
            restarts,
            pending: VecDeque::new(),
            group: None,
            then: Then::Stopped,
            culprit: ActorIndex::new(0),
        };
        SupervisorId(self.node(parent, Kind::Supervisor(Box::new(supervisor))))
    }

    /// Declares an actor as the last child of a supervisor. It runs already, in generation 0.
    pub fn child(&mut self, parent: SupervisorId, actor: ActorIndex, restart: Restart) {
        self.node(Some(parent), Kind::Actor { actor, restart, generation: 0 });
    }

    fn node(&mut self, parent: Option<SupervisorId>, kind: Kind) -> usize {
        let index = self.nodes.len();
        let parent = parent.map(|SupervisorId(parent)| parent);
        self.nodes.push(Node { parent, state: State::Up, up_since_ns: 0, failures: 0, deadline_ns: u64::MAX, kind });
        if let Some(parent) = parent {
            let supervisor = self.supervisor_mut(parent);
            supervisor.children.push(index);
            supervisor.pending.reserve(supervisor.children.len());
        }
        index
    }

    /// The supervisors with their specs, in the order of declaration.
    pub fn supervisors(&self) -> impl Iterator<Item = (SupervisorId, Option<SupervisorId>, &SupervisorSpec)> {
        self.nodes.iter().enumerate().filter_map(|(index, node)| match &node.kind {
            Kind::Supervisor(supervisor) => {
                Some((SupervisorId(index), node.parent.map(SupervisorId), &supervisor.spec))
            }
            Kind::Actor { .. } => None,
        })
    }

    /// The supervised actors with their supervisors, in the order of declaration.
    pub fn actors(&self) -> impl Iterator<Item = (ActorIndex, SupervisorId, Restart)> {
        self.nodes.iter().filter_map(|node| match (&node.kind, node.parent) {
            (&Kind::Actor { actor, restart, .. }, Some(parent)) => Some((actor, SupervisorId(parent), restart)),
            _ => None,
        })
    }

    /// The spec of a supervisor.
    pub fn spec(&self, supervisor: SupervisorId) -> &SupervisorSpec {
        &self.supervisor_ref(supervisor.0).spec
    }

    /// Takes what has happened by `now_ns`, of a clock that does not go back, and appends what is to be done to `actions`, in
    /// order. Each start and stop is answered by an event in a later turn.
    pub fn turn(&mut self, now_ns: u64, events: &[Event], actions: &mut Vec<Action>) {
        let mut turn = Turn { now_ns, actions };
        for &event in events {
            if !self.has_escalated {
                self.take(event, &mut turn);
            }
        }
        for node in 0..self.nodes.len() {
            if !self.has_escalated {
                self.pass_time(node, &mut turn);
            }
        }
    }

    /// When the next turn is needed without any event; `None` if it is not.
    #[must_use]
    pub fn next_deadline_ns(&self) -> Option<u64> {
        if self.has_escalated {
            return None;
        }
        let due = |node: &Node| match (&node.kind, node.state) {
            (_, State::Waiting { until_ns }) => Some(until_ns),
            (Kind::Actor { .. }, State::Starting | State::Stopping) => Some(node.deadline_ns),
            (Kind::Supervisor(supervisor), _) => {
                supervisor.group.filter(|group| group.phase == Phase::Waiting).map(|group| group.starts_at_ns)
            }
            _ => None,
        };
        self.nodes.iter().filter_map(due).min()
    }

    /// What is to become of an actor that failed; `None` if nobody supervises it.
    #[must_use]
    pub fn outlook(&self, actor: ActorIndex) -> Option<Outlook> {
        self.nodes.iter().find_map(|node| match node.kind {
            Kind::Actor { actor: it, generation, .. } if it == actor => Some(match node.state {
                State::Ended => Outlook::Ends,
                State::Up | State::Starting => Outlook::Starts { generation },
                State::Waiting { until_ns } => Outlook::StartsAt { ns: until_ns, generation: next(generation) },
                State::Failed | State::Stopping | State::Down => Outlook::Waits,
            }),
            _ => None,
        })
    }

    fn take(&mut self, event: Event, turn: &mut Turn<'_>) {
        let (Event::Failed(actor) | Event::Lost(actor) | Event::Stopped(actor) | Event::Started(actor)) = event;
        let is_it = |node: &Node| matches!(node.kind, Kind::Actor { actor: it, .. } if it == actor);
        let Some(node) = self.nodes.iter().position(is_it) else { return };
        let is_temporary = matches!(self.nodes[node].kind, Kind::Actor { restart: Restart::Temporary, .. });
        match (event, self.nodes[node].state) {
            (Event::Lost(_), _) if !is_temporary => self.lost(node, turn),
            (Event::Failed(_) | Event::Lost(_), State::Up) => self.child_failed(node, turn),
            (Event::Failed(_), State::Starting) => self.start_failed(node, turn),
            (Event::Started(_), State::Starting) => self.started(node, turn),
            (Event::Stopped(_), State::Stopping) => self.stopped(node, turn),
            // An actor that fails before its stop reaches it is stopped; that answers for both.
            _ => {}
        }
    }

    fn pass_time(&mut self, node: usize, turn: &mut Turn<'_>) {
        match self.nodes[node].state {
            State::Waiting { until_ns } if until_ns <= turn.now_ns => self.start(node, turn),
            State::Starting | State::Stopping if self.nodes[node].deadline_ns <= turn.now_ns => {
                if let Kind::Actor { actor, .. } = self.nodes[node].kind {
                    self.leave_to_program(self.parent(node), Escalation::Halt, actor, turn);
                }
            }
            State::Up if self.group(node).is_some_and(|group| group.phase == Phase::Waiting) => {
                self.advance_group(node, turn);
            }
            _ => {}
        }
    }

    /// A child that was up has failed.
    fn child_failed(&mut self, child: usize, turn: &mut Turn<'_>) {
        let parent = self.parent(child);
        let reset_ns = nanos(self.supervisor_ref(parent).spec.backoff.reset_after);
        let Node { state, up_since_ns, failures, .. } = &mut self.nodes[child];
        *state = State::Failed;
        if turn.now_ns.saturating_sub(*up_since_ns) >= reset_ns {
            *failures = 0;
        }
        match self.nodes[parent].state {
            // One restart at a time; a child is waiting once, since it fails again only after a restart.
            State::Up if self.group(parent).is_none() => self.handle_failure(parent, child, turn),
            State::Up | State::Starting => {
                self.supervisor_mut(parent).pending.push_back(child);
                self.end_temporaries(parent, turn);
            }
            // It counts as stopped.
            _ => {}
        }
    }

    /// A child that was starting has failed.
    fn start_failed(&mut self, child: usize, turn: &mut Turn<'_>) {
        self.nodes[child].state = State::Failed;
        let parent = self.parent(child);
        match self.nodes[parent].state {
            State::Starting => {
                self.supervisor_mut(parent).culprit = self.culprit_of(child);
                self.begin_stop(parent, Then::StartFailed);
                self.advance_stop(parent, turn);
            }
            State::Up => {
                let supervisor = self.supervisor_mut(parent);
                supervisor.group = None;
                supervisor.pending.push_back(child);
                self.handle_pending(parent, turn);
            }
            _ => {}
        }
    }

    fn handle_pending(&mut self, supervisor: usize, turn: &mut Turn<'_>) {
        while !self.has_escalated && self.nodes[supervisor].state == State::Up && self.group(supervisor).is_none() {
            let Some(child) = self.supervisor_mut(supervisor).pending.pop_front() else { return };
            // Otherwise the last restart has dealt with it.
            if self.nodes[child].state == State::Failed {
                self.handle_failure(supervisor, child, turn);
            }
        }
    }

    fn handle_failure(&mut self, parent: usize, child: usize, turn: &mut Turn<'_>) {
        self.supervisor_mut(parent).culprit = self.culprit_of(child);
        let restart = match self.nodes[child].kind {
            Kind::Actor { restart, .. } => restart,
            Kind::Supervisor(_) => Restart::Permanent,
        };
        match restart {
            Restart::Temporary => {
                self.nodes[child].state = State::Ended;
                turn.actions.push(Action::End(self.culprit_of(child)));
            }
            Restart::Permanent if self.may_restart(parent, turn.now_ns) => self.restart(parent, child, turn),
            Restart::Permanent | Restart::Significant => self.give_up(parent, turn),
        }
    }

    /// Counts a failure; false if that was one too many.
    fn may_restart(&mut self, supervisor: usize, now_ns: u64) -> bool {
        let Supervisor { spec, restarts, .. } = self.supervisor_mut(supervisor);
        let since_ns = now_ns.saturating_sub(nanos(spec.period));
        while restarts.front().is_some_and(|&at_ns| at_ns < since_ns) {
            restarts.pop_front();
        }
        restarts.push_back(now_ns);
        restarts.len() <= spec.intensity as usize
    }

    fn restart(&mut self, parent: usize, child: usize, turn: &mut Turn<'_>) {
        let until_ns = turn.now_ns.saturating_add(self.backoff_ns(parent, child, turn.now_ns));
        let Supervisor { spec, children, group, .. } = self.supervisor_mut(parent);
        let first = match spec.strategy {
            Strategy::OneForOne if until_ns > turn.now_ns => {
                self.nodes[child].state = State::Waiting { until_ns };
                return;
            }
            Strategy::OneForOne => return self.start(child, turn),
            Strategy::RestForOne => children.iter().position(|&one| one == child).unwrap_or(0),
            Strategy::OneForAll => 0,
        };
        *group = Some(GroupRestart { first, starts_at_ns: until_ns, phase: Phase::Stopping });
        self.nodes[child].state = State::Down;
        self.advance_group(parent, turn);
    }

    fn backoff_ns(&mut self, parent: usize, child: usize, now_ns: u64) -> u64 {
        let backoff = self.supervisor_ref(parent).spec.backoff;
        let random = mix(self.seed ^ mix(((child as u64) << 32) ^ now_ns));
        let failures = &mut self.nodes[child].failures;
        let wait_ns = backoff.wait_ns(*failures, random);
        *failures = failures.saturating_add(1);
        wait_ns
    }

    /// Stops the group, last declared first, waits, and starts it in order: one child at a time.
    fn advance_group(&mut self, supervisor: usize, turn: &mut Turn<'_>) {
        let Some(GroupRestart { first, starts_at_ns, mut phase }) = self.group(supervisor) else { return };
        if phase == Phase::Stopping && self.stop_last(supervisor, first, turn) {
            phase = Phase::Waiting;
        }
        if phase == Phase::Waiting && turn.now_ns >= starts_at_ns {
            phase = Phase::Starting;
        }
        self.supervisor_mut(supervisor).group = Some(GroupRestart { first, starts_at_ns, phase });
        self.end_temporaries(supervisor, turn);
        if phase == Phase::Starting && self.start_next(supervisor, first, turn) {
            self.supervisor_mut(supervisor).group = None;
            self.handle_pending(supervisor, turn);
        }
    }

    /// While a restart waits for its backoff, temporary children that have failed end: their producers do not wait for it.
    fn end_temporaries(&mut self, supervisor: usize, turn: &mut Turn<'_>) {
        if self.group(supervisor).is_none_or(|group| group.phase != Phase::Waiting) {
            return;
        }
        for at in 0..self.supervisor_ref(supervisor).pending.len() {
            let child = self.supervisor_ref(supervisor).pending[at];
            let Node { state, kind, .. } = &mut self.nodes[child];
            if let (State::Failed, &mut Kind::Actor { actor, restart: Restart::Temporary, .. }) = (*state, kind) {
                *state = State::Ended;
                turn.actions.push(Action::End(actor));
            }
        }
    }

    /// Stops the children from `first` on, last one first, until one is to be waited for; true when all are stopped.
    fn stop_last(&mut self, supervisor: usize, first: usize, turn: &mut Turn<'_>) -> bool {
        for at in (first..self.supervisor_ref(supervisor).children.len()).rev() {
            let child = self.supervisor_ref(supervisor).children[at];
            self.stop(child, turn);
            if self.nodes[child].state == State::Stopping {
                return false;
            }
        }
        true
    }

    /// Starts the children from `first` on until one is to be waited for, or has failed; true when all are up.
    fn start_next(&mut self, supervisor: usize, first: usize, turn: &mut Turn<'_>) -> bool {
        for at in first..self.supervisor_ref(supervisor).children.len() {
            let child = self.supervisor_ref(supervisor).children[at];
            if self.nodes[child].state == State::Down {
                self.start(child, turn);
                // It comes back here when the child is up, at once if that has no children of its own.
                return false;
            }
            if self.nodes[child].state == State::Starting {
                return false;
            }
        }
        true
    }

    fn stop(&mut self, node: usize, turn: &mut Turn<'_>) {
        let deadline_ns = self.deadline_ns(node, turn.now_ns);
        let Node { state, kind, deadline_ns: deadline, .. } = &mut self.nodes[node];
        match (*state, kind) {
            (State::Ended | State::Down | State::Stopping, _) => {}
            (State::Up | State::Starting, Kind::Actor { actor, restart, .. }) => {
                *state = State::Stopping;
                *deadline = deadline_ns;
                let ends = *restart == Restart::Temporary;
                turn.actions.push(if ends { Action::End(*actor) } else { Action::Stop(*actor) });
            }
            (State::Up | State::Starting, Kind::Supervisor(_)) => {
                self.begin_stop(node, Then::Stopped);
                if self.stop_last(node, 0, turn) {
                    self.nodes[node].state = State::Down;
                }
            }
            (State::Failed, Kind::Actor { actor, restart: Restart::Temporary, .. }) => {
                *state = State::Ended;
                turn.actions.push(Action::End(*actor));
            }
            (State::Failed | State::Waiting { .. }, _) => *state = State::Down,
        }
    }

    fn begin_stop(&mut self, node: usize, then: Then) {
        self.nodes[node].state = State::Stopping;
        let supervisor = self.supervisor_mut(node);
        supervisor.group = None;
        supervisor.pending.clear();
        supervisor.then = then;
    }

    fn advance_stop(&mut self, node: usize, turn: &mut Turn<'_>) {
        if self.stop_last(node, 0, turn) {
            self.stopped(node, turn);
        }
    }

    /// An actor or a supervisor has stopped.
    fn stopped(&mut self, node: usize, turn: &mut Turn<'_>) {
        let (is_temporary, then) = match &self.nodes[node].kind {
            Kind::Actor { restart, .. } => (*restart == Restart::Temporary, Then::Stopped),
            Kind::Supervisor(supervisor) => (false, supervisor.then),
        };
        self.nodes[node].state = if is_temporary { State::Ended } else { State::Down };
        match then {
            Then::Failed => return self.child_failed(node, turn),
            Then::StartFailed => return self.start_failed(node, turn),
            Then::Stopped => {}
        }
        let Some(parent) = self.nodes[node].parent else { return };
        match self.nodes[parent].state {
            State::Stopping => self.advance_stop(parent, turn),
            _ => self.advance_group(parent, turn),
        }
    }

    fn start(&mut self, node: usize, turn: &mut Turn<'_>) {
        self.nodes[node].state = State::Starting;
        self.nodes[node].deadline_ns = self.deadline_ns(node, turn.now_ns);
        match &mut self.nodes[node].kind {
            Kind::Actor { actor, generation, .. } => {
                *generation = next(*generation);
                turn.actions.push(Action::Start { actor: *actor, generation: *generation });
            }
            Kind::Supervisor(supervisor) => {
                supervisor.restarts.clear();
                self.advance_start(node, turn);
            }
        }
    }

    fn advance_start(&mut self, node: usize, turn: &mut Turn<'_>) {
        if self.start_next(node, 0, turn) {
            self.started(node, turn);
        }
    }

    /// An actor or a supervisor is up.
    fn started(&mut self, node: usize, turn: &mut Turn<'_>) {
        self.nodes[node].state = State::Up;
        self.nodes[node].up_since_ns = turn.now_ns;
        if let Some(parent) = self.nodes[node].parent {
            match self.nodes[parent].state {
                State::Starting => self.advance_start(parent, turn),
                _ => self.advance_group(parent, turn),
            }
        }
        if matches!(self.nodes[node].kind, Kind::Supervisor(_)) {
            self.handle_pending(node, turn);
        }
    }

    fn give_up(&mut self, node: usize, turn: &mut Turn<'_>) {
        let Supervisor { spec, culprit, .. } = self.supervisor_ref(node);
        match (spec.escalation, *culprit, self.nodes[node].parent) {
            (Escalation::Parent, _, Some(_)) => {
                self.begin_stop(node, Then::Failed);
                self.advance_stop(node, turn);
            }
            (escalation, actor, _) => self.leave_to_program(node, escalation, actor, turn),
        }
    }

    /// No supervisor can help an actor whose shard has died, and none stops others for it.
    fn lost(&mut self, actor: usize, turn: &mut Turn<'_>) {
        let (node, escalation) = self.last_escalation(actor);
        self.leave_to_program(node, escalation, self.culprit_of(actor), turn);
    }

    /// Who gives up last above an actor, and how the topology ends then.
    fn last_escalation(&self, actor: usize) -> (usize, Escalation) {
        let mut node = self.parent(actor);
        while let (Escalation::Parent, Some(above)) =
            (self.supervisor_ref(node).spec.escalation, self.nodes[node].parent)
        {
            node = above;
        }
        (node, self.supervisor_ref(node).spec.escalation)
    }

    /// The supervisor that ends the topology at once if an actor fails without which nothing goes on.
    pub(crate) fn exits_without(&self, actor: ActorIndex) -> Option<SupervisorId> {
        let is_it = |node: &Node| matches!(node.kind, Kind::Actor { actor: it, restart: Restart::Significant, .. } if it == actor);
        let (node, escalation) = self.last_escalation(self.nodes.iter().position(is_it)?);
        (escalation == Escalation::Exit).then_some(SupervisorId(node))
    }

    fn leave_to_program(&mut self, node: usize, escalation: Escalation, actor: ActorIndex, turn: &mut Turn<'_>) {
        self.has_escalated = true;
        // Nobody is above it.
        let escalation = if escalation == Escalation::Parent { Escalation::Halt } else { escalation };
        turn.actions.push(Action::Escalate { supervisor: SupervisorId(node), escalation, actor });
    }

    fn culprit_of(&self, node: usize) -> ActorIndex {
        match &self.nodes[node].kind {
            Kind::Actor { actor, .. } => *actor,
            Kind::Supervisor(supervisor) => supervisor.culprit,
        }
    }

    fn deadline_ns(&self, node: usize, now_ns: u64) -> u64 {
        let deadline = self.nodes[node].parent.map(|parent| nanos(self.supervisor_ref(parent).spec.deadline));
        now_ns.saturating_add(deadline.unwrap_or(u64::MAX))
    }

    fn group(&self, node: usize) -> Option<GroupRestart> {
        match &self.nodes[node].kind {
            Kind::Supervisor(supervisor) => supervisor.group,
            Kind::Actor { .. } => None,
        }
    }

    fn parent(&self, node: usize) -> usize {
        self.nodes[node].parent.expect("only supervisors have no parent, and they escalate to nobody")
    }

    fn supervisor_ref(&self, node: usize) -> &Supervisor {
        match &self.nodes[node].kind {
            Kind::Supervisor(supervisor) => supervisor,
            Kind::Actor { .. } => unreachable!("only supervisors have children"),
        }
    }

    fn supervisor_mut(&mut self, node: usize) -> &mut Supervisor {
        match &mut self.nodes[node].kind {
            Kind::Supervisor(supervisor) => supervisor,
            Kind::Actor { .. } => unreachable!("only supervisors have children"),
        }
    }
}

/// The generation that follows one: only the first is 0.
fn next(generation: u16) -> u16 {
    generation.checked_add(1).unwrap_or(1)
}
