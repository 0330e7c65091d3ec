//! `corelane itch decode`: one readable line per message of a file or a capture.

use std::io::{self, Write};

use corelane_console::{Exit, Output};
use corelane_market::{Named, Order, Place, Selection, count_sessions};

use super::input::{Found, Input};
use crate::cli::InputArgs;

/// The part of a capture, in bytes, that is looked through for several sessions before the first line.
const AHEAD_BYTES: usize = 4 << 20;

pub(super) fn decode(args: &InputArgs, out: &mut Output) -> miette::Result<Exit> {
    let selection = Selection { port: args.port, session: args.session, order: Order::Captured };
    let mut sessions = 0;
    let mut input = Input::open_as(args, Order::Captured, |reader| {
        let (found, reader) = count_sessions(reader, selection, AHEAD_BYTES);
        sessions = found;
        reader
    })?;
    let is_named = args.session.is_none() && sessions > 1;
    match write(&mut input, is_named, out) {
        Ok(()) => Ok(input.finish()),
        // The output is lost.
        Err(_) => Ok(Exit::NotDone),
    }
}

/// Writes a line per message, with the session's name if `is_named` or from the second session on.
fn write(input: &mut Input, mut is_named: bool, out: &mut impl Write) -> io::Result<()> {
    let mut first = None;
    while let Some(Found { place, message, .. }) = input.next() {
        let Ok(message) = message else { continue };
        if let Place::Capture { session, .. } = place {
            is_named |= *first.get_or_insert(session) != session;
            if is_named {
                write!(out, "{} ", Named(session))?;
            }
        }
        writeln!(out, "{} {message}", place.number())?;
    }
    out.flush()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn every_recorded_capture_is_read_to_its_end() {
        let data = std::env::var("CORELANE_DATA")
            .unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data").to_owned());
        // The message counts of another program.
        for (folder, messages) in [("pcap_nasdaq", 71), ("pcap_bx", 56), ("pcap_bx_sequenced", 3)] {
            let Ok(files) = std::fs::read_dir(Path::new(&data).join(folder)) else { continue };
            let mut lines = Vec::new();
            for file in files {
                let args = InputArgs::all_of(file.unwrap().path());
                let mut input = Input::open(&args, Order::Captured).unwrap();
                write(&mut input, false, &mut lines).unwrap();
                assert_eq!(input.finish(), Exit::Done, "{args:?}");
            }
            assert_eq!(String::from_utf8(lines).unwrap().lines().count(), messages, "{folder}");
        }
    }
}
