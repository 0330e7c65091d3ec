//! Nasdaq BinaryFILE framing: how days of ITCH are kept in files.
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
//! // What follows in the buffer are zeros: the end marker.
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

/// The length that a frame at the start of `bytes` gives; zero also if they are too few for one.
#[inline]
fn length(bytes: &[u8]) -> usize {
    bytes.first_chunk().map_or(0, |length| usize::from(u16::from_be_bytes(*length)))
}

/// The first frame and the bytes that it takes, or `None` if more bytes are needed to tell.
///
/// For streams: give it what is there, drop what it took, read more on `None`.
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

/// Writes `message` as a frame to the start of `out` and returns the bytes written. An empty message is the end
/// marker.
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

/// Why a file can not be read on, or a frame not be written. Offsets count from the start of the bytes given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BinaryFileError {
    /// The bytes end within a frame.
    #[error("frame at offset {offset} needs {needed} bytes and the file has {actual} more; it is cut short")]
    Truncated {
        /// Where the frame begins.
        offset: usize,
        /// Bytes of the frame.
        needed: usize,
        /// Bytes there are.
        actual: usize,
    },
    /// In a file without lengths, a length that is not zero.
    #[error("length {length} at offset {offset} of a file without lengths; read it as an ordinary one")]
    UnexpectedLength {
        /// Where the length is.
        offset: usize,
        /// The length.
        length: u16,
    },
    /// In a file without lengths, a message whose type has no known size.
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
    /// The file, up to the end once that was found.
    bytes: &'a [u8],
    /// Where what is still to be read begins.
    offset: usize,
}

impl<'a> Frames<'a> {
    /// The frames of `bytes`.
    #[inline]
    #[must_use]
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

    // Where the next frame begins is what is compared with the end, so that it is known before the caller, whose turns
    // cannot be predicted, takes one: the next length is then fetched beside this message's fields.
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
/// Some tools write such files. The size of a message then comes from its type, and there is no end marker, so
/// this must be asked for; it can not be told from an ordinary file that holds no messages.
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
    /// The frames of `bytes`; `size_of_type` gives the length of a message by its first byte.
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
