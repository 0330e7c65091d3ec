//! Watches housekeeping, which runs code of the program's that may not return. Nobody can end its thread: it is left behind, the
//! shards end at once, and whoever waits for the stop is told.

use std::{
    iter,
    sync::{Arc, OnceLock},
    thread::{self, JoinHandle, Thread},
    time::{Duration, Instant, SystemTime},
};

use corelane_sync::stage::{Progress, ProgressReader, Stage};

use super::{
    END_DEADLINE,
    fault::RuntimeFault,
    incident::{Failed, Incident, SharedTaker},
    last_resort::LastResort,
    running::{Shared, WasLeft},
    running_time::RunningTime,
    stages,
    supervise::AT_ONCE,
    watchdog::Watchdog,
};
use crate::{
    cpu,
    shard::flight::LastCalled,
    shard::panics::{catch, mark_runtime_thread},
    shard::wake::Waker,
    supervision::pulse::{Doing, Pulse},
    topology::outside::Gate,
};

/// How often it looks at most, and while it measures jitter.
const PERIOD_MIN: Duration = Duration::from_millis(20);
/// How often it looks at least. More would count as a suspension of the process ([`RunningTime`]).
const PERIOD_MAX: Duration = Duration::from_millis(100);
/// How often it looks whether the shards have ended.
const LOOK_PERIOD: Duration = Duration::from_millis(1);

/// Tells that housekeeping has ended, however it does: to be dropped last on its thread.
pub(super) struct Ends {
    pub was_left: WasLeft,
    pub watch: Option<Thread>,
}

impl Drop for Ends {
    fn drop(&mut self) {
        let _ = self.was_left.set(false);
        self.watch.iter().for_each(Thread::unpark);
    }
}

/// What the watch knows of a shard.
pub(super) struct Watched {
    pub name: String,
    pub progress: ProgressReader,
    pub waker: Arc<Waker>,
    pub last_called: LastCalled,
}

pub(super) struct HousekeepingWatch {
    pub pulse: Pulse,
    pub threshold: Duration,
    /// The CPU of housekeeping: so it disturbs no shard.
    pub cpu: Option<usize>,
    pub was_left: WasLeft,
    pub stage: Arc<Stage>,
    pub gate: Arc<Gate>,
    pub shared: Arc<Shared>,
    pub shards: Vec<Watched>,
    /// By actor.
    pub names: Vec<String>,
    pub incidents: SharedTaker,
}

impl HousekeepingWatch {
    /// Watches until housekeeping ends, or is stuck.
    pub(super) fn run(self) {
        mark_runtime_thread();
        // Elsewhere it watches as well.
        let _ = self.cpu.map(cpu::pin_current_thread);
        let mut watchdog = Watchdog::new(self.threshold);
        let mut time = RunningTime::begin();
        loop {
            let is_measuring = watchdog.is_measuring();
            let period = if is_measuring { PERIOD_MIN } else { (self.threshold / 8).clamp(PERIOD_MIN, PERIOD_MAX) };
            let began = Instant::now();
            thread::park_timeout(period);
            if self.was_left.get().is_some() {
                return;
            }
            watchdog.measure(began.elapsed().saturating_sub(period));
            let progress = Progress { heartbeat: self.pulse.beats(), ..Progress::default() };
            if let Some(stuck) = watchdog.observe(time.passed(), iter::once(progress)) {
                return self.end(stuck.silence, &mut time);
            }
        }
    }

    /// Ends the shards in place of housekeeping, and leaves that behind unless it ends meanwhile.
    fn end(self, silence: Duration, time: &mut RunningTime) {
        let doing = self.pulse.doing();
        let milliseconds = silence.as_millis() as u64;
        let fault = RuntimeFault::HousekeepingStuck { milliseconds, doing: doing.words(&self.names) };
        self.shared.update(|status| status.faults.push(fault.clone()));
        self.gate.close();
        // They stop their actors and close their sockets on the way.
        self.stage.advance_to(stages::EXIT);
        self.shards.iter().for_each(|shard| shard.waker.wake_after_push());
        let actor = doing.actor().map(|actor| self.names[actor.position()].clone());
        let saying = say(fault, actor, self.incidents.clone());
        let deadline = time.passed() + END_DEADLINE;
        let has_ended = |shard: &Watched| shard.progress.sample().stage_reached == stages::EXIT;
        let is_said = || {
            // Nobody waits for the log if it is what hangs.
            let is_said = |saying: &Saying| {
                saying.thread.is_finished() || doing == Doing::Log && saying.has_handed_over.get().is_some()
            };
            saying.as_ref().is_none_or(is_said)
        };
        while !(self.shards.iter().all(has_ended) && is_said()) && time.passed() < deadline {
            thread::park_timeout(LOOK_PERIOD);
            if self.was_left.get().is_some() {
                // It was slow, and has seen the shards' end itself.
                return;
            }
        }
        for shard in self.shards.iter().filter(|shard| !has_ended(shard)) {
            let actor = shard.last_called.get().map(|actor| self.names[actor.position()].clone());
            let fault = RuntimeFault::ShardHangs { shard: shard.name.clone(), seconds: END_DEADLINE.as_secs(), actor };
            self.shared.update(|status| status.faults.push(fault));
        }
        let _ = self.was_left.set(true);
    }
}

/// The last words, as they are said.
struct Saying {
    thread: JoinHandle<()>,
    /// Set when all is said but in the log.
    has_handed_over: Arc<OnceLock<()>>,
}

/// Hands over and logs what has happened, on a thread that nobody waits for: housekeeping may be stuck in the log itself, and hold
/// its lock. So the log comes last.
fn say(fault: RuntimeFault, actor: Option<String>, incidents: SharedTaker) -> Option<Saying> {
    let has_handed_over = Arc::<OnceLock<()>>::default();
    let handed_over = has_handed_over.clone();
    let saying = move || {
        mark_runtime_thread();
        // If it is not there, housekeeping is stuck in it.
        if let Some((mut take, open)) = incidents.take_all(AT_ONCE) {
            let what = Failed::Runtime(Box::new(fault.clone()));
            let (decision, events) = (AT_ONCE.to_owned(), Vec::new());
            let last = Incident { at: SystemTime::now(), what, actor, shard: None, decision, events };
            let _ = catch(|| open.into_iter().chain([last]).for_each(&mut take));
            let _ = catch(|| drop(take));
        }
        LastResort::default().say(format_args!("{fault}"));
        let _ = handed_over.set(());
        let _ = catch(|| tracing::error!("{fault}"));
    };
    let thread = thread::Builder::new().name("last-words".to_owned()).spawn(saying).ok()?;
    Some(Saying { thread, has_handed_over })
}
