//! The options that OUCH 5.0 knows, and the types of their values.

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
            #[must_use]
            pub const fn from_wire(code: u8) -> Option<Self> {
                match code {
                    $($code => Some(Self::$tag),)+
                    _ => None,
                }
            }

            /// The wire code.
            #[inline]
            #[must_use]
            pub const fn to_wire(self) -> u8 {
                self as u8
            }

            /// Bytes of the value.
            #[inline]
            #[must_use]
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
            /// Bytes of the longest value.
            pub(super) const MAX_LEN: usize = 8;

            /// Which option it is.
            #[inline]
            #[must_use]
            pub const fn tag(&self) -> Tag {
                match self {
                    $(Self::$tag(_) => Tag::$tag,)+
                }
            }

            /// The value of this tag with these bytes, `None` if their number is wrong.
            #[inline]
            pub(super) fn read(tag: Tag, bytes: &[u8]) -> Option<Self> {
                match tag {
                    $(Tag::$tag => <$value as Value>::read(bytes).map(Self::$tag),)+
                }
            }

            #[inline]
            pub(super) fn write(self, out: &mut [u8; Self::MAX_LEN]) -> usize {
                match self {
                    $(Self::$tag(value) => {
                        value.write(out);
                        <$value as Value>::LEN
                    })+
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
