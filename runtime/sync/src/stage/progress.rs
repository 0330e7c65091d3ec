//! What one shard reports about itself: four numbers that are published, and read, together.

use crate::seqlock::{SeqReader, SeqWriter, seqlock};

/// One shard's progress, as of one of its publications.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Messages sent to any shard since the start, including those still waiting for room in a ring.
    pub sent: u64,
    /// Messages received and fully handled since the start; what they caused is in `sent`.
    pub received: u64,
    /// The latest stage that the shard has acted upon.
    pub stage_reached: u32,
    /// Publications since the start. A shard whose heartbeat stands still is asleep, stalled or dead.
    pub heartbeat: u64,
}

/// Creates the progress cell of one shard, all zero.
#[must_use]
pub fn progress() -> (ProgressWriter, ProgressReader) {
    let (writer, reader) = seqlock(encode(Progress::default()));
    let writer = ProgressWriter {
        progress: Progress::default(),
        cell: writer,
    };
    (writer, ProgressReader { cell: reader })
}

/// The shard's side: counts privately, publishes once per duty cycle.
///
/// # The order that quiescence rests on
///
/// 1. Handle messages: `count_received` each, `count_sent` what it caused.
/// 2. [`publish`](Self::publish).
/// 3. Make the sent messages visible to their receivers: commit the rings, which release and acquire.
///
/// A message that can be received has then been counted as sent, and one that has been counted as received has
/// its consequences counted. A shard that goes to sleep has nothing unpublished. Messages that are dropped after step 2, such as those of a stopped actor, must be
/// counted as received by whoever drops them, or quiescence is never reached.
#[derive(Debug)]
pub struct ProgressWriter {
    progress: Progress,
    cell: SeqWriter<4>,
}

impl ProgressWriter {
    /// Counts messages that the next publication makes sendable.
    pub fn count_sent(&mut self, messages: u64) {
        self.progress.sent += messages;
    }

    /// Counts messages that have been handled.
    pub fn count_received(&mut self, messages: u64) {
        self.progress.received += messages;
    }

    /// Records that this shard acts upon `stage` from now on; an earlier stage than before is ignored.
    pub fn reach(&mut self, stage: u32) {
        self.progress.stage_reached = self.progress.stage_reached.max(stage);
    }

    /// Publishes the counts together, with the next heartbeat. Never waits.
    pub fn publish(&mut self) {
        self.progress.heartbeat += 1;
        self.cell.write(encode(self.progress));
    }
}

/// The coordinator's side of a shard's progress cell.
#[derive(Clone, Debug)]
pub struct ProgressReader {
    cell: SeqReader<4>,
}

impl ProgressReader {
    /// The shard's last publication. Spins while one is under way, see [`SeqReader::read`].
    #[must_use]
    pub fn sample(&self) -> Progress {
        decode(self.cell.read())
    }
}

fn encode(progress: Progress) -> [u64; 4] {
    [
        progress.sent,
        progress.received,
        u64::from(progress.stage_reached),
        progress.heartbeat,
    ]
}

fn decode([sent, received, stage_reached, heartbeat]: [u64; 4]) -> Progress {
    Progress {
        sent,
        received,
        // Only `encode` writes the cell, so that the upper half is zero.
        stage_reached: stage_reached as u32,
        heartbeat,
    }
}
