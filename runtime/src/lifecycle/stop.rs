//! Stops a topology in order: no new input; what is in flight is finished; actors say good-bye; sockets are flushed.

use std::{ops::Range, time::Duration};

use corelane_sync::stage::{Round, Verdict};

use super::{
    stages,
    supervise::{Link, Supervisor},
};

/// How often a stop looks whether the shards have come as far as it waits for.
const LOOK_PERIOD: Duration = Duration::from_micros(200);

/// The end of a wait, in the supervisors' time: `Duration::MAX` never comes.
type Deadline = Duration;

impl Supervisor {
    /// Drains the topology and stops its actors; returns whether everything in flight was finished, what the actors sent as
    /// they stopped included.
    pub(super) fn stop_in_order(&mut self) -> bool {
        self.gate.close();
        // The first round only stops the input: what was received before is still delivered in it.
        let deadline = self.drain_deadline();
        let drained = !self.is_hasty && self.settle(stages::DRAIN..stages::STOP, deadline);
        if !drained && !self.is_hasty {
            self.log(|| tracing::warn!("not everything in flight was finished before the drain deadline"));
        }
        self.end_supervision();
        let deadline = self.drain_deadline();
        self.order(stages::STOP, deadline);
        // If something is stuck already, it is not waited for again.
        let heard = drained && self.settle(stages::STOP..stages::CLOSE, deadline);
        // What the hooks sent to actors with connections can reach their peers up to now.
        self.order(stages::CLOSE, deadline);
        let heard = heard && self.settle(stages::CLOSE..stages::EXIT, deadline);
        if drained && !heard {
            self.log(|| {
                tracing::warn!("not everything that actors sent in on_stop was taken before the drain deadline")
            });
        }
        self.relay();
        heard
    }

    fn drain_deadline(&mut self) -> Deadline {
        self.time.passed().saturating_add(self.options.drain_deadline)
    }

    fn has_passed(&mut self, deadline: Deadline) -> bool {
        self.time.passed() >= deadline
    }

    /// Leads the shards to a stage, and waits until all have done what belongs to it.
    fn order(&mut self, stage: u32, deadline: Deadline) {
        self.advance(stage);
        while !self.all_reached(stage) && !self.has_passed(deadline) {
            self.wait(LOOK_PERIOD);
        }
    }

    /// Waits until nothing is in flight, in rounds, each a stage of its own; see [`Round`] for why that is so.
    fn settle(&mut self, stages: Range<u32>, deadline: Deadline) -> bool {
        let first = stages.start;
        for stage in stages {
            let round = Round::begin(stage, self.samples());
            // A failure is in flight too. One that the note covers must be with the other shards before their turn in
            // the round; what a later one does is work.
            self.relay();
            self.advance(stage);
            let mut verdict = round.judge(self.samples());
            while verdict == Verdict::Pending && !self.has_passed(deadline) {
                // It takes no turn any more, and what was sent to it stays where it is.
                if self.links.iter().any(Link::is_away) {
                    return false;
                }
                self.relay();
                self.wait(LOOK_PERIOD);
                verdict = round.judge(self.samples());
            }
            let relayed = self.relay();
            if verdict == Verdict::AtRest && relayed == 0 && stage > first {
                return true;
            }
            // A busy round too: what never comes to rest may not keep the stop for ever.
            if self.has_passed(deadline) {
                return false;
            }
        }
        false
    }

    fn all_reached(&self, stage: u32) -> bool {
        self.links.iter().all(|link| link.is_away() || link.progress.sample().stage_reached >= stage)
    }
}
