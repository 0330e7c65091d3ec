//! Messages of a BinaryFILE, read as a stream.

use std::io::{self, ErrorKind, Read};

use corelane_codecs::binary_file::{Frame, frame};
use thiserror::Error;

/// Every frame fits: its length has 16 bits.
const BUFFER_BYTES: usize = 2 * 65_536;

/// Why a file cannot be read on.
#[derive(Debug, Error)]
pub enum SourceError {
    /// The file could not be read.
    #[error("cannot read on after message {message}: {source}")]
    Read {
        /// Messages before.
        message: u64,
        /// Why.
        source: io::Error,
    },
    /// The file ends within a message.
    #[error(
        "the file ends within message {message} at offset {offset}, after {bytes} bytes of it; it is cut short or no \
         BinaryFILE"
    )]
    Truncated {
        /// Number of the message, from 1.
        message: u64,
        /// Where its frame begins, in bytes from the start of the file.
        offset: u64,
        /// Bytes of it that are there, its length field included.
        bytes: usize,
    },
}

/// The messages of a file, one after another. Bytes, a file, or a decompressor: anything that can be read.
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
    /// From the start of `reader`.
    pub fn new(reader: R) -> Self {
        let buffer = vec![0; BUFFER_BYTES].into_boxed_slice();
        Self { reader, buffer, start: 0, end: 0, messages: 0, offset: 0, ended: false }
    }

    /// The first message not taken yet, `None` at the end of the file or at its end marker.
    ///
    /// # Errors
    /// [`SourceError`] if the file cannot be read or ends within a message.
    pub fn peek(&mut self) -> Result<Option<&[u8]>, SourceError> {
        Ok(self.locate()?.map(|length| &self.buffer[self.start + 2..self.start + length]))
    }

    /// Goes on to the message after the one that [`MessageSource::peek`] gives.
    ///
    /// # Errors
    /// As there.
    pub fn take(&mut self) -> Result<(), SourceError> {
        if let Some(length) = self.locate()? {
            self.start += length;
            self.offset += length as u64;
            self.messages += 1;
        }
        Ok(())
    }

    /// Messages taken.
    pub fn taken(&self) -> u64 {
        self.messages
    }

    /// Where the frame of the first message not taken yet begins, in bytes from the start of the file; of a compressed
    /// one, in bytes of what it holds.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Length of the frame at `start`, all of which is then in the buffer.
    fn locate(&mut self) -> Result<Option<usize>, SourceError> {
        while !self.ended {
            match frame(&self.buffer[self.start..self.end]) {
                Some((Frame::Message(_), length)) => return Ok(Some(length)),
                Some((Frame::EndOfSession, _)) => self.ended = true,
                None => self.fill()?,
            }
        }
        Ok(None)
    }

    /// Reads more, and notices the end.
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
            [(b"", &[]), (b"\0\x01a\0\x02bc", &[b"a", b"bc"]), (b"\0\x01a\0\0\0\x02bc", &[b"a"]), (b"\0\0", &[])];
        for (file, expected) in cases {
            assert_eq!(all(file).unwrap(), expected);
            assert_eq!(all(Dripping(file)).unwrap(), expected);
        }
    }

    #[test]
    fn a_file_cut_within_a_message_says_where() {
        let error = all(&b"\0\x01a\0\x02b"[..]).unwrap_err();
        assert!(matches!(error, SourceError::Truncated { message: 2, offset: 3, bytes: 3 }), "{error}");
    }
}
