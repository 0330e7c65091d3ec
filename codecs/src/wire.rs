//! Parts that the message formats share: wire enums, the type byte, and the explanation of a refused message.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, TryFromBytes, Unaligned};

/// The first byte of a message, fixed by the message's Rust type.
///
/// In a struct literal write [`MessageType::NEW`]; the code is inferred.
#[derive(Clone, Copy, PartialEq, Eq, Hash, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(transparent)]
pub struct MessageType<const CODE: u8>(u8);

impl<const CODE: u8> MessageType<CODE> {
    /// The type byte.
    pub const NEW: Self = Self(CODE);
}

impl<const CODE: u8> core::fmt::Debug for MessageType<CODE> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{:?}", char::from(self.0))
    }
}

/// Declares a one-byte code with a closed set of values.
macro_rules! wire_enum {
    (
        $(#[$meta:meta])*
        pub enum $name:ident {
            $($(#[$variant_meta:meta])* $variant:ident = $code:literal,)+
        }
    ) => {
        $(#[$meta])*
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, Hash,
            zerocopy::TryFromBytes, zerocopy::IntoBytes, zerocopy::KnownLayout,
            zerocopy::Immutable, zerocopy::Unaligned,
        )]
        #[repr(u8)]
        pub enum $name {
            $($(#[$variant_meta])* $variant = $code,)+
        }

        impl $name {
            /// Every value, in the order of the specification.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The value whose wire code is `code`, `None` if there is none.
            #[inline]
            #[must_use]
            pub const fn from_wire(code: u8) -> Option<Self> {
                match code {
                    $($code => Some(Self::$variant),)+
                    _ => None,
                }
            }

            /// The wire code.
            #[inline]
            #[must_use]
            pub const fn to_wire(self) -> u8 {
                self as u8
            }
        }
    };
}
pub(crate) use wire_enum;

wire_enum! {
    /// A yes/no flag.
    pub enum YesNo {
        /// Yes.
        Yes = b'Y',
        /// No.
        No = b'N',
    }
}

impl From<bool> for YesNo {
    #[inline]
    fn from(yes: bool) -> Self {
        if yes { Self::Yes } else { Self::No }
    }
}

/// A field with a closed set of codes, for the explanation of a refusal.
#[derive(Debug)]
pub(crate) struct CodedField {
    pub name: &'static str,
    pub offset: usize,
    pub is_valid: fn(u8) -> bool,
}

/// A fixed-length message (or the fixed part of one).
pub(crate) trait WireMessage: TryFromBytes + IntoBytes + KnownLayout + Immutable + Unaligned {
    /// Name and type character, for errors.
    const NAME: &'static str;
    /// The fields with a closed set of codes, in wire order.
    const CODED: &'static [CodedField];
}

/// Names a message and its coded fields; offsets come from the struct itself.
macro_rules! wire_message {
    ($type:ty, $name:literal $(, $field:ident: $code:ty)* $(,)?) => {
        impl crate::wire::WireMessage for $type {
            const NAME: &'static str = $name;
            const CODED: &'static [crate::wire::CodedField] = &[$(crate::wire::CodedField {
                name: stringify!($field),
                offset: core::mem::offset_of!($type, $field),
                is_valid: |byte| <$code>::from_wire(byte).is_some(),
            },)*];
        }
    };
}
pub(crate) use wire_message;

/// Reason why bytes are not a message; each format turns it into its own error.
#[derive(Debug)]
pub(crate) enum Refusal {
    Truncated { needed: usize, actual: usize },
    BadField { field: &'static str, offset: usize, value: u8 },
}

/// Views the first bytes as an `M`, and returns the rest.
#[inline]
pub(crate) fn view<M: WireMessage>(bytes: &[u8]) -> Result<(&M, &[u8]), Refusal> {
    match M::try_ref_from_prefix(bytes) {
        Ok(viewed) => Ok(viewed),
        Err(_) => Err(explain::<M>(bytes)),
    }
}

/// Finds the reason why the first bytes are not an `M`. They must not be one.
#[cold]
pub(crate) fn explain<M: WireMessage>(bytes: &[u8]) -> Refusal {
    let mut refusal = Refusal::Truncated { needed: size_of::<M>(), actual: bytes.len() };
    if bytes.len() >= size_of::<M>() {
        for field in M::CODED.iter().rev() {
            let value = bytes[field.offset];
            if !(field.is_valid)(value) {
                refusal = Refusal::BadField { field: field.name, offset: field.offset, value };
            }
        }
    }
    refusal
}

/// Displays a byte in an error: as a character if printable, else in hexadecimal.
pub(crate) struct Shown(pub u8);

impl core::fmt::Display for Shown {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        if self.0.is_ascii_graphic() || self.0 == b' ' {
            write!(f, "'{}'", char::from(self.0))
        } else {
            write!(f, "0x{:02x}", self.0)
        }
    }
}
