//! Declares the supervisors of a topology, and which actors they supervise.

use super::{Restart, SupervisorId, SupervisorSpec, Tree, crew::Crew, crew::Member};
use crate::{
    actor::{Actor, Role},
    net::EndpointId,
    shard::notice::Value,
    topology::graph::Topology,
    topology::ids::{ActorId, ActorIndex},
};

impl Topology {
    /// Declares a supervisor, whose children are declared next, in the order in which they are started again.
    pub fn supervisor(&mut self, spec: SupervisorSpec) -> SupervisorId {
        self.tree.supervisor(None, spec)
    }

    /// Declares a supervisor as the last child of another.
    pub fn supervisor_below(&mut self, above: SupervisorId, spec: SupervisorSpec) -> SupervisorId {
        self.tree.supervisor(Some(above), spec)
    }

    /// Lets an actor be restarted: after it failed, or with others as its supervisor's strategy says. Until then it is
    /// suspended, and its input waits; the message that it failed on is not delivered again. `build_next` builds each
    /// generation but the first. It gets the ids of the actor's endpoints, and runs on the housekeeping thread, where the old value
    /// is dropped too.
    ///
    /// A [`Sequencer`](crate::sequencer::Sequencer) or a [`SequencedActor`](crate::actor::SequencedActor) does not compile here: without its state it would go on
    /// as if the stream had just begun. Make it [significant](Topology::supervise_significant).
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// use corelane_runtime::{prelude::*, supervision::{Strategy, SupervisorSpec}};
    ///
    /// #[derive(Clone, Copy)]
    /// struct Word(u64);
    /// impl Message for Word {}
    ///
    /// /// Sends on what comes, and does not know what to do with 13.
    /// struct Relay;
    /// impl Actor for Relay {
    ///     type In = Word;
    ///     type Out = Port<Word>;
    ///     const OUTPUTS_MAX: usize = 1;
    ///     fn on_message(&mut self, ctx: &mut Context<'_, Self::Out>, word: &Word) -> Step {
    ///         assert!(word.0 != 13);
    ///         ctx.out.send(*word);
    ///         Step::Done
    ///     }
    /// }
    ///
    /// let mut topology = Topology::new();
    /// let shard = topology.shard(ShardSpec::new("shard", allowed_cpus()[0]));
    /// let relay = topology.actor(shard, "relay", || Relay);
    /// let spec = SupervisorSpec::new("all", Strategy::OneForOne).intensity(3, Duration::from_secs(10));
    /// let supervisor = topology.supervisor(spec);
    /// topology.supervise(supervisor, relay, |_| Relay);
    /// let mut words = topology.external_sender("words", relay, EdgeSpec::backpressure(8));
    /// let mut relayed = topology.external_receiver(relay, |out| out, EdgeSpec::backpressure(8));
    /// let mut simulation = topology.simulate()?;
    /// for word in [12, 13, 14] {
    ///     words.send(Word(word))?;
    /// }
    /// simulation.run_until_idle();
    /// let relayed: Vec<_> = std::iter::from_fn(|| relayed.receive()).collect();
    /// assert!(relayed.iter().map(|word| (word.body.0, word.header.generation)).eq([(12, 0), (14, 1)]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn supervise<A: Actor + Send>(
        &mut self,
        supervisor: SupervisorId,
        actor: ActorId<A>,
        build_next: impl Fn(&[EndpointId]) -> A + Send + 'static,
    ) {
        const { assert!(matches!(A::ROLE, Role::Ordinary), "what is sequenced cannot be restarted without its state") };
        self.add_child(supervisor, actor, Restart::Permanent);
        let build_next = move |endpoints: &[EndpointId]| Value::new(build_next(endpoints));
        self.builds_next.push((actor.index(), Box::new(build_next)));
    }

    /// Lets an actor end with its siblings: its own failure ends it alone, as if nobody supervised it.
    #[track_caller]
    pub fn supervise_temporary<A: Actor>(&mut self, supervisor: SupervisorId, actor: ActorId<A>) {
        self.add_child(supervisor, actor, Restart::Temporary);
    }

    /// Declares that nothing goes on without an actor: its failure is its supervisor's, which escalates at once. Until the end its
    /// input waits.
    #[track_caller]
    pub fn supervise_significant<A: Actor>(&mut self, supervisor: SupervisorId, actor: ActorId<A>) {
        self.add_child(supervisor, actor, Restart::Significant);
    }

    #[track_caller]
    fn add_child<A: Actor>(&mut self, supervisor: SupervisorId, actor: ActorId<A>, restart: Restart) {
        self.tree.child(supervisor, actor.into(), restart);
        self.plan(actor).is_supervised = true;
        self.declared_mut(actor).is_supervised = true;
    }

    /// Takes out the supervisors and what they need, before the topology is cut into plans.
    pub(crate) fn take_crew(&mut self, seed: u64) -> Crew {
        let mut tree = std::mem::replace(&mut self.tree, Tree::new(0));
        tree.set_seed(seed);
        let mut builds_next = std::mem::take(&mut self.builds_next);
        let mut endpoints = vec![0; self.shards.len()];
        let mut members = Vec::new();
        for (index, actor) in self.actors.iter().enumerate() {
            let shard = actor.shard as usize;
            let first = endpoints[shard];
            endpoints[shard] += actor.endpoints.len() as u32;
            if actor.is_supervised {
                let at = builds_next.iter().position(|&(of, _)| of as usize == index);
                members.push(Member {
                    actor: ActorIndex::new(index as u32),
                    shard,
                    endpoints: (first..endpoints[shard]).map(EndpointId).collect(),
                    build_next: at.map(|at| builds_next.swap_remove(at).1),
                    is_up: true,
                });
            }
        }
        Crew::new(tree, members)
    }
}
