//! The tagged options at the end of a message: length (one byte: tag and value), tag, value, repeated.

use core::fmt;

use thiserror::Error;

/// The options of one message, checked: every element lies within, and known tags have their size.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Appendage<'a>(&'a [u8]);

/// One option: any tag, and its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Element<'a> {
    /// The tag as it came.
    pub tag: u8,
    /// The bytes of the value.
    pub value: &'a [u8],
}

/// What is wrong with an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum AppendageFault {
    /// The length is zero, so that there is no tag.
    #[error("element length 0 leaves no room for its tag")]
    NoTag,
    /// The element is longer than what is left.
    #[error("element of {length} bytes has only {left} left")]
    Overrun {
        /// Its length: tag and value.
        length: u8,
        /// What is left of the appendage.
        left: usize,
    },
    /// A known tag with a value of another size.
    #[error("value of tag {tag:?} has {actual} bytes, not {expected}")]
    ValueSize {
        /// The tag.
        tag: Tag,
        /// The size that its value has by the specification.
        expected: usize,
        /// The size of the value.
        actual: usize,
    },
}

impl<'a> Appendage<'a> {
    /// No options.
    pub const EMPTY: Self = Self(&[]);

    /// Checks `elements` (what follows the length field).
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
    pub fn get(&self, tag: Tag) -> Option<TagValue> {
        self.elements().find(|element| element.tag == tag.to_wire())?.typed()
    }

    /// Whether there are no options.
    #[inline]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The elements as they stand in the message, without the length field.
    #[inline]
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
pub struct Elements<'a>(&'a [u8]);

impl<'a> Iterator for Elements<'a> {
    type Item = Element<'a>;

    #[inline]
    fn next(&mut self) -> Option<Element<'a>> {
        let (length, tail) = self.0.split_first()?;
        let (element, rest) = tail.split_at_checked(usize::from(*length))?;
        let (tag, value) = element.split_first()?;
        self.0 = rest;
        Some(Element { tag: *tag, value })
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
    /// A writer of no options yet.
    #[inline]
    pub fn new(buffer: &'a mut [u8]) -> Self {
        Self { buffer, length: 0 }
    }

    /// Appends an option; `false`, and nothing written, if it does not fit.
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
    pub fn as_bytes(&self) -> &[u8] {
        &self.buffer[..self.length]
    }
}

/// A value that an option can have: its bytes are those of a big-endian integer or of text.
trait Value: Sized {
    const LEN: usize;
    fn read(bytes: &[u8]) -> Option<Self>;
    fn write(self, out: &mut [u8; TagValue::MAX_LEN]);
}

macro_rules! integer_values {
    ($($integer:ty),+) => {
        $(impl Value for $integer {
            const LEN: usize = size_of::<$integer>();

            #[inline]
            fn read(bytes: &[u8]) -> Option<Self> {
                Some(Self::from_be_bytes(bytes.try_into().ok()?))
            }

            #[inline]
            fn write(self, out: &mut [u8; TagValue::MAX_LEN]) {
                out[..Self::LEN].copy_from_slice(&self.to_be_bytes());
            }
        })+
    };
}
integer_values!(u8, u16, u32, i32, u64);

impl Value for crate::text::Mpid {
    const LEN: usize = 4;

    #[inline]
    fn read(bytes: &[u8]) -> Option<Self> {
        Some(Self::from_bytes(bytes.try_into().ok()?))
    }

    #[inline]
    fn write(self, out: &mut [u8; TagValue::MAX_LEN]) {
        out[..Self::LEN].copy_from_slice(self.as_array());
    }
}

/// Declares the tags with the types of their values.
macro_rules! tags {
    ($($(#[$meta:meta])* $tag:ident = $code:literal: $value:ty,)+) => {
        /// A known option.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum Tag {
            $($(#[$meta])* $tag = $code,)+
        }

        impl Tag {
            /// Every known tag.
            pub const ALL: &'static [Self] = &[$(Self::$tag,)+];

            /// The tag whose wire code is `code`, `None` if it is unknown.
            #[inline]
            pub const fn from_wire(code: u8) -> Option<Self> {
                match code {
                    $($code => Some(Self::$tag),)+
                    _ => None,
                }
            }

            /// The wire code.
            #[inline]
            pub const fn to_wire(self) -> u8 {
                self as u8
            }

            /// Bytes of the value.
            #[inline]
            pub const fn value_len(self) -> usize {
                match self {
                    $(Self::$tag => <$value as Value>::LEN,)+
                }
            }
        }

        /// A known option with its value. Codes are the bytes of the specification, prices have four decimals.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum TagValue {
            $($(#[$meta])* $tag($value),)+
        }

        impl TagValue {
            const MAX_LEN: usize = 8;

            /// Which option it is.
            #[inline]
            pub const fn tag(&self) -> Tag {
                match self {
                    $(Self::$tag(_) => Tag::$tag,)+
                }
            }

            #[inline]
            fn write(self, out: &mut [u8; Self::MAX_LEN]) -> usize {
                match self {
                    $(Self::$tag(value) => {
                        value.write(out);
                        <$value as Value>::LEN
                    })+
                }
            }
        }

        impl Element<'_> {
            /// The typed value, `None` for an unknown tag or a value of the wrong size.
            #[inline]
            pub fn typed(&self) -> Option<TagValue> {
                match Tag::from_wire(self.tag)? {
                    $(Tag::$tag => <$value as Value>::read(self.value).map(TagValue::$tag),)+
                }
            }
        }
    };
}

tags! {
    /// Order reference of the second part of an order.
    SecondaryOrderRef = 1: u64,
    /// The firm, where a port serves several.
    Firm = 2: crate::text::Mpid,
    /// Minimum quantity to execute.
    MinQty = 3: u32,
    /// Customer type: `R`, `N` or space.
    CustomerType = 4: u8,
    /// Maximum displayed quantity of a reserve order.
    MaxFloor = 5: u32,
    /// Price type: `L`, `P`, `M`, `R`, `Q` or `m`.
    PriceType = 6: u8,
    /// Signed offset of a peg.
    PegOffset = 7: i32,
    /// Discretion price.
    DiscretionPrice = 9: u64,
    /// Type of the discretion price: `L`, `P`, `M` or `R`.
    DiscretionPriceType = 10: u8,
    /// Signed offset of a discretion peg.
    DiscretionPegOffset = 11: i32,
    /// Post only: `P`, or `N` for not.
    PostOnly = 12: u8,
    /// Range of a random reserve refresh.
    RandomReserves = 13: u32,
    /// Route.
    Route = 14: crate::text::Mpid,
    /// When a good-till-time order expires: seconds since midnight, below 86 400.
    ExpireTime = 15: u32,
    /// Trade now: `Y` or `N`.
    TradeNow = 16: u8,
    /// Handling instruction: `I`, `O`, `T`, `Q`, `B`, `D` or space.
    HandleInst = 17: u8,
    /// Weight at the best price: `0` to `3`, `S`, `N` or space.
    BboWeight = 18: u8,
    /// Quantity displayed.
    DisplayQty = 22: u32,
    /// Price displayed.
    DisplayPrice = 23: u64,
    /// Group of orders, for mass cancels.
    GroupId = 24: u16,
    /// Shares are located: `Y` or `N`.
    SharesLocated = 25: u8,
    /// Broker who located the shares.
    LocateBroker = 26: crate::text::Mpid,
    /// Side, in a mass cancel.
    Side = 27: u8,
    /// Channel of user reference numbers within the port.
    UserRefIdx = 28: u8,
}
