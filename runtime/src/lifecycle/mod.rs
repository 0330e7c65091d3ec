//! A topology that runs: its threads, and the supervisor on the housekeeping CPU that starts them in order, hears of
//! their failures, keeps their clock true, gathers their figures and stops them in order.
#![expect(clippy::disallowed_methods, reason = "threads are started and stopped within wall time, on no shard")]

pub(crate) mod stages;

use std::{
    ffi::CString,
    net::SocketAddr,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use corelane_sync::stage::{Progress, ProgressReader, Round, Stage, Verdict, progress};
use glommio::{LocalExecutorBuilder, Placement, timer::sleep};
use hdrhistogram::Histogram;

use crate::{
    clock::{ClockMaster, HostTime, UtcOffset},
    net::{Driver, NetError},
    shard::Failure,
    shard::duty::{DutyCycle, Figures},
    shard::time::ShardTime,
    shard::transport::{NoNet, Transport},
    shard::wake::Waker,
    telemetry::{Collector, Metric, ShardCount, ShardTelemetry, TimingTotal},
    topology::check::TopologyErrors,
    topology::plan::ShardPlan,
    topology::{Idle, Topology},
};

/// How often housekeeping looks at the shards; the clock is recalibrated as often, well within its 100 ms.
const HOUSEKEEPING_PERIOD: Duration = Duration::from_millis(20);
/// How long a shard may take to be built.
const START_DEADLINE: Duration = Duration::from_secs(30);
/// How long the shards that came up may take to end when another did not.
const END_DEADLINE: Duration = Duration::from_secs(5);
/// Memory that each of glommio's three rings per executor registers; it refuses below 512 KiB of memlock.
const GLOMMIO_IO_MEMORY: usize = 1 << 20;

/// How a topology is run.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct RunOptions {
    /// The CPU that housekeeping is pinned to; any if `None`.
    pub housekeeping_cpu: Option<usize>,
    /// The time zone whose midnight times of day count from.
    pub utc_offset: UtcOffset,
    /// How long an ordered stop waits for what is in flight.
    pub drain_deadline: Duration,
}

impl Default for RunOptions {
    /// Housekeeping on any CPU, UTC, and five seconds to drain.
    fn default() -> Self {
        RunOptions { housekeeping_cpu: None, utc_offset: UtcOffset::UTC, drain_deadline: Duration::from_secs(5) }
    }
}

impl RunOptions {
    /// Pins housekeeping to a CPU.
    #[must_use]
    pub fn housekeeping_cpu(mut self, cpu: usize) -> Self {
        self.housekeeping_cpu = Some(cpu);
        self
    }

    /// Sets the time zone whose midnight times of day count from.
    #[must_use]
    pub fn utc_offset(mut self, utc_offset: UtcOffset) -> Self {
        self.utc_offset = utc_offset;
        self
    }

    /// Sets how long an ordered stop waits for what is in flight.
    #[must_use]
    pub fn drain_deadline(mut self, drain_deadline: Duration) -> Self {
        self.drain_deadline = drain_deadline;
        self
    }
}

/// Why a topology did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// It is faulty.
    #[error(transparent)]
    Topology(#[from] TopologyErrors),
    /// The program was built so that a panic ends the process.
    #[error(
        "this program is built with panic = \"abort\", which makes supervision impossible; build it with panic = \"unwind\""
    )]
    PanicAborts,
    /// A shard's network refused.
    #[error("shard {shard:?}: {source}")]
    Net {
        /// The shard.
        shard: String,
        /// What it said.
        source: NetError,
    },
    /// A shard's thread did not come up.
    #[error("shard {shard:?} did not start: {reason}")]
    Shard {
        /// The shard.
        shard: String,
        /// What is known of it.
        reason: String,
    },
}

/// A topology that runs. Dropping it stops it.
pub struct Running {
    stage: Arc<Stage>,
    shared: Arc<Shared>,
    housekeeping: Option<thread::JoinHandle<bool>>,
    addresses: Vec<Vec<SocketAddr>>,
}

struct Shared {
    stop: AtomicBool,
    status: Mutex<Status>,
}

/// What housekeeping knows of the shards.
#[derive(Clone, Debug, Default)]
pub struct Status {
    /// One per shard, in the order of declaration.
    pub shards: Vec<ShardStatus>,
    /// The actors that failed, with their names.
    pub failures: Vec<(String, Failure)>,
}

/// The figures of one shard.
#[derive(Clone, Debug)]
pub struct ShardStatus {
    /// Its name.
    pub name: String,
    /// The timings of its actors.
    pub timings: Vec<TimingTotal>,
    counts: [u64; ShardCount::ALL.len()],
}

impl ShardStatus {
    /// One of its counters.
    pub fn count(&self, name: ShardCount) -> u64 {
        self.counts[name.index()]
    }

    /// All of its counters.
    pub fn counts(&self) -> impl Iterator<Item = (ShardCount, u64)> + '_ {
        ShardCount::ALL.iter().map(|&name| (name, self.count(name)))
    }
}

impl Status {
    /// One counter, over all shards.
    pub fn count(&self, name: ShardCount) -> u64 {
        self.shards.iter().map(|shard| shard.count(name)).sum()
    }

    /// One timing in nanoseconds, over all shards and actors; `None` if nothing was measured.
    pub fn timing<T: Metric>(&self, timing: T) -> Option<Histogram<u64>> {
        let timings = self.shards.iter().flat_map(|shard| &shard.timings).filter(|total| total.is(timing));
        let mut histograms = timings.map(|total| &total.histogram).filter(|histogram| !histogram.is_empty());
        let mut total = histograms.next()?.clone();
        histograms.for_each(|histogram| total.add(histogram).expect("all histograms have the same bounds"));
        Some(total)
    }
}

/// How a topology ended.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Whether everything in flight was finished before the deadline.
    pub drained: bool,
    /// The last figures.
    pub status: Status,
}

impl Topology {
    /// Checks the topology, starts its threads and returns when all shards run.
    ///
    /// # Errors
    /// [`StartError`]; what had been started is stopped again.
    pub fn start(self, options: RunOptions) -> Result<Running, StartError> {
        if cfg!(panic = "abort") {
            return Err(StartError::PanicAborts);
        }
        self.check()?;
        crate::shard::panics::install_hook();
        let names: Vec<String> = self.actors.iter().map(|actor| actor.name.clone()).collect();
        let stage = Arc::new(Stage::new(stages::BOOT));
        let master = ClockMaster::new(HostTime::new(), options.utc_offset);
        let mut collector = Collector::new();
        let mut links = Vec::new();
        let mut threads = Vec::new();
        let (built, reports) = mpsc::channel();
        let (alive, ended) = mpsc::channel();
        let plans = self.into_plans();
        for mut plan in plans {
            let name = plan.spec.name.clone();
            let (progress_writer, progress_reader) = progress();
            let (failures, failures_out) = rtrb::RingBuffer::new(names.len().max(1));
            let (elsewhere_in, failures_elsewhere) = rtrb::RingBuffer::new(names.len().max(1));
            links.push(Link {
                progress: progress_reader,
                waker: plan.waker.clone(),
                failures: failures_out,
                elsewhere: elsewhere_in,
            });
            let seat = Seat {
                telemetry: plan.register(&mut collector),
                plan,
                time: master.clock(),
                stage: stage.clone(),
                progress: progress_writer,
                failures,
                failures_elsewhere,
                alive: alive.clone(),
            };
            let built = built.clone();
            let spawned = LocalExecutorBuilder::new(Placement::Fixed(seat.plan.spec.cpu))
                .io_memory(GLOMMIO_IO_MEMORY)
                .spawn(move || seat.run(built));
            match spawned {
                Ok(thread) => threads.push((name, thread)),
                Err(error) => {
                    drop(alive);
                    end(&stage, &ended);
                    return Err(StartError::Shard { shard: name, reason: remedy(&error.to_string()) });
                }
            }
        }
        drop(built);
        let addresses = match collect_addresses(&reports, threads.len(), names.len()) {
            Ok(addresses) => addresses,
            Err(error) => {
                drop(alive);
                let died = if end(&stage, &ended) { cause_of_death(threads) } else { None };
                return Err(died.unwrap_or(error));
            }
        };
        stage.advance_to(stages::RUN);
        let shared = Arc::new(Shared { stop: AtomicBool::new(false), status: Mutex::default() });
        let supervisor =
            Supervisor { stage: stage.clone(), shared: shared.clone(), links, collector, master, names, options };
        let housekeeping = thread::Builder::new()
            .name("housekeeping".to_owned())
            .spawn(move || supervisor.run(threads))
            .map_err(|error| {
                stage.advance_to(stages::EXIT);
                StartError::Shard { shard: "housekeeping".to_owned(), reason: error.to_string() }
            })?;
        Ok(Running { stage, shared, housekeeping: Some(housekeeping), addresses })
    }
}

/// Ends the shards that came up while another did not, and waits until they have let go of what they held. One that
/// does not answer (an actor's factory that hangs) is left behind, and then it returns false.
fn end(stage: &Stage, ended: &mpsc::Receiver<()>) -> bool {
    stage.advance_to(stages::EXIT);
    // Nothing is ever sent: it is disconnected when the last shard has gone.
    ended.recv_timeout(END_DEADLINE) == Err(mpsc::RecvTimeoutError::Disconnected)
}

/// Why a shard's executor did not come up, if one did not: only its thread knows.
fn cause_of_death(threads: Vec<(String, glommio::ExecutorJoinHandle<()>)>) -> Option<StartError> {
    threads.into_iter().find_map(|(shard, thread)| {
        let error = thread.join().err()?;
        Some(StartError::Shard { shard, reason: remedy(&error.to_string()) })
    })
}

fn remedy(reason: &str) -> String {
    if reason.to_lowercase().contains("memlock") || reason.contains("Cannot allocate memory") {
        return format!("{reason}; raise RLIMIT_MEMLOCK (ulimit -l) to 8192 KiB or more");
    }
    reason.to_owned()
}

type Built = (String, Result<Vec<(u32, Vec<SocketAddr>)>, StartError>);

/// Waits for every shard to be built; returns the endpoints' addresses by actor.
fn collect_addresses(
    reports: &mpsc::Receiver<Built>,
    shards: usize,
    actors: usize,
) -> Result<Vec<Vec<SocketAddr>>, StartError> {
    let mut addresses = vec![Vec::new(); actors];
    for _ in 0..shards {
        let (_, result) = reports.recv_timeout(START_DEADLINE).map_err(|_| StartError::Shard {
            shard: "(one of them)".to_owned(),
            reason: "its thread ended or hung while the actors were built; see the log".to_owned(),
        })?;
        for (actor, bound) in result? {
            addresses[actor as usize] = bound;
        }
    }
    Ok(addresses)
}

/// What a shard's thread needs, sent to it.
struct Seat {
    plan: ShardPlan,
    telemetry: ShardTelemetry,
    time: crate::clock::Clock,
    stage: Arc<Stage>,
    progress: corelane_sync::stage::ProgressWriter,
    failures: rtrb::Producer<Failure>,
    failures_elsewhere: rtrb::Consumer<Failure>,
    /// Dropped last, when all that the shard held is gone.
    alive: mpsc::Sender<()>,
}

impl Seat {
    /// Builds the shard on its own thread, says so, waits for the others and runs.
    async fn run(self, built: mpsc::Sender<Built>) {
        crate::shard::panics::mark_shard_thread();
        // The executor appends its own number. The kernel keeps 15 bytes; a name with a zero byte is not worth failing.
        if let Ok(name) = CString::new(self.plan.spec.name.as_str()) {
            let _ = rustix::thread::set_name(&name);
        }
        let Seat { alive: _alive, mut plan, telemetry, time, stage, progress, failures, failures_elsewhere } = self;
        let (spec, waker) = (plan.spec.clone(), plan.waker.clone());
        let counts = plan.endpoint_counts();
        let actors = plan.actor_indices();
        let transport = match open_transport(&mut plan) {
            Ok(transport) => transport,
            Err(source) => {
                let shard = spec.name.clone();
                let _ = built.send((spec.name, Err(StartError::Net { shard, source })));
                return;
            }
        };
        let building = AssertUnwindSafe(|| {
            let mut shard = plan.build(ShardTime::real(time), telemetry, transport, &counts);
            shard.start();
            shard
        });
        let Ok(shard) = catch_unwind(building) else {
            let shard = spec.name.clone();
            let reason = format!("the factory of one of its actors panicked at {}", crate::shard::panics::take_place());
            let _ = built.send((spec.name, Err(StartError::Shard { shard, reason })));
            return;
        };
        let mut endpoint = 0;
        let mut addresses = Vec::new();
        for (actor, count) in actors.into_iter().zip(counts) {
            let ids = endpoint..endpoint + count as u32;
            endpoint += count as u32;
            let bound = ids.filter_map(|id| shard.transport.local_addr(crate::net::EndpointId(id)));
            addresses.push((actor, bound.collect()));
        }
        let _ = built.send((spec.name, Ok(addresses)));
        drop(built);
        while stage.current() == stages::BOOT {
            thread::sleep(Duration::from_micros(200));
        }
        let duty = DutyCycle {
            shard,
            idle: spec.idle,
            cpu: spec.cpu,
            stage,
            progress,
            waker,
            failures,
            failures_elsewhere,
            figures: Figures::default(),
        };
        duty.run().await;
    }
}

/// A shard with endpoints has a driver; so has one that may sleep, since the driver's ring carries its timers.
fn open_transport(plan: &mut ShardPlan) -> Result<Box<dyn Transport>, NetError> {
    let endpoints = plan.take_endpoints();
    if endpoints.is_empty() && plan.spec.idle != Idle::Park {
        return Ok(Box::new(NoNet));
    }
    let mut driver = Driver::new(plan.spec.net.clone(), endpoints)?;
    if let Ok(Some(descriptor)) = plan.waker.descriptor() {
        driver.register_eventfd(descriptor)?;
        driver.disable_eventfd();
    }
    Ok(Box::new(driver))
}

impl Running {
    /// The addresses that an actor's endpoints are bound to, in the order of its endpoints.
    pub fn addresses(&self, actor: u32) -> &[SocketAddr] {
        &self.addresses[actor as usize]
    }

    /// What housekeeping knows, up to its last look 20 ms ago.
    pub fn status(&self) -> Status {
        self.shared.status().clone()
    }

    /// Whether the shards still run.
    pub fn is_running(&self) -> bool {
        self.stage.current() < stages::STOP && self.housekeeping.as_ref().is_some_and(|thread| !thread.is_finished())
    }

    /// Stops in order: no new input; what is in flight is finished; actors say good-bye; sockets are flushed;
    /// threads end. Waits for it.
    pub fn stop(mut self) -> Outcome {
        self.join()
    }

    fn join(&mut self) -> Outcome {
        self.shared.stop.store(true, Ordering::Release);
        let drained = match self.housekeeping.take() {
            Some(thread) => {
                thread.thread().unpark();
                thread.join().unwrap_or(false)
            }
            None => false,
        };
        Outcome { drained, status: self.shared.status().clone() }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.housekeeping.is_some() {
            self.join();
        }
    }
}

impl Shared {
    fn status(&self) -> MutexGuard<'_, Status> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The supervisor's ends of what leads to one shard.
struct Link {
    progress: ProgressReader,
    waker: Arc<Waker>,
    failures: rtrb::Consumer<Failure>,
    elsewhere: rtrb::Producer<Failure>,
}

struct Supervisor {
    stage: Arc<Stage>,
    shared: Arc<Shared>,
    links: Vec<Link>,
    collector: Collector,
    master: ClockMaster,
    names: Vec<String>,
    options: RunOptions,
}

impl Supervisor {
    /// Looks after the shards until told to stop, then stops them; returns whether all was drained.
    fn run(self, threads: Vec<(String, glommio::ExecutorJoinHandle<()>)>) -> bool {
        let placement = self.options.housekeeping_cpu.map_or(Placement::Unbound, Placement::Fixed);
        let executor = LocalExecutorBuilder::new(placement).io_memory(GLOMMIO_IO_MEMORY).make();
        let (stage, wakers) =
            (self.stage.clone(), self.links.iter().map(|link| link.waker.clone()).collect::<Vec<_>>());
        let looked_after = match executor {
            Ok(executor) => Some(executor.run(self.look_after())),
            Err(error) => {
                tracing::error!(%error, "housekeeping could not start; stopping");
                None
            }
        };
        stage.advance_to(stages::EXIT);
        wakers.iter().for_each(|waker| waker.wake_after_push());
        for (name, thread) in threads {
            if let Err(error) = thread.join() {
                tracing::error!(shard = name, %error, "shard ended badly");
            }
        }
        let Some((mut supervisor, drained)) = looked_after else { return false };
        // What the shards handed over last.
        supervisor.relay_failures();
        supervisor.gather();
        drained
    }

    async fn look_after(mut self) -> (Self, bool) {
        while !self.shared.stop.load(Ordering::Acquire) {
            self.master.recalibrate();
            self.relay_failures();
            self.gather();
            sleep(HOUSEKEEPING_PERIOD).await;
        }
        let deadline = Instant::now() + self.options.drain_deadline;
        let drained = self.drain(deadline).await;
        if !drained {
            tracing::warn!("not everything in flight was finished before the drain deadline");
        }
        self.advance(stages::STOP);
        let deadline = Instant::now() + self.options.drain_deadline;
        while !self.all_reached(stages::STOP) && Instant::now() < deadline {
            sleep(Duration::from_millis(1)).await;
        }
        self.relay_failures();
        (self, drained)
    }

    /// Tells each failure to all other shards, and keeps it; returns how many there were.
    fn relay_failures(&mut self) -> usize {
        let mut relayed = 0;
        for from in 0..self.links.len() {
            while let Ok(failure) = self.links[from].failures.pop() {
                relayed += 1;
                let name = self.names[failure.actor as usize].clone();
                let Failure { header, place, .. } = failure;
                tracing::error!(actor = name, sequence = header.sequence, kind = header.kind, %place, "actor failed");
                self.shared.status().failures.push((name, failure));
                for (_, link) in self.links.iter_mut().enumerate().filter(|(to, _)| *to != from) {
                    // The ring holds one for every actor, and each fails once.
                    let _ = link.elsewhere.push(failure);
                    link.waker.wake_after_push();
                }
            }
        }
        relayed
    }

    fn gather(&mut self) {
        if self.collector.collect() == 0 {
            return;
        }
        let shards = self.collector.shards().iter().map(|totals| ShardStatus {
            name: totals.name().to_owned(),
            timings: totals.timings().to_vec(),
            counts: std::array::from_fn(|index| totals.counters().get(ShardCount::ALL[index])),
        });
        self.shared.status().shards = shards.collect();
    }

    fn advance(&self, stage: u32) {
        self.stage.advance_to(stage);
        self.links.iter().for_each(|link| link.waker.wake_after_push());
    }

    fn all_reached(&self, stage: u32) -> bool {
        self.samples().all(|progress| progress.stage_reached >= stage)
    }

    /// Stops input and waits until nothing is in flight, in rounds; see [`Round`] for why that is so. The first round
    /// only stops the input: what was received before is still delivered in it.
    async fn drain(&mut self, deadline: Instant) -> bool {
        for stage in stages::DRAIN..stages::STOP {
            let round = Round::begin(stage, self.samples());
            // A failure is in flight too. One that the note covers must be with the other shards before their turn in
            // the round; what a later one does is work.
            self.relay_failures();
            self.advance(stage);
            let mut verdict = round.judge(self.samples());
            while verdict == Verdict::Pending && Instant::now() < deadline {
                self.relay_failures();
                sleep(Duration::from_micros(200)).await;
                verdict = round.judge(self.samples());
            }
            let relayed = self.relay_failures();
            if verdict == Verdict::AtRest && relayed == 0 && stage > stages::DRAIN {
                return true;
            }
            // A busy round too: what never comes to rest may not keep the stop for ever.
            if Instant::now() >= deadline {
                return false;
            }
        }
        false
    }

    fn samples(&self) -> impl Iterator<Item = Progress> {
        self.links.iter().map(|link| link.progress.sample())
    }
}
