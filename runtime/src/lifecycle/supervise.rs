//! The supervisor: relays failures between shards, keeps their clock true and gathers their figures.

use std::{
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError},
    },
    time::{Duration, Instant},
};

use corelane_sync::stage::{Progress, ProgressReader, Stage};

use super::{
    clock_watch::ClockWatch,
    event::Event,
    fault::RuntimeFault,
    net_watch::NetWatch,
    options::RunOptions,
    running::Shared,
    status::{ClockStatus, ShardStatus, Status},
};
use crate::{
    clock::ClockMaster, shard::Failure, shard::panics, shard::wake::Waker, telemetry::Collector,
    topology::outside::Gate,
};

/// How often housekeeping looks at the shards; the clock is recalibrated as often, well within its 100 ms.
const HOUSEKEEPING_PERIOD: Duration = Duration::from_millis(20);

/// The supervisor's ends of what leads to one shard.
pub(super) struct Link {
    pub name: String,
    pub progress: ProgressReader,
    pub waker: Arc<Waker>,
    pub failures: rtrb::Consumer<Failure>,
    pub elsewhere: rtrb::Producer<Failure>,
    /// Its thread has let go of all that the shard held.
    pub has_ended: bool,
}

pub(super) struct Supervisor {
    pub stage: Arc<Stage>,
    pub shared: Arc<Shared>,
    pub links: Vec<Link>,
    pub events: Receiver<Event>,
    pub gate: Arc<Gate>,
    pub collector: Collector,
    pub master: ClockMaster,
    pub clock_watch: ClockWatch,
    pub net_watch: NetWatch,
    /// When the clock was last recalibrated.
    pub clock_kept: Instant,
    pub names: Vec<String>,
    pub options: RunOptions,
    /// Somebody asked for the stop, or a part failed without which it does not go on.
    pub is_ending: bool,
    /// See [`Topology::start_with`](crate::topology::Topology::start_with).
    pub chore: Box<dyn FnMut(&Status) + Send>,
}

impl Supervisor {
    /// Looks after the shards until the topology ends.
    pub(super) fn look_after(&mut self) {
        while !self.is_ending {
            self.keep_clock();
            self.relay_failures();
            self.gather();
            // A copy of the pointer: whoever else wants the status does not wait for the chore.
            let status = self.shared.status();
            (self.chore)(&status);
            drop(status);
            self.wait(HOUSEKEEPING_PERIOD);
        }
    }

    /// Waits for an event and takes it. Keeps the clock meanwhile, if it is called often enough.
    pub(super) fn wait(&mut self, timeout: Duration) {
        match self.events.recv_timeout(timeout) {
            Ok(event) => self.take(event),
            Err(RecvTimeoutError::Timeout) => {}
            // All shards have ended, and the handle is gone.
            Err(RecvTimeoutError::Disconnected) => self.is_ending = true,
        }
        if self.clock_kept.elapsed() >= HOUSEKEEPING_PERIOD {
            self.keep_clock();
        }
    }

    /// Waits until all shards have let go of what they held. After a panic, it can be called again.
    pub(super) fn wait_for_ends(&mut self, deadline: Instant) {
        while !self.links.iter().all(|link| link.has_ended) {
            match self.events.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(event) => self.take(event),
                Err(_) => return,
            }
        }
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Stop => self.is_ending = true,
            Event::Panicked { shard, place, message } => {
                self.note(RuntimeFault::ShardPanicked { shard: self.links[shard].name.clone(), place, message });
            }
            Event::Ended { shard } => {
                self.links[shard].has_ended = true;
                if self.stage.current() < super::stages::EXIT {
                    self.note(RuntimeFault::ShardEnded { shard: self.links[shard].name.clone() });
                }
            }
            Event::ClockFault(fault) => {
                self.master.inject(fault);
                self.keep_clock();
                // They sleep until a time that may have passed.
                self.wake_all();
            }
        }
    }

    /// Records a fault, which ends the topology.
    pub(super) fn note(&mut self, fault: RuntimeFault) {
        self.is_ending = true;
        self.shared.update(|status| status.faults.push(fault.clone()));
        // A panic here, in the program's own log, may keep nothing from ending.
        let _ = panics::catch(|| tracing::error!("{fault}"));
    }

    /// Writes to the program's own log. A panic in it is recorded, and keeps nothing from being done.
    pub(super) fn log(&mut self, write: impl FnOnce()) {
        if panics::catch(write).is_err() {
            self.note_own_panic();
        }
    }

    /// Records a panic of this thread that was caught.
    pub(super) fn note_own_panic(&mut self) {
        let (place, message) = panics::take();
        self.note(RuntimeFault::HousekeepingPanicked { place, message });
    }

    /// Recalibrates the clock, and says what is wrong with it.
    fn keep_clock(&mut self) {
        let found = self.master.recalibrate();
        self.clock_kept = Instant::now();
        let time_of_day_ns = self.master.time_of_day_ns();
        let clock = ClockStatus { time_of_day_ns, offset_ns: found.offset_ns, bracket_ns: found.bracket_ns };
        self.shared.update(|status| status.clock = clock);
        let max = self.options.time_of_day_max;
        if max.is_some_and(|max| u128::from(time_of_day_ns) >= max.as_nanos()) && !self.is_ending {
            self.note(RuntimeFault::DayWithoutEnd { seconds: time_of_day_ns / 1_000_000_000 });
        }
        for notice in self.clock_watch.observe(time_of_day_ns, found).into_iter().flatten() {
            self.log(|| tracing::warn!("{notice}"));
        }
    }

    /// Passes each failure on to all other shards, and records it; returns how many there were.
    pub(super) fn relay_failures(&mut self) -> usize {
        let mut relayed = 0;
        for from in 0..self.links.len() {
            while let Ok(failure) = self.links[from].failures.pop() {
                relayed += 1;
                let name = self.names[failure.actor.position()].clone();
                self.shared.update(|status| status.failures.push((name.clone(), failure)));
                for (_, link) in self.links.iter_mut().enumerate().filter(|(to, _)| *to != from) {
                    // The ring holds as many as all actors can have.
                    let _ = link.elsewhere.push(failure);
                    link.waker.wake_after_push();
                }
                let Failure { header, place, message: reason, .. } = failure;
                let (sequence, kind) = (header.sequence.0, header.kind);
                self.log(|| tracing::error!(actor = name, sequence, kind, %place, %reason, "actor failed"));
            }
        }
        relayed
    }

    /// Takes in the figures that the shards handed over, and says what the network lost or refused.
    pub(super) fn gather(&mut self) {
        if self.collector.collect() > 0 {
            let shards = self.collector.shards().iter().map(ShardStatus::of).collect();
            self.shared.update(|status| status.shards = shards);
        }
        for notice in self.net_watch.observe(Instant::now(), &self.shared.status().shards) {
            tracing::warn!("{notice}");
        }
    }

    /// Leads the shards to a stage of their life.
    pub(super) fn advance(&self, stage: u32) {
        self.stage.advance_to(stage);
        self.wake_all();
    }

    fn wake_all(&self) {
        self.links.iter().for_each(|link| link.waker.wake_after_push());
    }

    /// How far each shard is.
    pub(super) fn samples(&self) -> impl Iterator<Item = Progress> {
        self.links.iter().map(|link| link.progress.sample())
    }

    pub(super) fn has_ended(&self, shard: usize) -> bool {
        self.links[shard].has_ended
    }
}
