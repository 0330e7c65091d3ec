//! The record of a sequenced input: its header and command as plain old data of 128 bytes.
//!
//! Integers have the host's byte order. Unused bytes are zero, and [`Record::decode`] refuses anything else: equal inputs
//! have equal records, and a damaged record does not decode as a command.

use bytemuck::{CheckedBitPattern, NoUninit, Pod, Zeroable, checked};
use corelane_runtime::message::{Header, Message, SequenceNumber};

use crate::types::{Command, KillSwitch};

const PAYLOAD_BYTES: usize = 96;

/// A sequenced input.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
pub struct Record {
    /// The header that the sequencer gave the input; its `kind` names the kind of command in the payload.
    header: Header,
    /// The command's struct, then zeros. It consists of words, so that it is aligned like the command.
    payload: [u64; PAYLOAD_BYTES / 8],
}

const _: () = assert!(size_of::<Record>() == 128);

/// The reason why bytes are not a valid record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// The bytes do not have the length of a record.
    #[error("a record has {} bytes, not {actual}; the stream is cut off", size_of::<Record>())]
    WrongLength {
        /// The number of bytes.
        actual: usize,
    },
    /// No command has this kind.
    #[error("record of input {sequence}: unknown kind {kind}; it was written by another version or is damaged")]
    UnknownKind {
        /// The sequence number of the input.
        sequence: SequenceNumber,
        /// Its kind.
        kind: u16,
    },
    /// [`Record::encode`] never makes this payload: it has a value that the command cannot have, or unused bytes that are
    /// not zero.
    #[error("record of input {sequence}: no command of kind {kind} has these bytes; it is damaged")]
    BadPayload {
        /// The sequence number of the input.
        sequence: SequenceNumber,
        /// Its kind.
        kind: u16,
    },
}

impl Record {
    /// The record of a sequenced command.
    #[must_use]
    pub fn encode(header: &Header, command: &Command) -> Record {
        encode(header, command)
    }

    /// The header and the command.
    ///
    /// # Errors
    /// A [`RecordError`] if [`Record::encode`] never makes this record.
    pub fn decode(&self) -> Result<(Header, Command), RecordError> {
        decode(self)
    }

    /// The bytes to store.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        bytemuck::bytes_of(self)
    }

    /// A record from stored bytes, at any alignment.
    ///
    /// # Errors
    /// [`RecordError::WrongLength`]. [`Record::decode`] checks the content.
    pub fn from_bytes(bytes: &[u8]) -> Result<Record, RecordError> {
        bytemuck::try_pod_read_unaligned(bytes).map_err(|_| RecordError::WrongLength { actual: bytes.len() })
    }
}

fn encode(header: &Header, command: &Command) -> Record {
    let mut record = Record { header: Header { kind: command.kind(), ..*header }, payload: [0; PAYLOAD_BYTES / 8] };
    let payload: &mut [u8] = bytemuck::cast_slice_mut(&mut record.payload);
    match command {
        Command::Enter(body) => put(payload, body),
        Command::Replace(body) => put(payload, body),
        Command::Cancel(body) => put(payload, body),
        Command::LogIn(body) | Command::Disconnect(body) => put(payload, body),
        Command::KillSwitch(body) => put(payload, body),
        Command::MarketEvent(body) => put(payload, body),
        Command::OtherChannel(body) => put(payload, body),
        Command::Modify(body) => put(payload, body),
        Command::MassCancel(body) => put(payload, body),
        Command::EntrySwitch(body) => put(payload, body),
        Command::AccountQuery(body) => put(payload, body),
        Command::EndPauses => {}
    }
    record
}

fn decode(record: &Record) -> Result<(Header, Command), RecordError> {
    let header = record.header;
    let command = match header.kind {
        1 => Command::Enter(take(record)?),
        2 => Command::Replace(take(record)?),
        3 => Command::Cancel(take(record)?),
        4 => Command::LogIn(take(record)?),
        5 => Command::Disconnect(take(record)?),
        6 => Command::KillSwitch(take(record)?),
        7 => Command::MarketEvent(take(record)?),
        8 => Command::OtherChannel(take(record)?),
        9 => Command::Modify(take(record)?),
        10 => Command::MassCancel(take(record)?),
        11 => Command::EntrySwitch(take(record)?),
        12 => Command::AccountQuery(take(record)?),
        13 => Command::EndPauses,
        kind => {
            return Err(RecordError::UnknownKind { sequence: header.sequence, kind });
        }
    };
    let reserved_is_zero = match &command {
        Command::Enter(enter) => enter.reserved == [0; 5],
        Command::Replace(replace) => replace.reserved == [0; 2],
        Command::Cancel(cancel) => cancel.reserved == [0; 4],
        Command::OtherChannel(request) => request.reserved == 0,
        Command::Modify(modify) => modify.reserved == [0; 3],
        Command::MassCancel(request) => request.has_group <= 1 && request.reserved == [0; 5],
        Command::EntrySwitch(switch) => switch.enabled <= 1 && switch.reserved == [0; 2],
        Command::AccountQuery(query) => query.reserved == [0; 3],
        Command::KillSwitch(switch) => *switch == KillSwitch::new(switch.scope(), switch.is_engaged()),
        Command::LogIn(_) | Command::Disconnect(_) | Command::MarketEvent(_) | Command::EndPauses => true,
    };
    if reserved_is_zero && encode(&header, &command) == *record {
        Ok((header, command))
    } else {
        Err(RecordError::BadPayload { sequence: header.sequence, kind: header.kind })
    }
}

fn put<T: NoUninit>(payload: &mut [u8], body: &T) {
    payload[..size_of::<T>()].copy_from_slice(bytemuck::bytes_of(body));
}

fn take<T: CheckedBitPattern>(record: &Record) -> Result<T, RecordError> {
    let payload: &[u8] = bytemuck::cast_slice(&record.payload);
    let Header { sequence, kind, .. } = record.header;
    checked::try_pod_read_unaligned(&payload[..size_of::<T>()]).map_err(|_| RecordError::BadPayload { sequence, kind })
}
