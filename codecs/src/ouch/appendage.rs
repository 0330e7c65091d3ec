//! Tagged options at the end of a message. Each is a length byte (of tag and value), a tag byte and a value.

use core::fmt;

use thiserror::Error;

use super::tags::{Tag, TagValue};

/// The checked options of one message: no element is cut off, and the values of known tags have the right size.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Appendage<'a>(&'a [u8]);

/// One option: any tag, and its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Element<'a> {
    /// The tag byte.
    pub tag: u8,
    /// The bytes of the value.
    pub value: &'a [u8],
}

impl Element<'_> {
    /// The typed value, `None` for an unknown tag or a value of the wrong size.
    #[inline]
    #[must_use]
    pub fn typed(&self) -> Option<TagValue> {
        TagValue::read(Tag::from_wire(self.tag)?, self.value)
    }
}

/// Fault of an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum AppendageFault {
    /// The length is zero, which leaves no room for a tag.
    #[error("element length 0 leaves no room for its tag")]
    NoTag,
    /// The element is longer than the rest of the appendage.
    #[error("element of {length} bytes has only {left} left")]
    Overrun {
        /// Its length: tag and value.
        length: u8,
        /// Bytes left in the appendage.
        left: usize,
    },
    /// The value of a known tag has the wrong size.
    #[error("value of tag {tag:?} has {actual} bytes, not {expected}")]
    ValueSize {
        /// The tag.
        tag: Tag,
        /// Size of its value by the specification.
        expected: usize,
        /// The size of the value.
        actual: usize,
    },
}

impl<'a> Appendage<'a> {
    /// No options.
    pub const EMPTY: Self = Self(&[]);

    /// Checks the elements that follow the length field.
    ///
    /// # Errors
    /// The fault of the first bad element and its offset in `elements`.
    #[inline]
    pub fn parse(elements: &'a [u8]) -> Result<Self, (usize, AppendageFault)> {
        let mut rest = elements;
        while let [length, tail @ ..] = rest {
            rest = after_element(*length, tail).map_err(|fault| (elements.len() - rest.len(), fault))?;
        }
        Ok(Self(elements))
    }

    /// All elements in order, unknown tags too.
    #[inline]
    pub fn elements(&self) -> Elements<'a> {
        Elements(self.0)
    }

    /// The values of the known tags in order; unknown ones are skipped.
    #[inline]
    pub fn values(&self) -> impl Iterator<Item = TagValue> + use<'a> {
        self.elements().filter_map(|element| element.typed())
    }

    /// The value of `tag`; of its first element if it is repeated.
    #[inline]
    #[must_use]
    pub fn get(&self, tag: Tag) -> Option<TagValue> {
        self.elements().find(|element| element.tag == tag.to_wire())?.typed()
    }

    /// Whether there are no options.
    #[inline]
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The channel of user reference numbers that a message belongs to ([`Tag::UserRefIdx`]), 0 if it names none.
    #[inline]
    #[must_use]
    pub fn channel(&self) -> u8 {
        match self.get(Tag::UserRefIdx) {
            Some(TagValue::UserRefIdx(channel)) => channel,
            _ => 0,
        }
    }

    /// The bytes of the elements, without the length field.
    #[inline]
    #[must_use]
    pub const fn as_bytes(&self) -> &'a [u8] {
        self.0
    }
}

/// Checks one element, and returns what follows it.
#[inline]
fn after_element(length: u8, tail: &[u8]) -> Result<&[u8], AppendageFault> {
    let (element, after) =
        tail.split_at_checked(usize::from(length)).ok_or(AppendageFault::Overrun { length, left: tail.len() })?;
    let (tag, value) = element.split_first().ok_or(AppendageFault::NoTag)?;
    match Tag::from_wire(*tag) {
        Some(tag) if tag.value_len() != value.len() => {
            Err(AppendageFault::ValueSize { tag, expected: tag.value_len(), actual: value.len() })
        }
        _ => Ok(after),
    }
}

impl fmt::Debug for Appendage<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.elements()).finish()
    }
}

/// Iterator over the elements of an [`Appendage`].
#[derive(Clone, Debug)]
#[must_use = "an iterator does nothing until it is read"]
pub struct Elements<'a>(&'a [u8]);

impl<'a> Elements<'a> {
    /// The elements that can be told apart: those before the first that is longer than the rest. One without a tag is skipped.
    pub(super) fn readable(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = Element<'a>;

    #[inline]
    fn next(&mut self) -> Option<Element<'a>> {
        loop {
            let (length, tail) = self.0.split_first()?;
            let (element, rest) = tail.split_at_checked(usize::from(*length))?;
            self.0 = rest;
            if let Some((tag, value)) = element.split_first() {
                return Some(Element { tag: *tag, value });
            }
        }
    }
}

/// Writes options one after another into a buffer.
///
/// ```
/// use corelane_codecs::ouch::{Appendage, AppendageWriter, Tag, TagValue};
/// use corelane_codecs::text::Mpid;
///
/// let mut buffer = [0; 16];
/// let mut options = AppendageWriter::new(&mut buffer);
/// assert!(options.push(TagValue::Firm(Mpid::new("LIME").unwrap())));
/// assert!(options.push(TagValue::MinQty(100)));
/// assert!(!options.push(TagValue::DiscretionPrice(1)), "16 bytes are full");
///
/// let read = Appendage::parse(options.as_bytes()).unwrap();
/// assert_eq!(read.get(Tag::MinQty), Some(TagValue::MinQty(100)));
/// ```
#[derive(Debug)]
pub struct AppendageWriter<'a> {
    buffer: &'a mut [u8],
    length: usize,
}

impl<'a> AppendageWriter<'a> {
    /// A writer into an empty buffer.
    #[inline]
    pub fn new(buffer: &'a mut [u8]) -> Self {
        Self { buffer, length: 0 }
    }

    /// Appends an option. Returns `false` and writes nothing if it does not fit.
    #[inline]
    #[must_use]
    pub fn push(&mut self, value: TagValue) -> bool {
        let mut bytes = [0; TagValue::MAX_LEN];
        let size = value.write(&mut bytes);
        let Some(room) = self.buffer[self.length..].get_mut(..2 + size) else {
            return false;
        };
        // At most 8 bytes of value, so the length fits.
        room[0] = 1 + size as u8;
        room[1] = value.tag().to_wire();
        room[2..].copy_from_slice(&bytes[..size]);
        self.length += 2 + size;
        true
    }

    /// The options so far, for [`encode_with_appendage`](super::encode_with_appendage).
    #[inline]
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.buffer[..self.length]
    }
}
