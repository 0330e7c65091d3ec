//! Stops a topology in order: no new input; what is in flight is finished; actors say good-bye; sockets are flushed.

use std::time::{Duration, Instant};

use corelane_sync::stage::{Round, Verdict};
use glommio::timer::sleep;

use super::{stages, supervise::Supervisor};

impl Supervisor {
    /// Drains the topology and stops its actors; returns whether everything in flight was finished.
    pub(super) async fn stop_in_order(&mut self) -> bool {
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
        drained
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

    fn all_reached(&self, stage: u32) -> bool {
        self.samples().all(|progress| progress.stage_reached >= stage)
    }
}
