//! `corelane itch stats`: message counts of a file.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use corelane_codecs::{
    itch::{ItchError, Message, Timestamp, message_len, message_name},
    text::Symbol,
};
use corelane_market::{MessageSource, SourceError};
use miette::IntoDiagnostic;

use super::source;
use crate::tables::say;

#[derive(Debug, Default)]
struct Stats {
    /// The number of frames read, valid or not.
    read: u64,
    messages: BTreeMap<u8, u64>,
    symbols: BTreeSet<Symbol>,
    first_ns: Option<u64>,
    last_ns: u64,
    /// The number of messages per type that ITCH 5.0 does not define; each is an error too.
    unknown: BTreeMap<u8, u64>,
    /// The number of errors, and the text of the first few.
    errors: u64,
    first_errors: Vec<String>,
}

/// The number of errors shown in full.
const ERRORS_SHOWN: usize = 5;

pub(super) fn stats(file: &Path, json: bool) -> miette::Result<()> {
    let stats = count(file)?;
    if json {
        say(format_args!("{:#}", stats.json()));
    } else {
        print_table(&stats);
    }
    Ok(())
}

fn count(file: &Path) -> miette::Result<Stats> {
    let mut source = MessageSource::new(source::open(file)?);
    let mut stats = Stats::default();
    loop {
        let offset = source.offset();
        match source.peek() {
            Ok(Some(message)) => stats.add(message, offset),
            Ok(None) => break,
            // Earlier messages count; nothing can follow.
            Err(error @ SourceError::Truncated { .. }) => {
                stats.error(error.to_string());
                break;
            }
            Err(error) => return Err(error).into_diagnostic(),
        }
        source.take().into_diagnostic()?;
    }
    Ok(stats)
}

impl Stats {
    fn json(&self) -> serde_json::Value {
        let messages: serde_json::Map<_, _> =
            self.messages.iter().map(|(kind, count)| (char::from(*kind).to_string(), (*count).into())).collect();
        serde_json::json!({
            "messages": messages,
            "instruments": self.symbols.len(),
            "first_ns": self.first_ns.unwrap_or(0),
            "last_ns": self.last_ns,
            "errors": self.errors,
        })
    }

    fn add(&mut self, bytes: &[u8], offset: u64) {
        self.read += 1;
        let message = match Message::decode(bytes) {
            Ok(message) => message,
            Err(error) => {
                if let ItchError::UnknownType { kind } = error {
                    *self.unknown.entry(kind).or_default() += 1;
                }
                return self.error(format!("message {} at offset {offset}: {error}", self.read));
            }
        };
        *self.messages.entry(message.kind()).or_default() += 1;
        let ns = message.timestamp_ns();
        self.first_ns.get_or_insert(ns);
        self.last_ns = ns;
        if let Message::StockDirectory(_) | Message::AddOrder(_) | Message::AddOrderMpid(_) = message {
            self.symbols.extend(message.stock());
        }
    }

    fn error(&mut self, error: String) {
        self.errors += 1;
        if self.first_errors.len() < ERRORS_SHOWN {
            self.first_errors.push(error);
        }
    }
}

fn print_table(stats: &Stats) {
    let total: u64 = stats.messages.values().sum();
    let mut table = crate::tables::table(["message", "bytes", "messages", "share"]);
    for (kind, count) in &stats.messages {
        let (name, bytes) = message_name(*kind).zip(message_len(*kind)).expect("it was decoded");
        let share = format!("{:.2} %", *count as f64 * 100.0 / total.max(1) as f64);
        table.add_row([name.to_owned(), bytes.to_string(), count.to_string(), share]);
    }
    say(table);
    say(format_args!("{total} messages, {} instruments, {} errors", stats.symbols.len(), stats.errors));
    let time = Timestamp::from_ns;
    say(format_args!("from {} to {}", time(stats.first_ns.unwrap_or(0)), time(stats.last_ns)));
    for (kind, count) in &stats.unknown {
        say(format_args!("unknown type '{}': {count}", kind.escape_ascii()));
    }
    stats.first_errors.iter().for_each(|error| say(format_args!("error: {error}")));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_recorded_file_gives_the_counts_of_an_independent_reader() {
        let folder = std::env::var("CORELANE_DATA")
            .unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data").to_owned());
        for name in ["esh4_20231225_mbo", "nasdaq_dayhead_1000", "ritch_synthetic_12012"] {
            let expected = Path::new(&folder).join(format!("expected/{name}.stats.json"));
            let Ok(expected) = std::fs::read_to_string(expected) else { continue };
            let expected: serde_json::Value = serde_json::from_str(&expected).unwrap();
            let stats = count(&Path::new(&folder).join(format!("itch/{name}.itch"))).unwrap();
            assert_eq!(expected, stats.json(), "{name}");
        }
    }

    #[test]
    fn damaged_files_are_counted_not_fatal() {
        let folder = std::env::temp_dir().join(format!("corelane-stats-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let system_event = [&b"\0\x0cS"[..], &[0; 10], b"O"].concat();
        let cases: [(&str, Vec<u8>, u64, u64); 5] = [
            ("empty", vec![], 0, 0),
            ("one", system_event.clone(), 1, 0),
            ("cut", [&system_event[..], &system_event[..5]].concat(), 1, 1),
            ("unknown", [&b"\0\x01?"[..], &system_event].concat(), 1, 1),
            ("end", [&system_event[..], &[0, 0], b"anything"].concat(), 1, 0),
        ];
        for (name, bytes, messages, errors) in cases {
            let path = folder.join(name);
            std::fs::write(&path, bytes).unwrap();
            let stats = count(&path).unwrap();
            assert_eq!((stats.messages.values().sum::<u64>(), stats.errors), (messages, errors), "{name}");
        }
        std::fs::remove_dir_all(folder).unwrap();
    }
}
