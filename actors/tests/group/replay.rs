//! A replay of a day's recorded stream gives the same bytes at any timing and under any back-pressure.

use std::mem::offset_of;

use crate::group_support::{
    Edges, Model, Outputs, Venue, account_query, cancel, config, disconnect, enter, entry_switch_in, kill, kill_port,
    log_in, market, modify, other_channel, replace,
    streams::{Op, stream},
};
use corelane_actors::{
    record::{Record, RecordError},
    types::{Command, Enter, FirmId, GroupConfig, Locate, MassCancel, PortId, Replace, Scope},
};
use corelane_runtime::{
    message::{Header, SequenceNumber},
    sequencer::{Origin, SequencerPolicy},
};
use proptest::prelude::*;

/// Passes recorded inputs on unchanged.
struct Replayed;

impl SequencerPolicy for Replayed {
    type In = Command;
    type Out = Command;
    fn sequence(&mut self, input: &Command, _: Origin, emit: impl FnOnce(Command)) {
        emit(*input);
    }
}

/// Runs the stream; returns the outputs, and the recorded stream as bytes.
fn record(config: &GroupConfig, ops: &[Op]) -> (Outputs, Vec<u8>) {
    let mut venue = Venue::new(config.clone());
    // The model only makes the stream refer to orders that exist.
    let mut model = Model::new(config.clone());
    let (mut outputs, mut bytes) = (Outputs::default(), Vec::new());
    for (step, op) in ops.iter().enumerate() {
        venue.sim.set_time_ns(1_000 * step as u64);
        venue.send(op.resolve(&model), &mut outputs);
        venue.settle(&mut outputs);
        for input in venue.recorded() {
            model.run(input.header.time_ns, &input.body);
            bytes.extend_from_slice(Record::encode(&input.header, &input.body).as_bytes());
        }
    }
    (outputs, bytes)
}

fn inputs(bytes: &[u8]) -> Vec<(Header, Command)> {
    bytes.chunks(size_of::<Record>()).map(|chunk| Record::from_bytes(chunk).unwrap().decode().unwrap()).collect()
}

/// Replays with the smallest edges. `pace` is repeated as often as needed: each entry is a number of turns, then the number
/// of messages to read.
fn replay_slowly(config: &GroupConfig, bytes: &[u8], pace: &[(usize, usize)]) -> Outputs {
    let mut venue = Venue::with_policy(config.clone(), Edges::TIGHT, Replayed);
    let mut outputs = Outputs::default();
    let mut pace = pace.iter().cycle();
    let mut turn = |venue: &mut Venue<Replayed>, outputs: &mut Outputs| {
        let &(cycles, reads) = pace.next().unwrap();
        let work: usize = (0..cycles).map(|_| venue.sim.turn()).sum();
        for _ in 0..reads {
            outputs.replies.extend(venue.replies.receive().map(|envelope| envelope.body));
            outputs.publications.extend(venue.publications.receive().map(|envelope| envelope.body));
        }
        work
    };
    for (header, command) in inputs(bytes) {
        venue.sim.set_time_ns(header.time_ns);
        venue.requests.send(command).expect("the last input was taken");
        // The clock advances once this input has been sequenced, even if the group has not handled it yet.
        let sequenced = loop {
            turn(&mut venue, &mut outputs);
            if let Some(envelope) = venue.record.receive() {
                break envelope.header;
            }
        };
        assert_eq!((sequenced.sequence, sequenced.time_ns), (header.sequence, header.time_ns));
    }
    venue.settle(&mut outputs);
    outputs
}

/// A sweep, a mass cancel and an end of day, each of more messages than any edge holds.
fn long_work() -> Vec<Op> {
    let day = |port, side, quantity, price| Op::Enter { order: enter(port, 0, side, quantity, price), gap: 1 };
    let mut ops = vec![Op::Other(market(b'O'))];
    ops.extend((0..200).map(|maker| day(maker % 2, b'S', 10, 100_000 + 100 * (u64::from(maker) / 20))));
    ops.push(day(2, b'B', 1_505, 101_000));
    ops.extend((0..150).map(|order| day(order % 3, b'B', 10, 99_000 + 100 * (u64::from(order) % 7))));
    ops.push(Op::Other(kill_port(1, true)));
    ops.push(Op::Other(disconnect(2, 0)));
    ops.push(Op::Other(market(b'M')));
    ops
}

#[test]
fn a_sweep_larger_than_every_ring_loses_nothing() {
    let (outputs, bytes) = record(&config(), &long_work());
    assert!(outputs.replies.len() > 800 && outputs.publications.len() > 700);
    for pace in [&[(1, 1)][..], &[(50, 1)], &[(1, 0), (1, 2), (7, 3)]] {
        assert_eq!(replay_slowly(&config(), &bytes, pace), outputs, "pace {pace:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn a_replay_gives_the_same_bytes_at_any_pace(
        ops in stream(120),
        mut pace in prop::collection::vec((0..4_usize, 0..3_usize), 1..8),
    ) {
        pace.push((1, 1));
        let mut all = long_work();
        all.truncate(230);
        all.extend(ops);
        let (outputs, bytes) = record(&config(), &all);
        prop_assert_eq!(replay_slowly(&config(), &bytes, &pace), outputs);
    }
}

const MASS_CANCEL: MassCancel = MassCancel {
    port: PortId(1),
    user_ref: 2,
    firm: *b"LIME",
    symbol: *b"AAA     ",
    locate: Locate(1),
    group: 3,
    has_group: 1,
    side: b'B',
    channel: 4,
    reserved: [0; 5],
};

#[test]
fn every_command_comes_back_from_its_record() {
    let header =
        Header { sequence: SequenceNumber(7), time_ns: 9, ingress_ticks: 11, index: 1, kind: 0, generation: 2 };
    let commands = [
        Command::Enter(enter(1, 2, b'B', 3, 4)),
        Command::Replace(replace(1, 2, 3, 4, 5)),
        cancel(1, 2, 3),
        log_in(1, 2),
        disconnect(3, 4),
        kill(Scope::Firm(FirmId(8)), true),
        market(b'Q'),
        other_channel(1, 2, 3),
        modify(1, 2, b'T', 3),
        Command::MassCancel(MASS_CANCEL),
        entry_switch_in(1, 5, 2, *b"LIME", 1),
        account_query(1, 2),
        Command::EndPauses,
    ];
    for (index, command) in commands.into_iter().enumerate() {
        let kind = index as u16 + 1;
        let record = Record::encode(&header, &command);
        assert_eq!(record.decode(), Ok((Header { kind, ..header }, command)));
        assert_eq!(Record::from_bytes(record.as_bytes()), Ok(record));

        let damaged = |offset: usize, value: u8| {
            let mut bytes = record.as_bytes().to_vec();
            bytes[offset] = value;
            Record::from_bytes(&bytes).unwrap().decode()
        };
        let bad = Err(RecordError::BadPayload { sequence: SequenceNumber(7), kind });
        assert_eq!(damaged(127, 1), bad, "{command:?}: the last byte is never used");
        if let Command::Enter(_) | Command::Replace(_) = command {
            assert_eq!(damaged(32 + 87, 1), bad, "{command:?}: reserved at the end");
            let is_enter = matches!(command, Command::Enter(_));
            let mark = if is_enter { offset_of!(Enter, mark) } else { offset_of!(Replace, mark) };
            assert_eq!(damaged(32 + mark, 200), bad, "{command:?}: no such mark");
        }
        let last_byte = match command {
            Command::Cancel(_) | Command::EntrySwitch(_) => Some(15),
            Command::MassCancel(_) => Some(31),
            Command::AccountQuery(_) => Some(7),
            _ => None,
        };
        if let Some(offset) = last_byte {
            assert_eq!(damaged(32 + offset, 1), bad, "{command:?}: reserved at the end");
        }
        if let Command::KillSwitch(_) = command {
            for (offset, value) in [(4, 0), (4, 5), (5, 2), (6, 1), (7, 1)] {
                assert_eq!(damaged(32 + offset, value), bad, "no level, neither engaged nor released, or reserved");
            }
            assert_eq!(damaged(32 + 4, 1), bad, "everyone has no number");
        }
        let unknown = Err(RecordError::UnknownKind { sequence: SequenceNumber(7), kind: 99 });
        assert_eq!(damaged(28, 99), unknown);
    }
    assert_eq!(Record::from_bytes(&[0; 127]), Err(RecordError::WrongLength { actual: 127 }));
    assert_eq!(
        Record::from_bytes(&[0; 128]).unwrap().decode(),
        Err(RecordError::UnknownKind { sequence: SequenceNumber::NONE, kind: 0 })
    );
    let reserved = Enter { reserved: [0, 1, 0, 0, 0], ..enter(1, 2, b'B', 3, 4) };
    assert_eq!(
        Record::encode(&header, &Command::Enter(reserved)).decode(),
        Err(RecordError::BadPayload { sequence: SequenceNumber(7), kind: 1 })
    );
}

proptest! {
    #[test]
    fn no_bytes_make_a_record_panic(bytes in prop::collection::vec(any::<u8>(), 128), kind in 0..15_u8) {
        let mut bytes = bytes;
        bytes[28] = kind;
        bytes[29] = 0;
        let record = Record::from_bytes(&bytes).unwrap();
        if let Ok((header, command)) = record.decode() {
            prop_assert_eq!(Record::encode(&header, &command), record);
        }
    }
}
