//! The supervisor: relays failures between shards, keeps their clock true and gathers their figures.

use std::{sync::Arc, time::Duration};

use corelane_sync::stage::{Progress, ProgressReader, Stage};
use glommio::timer::sleep;

use super::{options::RunOptions, running::Shared, status::ShardStatus};
use crate::{clock::ClockMaster, shard::Failure, shard::wake::Waker, telemetry::Collector};

/// How often housekeeping looks at the shards; the clock is recalibrated as often, well within its 100 ms.
const HOUSEKEEPING_PERIOD: Duration = Duration::from_millis(20);

/// The supervisor's ends of what leads to one shard.
pub(super) struct Link {
    pub progress: ProgressReader,
    pub waker: Arc<Waker>,
    pub failures: rtrb::Consumer<Failure>,
    pub elsewhere: rtrb::Producer<Failure>,
}

pub(super) struct Supervisor {
    pub stage: Arc<Stage>,
    pub shared: Arc<Shared>,
    pub links: Vec<Link>,
    pub collector: Collector,
    pub master: ClockMaster,
    pub names: Vec<String>,
    pub options: RunOptions,
}

impl Supervisor {
    /// Looks after the shards until it is asked to stop.
    pub(super) async fn look_after(&mut self) {
        while !self.shared.is_asked_to_stop() {
            self.master.recalibrate();
            self.relay_failures();
            self.gather();
            sleep(HOUSEKEEPING_PERIOD).await;
        }
    }

    /// Passes each failure on to all other shards, and records it; returns how many there were.
    pub(super) fn relay_failures(&mut self) -> usize {
        let mut relayed = 0;
        for from in 0..self.links.len() {
            while let Ok(failure) = self.links[from].failures.pop() {
                relayed += 1;
                let name = self.names[failure.actor.position()].clone();
                let Failure { header, place, message: reason, .. } = failure;
                let (sequence, kind) = (header.sequence.0, header.kind);
                tracing::error!(actor = name, sequence, kind, %place, %reason, "actor failed");
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

    /// Takes in the figures that the shards handed over.
    pub(super) fn gather(&mut self) {
        if self.collector.collect() > 0 {
            self.shared.status().shards = self.collector.shards().iter().map(ShardStatus::of).collect();
        }
    }

    /// Leads the shards to a stage of their life.
    pub(super) fn advance(&self, stage: u32) {
        self.stage.advance_to(stage);
        self.links.iter().for_each(|link| link.waker.wake_after_push());
    }

    /// How far each shard is.
    pub(super) fn samples(&self) -> impl Iterator<Item = Progress> {
        self.links.iter().map(|link| link.progress.sample())
    }
}
