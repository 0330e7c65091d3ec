//! Nasdaq BinaryFILE framing, the usual format of recorded ITCH days.
//!
//! A frame is a big-endian `u16` length and that many bytes of one message; length zero marks the end of the
//! session. There is no header.
//!
//! ```
//! use corelane_codecs::binary_file::{Frame, Frames, encode, frame};
//!
//! let mut file = [0; 16];
//! let length = encode(b"hello", &mut file).unwrap();
//! assert_eq!(frame(&file[..length]), Some((Frame::Message(b"hello"), 7)));
//! assert_eq!(frame(&file[..6]), None, "one more byte is needed");
//! // The rest of the buffer is zero, which is the end marker.
//! assert_eq!(Frames::new(&file).map(Result::unwrap).collect::<Vec<_>>(), [b"hello"]);
//! ```

use thiserror::Error;

use crate::wire::Shown;

const LENGTH_BYTES: usize = 2;

/// One frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame<'a> {
    /// A message.
    Message(&'a [u8]),
    /// The marker of length zero.
    EndOfSession,
}

/// Length field of the frame at the start of `bytes`; zero if there are fewer than two bytes.
#[inline]
fn length(bytes: &[u8]) -> usize {
    bytes.first_chunk().map_or(0, |length| usize::from(u16::from_be_bytes(*length)))
}

/// Reads the first frame; returns it with its length in bytes, `None` if it is not complete.
///
/// To read a stream, drop the returned number of bytes after each frame, and read more on `None`.
#[inline]
#[must_use]
pub fn frame(bytes: &[u8]) -> Option<(Frame<'_>, usize)> {
    let (length, rest) = bytes.split_first_chunk::<LENGTH_BYTES>()?;
    let length = usize::from(u16::from_be_bytes(*length));
    if length == 0 {
        return Some((Frame::EndOfSession, LENGTH_BYTES));
    }
    let message = rest.get(..length)?;
    Some((Frame::Message(message), LENGTH_BYTES + length))
}

/// Writes `message` as a frame to the start of `out`; returns the bytes written. An empty message is the end marker.
///
/// # Errors
/// [`BinaryFileError::NoRoom`] if it does not fit `out` or its length does not fit 16 bits.
pub fn encode(message: &[u8], out: &mut [u8]) -> Result<usize, BinaryFileError> {
    let needed = LENGTH_BYTES + message.len();
    let no_room = |available| BinaryFileError::NoRoom { needed, available };
    let length = u16::try_from(message.len()).map_err(|_| no_room(LENGTH_BYTES + usize::from(u16::MAX)))?;
    let available = out.len();
    let out = out.get_mut(..needed).ok_or_else(|| no_room(available))?;
    let (head, body) = out.split_at_mut(LENGTH_BYTES);
    head.copy_from_slice(&length.to_be_bytes());
    body.copy_from_slice(message);
    Ok(needed)
}

/// Error in reading a file or writing a frame. Offsets count from the start of the bytes given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BinaryFileError {
    /// The bytes end within a frame.
    #[error("the file is cut short: the frame at offset {offset} has {needed} bytes, of which {actual} are there")]
    Truncated {
        /// Where the frame begins.
        offset: usize,
        /// Bytes of the frame.
        needed: usize,
        /// Bytes left in the file.
        actual: usize,
    },
    /// A length that is not zero, in a file without lengths.
    #[error("length {length} at offset {offset} of a file without lengths; read it with `Frames`")]
    UnexpectedLength {
        /// Where the length is.
        offset: usize,
        /// The length.
        length: u16,
    },
    /// A message type of unknown size, in a file without lengths.
    #[error("message type {} at offset {offset} has no known size", Shown(*kind))]
    UnknownType {
        /// Where the message begins.
        offset: usize,
        /// Its first byte.
        kind: u8,
    },
    /// The message does not fit the output or the 16-bit length.
    #[error("frame of {needed} bytes does not fit the {available} available")]
    NoRoom {
        /// Bytes to write.
        needed: usize,
        /// Bytes available.
        available: usize,
    },
}

/// Iterator over the messages of a whole file.
///
/// It ends at the end marker, at the end of the bytes, or after the first error.
#[derive(Clone, Debug)]
#[must_use = "an iterator does nothing until it is read"]
pub struct Frames<'a> {
    /// The file, without what follows the end marker once that is found.
    bytes: &'a [u8],
    /// Offset of the next frame.
    offset: usize,
}

impl<'a> Frames<'a> {
    /// The frames of `bytes`.
    #[inline]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, offset: 0 }
    }

    /// Bytes read so far, the end marker included.
    #[inline]
    #[must_use]
    pub const fn offset(&self) -> usize {
        self.offset
    }

    /// Ends at the end marker, with an error if the bytes end within a frame.
    #[cold]
    fn finish(&mut self) -> Option<Result<&'a [u8], BinaryFileError>> {
        let (rest, offset) = (&self.bytes[self.offset..], self.offset);
        if rest.is_empty() {
            return None;
        }
        let length = length(rest);
        let is_marker = length == 0 && rest.len() >= LENGTH_BYTES;
        self.offset += if is_marker { LENGTH_BYTES } else { 0 };
        self.bytes = &self.bytes[..self.offset];
        let needed = LENGTH_BYTES + length;
        (!is_marker).then_some(Err(BinaryFileError::Truncated { offset, needed, actual: rest.len() }))
    }
}

impl<'a> Iterator for Frames<'a> {
    type Item = Result<&'a [u8], BinaryFileError>;

    // The offset of the next frame is compared with the end, so it is computed before the caller branches on the
    // message, which cannot be predicted: the CPU fetches the next length while it reads this message's fields.
    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.bytes.get(self.offset..)?;
        let length = length(rest);
        let body = self.offset + LENGTH_BYTES;
        let end = body + length;
        match self.bytes.get(body..end) {
            Some(message) if length > 0 => {
                self.offset = end;
                Some(Ok(message))
            }
            _ => self.finish(),
        }
    }
}

/// Iterator over a file whose writer put `00 00` in place of every length.
///
/// Some tools write such files. A message's type gives its size, and there is no end marker. The caller chooses this
/// reader, because such a file looks like an ordinary one without messages.
///
/// ```
/// use corelane_codecs::binary_file::UnsizedFrames;
/// use corelane_codecs::itch::message_len;
///
/// let file = [&[0, 0, b'S'][..], &[0; 11]].concat();
/// assert_eq!(UnsizedFrames::new(&file, message_len).next().unwrap().unwrap().len(), 12);
/// ```
#[derive(Clone, Debug)]
#[must_use = "an iterator does nothing until it is read"]
pub struct UnsizedFrames<'a> {
    bytes: &'a [u8],
    offset: usize,
    ended: bool,
    size_of_type: fn(u8) -> Option<usize>,
}

impl<'a> UnsizedFrames<'a> {
    /// The frames of `bytes`; `size_of_type` returns the length of a message by its first byte.
    #[inline]
    pub const fn new(bytes: &'a [u8], size_of_type: fn(u8) -> Option<usize>) -> Self {
        Self { bytes, offset: 0, ended: false, size_of_type }
    }

    fn read(&self) -> Result<&'a [u8], BinaryFileError> {
        let rest = &self.bytes[self.offset..];
        let truncated = |needed| BinaryFileError::Truncated { offset: self.offset, needed, actual: rest.len() };
        let (length, body) = rest.split_first_chunk::<LENGTH_BYTES>().ok_or(truncated(LENGTH_BYTES + 1))?;
        let length = u16::from_be_bytes(*length);
        if length != 0 {
            return Err(BinaryFileError::UnexpectedLength { offset: self.offset, length });
        }
        let kind = *body.first().ok_or(truncated(LENGTH_BYTES + 1))?;
        let offset = self.offset + LENGTH_BYTES;
        let size = (self.size_of_type)(kind).ok_or(BinaryFileError::UnknownType { offset, kind })?;
        body.get(..size).ok_or(truncated(LENGTH_BYTES + size))
    }
}

impl<'a> Iterator for UnsizedFrames<'a> {
    type Item = Result<&'a [u8], BinaryFileError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended || self.offset == self.bytes.len() {
            return None;
        }
        let read = self.read();
        match read {
            Ok(message) => self.offset += LENGTH_BYTES + message.len(),
            Err(_) => self.ended = true,
        }
        Some(read)
    }
}
