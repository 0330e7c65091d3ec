//! The messages of a file or a capture, and what is wrong with it.

use std::{
    fmt::Display,
    io::{self, IsTerminal, Read},
    sync::{Arc, atomic::AtomicBool},
};

use corelane_codecs::{
    binary_file::encode,
    itch::{ItchError, Message},
    mold::{ETHERNET_PAYLOAD, HEADER_LEN},
};
use corelane_console::{Exit, warn};
use corelane_market::{CaptureReport, Order, Place, Recording, Selection};
use indicatif::ProgressBar;
use miette::miette;

use super::source;
use crate::cli::InputArgs;

/// The maximum number of errors listed; the others are counted.
const LISTED_MAX: u64 = 20;
/// The lengths of messages that can be played, in bytes: a timestamp, and one packet with a message's length field.
const PLAYABLE_BYTES: std::ops::RangeInclusive<usize> = 11..=ETHERNET_PAYLOAD - HEADER_LEN - 2;

/// A file or a capture whose messages are read, with a progress bar on a terminal.
pub(crate) struct Input {
    name: String,
    selection: Selection,
    recording: Recording<'static>,
    message: Vec<u8>,
    listing: Listing,
}

/// Lists errors on standard error from the first valid message on. An input without any gets one line that says what
/// it is.
struct Listing {
    progress: ProgressBar,
    /// The number of valid messages.
    messages: u64,
    errors: u64,
    listed: u64,
    /// The errors before the first valid message.
    held: Vec<String>,
}

/// A message that was found.
pub(crate) struct Found<'a> {
    pub place: Place,
    pub bytes: &'a [u8],
    /// The message; an error has been counted and listed.
    pub message: Result<Message<'a>, ItchError>,
}

impl Found<'_> {
    /// Appends the message to the bytes of an ITCH file, which a player reads; false if it cannot be played. Whether it is
    /// valid does not matter.
    pub(crate) fn append_to(&self, file: &mut Vec<u8>) -> bool {
        let is_playable = PLAYABLE_BYTES.contains(&self.bytes.len());
        if is_playable {
            let start = file.len();
            file.resize(start + self.bytes.len() + 2, 0);
            encode(self.bytes, &mut file[start..])
                .expect("it has room, and a message of one packet has a length of 16 bits");
        }
        is_playable
    }
}

impl Input {
    /// Opens the file or capture.
    ///
    /// # Errors
    /// If it cannot be opened, or is damaged from its first bytes on.
    pub(crate) fn open(args: &InputArgs, order: Order) -> miette::Result<Self> {
        Self::open_until(args, order, &Arc::default(), |reader| reader)
    }

    /// Opens the file or capture through `wrap`, which gets the decompressed bytes.
    ///
    /// # Errors
    /// As for [`Input::open`].
    pub(crate) fn open_as(
        args: &InputArgs,
        order: Order,
        wrap: impl FnOnce(Box<dyn Read>) -> Box<dyn Read>,
    ) -> miette::Result<Self> {
        Self::open_until(args, order, &Arc::default(), wrap)
    }

    /// As [`Input::open_as`]; reading fails once `stop` is set.
    ///
    /// # Errors
    /// As for [`Input::open`].
    pub(crate) fn open_until(
        args: &InputArgs,
        order: Order,
        stop: &Arc<AtomicBool>,
        wrap: impl FnOnce(Box<dyn Read>) -> Box<dyn Read>,
    ) -> miette::Result<Self> {
        let progress = source::progress(io::stderr().is_terminal() && !io::stdout().is_terminal());
        let name = source::name(&args.file);
        let selection = Selection { port: args.port, session: args.session, order };
        let reader = wrap(source::open(&args.file, &progress, stop)?);
        let recording = Recording::new(reader, selection).map_err(|damage| miette!("{name}: {damage}"))?;
        if recording.capture().is_none() && (selection.port.is_some() || selection.session.is_some()) {
            return Err(miette!(
                help = "leave the option out; only a capture (pcap, pcapng) has ports and sessions",
                "{name} is no capture, from which a port or a session could be chosen"
            ));
        }
        let listing = Listing { progress, messages: 0, errors: 0, listed: 0, held: Vec::new() };
        Ok(Input { name, selection, recording, message: Vec::new(), listing })
    }

    /// The next message; `None` at the end.
    pub(crate) fn next(&mut self) -> Option<Found<'_>> {
        let place = loop {
            match self.recording.next()? {
                Ok(recorded) => {
                    self.message.clear();
                    self.message.extend_from_slice(recorded.bytes);
                    break recorded.place;
                }
                Err(damage) => self.listing.error(&damage),
            }
        };
        let message = Message::decode(&self.message);
        match &message {
            Ok(_) => self.listing.message(),
            Err(error) => self.listing.error(&format_args!("{place}: {error}")),
        }
        Some(Found { place, bytes: &self.message, message })
    }

    /// The number of errors so far.
    pub(crate) fn errors(&self) -> u64 {
        self.listing.errors
    }

    /// Whether there was a valid message, or there is nothing that is not ITCH: an empty file, or a session without a
    /// message.
    pub(crate) fn is_usable(&self) -> bool {
        let is_whole = self.selected().is_none();
        let is_empty = |capture: &CaptureReport| capture.frames == 0 || (is_whole && !capture.sessions.is_empty());
        self.listing.messages > 0 || (self.listing.errors == 0 && self.capture().is_none_or(is_empty))
    }

    /// What a capture has held; `None` for a file.
    pub(crate) fn capture(&self) -> Option<&CaptureReport> {
        self.recording.capture()
    }

    /// Counts and lists an error that the caller found.
    pub(crate) fn error(&mut self, error: &dyn Display) {
        self.listing.error(error);
    }

    /// Ends reading: says what was left out, and whether the input was usable.
    pub(crate) fn finish(self) -> Exit {
        let Listing { messages, errors, listed, .. } = self.listing;
        self.listing.progress.finish_and_clear();
        if messages == 0 {
            return self.finish_empty();
        }
        if errors > listed {
            warn(format_args!("and {} errors more", errors - listed));
        }
        let others: Vec<_> = self.capture().into_iter().flat_map(|capture| capture.others.describe()).collect();
        if !others.is_empty() {
            warn(format_args!("note: left out {}", others.join(", ")));
        }
        if errors == 0 {
            return Exit::Done;
        }
        warn(format_args!("{}: {messages} messages, {errors} errors", self.name));
        Exit::Damaged
    }

    /// Says in one line what an input without a message is.
    fn finish_empty(&self) -> Exit {
        let (name, is) = (&self.name, self.recording.describe());
        if self.is_usable() {
            warn(format_args!("note: no ITCH message in {name}"));
            return Exit::Done;
        }
        if let Some(selected) = self.selected() {
            warn(format_args!("{name}: no ITCH message of the selected {selected} in {is}"));
            return Exit::NotDone;
        }
        let first = self.listing.held.first().map(|first| format!(" (the first error: {first})"));
        warn(format_args!("{name}: not ITCH 5.0 but {is}{}", first.unwrap_or_default()));
        Exit::NotDone
    }

    fn selected(&self) -> Option<&'static str> {
        match (self.selection.port, self.selection.session) {
            (Some(_), Some(_)) => Some("port and session"),
            (Some(_), None) => Some("port"),
            (None, Some(_)) => Some("session"),
            (None, None) => None,
        }
    }
}

impl Listing {
    fn message(&mut self) {
        self.messages += 1;
        if self.messages == 1 {
            std::mem::take(&mut self.held).iter().for_each(|error| self.print(error));
        }
    }

    fn error(&mut self, error: &dyn Display) {
        self.errors += 1;
        if self.messages > 0 {
            self.print(error);
        } else if (self.held.len() as u64) < LISTED_MAX {
            self.held.push(error.to_string());
        }
    }

    fn print(&mut self, error: &dyn Display) {
        if self.listed < LISTED_MAX {
            self.listed += 1;
            self.progress.suspend(|| warn(error));
        }
    }
}
