//! What a record says, and how it keeps within its bound.

use std::fmt::Write;

use corelane_codecs::soup;
use corelane_runtime::{
    FailedInput, Failure, InputKind,
    lifecycle::{Failed, Incident},
};
use serde::{Deserialize, Serialize};

/// Bytes of an input in a line.
const LINE_BYTES: usize = 16;
/// The most bytes of a text and of a name. Were each of them escaped, a record without events and input is within the least
/// bound.
const TEXT_BYTES_MAX: usize = 512;
const NAME_BYTES_MAX: usize = 128;

/// The record of a failure.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[non_exhaustive]
pub struct IncidentRecord {
    /// Its number in its directory.
    pub id: u64,
    /// When it happened, in UTC.
    pub at: String,
    /// What happened, in a word.
    pub what: String,
    /// The same with its reason.
    pub message: String,
    /// The shard, if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<String>,
    /// The actor that failed, or was called last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// Its generation: 0 until it was restarted. Of a restart that failed, the one that never ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generation: Option<u16>,
    /// What the supervisor decided.
    pub decision: String,
    /// How long after the panic it was noticed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub noticed_after_us: Option<u64>,
    /// Incidents before it that were not recorded, because too many came at once or the disk refused them.
    pub lost_before: u64,
    /// Events of the shard that found no room in the record.
    pub events_left_out: usize,
    /// What the actors of the shard did last, by its time of day, oldest first.
    pub events: Vec<String>,
    /// What the actor was working on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<IncidentInput>,
}

/// The input that an actor failed on.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[non_exhaustive]
pub struct IncidentInput {
    /// What it was.
    pub kind: String,
    /// The number of the sequenced input that caused it; 0 before the sequencer.
    pub sequence: u64,
    /// The kind of the message, its index among the outputs of that input, and the generation of its sender.
    pub message_kind: u16,
    /// See there.
    pub index: u32,
    /// See there.
    pub sender_generation: u16,
    /// Its time since midnight, in nanoseconds.
    pub time_ns: u64,
    /// Steps that were done for it; their outputs were sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub steps_done: Option<u32>,
    /// Its length in bytes, of a message that of its body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub length: Option<usize>,
    /// Its bytes, or their beginning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<String>,
}

impl IncidentRecord {
    /// The record of an incident, as yet without a number. `lost` are those before it that were not recorded.
    pub(crate) fn of(incident: &Incident, lost: u64) -> IncidentRecord {
        let Incident { at, what, actor, shard, decision, events, .. } = incident;
        let failure = match what {
            Failed::Actor(failure) => Some(failure),
            _ => None,
        };
        let line = |(actor, event): &(String, corelane_runtime::ShardEvent)| {
            format!("{} {actor} {event}", time_of_day(event.time_ns))
        };
        IncidentRecord {
            id: 0,
            at: humantime::format_rfc3339_micros(*at).to_string(),
            what: what.label().to_owned(),
            message: cut(&what.to_string(), TEXT_BYTES_MAX),
            shard: shard.as_deref().map(|name| cut(name, NAME_BYTES_MAX)),
            actor: actor.as_deref().map(|name| cut(name, NAME_BYTES_MAX)),
            generation: failure.map(|failure| failure.generation),
            decision: cut(decision, TEXT_BYTES_MAX),
            noticed_after_us: failure.and_then(|failure| failure.noticed_after).map(|after| after.as_micros() as u64),
            lost_before: lost,
            events_left_out: 0,
            events: events.iter().map(line).collect(),
            input: failure.map(|failure| IncidentInput::of(failure)),
        }
    }

    /// The text of the record, in TOML, of at most `bytes_max` bytes: the oldest events are left out first, then the end of the
    /// input.
    pub(super) fn text(mut self, bytes_max: usize) -> String {
        loop {
            let text = toml::to_string_pretty(&self).unwrap_or_default();
            if text.len() <= bytes_max {
                return text;
            }
            let bytes = self.input.as_mut().and_then(|input| input.bytes.as_mut());
            match bytes {
                _ if !self.events.is_empty() => {
                    let left_out = self.events.len().div_ceil(2);
                    self.events.drain(..left_out);
                    self.events_left_out += left_out;
                }
                Some(bytes) if !bytes.is_empty() => bytes.truncate(bytes.floor_char_boundary(bytes.len() / 2)),
                _ => return text,
            }
        }
    }
}

impl IncidentInput {
    fn of(failure: &Failure) -> IncidentInput {
        let header = failure.header;
        let (kind, input) = match &failure.input {
            Some(input) => (kind_of(input), Some(input)),
            None if failure.dead_letter.is_some() => ("a later step on a message", None),
            None => ("none: a hook, a timer or an event of the network", None),
        };
        IncidentInput {
            kind: kind.to_owned(),
            sequence: integer(header.sequence.0),
            message_kind: header.kind,
            index: header.index,
            sender_generation: header.generation,
            time_ns: integer(header.time_ns),
            steps_done: failure.dead_letter.map(|letter| letter.steps),
            length: input.map(|input| input.length),
            bytes: input.filter(|input| !is_log_in(input)).map(|input| dump(&input.bytes)),
        }
    }
}

/// The largest integer of TOML is that of an `i64`.
fn integer(value: u64) -> u64 {
    value.min(i64::MAX as u64)
}

fn kind_of(input: &FailedInput) -> &'static str {
    match input.kind {
        InputKind::Message => "message",
        InputKind::Frame if is_log_in(input) => "frame: a log-in, whose bytes are not kept for their password",
        InputKind::Frame => "frame",
        _ => "datagram",
    }
}

/// Whether it is a SoupBinTCP log-in request, which holds a password. No other protocol of ours has frames.
fn is_log_in(input: &FailedInput) -> bool {
    input.kind == InputKind::Frame && input.bytes.get(soup::HEADER_LEN - 1) == Some(&b'L')
}

/// Lines of an offset, bytes in hex, and the same as text.
fn dump(bytes: &[u8]) -> String {
    let mut text = String::new();
    for (line, bytes) in bytes.chunks(LINE_BYTES).enumerate() {
        let hex: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let shown = |byte: &u8| if byte.is_ascii_graphic() && *byte != b'\'' { char::from(*byte) } else { '.' };
        let shown: String = bytes.iter().map(shown).collect();
        // Writing to a string does not fail.
        let _ = writeln!(text, "{:04x}  {:<47}  {shown}", line * LINE_BYTES, hex.join(" "));
    }
    text
}

fn time_of_day(ns: u64) -> String {
    let seconds = ns / 1_000_000_000;
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    format!("{hours:02}:{minutes:02}:{:02}.{:09}", seconds % 60, ns % 1_000_000_000)
}

/// The beginning of a text, without what would tell a terminal something.
fn cut(text: &str, bytes_max: usize) -> String {
    let is_refused = |letter: char| letter.is_control() && letter != '\n';
    text[..text.floor_char_boundary(bytes_max)].replace(is_refused, "?")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn long() -> IncidentRecord {
        let bytes = Some(dump(&(0..=255).cycle().take(2048).collect::<Vec<u8>>()));
        IncidentRecord {
            message: cut(&"\"".repeat(1000), TEXT_BYTES_MAX),
            decision: cut(&"\\'\n".repeat(1000), TEXT_BYTES_MAX),
            shard: Some(cut(&"\u{1}".repeat(1000), NAME_BYTES_MAX)),
            actor: Some(cut(&"é".repeat(1000), NAME_BYTES_MAX)),
            events: (0..64).map(|number| format!("event {number}: {}", "e".repeat(100))).collect(),
            input: Some(IncidentInput { bytes, ..IncidentInput::default() }),
            ..IncidentRecord::default()
        }
    }

    #[test]
    fn a_record_within_its_bound_is_read_as_it_was_written() {
        let text = long().text(32_768);
        let read: IncidentRecord = toml::from_str(&text).unwrap();
        assert_eq!(read, long());
        assert!(text.contains("0010  10 11 12 13 "), "{text}");
    }

    #[test]
    fn of_a_record_beyond_its_bound_the_oldest_events_go_first_and_then_the_end_of_the_input() {
        let (mut whole, mut without_events) = (0, 0);
        for bytes_max in (4096..=20_000).step_by(100) {
            let text = long().text(bytes_max);
            assert!(text.len() <= bytes_max, "{} of {bytes_max}", text.len());
            let read: IncidentRecord = toml::from_str(&text).unwrap();
            assert_eq!(read.events.len() + read.events_left_out, 64);
            assert_eq!(read.events, long().events[read.events_left_out..]);
            let (kept, all) = (read.input.unwrap().bytes.unwrap(), long().input.unwrap().bytes.unwrap());
            assert!(all.starts_with(&kept));
            assert!(kept.len() == all.len() || read.events.is_empty(), "{bytes_max}");
            whole += u32::from(read.events.len() == 64);
            without_events += u32::from(read.events.is_empty());
        }
        assert!(whole > 0 && without_events > 0);
    }

    #[test]
    fn times_of_day_and_inputs_are_written_for_people() {
        assert_eq!(time_of_day(90_061_000_000_007), "25:01:01.000000007");
        assert_eq!(dump(b""), "");
        let second = format!("0010  {:<47}  16\n", "31 36");
        let first = "0000  43 4f 52 45 4c 41 4e 45 27 30 31 5c 00 7f 7e 20  CORELANE.01\\..~.\n";
        assert_eq!(dump(b"CORELANE'01\\\0\x7f~ 16"), format!("{first}{second}"));
    }
}
