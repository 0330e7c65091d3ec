//! Where a profiled scenario is: what a server does before its load is told apart from what it does under it.

use std::{
    fs,
    sync::{Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

use super::allocations;

/// How long shards may take from their start to their first turns.
const START_DEADLINE: Duration = Duration::from_secs(2);
/// Between two looks whether they run.
const LOOK: Duration = Duration::from_millis(1);

/// A stage of a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Until the load begins: the server starts, markets are made.
    Start,
    /// Log-ins, warm-up, measured time.
    Load,
    /// The ordered stop.
    Stop,
    /// Everything else, and all of a scenario that does not tell its stages.
    Other,
}

impl Stage {
    /// All, in their order.
    pub const ALL: [Stage; 4] = [Stage::Start, Stage::Load, Stage::Stop, Stage::Other];

    /// As tables have it.
    pub fn name(self) -> &'static str {
        match self {
            Stage::Start => "start",
            Stage::Load => "load",
            Stage::Stop => "stop",
            Stage::Other => "other",
        }
    }
}

/// One stay in a stage, in nanoseconds of `CLOCK_MONOTONIC`, by which perf stamps its samples too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// Which stage.
    pub stage: Stage,
    /// Since when.
    pub from_ns: u64,
}

/// A thread of the profiled process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Thread {
    /// The kernel's number.
    pub tid: i32,
    /// The name that it had last.
    pub name: String,
}

/// Keeps the stages of a scenario; nothing unless it is profiled.
#[derive(Debug, Default)]
pub struct Stages {
    kept: Option<Mutex<Kept>>,
}

#[derive(Debug, Default)]
struct Kept {
    spans: Vec<Span>,
    threads: Vec<Thread>,
}

impl Stages {
    /// Keeps them from now on, and counts allocations by them.
    pub fn kept() -> Self {
        let stages = Stages { kept: Some(Mutex::default()) };
        stages.enter(Stage::Other);
        stages
    }

    /// This stage begins, and the one before ends.
    pub fn enter(&self, stage: Stage) {
        let Some(kept) = &self.kept else { return };
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        // Threads that end with the stage can be asked now only.
        kept.see_threads();
        kept.spans.push(Span { stage, from_ns: now_ns() });
        allocations::count_as(stage);
    }

    /// The load begins, once the server's shards run: a thread that was started may still be setting itself up. If they do
    /// not within two seconds, it begins all the same.
    pub fn enter_load(&self, do_shards_run: impl Fn() -> bool) {
        if self.kept.is_none() {
            return;
        }
        let started = Instant::now();
        while !do_shards_run() && started.elapsed() < START_DEADLINE {
            thread::sleep(LOOK);
        }
        self.enter(Stage::Load);
    }

    /// Counts no more, and tells all stays and threads.
    pub fn finish(self) -> (Vec<Span>, Vec<Thread>) {
        self.enter(Stage::Other);
        allocations::stop_counting();
        let kept = self.kept.map(|kept| kept.into_inner().unwrap_or_else(PoisonError::into_inner)).unwrap_or_default();
        (kept.spans, kept.threads)
    }
}

impl Kept {
    fn see_threads(&mut self) {
        let entries = fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
        for entry in entries {
            let tid = entry.file_name().to_str().and_then(|tid| tid.parse().ok());
            let name = fs::read_to_string(entry.path().join("comm"));
            if let (Some(tid), Ok(name)) = (tid, name) {
                let name = name.trim_end().to_owned();
                match self.threads.iter_mut().find(|thread| thread.tid == tid) {
                    Some(thread) => thread.name = name,
                    None => self.threads.push(Thread { tid, name }),
                }
            }
        }
    }
}

/// The stage at this time. Before the first stay it is [`Stage::Other`].
pub fn at(spans: &[Span], time_ns: u64) -> Stage {
    let later = spans.partition_point(|span| span.from_ns <= time_ns);
    later.checked_sub(1).map_or(Stage::Other, |index| spans[index].stage)
}

fn now_ns() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_belongs_to_the_stay_that_began_last() {
        let spans = [(Stage::Start, 10), (Stage::Load, 20), (Stage::Stop, 30), (Stage::Load, 40)];
        let spans = spans.map(|(stage, from_ns)| Span { stage, from_ns });
        let at = [9, 10, 19, 20, 35, 1000].map(|time_ns| at(&spans, time_ns));
        assert_eq!(at, [Stage::Other, Stage::Start, Stage::Start, Stage::Load, Stage::Stop, Stage::Load]);
    }

    #[test]
    fn threads_keep_their_last_name_after_their_end() {
        let stages = Stages { kept: Some(Mutex::default()) };
        let (tell, told) = std::sync::mpsc::channel::<()>();
        let (begin, begun) = std::sync::mpsc::channel();
        let thread = std::thread::Builder::new().name("seen once".to_owned());
        let thread = thread.spawn(move || begin.send(()).map(|()| told.recv())).unwrap();
        begun.recv().unwrap();
        stages.kept.as_ref().unwrap().lock().unwrap().see_threads();
        drop(tell);
        thread.join().unwrap().unwrap().unwrap_err();
        stages.kept.as_ref().unwrap().lock().unwrap().see_threads();
        let threads = stages.kept.unwrap().into_inner().unwrap().threads;
        assert_eq!(threads.iter().filter(|thread| thread.name == "seen once").count(), 1, "{threads:?}");
    }
}
