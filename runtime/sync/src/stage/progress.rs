//! What one shard reports about itself: three numbers that are published, and read, together.

use crate::seqlock::{SeqReader, SeqWriter, seqlock};

/// One shard's progress, as of one of its publications.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Turns since the start that took or sent something.
    pub work: u64,
    /// The latest stage in which the shard has made a whole turn.
    pub stage_reached: u32,
    /// Publications since the start. A shard whose heartbeat stands still is asleep, stalled or dead.
    pub heartbeat: u64,
}

/// Creates the progress cell of one shard, all zero.
#[must_use]
pub fn progress() -> (ProgressWriter, ProgressReader) {
    let (writer, reader) = seqlock(encode(Progress::default()));
    let writer = ProgressWriter { progress: Progress::default(), cell: writer };
    (writer, ProgressReader { cell: reader })
}

/// The shard's side: counts privately, and publishes after any turn it likes.
///
/// # The rules that a [`Round`](super::Round) rests on
///
/// 1. A turn begins with a look at the stage, and then takes what waits in *all* inbound rings, as far as there
///    is room for the answers.
/// 2. A turn that took or pushed anything, for whatever reason, is counted as work before the next publication.
/// 3. [`reach`](Self::reach) is called after the turn, with the stage that was seen at its beginning.
/// 4. While rounds are made, every turn is published after its last push. Before that a shard may publish as
///    rarely as it likes.
#[derive(Debug)]
pub struct ProgressWriter {
    progress: Progress,
    cell: SeqWriter<3>,
}

impl ProgressWriter {
    /// Counts a turn, or part of one, that took or sent something.
    pub fn count_work(&mut self) {
        self.progress.work += 1;
    }

    /// Records that a whole turn was made which began when `stage` had been seen; an earlier stage than before is
    /// ignored.
    pub fn reach(&mut self, stage: u32) {
        self.progress.stage_reached = self.progress.stage_reached.max(stage);
    }

    /// Publishes all together, with the next heartbeat. Never waits.
    pub fn publish(&mut self) {
        self.progress.heartbeat += 1;
        self.cell.write(encode(self.progress));
    }
}

/// The coordinator's side of a shard's progress cell.
#[derive(Clone, Debug)]
pub struct ProgressReader {
    cell: SeqReader<3>,
}

impl ProgressReader {
    /// The shard's last publication; what the shard wrote before it is visible afterwards. Spins while one is
    /// under way, see [`SeqReader::read`].
    #[must_use]
    pub fn sample(&self) -> Progress {
        decode(self.cell.read())
    }
}

fn encode(progress: Progress) -> [u64; 3] {
    [progress.work, u64::from(progress.stage_reached), progress.heartbeat]
}

fn decode([work, stage_reached, heartbeat]: [u64; 3]) -> Progress {
    Progress {
        work,
        // Only `encode` writes the cell, so that the upper half is zero.
        stage_reached: stage_reached as u32,
        heartbeat,
    }
}
