//! One shard's progress report, published and read as a whole.

use crate::seqlock::{SeqReader, SeqWriter, seqlock};

/// A shard's progress as of one publication.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// The number of turns since the start that took or sent something.
    pub work: u64,
    /// The latest stage in which the shard has completed a whole turn.
    pub stage_reached: u32,
    /// The number of publications since the start. If it stops increasing, the shard is asleep, stalled or dead.
    pub heartbeat: u64,
    /// The shard sleeps until it is woken.
    pub is_asleep: bool,
}

/// Creates one shard's progress cell, all zero.
#[must_use]
pub fn progress() -> (ProgressWriter, ProgressReader) {
    let (writer, reader) = seqlock(encode(Progress::default()));
    let writer = ProgressWriter { progress: Progress::default(), cell: writer };
    (writer, ProgressReader { cell: reader })
}

/// The shard's side of a progress cell. Counts privately, and publishes after any turn.
///
/// # Rules that a [`Round`](super::Round) relies on
///
/// 1. A turn begins by reading the stage, and then takes what waits in *all* inbound rings, as far as there is room for
///    the answers.
/// 2. A turn that took or pushed anything, for whatever reason, counts as work before the next publication.
/// 3. After the turn, the shard calls [`reach`](Self::reach) with the stage that it read at the beginning of the turn.
/// 4. While rounds are in progress, the shard publishes after the last push of every turn. Before that, it may publish
///    as rarely as it likes.
#[derive(Debug)]
pub struct ProgressWriter {
    progress: Progress,
    cell: SeqWriter<3>,
}

impl ProgressWriter {
    /// Counts a turn (or part of one) that took or sent something.
    pub fn count_work(&mut self) {
        self.progress.work += 1;
    }

    /// Records a whole turn that began by reading `stage`. A stage earlier than the last recorded one is ignored.
    pub fn reach(&mut self, stage: u32) {
        self.progress.stage_reached = self.progress.stage_reached.max(stage);
    }

    /// Publishes all together and increments the heartbeat. Wait-free.
    pub fn publish(&mut self) {
        self.progress.is_asleep = false;
        self.beat();
    }

    /// The same, and that the shard now sleeps; [`publish`](Self::publish) says that it is awake again.
    pub fn publish_asleep(&mut self) {
        self.progress.is_asleep = true;
        self.beat();
    }

    fn beat(&mut self) {
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
    /// The shard's last publication. What the shard wrote before it is visible afterwards. Spins while a publication is
    /// in progress, see [`SeqReader::read`].
    #[must_use]
    pub fn sample(&self) -> Progress {
        decode(self.cell.read())
    }
}

/// The upper half of the word that holds the stage.
const ASLEEP: u64 = 1 << 32;

fn encode(progress: Progress) -> [u64; 3] {
    let asleep = if progress.is_asleep { ASLEEP } else { 0 };
    [progress.work, u64::from(progress.stage_reached) | asleep, progress.heartbeat]
}

fn decode([work, stage_and_sleep, heartbeat]: [u64; 3]) -> Progress {
    // The lower half is the stage.
    let stage_reached = stage_and_sleep as u32;
    Progress { work, stage_reached, heartbeat, is_asleep: stage_and_sleep & ASLEEP != 0 }
}
