//! A streaming reader of the messages in a BinaryFILE.

use std::io::{self, ErrorKind, Read};

use corelane_codecs::binary_file::{Frame, frame};
use thiserror::Error;

/// The size of the buffer. Every frame fits, because its length has 16 bits.
const BUFFER_BYTES: usize = 2 * 65_536;

/// The reason why reading a file failed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SourceError {
    /// Reading the file failed.
    #[error("cannot read the file after message {message}: {source}")]
    Read {
        /// The number of messages read before.
        message: u64,
        /// The cause.
        source: io::Error,
    },
    /// The file ends within a message.
    #[error(
        "the file ends within message {message} at offset {offset}, after {bytes} bytes of it; it is truncated or not a \
         BinaryFILE"
    )]
    Truncated {
        /// The number of the message, from 1.
        message: u64,
        /// The offset of its frame, in bytes from the start of the file.
        offset: u64,
        /// The number of bytes present, including its length field.
        bytes: usize,
    },
    /// Bytes follow the end marker.
    #[error("{bytes} bytes behind the end at offset {offset}, where a frame of length 0 ends the session")]
    Behind {
        /// The number of bytes.
        bytes: u64,
        /// The offset of the first one, in bytes from the start of the file.
        offset: u64,
    },
}

/// A reader of the messages in a file, a decompressor, a byte slice, or any other reader.
#[derive(Debug)]
pub struct MessageSource<R> {
    reader: R,
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
    messages: u64,
    offset: u64,
    ended: bool,
}

impl<R: Read> MessageSource<R> {
    /// Creates a source that reads from the start of `reader`.
    #[must_use]
    pub fn new(reader: R) -> Self {
        let buffer = vec![0; BUFFER_BYTES].into_boxed_slice();
        Self { reader, buffer, start: 0, end: 0, messages: 0, offset: 0, ended: false }
    }

    /// The first message not taken yet; `None` at the end of the file or at its end marker.
    ///
    /// # Errors
    /// [`SourceError`] if the file cannot be read or ends within a message; once, if bytes follow its end marker.
    pub fn peek(&mut self) -> Result<Option<&[u8]>, SourceError> {
        Ok(self.locate()?.map(|length| &self.buffer[self.start + 2..self.start + length]))
    }

    /// Advances to the message after the one that [`MessageSource::peek`] returns.
    ///
    /// # Errors
    /// As for [`MessageSource::peek`].
    pub fn take(&mut self) -> Result<(), SourceError> {
        if let Some(length) = self.locate()? {
            self.start += length;
            self.offset += length as u64;
            self.messages += 1;
        }
        Ok(())
    }

    /// The number of messages taken.
    #[must_use]
    pub fn taken(&self) -> u64 {
        self.messages
    }

    /// The offset of the first message not taken yet, in bytes from the start of the file; for a compressed file, of
    /// its decompressed content.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Reads until the frame at `start` is complete in the buffer, and returns its length.
    fn locate(&mut self) -> Result<Option<usize>, SourceError> {
        while !self.ended {
            match frame(&self.buffer[self.start..self.end]) {
                Some((Frame::Message(_), length)) => return Ok(Some(length)),
                Some((Frame::EndOfSession, length)) => {
                    self.ended = true;
                    self.behind(length)?;
                }
                None => self.fill()?,
            }
        }
        Ok(None)
    }

    /// Checks that nothing follows the end marker, of `length` bytes.
    fn behind(&mut self, length: usize) -> Result<(), SourceError> {
        self.offset += length as u64;
        let read = io::copy(&mut self.reader, &mut io::sink());
        let read = read.map_err(|source| SourceError::Read { message: self.messages, source })?;
        let bytes = read + (self.end - self.start - length) as u64;
        if bytes == 0 { Ok(()) } else { Err(SourceError::Behind { bytes, offset: self.offset }) }
    }

    /// Reads more bytes, and detects the end.
    fn fill(&mut self) -> Result<(), SourceError> {
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        match self.reader.read(&mut self.buffer[self.end..]) {
            Ok(0) if self.end > 0 => {
                let (message, offset, bytes) = (self.messages + 1, self.offset, self.end);
                Err(SourceError::Truncated { message, offset, bytes })
            }
            Ok(0) => {
                self.ended = true;
                Ok(())
            }
            Ok(bytes) => {
                self.end += bytes;
                Ok(())
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => Ok(()),
            Err(source) => Err(SourceError::Read { message: self.messages, source }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives one byte at a time.
    struct Dripping<'a>(&'a [u8]);

    impl Read for Dripping<'_> {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            let length = self.0.len().min(1);
            self.0.read(&mut out[..length])
        }
    }

    fn all<R: Read>(reader: R) -> Result<Vec<Vec<u8>>, SourceError> {
        let mut source = MessageSource::new(reader);
        let mut messages = Vec::new();
        while let Some(message) = source.peek()? {
            messages.push(message.to_vec());
            source.take()?;
        }
        Ok(messages)
    }

    #[test]
    fn messages_come_out_however_the_file_is_cut() {
        let cases: [(&[u8], &[&[u8]]); 4] =
            [(b"", &[]), (b"\0\x01a\0\x02bc", &[b"a", b"bc"]), (b"\0\x01a\0\0", &[b"a"]), (b"\0\0", &[])];
        for (file, expected) in cases {
            assert_eq!(all(file).unwrap(), expected);
            assert_eq!(all(Dripping(file)).unwrap(), expected);
        }
    }

    // T5
    #[test]
    fn bytes_behind_the_end_marker_are_counted() {
        for file in [&b"\0\x01a\0\0\0\x02bc"[..], &[&b"\0\x01a\0\0"[..], &[7; 300_000]].concat()] {
            let mut source = MessageSource::new(Dripping(file));
            assert_eq!(source.peek().unwrap(), Some(&b"a"[..]));
            source.take().unwrap();
            let error = source.peek().unwrap_err().to_string();
            let expected = format!("{} bytes behind the end at offset 5, where", file.len() - 5);
            assert!(error.starts_with(&expected), "{error}");
            assert_eq!(source.peek().unwrap(), None);
        }
    }

    #[test]
    fn a_file_cut_within_a_message_says_where() {
        let error = all(&b"\0\x01a\0\x02b"[..]).unwrap_err();
        assert!(matches!(error, SourceError::Truncated { message: 2, offset: 3, bytes: 3 }), "{error}");
    }
}
