//! Recording a sequenced stream: one input with its header as plain old data of 128 bytes.
//!
//! The integers are those of the host, as in memory. What is not used of a record is zero, and [`Record::decode`]
//! refuses anything else, so that equal inputs are equal records and a damaged one does not pass for a command.

use bytemuck::{CheckedBitPattern, NoUninit, Pod, Zeroable, checked};
use corelane_runtime::message::{Header, Message};

use crate::types::{Command, KillSwitch};

const PAYLOAD_BYTES: usize = 96;

/// A sequenced input.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
pub struct Record {
    /// The header that the sequencer gave it; its `kind` says which command the payload is.
    header: Header,
    /// The command's own struct, then zeros; a whole number of words, so that it is aligned like the command.
    payload: [u64; PAYLOAD_BYTES / 8],
}

const _: () = assert!(size_of::<Record>() == 128);

/// Why bytes are not a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// Not the length of a record.
    #[error("a record has {} bytes, not {actual}; the stream is cut off", size_of::<Record>())]
    WrongLength {
        /// Bytes there are.
        actual: usize,
    },
    /// The kind names no command.
    #[error("record of input {sequence}: unknown kind {kind}; it was written by another version or is damaged")]
    UnknownKind {
        /// The input.
        sequence: u64,
        /// Its kind.
        kind: u16,
    },
    /// The payload is none that [`Record::encode`] makes: a value that the command cannot have, or unused bytes that
    /// are not zero.
    #[error("record of input {sequence}: no command of kind {kind} has these bytes; it is damaged")]
    BadPayload {
        /// The input.
        sequence: u64,
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
    /// A [`RecordError`] if this is not what [`Record::encode`] makes.
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
    /// [`RecordError::WrongLength`]. The content is checked by [`Record::decode`].
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
        kind => {
            return Err(RecordError::UnknownKind { sequence: header.sequence, kind });
        }
    };
    let reserved_is_zero = match &command {
        Command::Enter(enter) => enter.reserved == [0; 4],
        Command::Replace(replace) => replace.reserved == 0 && replace.reserved_end == [0; 2],
        Command::Cancel(cancel) => cancel.reserved == [0; 4],
        Command::KillSwitch(switch) => *switch == KillSwitch::new(switch.scope(), switch.is_engaged()),
        Command::LogIn(_) | Command::Disconnect(_) | Command::MarketEvent(_) => true,
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
