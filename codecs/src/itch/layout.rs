//! Declaration of messages, and their text form.

use core::fmt;

use zerocopy::big_endian::{U16, U32, U64};

use super::codes::WireSide;
use crate::price::{WirePrice4, WirePrice8};
use crate::text::Alpha;
use crate::wire::Shown;

/// A field in a line of text.
pub(super) trait Field {
    fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result;
}

macro_rules! displayed {
    ($($type:ty),+) => {
        $(impl Field for $type {
            fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        })+
    };
}
displayed!(U16, U32, U64, WirePrice4, WirePrice8);

impl<const N: usize> Field for Alpha<N> {
    fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Field for u8 {
    fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&Shown(*self), f)
    }
}

impl Field for WireSide {
    fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// Writes the meaning of a code; an unknown code as it is.
pub(super) fn show_code<C: fmt::Debug>(
    f: &mut fmt::Formatter<'_>,
    meaning: Option<C>,
    raw: &impl Field,
) -> fmt::Result {
    match meaning {
        Some(meaning) => fmt::Debug::fmt(&meaning, f),
        None => raw.show(f),
    }
}

/// Declares messages: the struct with its header and fields, an accessor of the meaning for each coded field (`as`),
/// and the message as a line of text.
macro_rules! itch_messages {
    ($(
        $(#[$meta:meta])*
        pub struct $name:ident: $code:literal $title:literal $([$($closed:ident: $closed_type:ty),+])? {
            $(
                $(#[$field_meta:meta])*
                $field:ident: $type:ty $(as $accessor:ident: $meaning:ty)?,
            )*
        }
    )+) => {
        $(
            $(#[$meta])*
            #[derive(
                Clone, Copy, Debug, PartialEq, Eq, zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::KnownLayout,
                zerocopy::Immutable, zerocopy::Unaligned,
            )]
            #[repr(C)]
            pub struct $name {
                /// Type, instrument and time.
                pub header: crate::itch::header::Header<$code>,
                $($(#[$field_meta])* pub $field: $type,)*
            }

            crate::wire::wire_message!($name, $title $($(, $closed: $closed_type)+)?);

            impl $name {
                $($(
                    #[doc = concat!("Meaning of `", stringify!($field), "`, `None` if the code is unknown.")]
                    #[inline]
                    pub const fn $accessor(&self) -> Option<$meaning> {
                        <$meaning>::from_wire(self.$field)
                    }
                )?)*
            }

            /// Time, name and every field: one line.
            impl core::fmt::Display for $name {
                fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                    let header = &self.header;
                    write!(f, "{} {}", header.timestamp, $title)?;
                    write!(f, " locate={} tracking={}", header.stock_locate, header.tracking_number)?;
                    $(
                        f.write_str(concat!(" ", stringify!($field), "="))?;
                        crate::itch::layout::show!(self, f, $field $(, $accessor)?);
                    )*
                    Ok(())
                }
            }
        )+
    };
}
pub(super) use itch_messages;

macro_rules! show {
    ($message:ident, $f:ident, $field:ident) => {
        crate::itch::layout::Field::show(&$message.$field, $f)?
    };
    ($message:ident, $f:ident, $field:ident, $accessor:ident) => {
        crate::itch::layout::show_code($f, $message.$accessor(), &$message.$field)?
    };
}
pub(super) use show;
