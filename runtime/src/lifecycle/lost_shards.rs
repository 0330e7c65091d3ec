//! Shards that cannot be helped: those that hang, and those whose threads have ended.

use std::time::Duration;

use super::{
    fault::RuntimeFault,
    supervise::{Link, Supervisor},
};
use crate::{
    actor::Down,
    message::SequenceNumber,
    shard::Failure,
    shard::failure::Fault,
    shard::notice::Report,
    shard::panics::{PanicLocation, PanicMessage},
};

impl Supervisor {
    /// Halts if a shard has had no room for what it was told for as long as any actor may take to stop or start: else nobody would
    /// be restarted any more, and no watchdog need have been set.
    pub(super) fn bound_silence(&mut self) {
        if self.is_unsupervised {
            return;
        }
        let (now, deadline) = (self.time.passed(), self.crew.longest_deadline());
        for shard in 0..self.links.len() {
            let link = &mut self.links[shard];
            if link.is_heard() {
                link.unheard_since = None;
                continue;
            }
            let silence = now.saturating_sub(*link.unheard_since.get_or_insert(now));
            if silence >= deadline {
                link.note_stuck();
                let fault = self.stuck(shard, silence);
                self.halt(fault, self.events_of(shard));
            }
        }
    }

    /// What is known of a shard that makes no turns.
    pub(super) fn stuck(&self, shard: usize, silence: Duration) -> RuntimeFault {
        let Link { name, progress, .. } = &self.links[shard];
        let (shard_name, turns, actor) = (name.clone(), progress.sample().work, self.last_called(shard));
        RuntimeFault::ShardStuck { shard: shard_name, milliseconds: silence.as_millis() as u64, actor, turns }
    }

    /// Reports in place of a shard whose thread has ended that its actors are lost. No panic of ours ends a thread before the last
    /// stage, but the executor panics when the kernel refuses its ring.
    pub(super) fn lose_actors(&mut self, shard: usize) {
        // What it had reported itself.
        self.take_reports(shard);
        for actor in self.links[shard].actors.clone() {
            let generation = self.up[actor.position()];
            let message = PanicMessage::new("the thread of its shard ended");
            let fault = Fault { is_of_shard: true, ..Fault::without_input(PanicLocation::UNKNOWN, message) };
            // The last panic of this thread is not theirs.
            let failure = Failure { panicked_at: None, ..Failure::new(actor, generation.unwrap_or_default(), fault) };
            let failed = Report::Failed(failure);
            let Some(generation) = generation else {
                // It waits for its restart, or has ended, which is known.
                self.crew.note(&failed);
                continue;
            };
            self.take_report(shard, failed);
            self.take_report(shard, Report::Down(Down { actor, sequence: SequenceNumber::NONE, generation }));
        }
    }
}
