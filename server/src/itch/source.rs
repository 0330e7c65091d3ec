//! Reads the messages of an ITCH file, whatever its size, plain or gzip.

use std::{
    fs::File,
    io::{self, BufReader, IsTerminal, Read},
    path::{Path, PathBuf},
};

use corelane_codecs::{
    binary_file::{Frame, frame},
    itch::message_len,
};
use flate2::bufread::MultiGzDecoder;
use indicatif::{ProgressBar, ProgressStyle};

/// Bytes read at once. A frame is at most 65,537 bytes, so that one always fits.
const BUFFER_BYTES: usize = 1 << 20;

/// Why a file cannot be read on.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum SourceError {
    /// It cannot be opened.
    #[error("cannot open {path}: {source}", path = path.display())]
    #[diagnostic(help("give the path of a length-prefixed ITCH 5.0 file, plain or gzip"))]
    Open {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Reading failed, or the gzip data is damaged.
    #[error("cannot read {path} after {offset} bytes: {source}", path = path.display())]
    #[diagnostic(help("if it is a gzip file, test it with gzip -t"))]
    Read {
        /// The file.
        path: PathBuf,
        /// Bytes of messages read before.
        offset: u64,
        /// What the system says.
        source: io::Error,
    },
}

/// The messages of one file, in order.
pub struct Source {
    path: PathBuf,
    input: Box<dyn Read>,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// Bytes consumed before `start`.
    offset: u64,
    ended: bool,
    /// The file has `00 00` in place of every length, as some tools write them: sizes come from the types.
    without_lengths: bool,
    progress: ProgressBar,
}

/// One step through a file.
#[derive(Debug, PartialEq, Eq)]
pub enum Item<'a> {
    /// A message with its offset in the file.
    Message(&'a [u8], u64),
    /// The file ends within a frame, this many bytes after its beginning; nothing can follow.
    CutShort(u64),
}

impl Source {
    /// Opens `path`; a progress bar runs on a terminal if `show_progress`.
    ///
    /// # Errors
    /// [`SourceError`].
    pub fn open(path: &Path, show_progress: bool) -> Result<Self, SourceError> {
        let open = |source| SourceError::Open { path: path.to_owned(), source };
        let file = File::open(path).map_err(open)?;
        let length = file.metadata().map_err(open)?.len();
        let progress = if show_progress && io::stderr().is_terminal() {
            ProgressBar::new(length).with_style(bar())
        } else {
            ProgressBar::hidden()
        };
        let mut raw = BufReader::with_capacity(BUFFER_BYTES, progress.wrap_read(file));
        let head = io::BufRead::fill_buf(&mut raw).map_err(open)?;
        let input: Box<dyn Read> =
            if head.starts_with(&[0x1f, 0x8b]) { Box::new(MultiGzDecoder::new(raw)) } else { Box::new(raw) };
        let mut source = Source {
            path: path.to_owned(),
            input,
            buffer: vec![0; BUFFER_BYTES],
            start: 0,
            end: 0,
            offset: 0,
            ended: false,
            without_lengths: false,
            progress,
        };
        source.fill()?;
        source.without_lengths = matches!(source.buffer[..source.end], [0, 0, kind, ..] if message_len(kind).is_some());
        Ok(source)
    }

    /// The next message, or `None` at the end of the file or at its end-of-session marker.
    ///
    /// # Errors
    /// [`SourceError::Read`].
    pub fn next(&mut self) -> Result<Option<Item<'_>>, SourceError> {
        if self.ended {
            return Ok(None);
        }
        let Some((prefix, length)) = self.next_length()? else {
            self.ended = true;
            self.progress.finish_and_clear();
            let left = (self.end - self.start) as u64;
            return Ok((left > 0).then_some(Item::CutShort(left)));
        };
        let (at, offset) = (self.start + prefix, self.offset);
        self.start = at + length;
        self.offset += (prefix + length) as u64;
        Ok(Some(Item::Message(&self.buffer[at..at + length], offset)))
    }

    /// Lengths of the next frame's prefix and message, once it is all in the buffer; `None` at the end.
    fn next_length(&mut self) -> Result<Option<(usize, usize)>, SourceError> {
        loop {
            let bytes = &self.buffer[self.start..self.end];
            let found = if self.without_lengths {
                bytes.get(2).and_then(|&kind| message_len(kind)).filter(|&length| bytes.len() >= length + 2)
            } else {
                match frame(bytes) {
                    Some((Frame::EndOfSession, taken)) => {
                        self.start += taken;
                        self.end = self.start;
                        return Ok(None);
                    }
                    Some((Frame::Message(message), _)) => Some(message.len()),
                    None => None,
                }
            };
            if let Some(length) = found {
                return Ok(Some((2, length)));
            }
            if self.fill()? == 0 {
                return Ok(None);
            }
        }
    }

    /// Moves what is left to the front and reads more; 0 at the end of the file, or when a frame without a known
    /// type fills the buffer.
    fn fill(&mut self) -> Result<usize, SourceError> {
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        let before = self.end;
        while self.end < self.buffer.len() {
            match self.input.read(&mut self.buffer[self.end..]) {
                Ok(0) => break,
                Ok(read) => self.end += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(source) => {
                    return Err(SourceError::Read { path: self.path.clone(), offset: self.offset, source });
                }
            }
        }
        Ok(self.end - before)
    }
}

fn bar() -> ProgressStyle {
    ProgressStyle::with_template("{bar:40} {bytes}/{total_bytes} {bytes_per_sec}, {eta} left")
        .expect("the template is a constant and valid")
}
