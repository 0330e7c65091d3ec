//! Recorded market data: an ITCH file or a packet capture, told apart by their content.

use std::fmt;
use std::io::{self, Cursor, Read};

use crate::capture::{CaptureSource, is_capture};
use crate::captured::{CaptureReport, CapturedMessages};
use crate::foreign;
use crate::recorded::{Damage, Place, Recorded, Selection};
use crate::source::MessageSource;

/// The number of bytes by which a file is recognised.
const HEAD_BYTES: u64 = 64;

/// A reader of an ITCH file or a capture. Its memory is bounded, whatever these contain.
#[derive(Debug)]
pub struct Recording<'r> {
    head: Vec<u8>,
    kind: Kind<'r>,
}

enum Kind<'r> {
    File(FileMessages<'r>),
    Capture(Box<CapturedMessages<'r>>),
}

impl fmt::Debug for Kind<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::File(_) => "File",
            Kind::Capture(_) => "Capture",
        })
    }
}

impl<'r> Recording<'r> {
    /// Creates a reader of `reader`, which is decompressed already.
    ///
    /// # Errors
    /// [`Damage`] if its first bytes cannot be read, or are those of a capture that is damaged.
    pub fn new(mut reader: impl Read + 'r, selection: Selection) -> Result<Self, Damage> {
        let mut head = Vec::new();
        let read = reader.by_ref().take(HEAD_BYTES).read_to_end(&mut head);
        let whole = Cursor::new(head.clone()).chain(rest(reader, read));
        let kind = if is_capture(&head) {
            Kind::Capture(Box::new(CapturedMessages::new(CaptureSource::new(whole)?, selection)))
        } else {
            Kind::File(FileMessages { source: MessageSource::new(Box::new(whole)), is_read: false, has_ended: false })
        };
        Ok(Recording { head, kind })
    }

    /// The next message or damage; `None` at the end.
    #[expect(clippy::should_implement_trait, reason = "the messages are borrowed from the reader")]
    pub fn next(&mut self) -> Option<Result<Recorded<'_>, Damage>> {
        match &mut self.kind {
            Kind::File(file) => file.next(),
            Kind::Capture(capture) => capture.next(),
        }
    }

    /// What a capture has held so far; `None` for an ITCH file.
    #[must_use]
    pub fn capture(&self) -> Option<&CaptureReport> {
        match &self.kind {
            Kind::File(_) => None,
            Kind::Capture(capture) => Some(capture.report()),
        }
    }

    /// What this is, for a reader who took it for ITCH: for example `text that begins "time,price"`.
    #[must_use]
    pub fn describe(&self) -> String {
        self.capture().map_or_else(|| foreign::describe_file(&self.head), CaptureReport::describe)
    }
}

/// Counts the sessions in the first `bytes` of a capture, as far as they are whole. Returns a reader of all of it.
///
/// An ITCH file has none.
pub fn count_sessions<'r>(
    mut reader: impl Read + 'r,
    selection: Selection,
    bytes: usize,
) -> (usize, Box<dyn Read + 'r>) {
    let mut head = Vec::new();
    let read = reader.by_ref().take(bytes as u64).read_to_end(&mut head);
    let mut sessions = 0;
    if let Ok(mut recording) = Recording::new(&head[..], selection)
        && recording.capture().is_some()
    {
        while recording.next().is_some() {}
        sessions = recording.capture().map_or(0, |capture| capture.sessions.len());
    }
    (sessions, Box::new(Cursor::new(head).chain(rest(reader, read))))
}

/// What follows a part of `reader` that was read with this result: the error, if there was one.
fn rest<'r>(reader: impl Read + 'r, read: io::Result<usize>) -> Box<dyn Read + 'r> {
    match read {
        Ok(_) => Box::new(reader),
        Err(error) => Box::new(Failing(Some(error))),
    }
}

/// A reader that fails.
struct Failing(Option<io::Error>);

impl Read for Failing {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.0.take().map_or(Ok(0), Err)
    }
}

/// The messages of an ITCH file.
struct FileMessages<'r> {
    source: MessageSource<Box<dyn Read + 'r>>,
    /// Whether the first message of `source` has been returned.
    is_read: bool,
    has_ended: bool,
}

impl FileMessages<'_> {
    fn next(&mut self) -> Option<Result<Recorded<'_>, Damage>> {
        if self.has_ended {
            return None;
        }
        if self.is_read
            && let Err(error) = self.source.take()
        {
            self.has_ended = true;
            return Some(Err(error.into()));
        }
        let place = Place::File { number: self.source.taken() + 1, offset: self.source.offset() };
        match self.source.peek() {
            Ok(Some(bytes)) => {
                self.is_read = true;
                Some(Ok(Recorded { place, bytes }))
            }
            Ok(None) => {
                self.has_ended = true;
                None
            }
            Err(error) => {
                self.has_ended = true;
                Some(Err(error.into()))
            }
        }
    }
}
