//! The flight recorder of a shard: what its actors did last.
//!
//! At the end of a turn it looks at the steps that each cell counts anyway, and records those cells that ran, with the header of the
//! last message that they have taken. So a message costs nothing, and a turn with work a few nanoseconds. Whoever wants to know reads the
//! last [`EVENTS`] records from any thread, also of a thread that has died or loops.

use std::{
    fmt,
    rc::Rc,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
};

use corelane_sync::trail::{TrailReader, TrailWriter, trail};

use crate::{
    edge::step::StepState,
    message::{Header, SequenceNumber},
    topology::ids::ActorIndex,
};

/// Events that are kept; one less is read. They fill 2 KiB, which stay in the first cache.
const EVENTS: usize = 64;
/// Words of an event.
const WORDS: usize = 4;
/// Bits of an actor's position in its word; above them is what happened.
const ACTOR_BITS: u32 = 24;

/// Something that happened to an actor, from the flight recorder of its shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ShardEvent {
    /// When: the end of the turn, in nanoseconds since midnight (as [`Context::time_ns`](crate::actor::Context::time_ns)).
    pub time_ns: u64,
    /// The actor.
    pub actor: ActorIndex,
    /// What.
    pub what: Happened,
    /// The input, as far as its number, its kind, its index and its generation: the last message that the actor has taken, in
    /// the turn or before. What comes from the network is no message.
    pub input: Header,
}

/// What happened to an actor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Happened {
    /// It made this many steps in a turn: messages, frames, datagrams, timers and hooks.
    Ran {
        /// How many.
        steps: u32,
    },
    /// It failed.
    Failed,
    /// It was suspended, to be restarted with others.
    Suspended,
    /// Its next generation began.
    Restarted {
        /// Its number.
        generation: u16,
    },
}

impl fmt::Display for ShardEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Header { sequence, kind, index, generation, .. } = self.input;
        match self.what {
            Happened::Ran { steps } => write!(f, "ran {steps} steps, ")?,
            Happened::Failed => write!(f, "failed, ")?,
            Happened::Suspended => return write!(f, "was suspended"),
            Happened::Restarted { generation } => return write!(f, "began generation {generation}"),
        }
        write!(f, "last message: input {sequence}, index {index}, kind {kind}, of generation {generation}")
    }
}

/// Which of its cells a shard has called last in the turn that goes on, as the cell's address, which is at hand when it is called;
/// by this it is known in which actor a shard loops that makes no turns.
#[derive(Clone, Debug, Default)]
pub(crate) struct LastCalled(Arc<Line>);

/// Has a pair of cache lines to itself, since it is written many times in a turn.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Line {
    last: AtomicUsize,
    /// The cells' addresses with their actors.
    cells: OnceLock<Vec<(usize, ActorIndex)>>,
}

impl LastCalled {
    /// Makes known what the addresses mean.
    pub(crate) fn name(&self, cells: Vec<(usize, ActorIndex)>) {
        // There is one shard for it.
        let _ = self.0.cells.set(cells);
    }

    /// Where the address goes: taken once for many calls.
    #[inline(always)]
    pub(crate) fn place(&self) -> &AtomicUsize {
        &self.0.last
    }

    pub(crate) fn get(&self) -> Option<ActorIndex> {
        let last = self.0.last.load(Ordering::Relaxed);
        self.0.cells.get()?.iter().find(|(address, _)| *address == last).map(|(_, actor)| *actor)
    }
}

/// The recorder of one shard, on its thread.
pub(crate) struct Recorder {
    cells: Vec<Recorded>,
    trail: TrailWriter<WORDS>,
    reader: FlightReader,
}

/// A cell, and how many of its steps are recorded.
pub(crate) struct Recorded {
    pub actor: ActorIndex,
    pub step: Rc<StepState>,
    pub steps: u64,
}

/// Reads the events of a shard, on any thread.
#[derive(Clone, Debug)]
pub(crate) struct FlightReader(TrailReader<WORDS>);

/// A recorder before its shard is built.
pub(crate) struct RecorderSeat {
    trail: TrailWriter<WORDS>,
    reader: FlightReader,
    records_turns: bool,
}

/// A recorder for a shard, of turns too or only of failures and restarts, and its reader.
pub(crate) fn flight_recorder(records_turns: bool) -> (RecorderSeat, FlightReader) {
    let (trail, reader) = trail(EVENTS);
    let reader = FlightReader(reader);
    (RecorderSeat { trail, reader: reader.clone(), records_turns }, reader)
}

impl RecorderSeat {
    pub(crate) fn of(self, cells: Vec<Recorded>) -> Recorder {
        let cells = if self.records_turns { cells } else { Vec::new() };
        Recorder { cells, trail: self.trail, reader: self.reader }
    }
}

impl Recorder {
    /// Records who ran in a turn that ended at `ticks`.
    #[inline]
    pub(crate) fn note_turn(&mut self, ticks: u64) {
        for Recorded { actor, step, steps } in &mut self.cells {
            let made = step.id.get();
            if made != *steps {
                let ran = u32::try_from(made - *steps).unwrap_or(u32::MAX);
                *steps = made;
                self.trail.push(encode(ticks, *actor, 0, ran, step.header.get()));
            }
        }
    }

    /// Records something else at `ticks`.
    #[cold]
    pub(crate) fn note(&mut self, ticks: u64, actor: ActorIndex, what: Happened, input: Header) {
        let (code, count) = match what {
            Happened::Ran { steps } => (0, steps),
            Happened::Failed => (1, 0),
            Happened::Suspended => (2, 0),
            Happened::Restarted { generation } => (3, u32::from(generation)),
        };
        self.trail.push(encode(ticks, actor, code, count, input));
    }

    /// The events so far.
    pub(crate) fn events(&self, time_ns: impl Fn(u64) -> u64) -> Arc<[ShardEvent]> {
        self.reader.read(time_ns)
    }
}

impl FlightReader {
    /// The last events, oldest first. `time_ns` converts ticks.
    pub(crate) fn read(&self, time_ns: impl Fn(u64) -> u64) -> Arc<[ShardEvent]> {
        let mut words = [[0; WORDS]; EVENTS];
        self.0.read(&mut words).iter().map(|words| decode(*words, &time_ns)).collect()
    }
}

#[inline]
fn encode(ticks: u64, actor: ActorIndex, code: u32, count: u32, input: Header) -> [u64; WORDS] {
    let what = (code << ACTOR_BITS) | actor.position() as u32;
    let kinds = u32::from(input.kind) << 16 | u32::from(input.generation);
    [ticks, input.sequence.0, pair(what, count), pair(kinds, input.index)]
}

fn decode([ticks, sequence, what, kinds]: [u64; WORDS], time_ns: impl Fn(u64) -> u64) -> ShardEvent {
    let ((what, count), (kinds, index)) = (halves(what), halves(kinds));
    let (kind, generation) = ((kinds >> 16) as u16, kinds as u16);
    ShardEvent {
        time_ns: time_ns(ticks),
        actor: ActorIndex::new(what & ((1 << ACTOR_BITS) - 1)),
        what: match what >> ACTOR_BITS {
            0 => Happened::Ran { steps: count },
            1 => Happened::Failed,
            2 => Happened::Suspended,
            _ => Happened::Restarted { generation: count as u16 },
        },
        input: Header { sequence: SequenceNumber(sequence), index, kind, generation, ..Header::default() },
    }
}

fn pair(upper: u32, lower: u32) -> u64 {
    u64::from(upper) << 32 | u64::from(lower)
}

fn halves(word: u64) -> (u32, u32) {
    ((word >> 32) as u32, word as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ran(actor: u32, steps: u32, time_ns: u64, input: Header) -> ShardEvent {
        ShardEvent { time_ns, actor: ActorIndex::new(actor), what: Happened::Ran { steps }, input }
    }

    #[test]
    fn without_turns_the_rest_is_recorded() {
        let (seat, reader) = flight_recorder(false);
        let step: Rc<StepState> = Rc::default();
        let mut recorder = seat.of(vec![Recorded { actor: ActorIndex::new(7), step: step.clone(), steps: 0 }]);
        step.id.set(2);
        recorder.note_turn(20);
        recorder.note(41, ActorIndex::new(7), Happened::Failed, Header::default());
        let failed =
            ShardEvent { time_ns: 4100, actor: ActorIndex::new(7), what: Happened::Failed, input: Header::default() };
        assert_eq!(*reader.read(|ticks| 100 * ticks), [failed]);
    }

    #[test]
    fn a_turn_is_recorded_as_the_steps_of_those_who_ran() {
        let (seat, reader) = flight_recorder(true);
        let steps: Vec<Rc<StepState>> = (0..3).map(|_| Rc::default()).collect();
        let cells = (7..).zip(&steps);
        let cells = cells.map(|(at, step)| Recorded { actor: ActorIndex::new(at), step: step.clone(), steps: 0 });
        let mut recorder = seat.of(cells.collect());
        let input = Header {
            sequence: SequenceNumber(u64::MAX - 1),
            index: u32::MAX,
            kind: 513,
            generation: 65535,
            ..Header::default()
        };
        recorder.note_turn(10);
        steps[0].id.set(2);
        steps[2].id.set(1);
        steps[2].header.set(input);
        recorder.note_turn(20);
        recorder.note_turn(30);
        steps[2].id.set(65);
        recorder.note_turn(40);
        let restarted = Happened::Restarted { generation: 3 };
        recorder.note(41, ActorIndex::new(9), restarted, Header::default());
        let events = reader.read(|ticks| 100 * ticks);
        let up = ShardEvent { time_ns: 4100, actor: ActorIndex::new(9), what: restarted, input: Header::default() };
        let none = Header::default();
        assert_eq!(*events, [ran(7, 2, 2000, none), ran(9, 1, 2000, input), ran(9, 64, 4000, input), up]);
        for turn in 0..1000 {
            steps[1].id.set(turn + 1);
            recorder.note_turn(turn);
        }
        let events = recorder.events(|ticks| ticks);
        assert_eq!((events.len(), events[0].time_ns, events[EVENTS - 2].time_ns), (EVENTS - 1, 1000 - 63, 999));
    }
}
