//! `corelane itch stats`: what is in a file.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use corelane_codecs::itch::{Message, message_len};
use corelane_latency_tests::market::{MessageSource, SourceError};
use miette::IntoDiagnostic;

use super::source;
use crate::tables::say;

#[derive(Debug, Default)]
struct Stats {
    /// Frames read, good or bad.
    read: u64,
    messages: BTreeMap<char, u64>,
    symbols: BTreeSet<[u8; 8]>,
    first_ns: Option<u64>,
    last_ns: u64,
    /// Bytes that are no message, with the first few told.
    errors: u64,
    first_errors: Vec<String>,
}

/// How many errors are shown in full.
const ERRORS_SHOWN: usize = 5;

pub fn stats(file: &Path, json: bool) -> miette::Result<()> {
    let stats = count(file)?;
    if json {
        let messages: serde_json::Map<_, _> =
            stats.messages.iter().map(|(kind, count)| (kind.to_string(), (*count).into())).collect();
        let value = serde_json::json!({
            "messages": messages,
            "instruments": stats.symbols.len(),
            "first_ns": stats.first_ns.unwrap_or(0),
            "last_ns": stats.last_ns,
            "errors": stats.errors,
        });
        say(format_args!("{}", serde_json::to_string_pretty(&value).into_diagnostic()?));
    } else {
        print_table(&stats);
    }
    Ok(())
}

fn count(file: &Path) -> miette::Result<Stats> {
    let mut source = MessageSource::new(source::open(file)?);
    let mut stats = Stats::default();
    loop {
        match source.peek() {
            Ok(Some(message)) => stats.add(message),
            Ok(None) => break,
            // What was read before counts; nothing can follow.
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
    fn add(&mut self, bytes: &[u8]) {
        self.read += 1;
        let message = match Message::decode(bytes) {
            Ok(message) => message,
            Err(error) => return self.error(format!("message {}: {error}", self.read)),
        };
        *self.messages.entry(char::from(message.kind())).or_default() += 1;
        let ns = message.timestamp_ns();
        self.first_ns.get_or_insert(ns);
        self.last_ns = ns;
        let stock = match message {
            Message::StockDirectory(directory) => Some(&directory.stock),
            Message::AddOrder(add) => Some(&add.stock),
            Message::AddOrderMpid(add) => Some(&add.stock),
            _ => None,
        };
        if let Some(stock) = stock {
            self.symbols.insert(*stock.as_array());
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
    let mut table = crate::tables::table(["type", "bytes", "messages", "share"]);
    for (kind, count) in &stats.messages {
        let bytes = message_len(*kind as u8).map_or_else(String::new, |bytes| bytes.to_string());
        let share = format!("{:.2} %", *count as f64 * 100.0 / total.max(1) as f64);
        table.add_row([kind.to_string(), bytes, count.to_string(), share]);
    }
    say(table);
    say(format_args!("{total} messages, {} instruments, {} errors", stats.symbols.len(), stats.errors));
    say(format_args!("from {} to {}", time_of_day(stats.first_ns.unwrap_or(0)), time_of_day(stats.last_ns)));
    stats.first_errors.iter().for_each(|error| say(format_args!("error: {error}")));
}

/// `HH:MM:SS.nnnnnnnnn`.
fn time_of_day(ns: u64) -> String {
    let (seconds, ns) = (ns / 1_000_000_000, ns % 1_000_000_000);
    format!("{:02}:{:02}:{:02}.{ns:09}", seconds / 3600, seconds / 60 % 60, seconds % 60)
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
            assert_eq!(expected["errors"], stats.errors, "{name}");
            assert_eq!(expected["instruments"], stats.symbols.len(), "{name}");
            assert_eq!(expected["first_ns"], stats.first_ns.unwrap(), "{name}");
            assert_eq!(expected["last_ns"], stats.last_ns, "{name}");
            for (kind, count) in expected["messages"].as_object().unwrap() {
                let kind = kind.chars().next().unwrap();
                assert_eq!(count.as_u64(), stats.messages.get(&kind).copied(), "{name} {kind}");
            }
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
