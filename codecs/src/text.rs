//! Fixed-width ASCII fields.
//!
//! ```
//! use corelane_codecs::text::Symbol;
//!
//! let symbol = Symbol::new("AAPL").unwrap();
//! assert_eq!(symbol.as_array(), b"AAPL    ");
//! assert_eq!(symbol.trimmed(), b"AAPL");
//! assert_eq!(symbol.to_string(), "AAPL");
//! assert!(Symbol::new("NINECHARS").is_err());
//! ```

use core::fmt;
use core::str::FromStr;

use thiserror::Error;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// `N` bytes of text, by convention left-justified and padded with spaces: `A(n)` in the specifications.
///
/// A decoder keeps the bytes as they are, printable or not. Equality and hash are those of the bytes, so a symbol
/// compares as one integer. If a peer may pad on the left, call [`Alpha::justified`] first.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned,
)]
#[repr(transparent)]
pub struct Alpha<const N: usize>([u8; N]);

/// An instrument's symbol.
pub type Symbol = Alpha<8>;
/// The client's own identifier of an order (OUCH ClOrdID).
pub type ClOrdId = Alpha<14>;
/// A firm: its market participant identifier.
pub type Mpid = Alpha<4>;

/// Error in making an [`Alpha`] of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum AlphaError {
    /// The text has more bytes than the field.
    #[error("text of {length} bytes does not fit a field of {max}; shorten it")]
    TooLong {
        /// Bytes of the text.
        length: usize,
        /// Bytes of the field.
        max: usize,
    },
    /// A byte is not printable ASCII.
    #[error("byte 0x{byte:02x} at {offset} is not printable ASCII")]
    NotPrintable {
        /// Position in the text.
        offset: usize,
        /// The byte there.
        byte: u8,
    },
}

impl<const N: usize> Alpha<N> {
    /// All spaces.
    pub const BLANK: Self = Self([b' '; N]);

    /// Pads `text` with spaces on the right.
    ///
    /// # Errors
    /// [`AlphaError`] if `text` is longer than `N` bytes or contains a byte that is not printable ASCII.
    pub const fn new(text: &str) -> Result<Self, AlphaError> {
        let bytes = text.as_bytes();
        if bytes.len() > N {
            return Err(AlphaError::TooLong { length: bytes.len(), max: N });
        }
        let mut field = [b' '; N];
        let mut offset = 0;
        while offset < bytes.len() {
            let byte = bytes[offset];
            if !(byte == b' ' || byte.is_ascii_graphic()) {
                return Err(AlphaError::NotPrintable { offset, byte });
            }
            field[offset] = byte;
            offset += 1;
        }
        Ok(Self(field))
    }

    /// The field with exactly these bytes.
    #[inline]
    #[must_use]
    pub const fn from_bytes(bytes: [u8; N]) -> Self {
        Self(bytes)
    }

    /// The bytes, padding included.
    #[inline]
    #[must_use]
    pub const fn as_array(&self) -> &[u8; N] {
        &self.0
    }

    /// The bytes without the spaces on both sides.
    #[inline]
    #[must_use]
    pub const fn trimmed(&self) -> &[u8] {
        let mut text: &[u8] = &self.0;
        while let [b' ', rest @ ..] = text {
            text = rest;
        }
        while let [rest @ .., b' '] = text {
            text = rest;
        }
        text
    }

    /// Whether all bytes are spaces.
    #[inline]
    #[must_use]
    pub const fn is_blank(&self) -> bool {
        self.trimmed().is_empty()
    }

    /// The same text moved to the left edge.
    #[inline]
    #[must_use]
    pub fn justified(&self) -> Self {
        let text = self.trimmed();
        let mut field = [b' '; N];
        field[..text.len()].copy_from_slice(text);
        Self(field)
    }

    /// The same text moved to the right edge.
    #[inline]
    #[must_use]
    pub fn right_justified(&self) -> Self {
        let text = self.trimmed();
        let mut field = [b' '; N];
        field[N - text.len()..].copy_from_slice(text);
        Self(field)
    }

    /// Whether the trimmed texts are equal, ignoring ASCII case.
    #[inline]
    #[must_use]
    pub fn matches_ignoring_case(&self, other: &Self) -> bool {
        self.trimmed().eq_ignore_ascii_case(other.trimmed())
    }
}

impl<const N: usize> Default for Alpha<N> {
    fn default() -> Self {
        Self::BLANK
    }
}

impl<const N: usize> FromStr for Alpha<N> {
    type Err = AlphaError;

    fn from_str(text: &str) -> Result<Self, AlphaError> {
        Self::new(text)
    }
}

/// The trimmed text, with other than printable bytes escaped (`\x00`).
impl<const N: usize> fmt::Display for Alpha<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.trimmed().escape_ascii(), f)
    }
}

impl<const N: usize> fmt::Debug for Alpha<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.escape_ascii())
    }
}
