//! What carries out the actions of a [`Tree`]: it builds replacements, and makes notices for the shards.

use std::{fmt, time::Duration};

use super::pulse::{Doing, Pulse};
use super::tree::{Action, Event, Outlook, SupervisorId, Tree};
use crate::{
    net::EndpointId,
    shard::Failure,
    shard::failure::Fault,
    shard::notice::{Notice, Report, Value},
    shard::panics,
    topology::ids::ActorIndex,
};

/// Builds the next generation of an actor, on housekeeping.
pub(crate) type BuildNext = Box<dyn Fn(&[EndpointId]) -> Value + Send>;

/// A supervised actor: where it is hosted, and how it is replaced.
pub(crate) struct Member {
    pub actor: ActorIndex,
    pub shard: usize,
    pub endpoints: Vec<EndpointId>,
    /// None for those that are never restarted.
    pub build_next: Option<BuildNext>,
    /// It neither failed nor was told to stop since it was last started.
    pub is_up: bool,
}

/// The end of supervision: a supervisor without one above it gave up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GaveUp {
    pub supervisor: SupervisorId,
    pub escalation: super::Escalation,
    pub actor: ActorIndex,
}

/// All supervised actors with their supervisors.
pub(crate) struct Crew {
    tree: Tree,
    members: Vec<Member>,
    events: Vec<Event>,
    actions: Vec<Action>,
    /// When the next turn is needed without any event.
    due_ns: u64,
    /// Says whose factory runs.
    pulse: Pulse,
}

impl fmt::Debug for Crew {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Crew").field("tree", &self.tree).finish_non_exhaustive()
    }
}

impl Crew {
    pub(crate) fn new(tree: Tree, members: Vec<Member>) -> Crew {
        let (events, actions) = (Vec::with_capacity(members.len()), Vec::with_capacity(members.len()));
        Crew { tree, members, events, actions, due_ns: u64::MAX, pulse: Pulse::default() }
    }

    /// The heartbeat of the thread that has its turns.
    pub(crate) fn pulse(&self) -> Pulse {
        self.pulse.clone()
    }

    /// How long an actor may take at most to stop or start.
    pub(crate) fn longest_deadline(&self) -> Duration {
        self.tree.supervisors().map(|(.., spec)| spec.deadline).max().unwrap_or(Duration::MAX)
    }

    pub(crate) fn tree(&self) -> &Tree {
        &self.tree
    }

    /// Notes what a shard reports.
    pub(crate) fn note(&mut self, report: &Report) {
        let (event, actor, is_up) = match report {
            &Report::Failed(Failure { actor, is_of_shard: true, .. }) => (Event::Lost(actor), actor, false),
            &Report::Failed(Failure { actor, .. }) => (Event::Failed(actor), actor, false),
            &Report::Suspended { actor, .. } => (Event::Stopped(actor), actor, false),
            Report::Up(up) => (Event::Started(up.actor), up.actor, true),
            Report::Down(_) | Report::Retired { .. } => return,
        };
        if let Some(member) = self.members.iter_mut().find(|member| member.actor == actor) {
            member.is_up = is_up;
            self.events.push(event);
        }
    }

    /// Carries out what is to be done by `now_ns`. `notify` gets a shard and what it is told, `failed` the replacements that
    /// could not be built. These are failures too, of which the next turn decides, however many there are: whoever gives this its
    /// turns has other work between two.
    pub(crate) fn turn(
        &mut self,
        now_ns: u64,
        notify: &mut dyn FnMut(usize, Notice),
        failed: &mut dyn FnMut(Failure),
    ) -> Option<GaveUp> {
        self.tree.turn(now_ns, &self.events, &mut self.actions);
        self.events.clear();
        for action in std::mem::take(&mut self.actions) {
            let (Action::Stop(actor)
            | Action::End(actor)
            | Action::Start { actor, .. }
            | Action::Escalate { actor, .. }) = action;
            let Some(member) = self.members.iter_mut().find(|member| member.actor == actor) else { continue };
            match action {
                Action::Stop(_) => {
                    member.is_up = false;
                    notify(member.shard, Notice::Suspend(actor));
                }
                Action::End(_) => notify(member.shard, Notice::End(actor)),
                Action::Start { generation, .. } => {
                    match self.pulse.during(Doing::Building(actor), || build(member, generation)) {
                        Ok(value) => notify(member.shard, Notice::Replace { actor, generation, value }),
                        Err(failure) => {
                            failed(*failure);
                            self.events.push(Event::Failed(actor));
                        }
                    }
                }
                Action::Escalate { supervisor, escalation, .. } => {
                    self.due_ns = u64::MAX;
                    return self.exit().or(Some(GaveUp { supervisor, escalation, actor }));
                }
            }
        }
        let next_ns = if self.events.is_empty() { self.tree.next_deadline_ns() } else { Some(now_ns) };
        self.due_ns = next_ns.unwrap_or(u64::MAX);
        None
    }

    /// What ends the topology at once, whatever else has failed.
    pub(crate) fn exit(&self) -> Option<GaveUp> {
        self.members.iter().filter(|member| !member.is_up).find_map(|member| {
            let supervisor = self.tree.exits_without(member.actor)?;
            Some(GaveUp { supervisor, escalation: super::Escalation::Exit, actor: member.actor })
        })
    }

    /// What follows from an actor's failure, in words.
    pub(crate) fn decision(&self, actor: ActorIndex, now_ns: u64) -> String {
        let Some(outlook) = self.tree.outlook(actor) else { return "it ended alone: nobody supervises it".to_owned() };
        match outlook {
            Outlook::Ends => "it ended alone: it is temporary".to_owned(),
            Outlook::Starts { generation } => format!("restart as generation {generation}"),
            Outlook::StartsAt { ns, generation } => {
                let wait_ms = ns.saturating_sub(now_ns) / 1_000_000;
                format!("restart as generation {generation} in {wait_ms} ms")
            }
            Outlook::Waits => "restart after that of others, or with them".to_owned(),
        }
    }

    /// Whether a turn has something to do at `now_ns`.
    #[inline]
    pub(crate) fn is_due(&self, now_ns: u64) -> bool {
        !self.events.is_empty() || self.due_ns <= now_ns
    }

    /// When the next turn is needed without any report.
    pub(crate) fn next_deadline_ns(&self) -> Option<u64> {
        (self.due_ns != u64::MAX).then_some(self.due_ns)
    }

    /// Takes out what builds one of the actors, until there is none: nobody is restarted any more.
    pub(crate) fn take_builder(&mut self) -> Option<BuildNext> {
        self.members.iter_mut().find_map(|member| member.build_next.take())
    }

    /// Gives up those that are suspended: nobody waits for their input any more.
    pub(crate) fn give_up(&self, notify: &mut dyn FnMut(usize, Notice)) {
        for member in self.members.iter().filter(|member| !member.is_up) {
            notify(member.shard, Notice::End(member.actor));
        }
    }
}

fn build(member: &Member, generation: u16) -> Result<Value, Box<Failure>> {
    let build_next = member.build_next.as_ref().expect("check lets only those be restarted that can be");
    panics::catch(|| build_next(&member.endpoints)).map_err(|_| {
        let (place, message) = panics::take();
        let fault = Fault { in_restart: true, ..Fault::without_input(place, message) };
        Box::new(Failure::new(member.actor, generation, fault))
    })
}
