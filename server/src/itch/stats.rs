//! `corelane itch stats`: message counts of a file.

use std::collections::{BTreeMap, BTreeSet};

use corelane_codecs::{
    itch::{ItchError, Message, Timestamp, message_len, message_name},
    text::Symbol,
};
use corelane_console::{Exit, LostOutput, Output, Table};
use corelane_market::{CaptureReport, Named, Order};
use serde_json::{Value, json};

use super::input::{Found, Input};
use crate::cli::InputArgs;

#[derive(Debug, Default)]
struct Stats {
    messages: BTreeMap<u8, u64>,
    symbols: BTreeSet<Symbol>,
    first_ns: Option<u64>,
    last_ns: u64,
    /// The number of messages per type that ITCH 5.0 does not define; each is an error too.
    unknown: BTreeMap<u8, u64>,
    errors: u64,
    /// What a capture has held.
    capture: Option<CaptureReport>,
}

pub(super) fn stats(args: &InputArgs, json: bool, out: &mut Output) -> miette::Result<Exit> {
    let mut input = Input::open(args, Order::Sequence)?;
    let stats = Stats::count(&mut input);
    if input.is_usable() {
        if json {
            out.say(format_args!("{:#}", stats.json()))?;
        } else {
            stats.print(out)?;
        }
    }
    Ok(input.finish())
}

impl Stats {
    fn count(input: &mut Input) -> Self {
        let mut stats = Stats::default();
        while let Some(Found { message, .. }) = input.next() {
            match message {
                Ok(message) => stats.add(&message),
                Err(ItchError::UnknownType { kind }) => *stats.unknown.entry(kind).or_default() += 1,
                Err(_) => {}
            }
        }
        stats.errors = input.errors();
        stats.capture = input.capture().cloned();
        stats
    }

    fn add(&mut self, message: &Message<'_>) {
        *self.messages.entry(message.kind()).or_default() += 1;
        let ns = message.timestamp_ns();
        self.first_ns.get_or_insert(ns);
        self.last_ns = ns;
        if let Message::StockDirectory(_) | Message::AddOrder(_) | Message::AddOrderMpid(_) = message {
            self.symbols.extend(message.stock());
        }
    }

    fn json(&self) -> Value {
        let messages: serde_json::Map<_, _> =
            self.messages.iter().map(|(kind, count)| (char::from(*kind).to_string(), (*count).into())).collect();
        let mut json = json!({
            "messages": messages,
            "instruments": self.symbols.len(),
            "first_ns": self.first_ns.unwrap_or(0),
            "last_ns": self.last_ns,
            "errors": self.errors,
        });
        if let Some(capture) = &self.capture {
            json["sessions"] = capture
                .sessions
                .iter()
                .map(|session| {
                    json!({
                        "name": Named(session.name).to_string(),
                        "ports": session.ports,
                        "first_sequence": session.first,
                        "messages": session.messages,
                        "repeated": session.repeated,
                        "missing": session.missing,
                        "ended": session.has_ended,
                    })
                })
                .collect();
        }
        json
    }

    fn print(&self, out: &mut Output) -> Result<(), LostOutput> {
        let total: u64 = self.messages.values().sum();
        let mut rows = Table::new(["message", "bytes", "messages", "share"], 1);
        for (kind, count) in &self.messages {
            let (name, bytes) = message_name(*kind).zip(message_len(*kind)).expect("it was decoded");
            let share = format!("{:.2} %", *count as f64 * 100.0 / total.max(1) as f64);
            rows.add([name.to_owned(), bytes.to_string(), count.to_string(), share]);
        }
        out.say(rows.lines(out.columns()))?;
        if let Some(capture) = &self.capture {
            print_sessions(capture, out)?;
        }
        out.say(format_args!("{total} messages, {} instruments, {} errors", self.symbols.len(), self.errors))?;
        let time = Timestamp::from_ns;
        out.say(format_args!("from {} to {}", time(self.first_ns.unwrap_or(0)), time(self.last_ns)))?;
        self.unknown
            .iter()
            .try_for_each(|(kind, count)| out.say(format_args!("unknown type '{}': {count}", kind.escape_ascii())))
    }
}

fn print_sessions(capture: &CaptureReport, out: &mut Output) -> Result<(), LostOutput> {
    let mut rows = Table::new(["session", "to ports", "first sequence", "messages", "repeated", "missing", "ended"], 1);
    for session in &capture.sessions {
        let ports = session.ports.iter().map(u16::to_string).collect::<Vec<_>>().join(" ");
        let [first, messages, repeated, missing] =
            [session.first, session.messages, session.repeated, session.missing].map(|count| count.to_string());
        let ended = if session.has_ended { "yes" } else { "no" }.to_owned();
        rows.add([Named(session.name).to_string(), ports, first, messages, repeated, missing, ended]);
    }
    out.say(rows.lines(out.columns()))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn every_recorded_file_gives_the_counts_of_an_independent_reader() {
        let folder = std::env::var("CORELANE_DATA")
            .unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data").to_owned());
        for name in ["esh4_20231225_mbo", "nasdaq_dayhead_1000", "ritch_synthetic_12012"] {
            let expected = Path::new(&folder).join(format!("expected/{name}.stats.json"));
            let Ok(expected) = std::fs::read_to_string(expected) else { continue };
            let expected: Value = serde_json::from_str(&expected).unwrap();
            let args = InputArgs::all_of(Path::new(&folder).join(format!("itch/{name}.itch")));
            let stats = Stats::count(&mut Input::open(&args, Order::Sequence).unwrap());
            assert_eq!(expected, stats.json(), "{name}");
        }
    }
}
