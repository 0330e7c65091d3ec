//! A topology whose shards take turns on the calling thread.

use std::{collections::VecDeque, fmt};

use super::{clock::HostClock, network::SimNet};
use crate::{
    fault,
    lifecycle::Status,
    net::EndpointId,
    shard::cell::Rest,
    shard::flight::LastCalled,
    shard::notice::{Notice, Report},
    shard::panics,
    shard::time::ShardTime,
    shard::{Failure, Shard},
    supervision::crew::{Crew, GaveUp},
    supervision::{Escalation, SupervisorId},
    telemetry::Collector,
    topology::check::{TopologyError, TopologyErrors},
    topology::plan::ShardPlan,
    topology::{ActorId, ActorIndex, ShardId, Topology},
};

/// The most turns of [`Simulation::run_until_idle`]; it panics if the topology is not at rest by then.
const IDLE_TURNS_MAX: usize = 1_000_000;

impl Topology {
    /// Builds the whole topology on this thread, for simulation and tests. Its CPUs need not be there.
    ///
    /// # Errors
    /// The faults that [`Topology::check`] finds, unless they are only CPUs that this process may not use.
    pub fn simulate(mut self) -> Result<Simulation, TopologyErrors> {
        let is_of_host = |error: &TopologyError| matches!(error, TopologyError::CpuNotAllowed { .. });
        if let Err(TopologyErrors(errors)) = self.check()
            && !errors.iter().all(is_of_host)
        {
            return Err(TopologyErrors(errors));
        }
        panics::install_hook();
        let names = self.actors.iter().map(|actor| actor.name.clone()).collect();
        let crew = self.take_crew(0);
        let mut collector = Collector::new();
        let mut nets = Vec::new();
        let mut sockets = vec![Vec::new(); self.actors.len()];
        let build = |mut plan: ShardPlan| {
            let counts = plan.endpoint_counts();
            let shard = ShardId(nets.len() as u32);
            let mut endpoints = (0..).map(|endpoint| Socket { shard, endpoint: EndpointId(endpoint) });
            for (actor, &count) in plan.actor_indices().into_iter().zip(&counts) {
                sockets[actor as usize] = endpoints.by_ref().take(count).collect();
            }
            let net = SimNet::new(plan.take_endpoints(), &plan.spec.net);
            nets.push(net.clone());
            let telemetry = plan.register(&mut collector);
            let built = plan.build(ShardTime::simulated(), telemetry, Box::new(net), &counts, LastCalled::default());
            built.unwrap_or_else(|panicked| panic!("the factory of an actor panicked: {}", panicked.1))
        };
        let mut shards: Vec<Shard> = self.into_plans().into_iter().map(build).collect();
        shards.iter_mut().for_each(Shard::start);
        let (reports, failures) = (Vec::new(), Vec::new());
        Ok(Simulation {
            shards,
            nets,
            names,
            sockets,
            crew,
            gave_up: None,
            has_buried: false,
            reports,
            failures,
            known: Status::default(),
            now_ns: 0,
            clock: None,
        })
    }
}

/// An endpoint of a simulated topology.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Socket {
    /// The shard that has it.
    pub shard: ShardId,
    /// The endpoint on that shard.
    pub endpoint: EndpointId,
}

/// A running simulation.
pub struct Simulation {
    pub(super) shards: Vec<Shard>,
    pub(super) nets: Vec<SimNet>,
    /// By actor.
    names: Vec<String>,
    /// By actor.
    sockets: Vec<Vec<Socket>>,
    crew: Crew,
    gave_up: Option<GaveUp>,
    /// A shard panicked outside of its actors.
    has_buried: bool,
    reports: Vec<Report>,
    failures: Vec<Failure>,
    /// What is known of actors that failed: the part of the status that grows with each report.
    pub(super) known: Status,
    pub(super) now_ns: u64,
    /// The host's clock, if it was set. Else the shards' time is that of the world.
    pub(super) clock: Option<HostClock>,
}

impl fmt::Debug for Simulation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Simulation")
            .field("shards", &self.shards.len())
            .field("failures", &self.failures)
            .finish_non_exhaustive()
    }
}

impl Simulation {
    /// Sets the time of all shards, in nanoseconds since midnight. It should not go backwards.
    pub fn set_time_ns(&mut self, wall_ns: u64) {
        self.now_ns = wall_ns;
        let shard_ns = self.clock.as_mut().map_or(wall_ns, |clock| clock.set(wall_ns));
        self.shards.iter().for_each(|shard| shard.env.time.set(shard_ns));
    }

    /// Makes one turn of every shard, in order, and does what housekeeping would; returns the work done.
    pub fn turn(&mut self) -> usize {
        let mut work = 0;
        for index in 0..self.shards.len() {
            work += self.turn_shard(index);
        }
        work + self.turn_supervisors()
    }

    /// Makes one turn of a shard; returns the work done.
    pub(super) fn turn_shard(&mut self, index: usize) -> usize {
        let Simulation { shards, reports, .. } = self;
        let turned = panics::catch_as_runtime(|| {
            fault!("shard.turn");
            shards[index].turn(reports)
        });
        let work = turned.unwrap_or_else(|_| self.bury(index));
        if !self.reports.is_empty() {
            self.relay(index);
        }
        work
    }

    /// Does what a shard's thread does that panicked outside of its actors. Their failures are collected in the next turn.
    #[cold]
    fn bury(&mut self, index: usize) -> usize {
        let (place, message) = panics::take();
        self.shards[index].bury(place, message, &mut self.reports);
        self.nets[index].bury();
        self.has_buried = true;
        1
    }

    /// Does what is due of the supervisors' work; returns how much.
    pub(super) fn turn_supervisors(&mut self) -> usize {
        if self.crew.is_due(self.now_ns) { self.supervise() } else { 0 }
    }

    /// When a supervisor has something to do, without any report.
    pub(super) fn next_restart_ns(&self) -> Option<u64> {
        self.crew.next_deadline_ns()
    }

    /// Passes on what a shard reports, at once.
    fn relay(&mut self, from: usize) {
        // What is reported in answer belongs to another shard, and is relayed next.
        let mut reports: VecDeque<(usize, Report)> = self.reports.drain(..).map(|report| (from, report)).collect();
        while let Some((from, report)) = reports.pop_front() {
            self.crew.note(&report);
            self.note(&report);
            let notice: fn(&Report) -> Option<Notice> = |report| match *report {
                Report::Down(down) => Some(Notice::Down(down)),
                Report::Up(up) => Some(Notice::Up(up)),
                _ => None,
            };
            for to in (0..self.shards.len()).filter(|&to| to != from) {
                if let Some(notice) = notice(&report) {
                    self.shards[to].take(notice, &mut self.reports);
                    reports.extend(self.reports.drain(..).map(|report| (to, report)));
                }
            }
            if let Report::Failed(failure) = report {
                let actor = failure.actor;
                self.failures.push(failure);
                if self.gave_up.is_some() {
                    self.shards[from].take(Notice::End(actor), &mut self.reports);
                    reports.extend(self.reports.drain(..).map(|report| (from, report)));
                }
            }
        }
    }

    /// Notes what is known of an actor for the status.
    fn note(&mut self, report: &Report) {
        let Simulation { known, names, .. } = self;
        match report {
            Report::Failed(failure) => known.note_failure(&names[failure.actor.position()], failure.clone()),
            Report::Suspended { actor, dead_letter } => known.note_dead_letter(&names[actor.position()], *dead_letter),
            Report::Up(up) => known.note_restart(&names[up.actor.position()], up.generation),
            Report::Down(_) | Report::Retired { .. } => {}
        }
    }

    /// Restarts, stops and gives up actors as their supervisors decide; returns how often.
    fn supervise(&mut self) -> usize {
        if self.gave_up.is_some() {
            self.gave_up = self.crew.exit().or(self.gave_up.take());
            return 0;
        }
        let failed_before = self.failures.len();
        let Simulation { failures, known, names, .. } = self;
        let mut notices = Vec::new();
        self.gave_up =
            self.crew.turn(self.now_ns, &mut |shard, notice| notices.push((shard, notice)), &mut |failure: Failure| {
                known.note_failure(&names[failure.actor.position()], failure.clone());
                failures.push(failure);
            });
        if self.gave_up.is_some() {
            self.crew.give_up(&mut |shard, notice| notices.push((shard, notice)));
        }
        let work = notices.len() + self.failures.len() - failed_before;
        for (shard, notice) in notices {
            self.shards[shard].take(notice, &mut self.reports);
            self.relay(shard);
        }
        work
    }

    /// The supervisor that gave up, if one did, and the actor that failed once too often. A topology that runs would end.
    #[must_use]
    pub fn gave_up(&self) -> Option<(SupervisorId, ActorIndex)> {
        self.gave_up.as_ref().map(|gave_up| (gave_up.supervisor, gave_up.actor))
    }

    /// How a topology that runs would end now: a supervisor gave up, or a shard panicked outside of its actors.
    #[must_use]
    pub fn escalation(&self) -> Option<Escalation> {
        let gave_up = self.gave_up.as_ref().map(|gave_up| gave_up.escalation);
        gave_up.or_else(|| self.has_buried.then_some(Escalation::Halt))
    }

    /// The names of the actors that do not run.
    pub fn down(&self) -> impl Iterator<Item = &str> {
        let runs = |&actor: &ActorIndex| self.shards.iter().any(|shard| shard.runs(actor));
        let actors = (0..self.names.len() as u32).map(ActorIndex::new);
        actors.filter(move |actor| !runs(actor)).map(|actor| self.name(actor))
    }

    /// The name of an actor.
    #[must_use]
    pub fn name(&self, actor: ActorIndex) -> &str {
        &self.names[actor.position()]
    }

    /// Makes turns until one does nothing and left nothing to do. An actor that panics meanwhile is not said:
    /// [`Simulation::failures`] has it.
    ///
    /// # Panics
    /// When a million turns did not suffice: some actors keep each other busy.
    pub fn run_until_idle(&mut self) {
        for _ in 0..IDLE_TURNS_MAX {
            if self.turn() == 0 && self.is_at_rest() {
                return;
            }
        }
        panic!("the topology does not come to rest");
    }

    /// Whether no actor has anything to do. A callback that holds its frame is no work, but it may have sent to a shard that
    /// had its turn before.
    fn is_at_rest(&mut self) -> bool {
        self.shards.iter_mut().all(|shard| {
            let now_ns = shard.env.time.wall_ns();
            shard.rest(now_ns) != Rest::Busy
        })
    }

    /// Calls every actor's stop hook, last declared first.
    pub fn stop(&mut self) {
        self.shards.iter_mut().rev().for_each(Shard::stop_actors);
    }

    /// The network of a shard, to play its peers.
    #[must_use]
    pub fn net(&self, shard: ShardId) -> SimNet {
        self.nets[shard.0 as usize].clone()
    }

    /// The endpoints of an actor, in the order of its declaration.
    #[must_use]
    pub fn sockets<A>(&self, actor: ActorId<A>) -> &[Socket] {
        &self.sockets[actor.index() as usize]
    }

    /// The failures so far.
    #[must_use]
    pub fn failures(&self) -> &[Failure] {
        &self.failures
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        actor::{Actor, Context, Step},
        edge::port::Port,
        shard::cell::Rest,
        topology::{EdgeSpec, Idle, ShardSpec, Topology},
    };

    /// A millisecond in nanoseconds.
    const MS: u64 = 1_000_000;

    /// Sends a message for each of its timers.
    struct Ticker(&'static [u64]);

    impl Actor for Ticker {
        type In = ();
        type Out = Port<()>;
        const OUTPUTS_MAX: usize = 1;
        const TIMERS_MAX: usize = 4;
        fn on_start(&mut self, ctx: &mut Context<'_, Port<()>>) {
            self.0.iter().for_each(|&after_ns| assert!(ctx.set_timer(after_ns, 0).is_ok()));
        }
        fn on_message(&mut self, _: &mut Context<'_, Port<()>>, (): &()) -> Step {
            Step::Done
        }
        fn on_timer(&mut self, ctx: &mut Context<'_, Port<()>>, _: u64) {
            ctx.out.send(());
        }
    }

    #[test]
    fn a_timer_that_waits_for_room_hides_no_later_timer_of_another_actor() {
        let mut topology = Topology::new();
        let shard = topology.shard(ShardSpec::new("only", 0).idle(Idle::Park));
        // Two fit the edge, the third waits in the port, and the fourth for that.
        let blocked = topology.actor(shard, "blocked", || Ticker(&[MS; 4]));
        let other = topology.actor(shard, "other", || Ticker(&[10 * MS]));
        let _unread = topology.external_receiver(blocked, |out| out, EdgeSpec::backpressure(2));
        topology.leave_open(other, |out: &mut Port<()>| out);
        let mut simulation = topology.simulate().unwrap();
        let now_ns = 2 * MS;
        simulation.set_time_ns(now_ns);
        simulation.run_until_idle();
        let shard = &mut simulation.shards[0];
        assert_eq!(shard.rest(now_ns), Rest::WaitsForRoom);
        assert!(shard.next_timer_ns(now_ns, false).is_some_and(|at_ns| at_ns <= now_ns), "the fourth is due");
        let next_ns = shard.next_timer_ns(now_ns, true);
        assert!(next_ns.is_some_and(|at_ns| at_ns > now_ns && at_ns <= 11 * MS), "{next_ns:?}");
    }
}
