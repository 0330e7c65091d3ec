//! Starts a topology: one thread per shard, and the housekeeping thread that supervises them.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    ops::ControlFlow,
    sync::{Arc, mpsc},
    thread,
    time::{Duration, Instant},
};

use corelane_sync::stage::{Stage, progress};
use glommio::{LocalExecutorBuilder, Placement};

use super::{
    END_DEADLINE, GLOMMIO_IO_MEMORY,
    clock_watch::ClockWatch,
    descriptors::{FILES_PER_EXECUTOR, require_files},
    error::StartError,
    event::{Event, Presence},
    housekeeping::{self, ShardThread},
    housekeeping_watch::{Ends, HousekeepingWatch, Watched},
    incident::{Incidents, SharedTaker},
    last_resort::LastResort,
    net_watch::NetWatch,
    options::RunOptions,
    probe::require_cpus,
    running::{Running, Shared, WasLeft},
    running_time::RunningTime,
    seat::{Built, Seat},
    stages,
    status::Status,
    supervise::{Link, Supervisor},
    watchdog::Watchdog,
};
use crate::{
    clock::{ClockMaster, HostTime, UtcOffset},
    cpu,
    shard::flight::{LastCalled, flight_recorder},
    shard::panics::install_hook,
    telemetry::Collector,
    topology::{ActorIndex, Topology},
};

/// Reports of one actor that housekeeping may not have taken yet: its failure and its end, its restart with what was replaced, and
/// a panic when it is dropped; room for a stop in between.
const REPORTS_PER_ACTOR: usize = 8;
/// Notices of one actor in a shard's ring: its end and its restart, twice. What does not fit waits at housekeeping.
const NOTICES_PER_ACTOR: usize = 4;
/// How long a shard may take to be built.
const START_DEADLINE: Duration = Duration::from_secs(30);

impl Topology {
    /// Checks the topology, starts its threads and returns when all shards run.
    ///
    /// # Errors
    /// [`StartError`]; the shards that had started are stopped again.
    pub fn start(self, options: RunOptions) -> Result<Running, StartError> {
        self.start_with(options, |_| ControlFlow::Continue(()))
    }

    /// As [`Topology::start`]. The housekeeping thread also calls `chore` every 20 ms or so with what it knows of the shards,
    /// until the topology is stopped: for control work that is done without waiting, such as an operator's socket. When `chore`
    /// returns `Break`, the topology stops in order; see [`Status::is_halting`] for when it should.
    ///
    /// # Errors
    /// [`StartError`]; the shards that had started are stopped again.
    pub fn start_with(
        mut self,
        mut options: RunOptions,
        chore: impl FnMut(&Status) -> ControlFlow<()> + Send + 'static,
    ) -> Result<Running, StartError> {
        if cfg!(panic = "abort") {
            return Err(StartError::PanicAborts);
        }
        self.check()?;
        let allowed = cpu::allowed_cpus();
        if let Some(cpu) = options.housekeeping_cpu.filter(|cpu| !allowed.contains(cpu)) {
            return Err(StartError::HousekeepingCpu { cpu, allowed });
        }
        require_files(FILES_PER_EXECUTOR * self.shards.len())?;
        require_cpus()?;
        install_hook();
        let names: Vec<String> = self.actors.iter().map(|actor| actor.name.clone()).collect();
        let stage = Arc::new(Stage::new(stages::BOOT));
        let master = options.clock.take().unwrap_or_else(|| ClockMaster::new(HostTime::new(), UtcOffset::UTC));
        let mut collector = Collector::new();
        let mut links = Vec::new();
        let mut watched = Vec::new();
        let mut threads = Vec::new();
        let (built, reports) = mpsc::channel();
        let (events_in, events) = mpsc::channel();
        let gate = self.gate.clone();
        // Hosts that start together do not wait alike.
        let crew = self.take_crew(master.midnight_ns() + master.time_of_day_ns());
        for (index, mut plan) in self.into_plans().into_iter().enumerate() {
            let name = plan.spec.name.clone();
            let (progress_writer, progress_reader) = progress();
            let (reports, reports_out) = rtrb::RingBuffer::new(REPORTS_PER_ACTOR * names.len().max(1));
            let (notices_in, notices) = rtrb::RingBuffer::new(NOTICES_PER_ACTOR * names.len().max(1));
            let (recorder, flight) = flight_recorder(options.flight_recorder);
            let last_called = LastCalled::default();
            watched.push(Watched {
                name: name.clone(),
                progress: progress_reader.clone(),
                waker: plan.waker.clone(),
                last_called: last_called.clone(),
            });
            links.push(Link {
                name: name.clone(),
                actors: plan.actor_indices().into_iter().map(ActorIndex::new).collect(),
                progress: progress_reader,
                waker: plan.waker.clone(),
                reports: reports_out,
                notices: notices_in,
                waiting: VecDeque::new(),
                unheard_since: None,
                flight,
                last_called: last_called.clone(),
                has_ended: false,
                stuck_at: None,
            });
            let seat = Seat {
                telemetry: plan.register(&mut collector),
                plan,
                time: master.clock(),
                stage: stage.clone(),
                progress: progress_writer,
                reports,
                notices,
                recorder,
                last_called,
                presence: Presence { shard: index, events: events_in.clone() },
            };
            let built = built.clone();
            let spawned = LocalExecutorBuilder::new(Placement::Fixed(seat.plan.spec.cpu))
                .io_memory(GLOMMIO_IO_MEMORY)
                .spawn(move || seat.run(built));
            match spawned {
                Ok(thread) => threads.push((name, thread)),
                Err(error) => {
                    drop(events_in);
                    end(&stage, &events);
                    return Err(StartError::of_executor(name, error.to_string()));
                }
            }
        }
        drop(built);
        let addresses = match collect_addresses(&reports, &threads, names.len()) {
            Ok(addresses) => addresses,
            Err(error) => {
                drop(events_in);
                let died = if end(&stage, &events) { cause_of_death(threads) } else { None };
                return Err(died.unwrap_or(error));
            }
        };
        let shared = Arc::<Shared>::default();
        let chore = Box::new(chore);
        let taker = SharedTaker::new(options.on_incident.take().map(|taker| taker.0));
        let was_left = WasLeft::default();
        let watch = options.housekeeping_watchdog.map(|threshold| HousekeepingWatch {
            pulse: crew.pulse(),
            threshold,
            cpu: options.housekeeping_cpu,
            was_left: was_left.clone(),
            stage: stage.clone(),
            gate: gate.clone(),
            shared: shared.clone(),
            shards: watched,
            names: names.clone(),
            incidents: taker.clone(),
        });
        let supervisor = Supervisor {
            stage: stage.clone(),
            shared: shared.clone(),
            links,
            events,
            gate,
            pulse: crew.pulse(),
            crew,
            has_reports: false,
            is_unsupervised: false,
            epoch: Instant::now(),
            time: RunningTime::begin(),
            collector,
            master,
            clock_watch: ClockWatch::default(),
            net_watch: NetWatch::default(),
            watchdog: options.watchdog.map(Watchdog::new),
            clock_kept: Instant::now(),
            failed_at: vec![None; names.len()],
            up: vec![Some(0); names.len()],
            last_resort: LastResort::default(),
            incidents: Incidents::new(taker, names.clone()),
            names,
            options,
            is_ending: false,
            is_hasty: false,
            halts: false,
            halts_at: None,
            chore,
        };
        let not_started = |error| {
            // None sleeps yet.
            stage.advance_to(stages::EXIT);
            StartError::Housekeeping(error)
        };
        let mut ends = Ends { was_left: was_left.clone(), watch: None };
        if let Some(watch) = watch {
            let watch = thread::Builder::new().name("watch".to_owned()).spawn(move || watch.run());
            ends.watch = Some(watch.map_err(not_started)?.thread().clone());
        }
        let housekeeping = thread::Builder::new()
            .name("housekeeping".to_owned())
            .spawn(move || housekeeping::run(ends, supervisor, threads))
            .map_err(not_started)?;
        stage.advance_to(stages::RUN);
        Ok(Running { stage, shared, events: events_in, housekeeping: Some(housekeeping), was_left, addresses })
    }
}

/// Ends the shards that came up while another did not, and waits until they have let go of what they held. One that
/// does not answer (an actor's factory that hangs) is left behind, and then it returns false.
fn end(stage: &Stage, events: &mpsc::Receiver<Event>) -> bool {
    stage.advance_to(stages::EXIT);
    let deadline = Instant::now() + END_DEADLINE;
    loop {
        match events.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(_) => {}
            // It is disconnected when the last shard has gone.
            Err(error) => return error == mpsc::RecvTimeoutError::Disconnected,
        }
    }
}

/// Why a shard's executor did not come up, if one did not: only its thread knows.
fn cause_of_death(threads: Vec<ShardThread>) -> Option<StartError> {
    threads.into_iter().find_map(|(shard, thread)| {
        let error = thread.join().err()?;
        Some(StartError::of_executor(shard, error.to_string()))
    })
}

/// Waits for every shard to be built; returns the endpoints' addresses by actor.
fn collect_addresses(
    reports: &mpsc::Receiver<Built>,
    threads: &[ShardThread],
    actors: usize,
) -> Result<Vec<Vec<SocketAddr>>, StartError> {
    let mut addresses = vec![Vec::new(); actors];
    let mut missing: Vec<String> = threads.iter().map(|(shard, _)| shard.clone()).collect();
    while !missing.is_empty() {
        let Ok((shard, result)) = reports.recv_timeout(START_DEADLINE) else {
            return Err(StartError::NotBuilt { shards: missing, seconds: START_DEADLINE.as_secs() });
        };
        if let Some(position) = missing.iter().position(|name| *name == shard) {
            missing.swap_remove(position);
        }
        for (actor, bound) in result? {
            addresses[actor as usize] = bound;
        }
    }
    Ok(addresses)
}
