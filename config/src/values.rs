//! Values that TOML has no type for: prices, percentages, CPUs, passwords.
//!
//! Each type defines its JSON schema. The schema names a `format`, which [`crate::document`] checks by parsing the value,
//! so editors and the loader accept the same values.

use std::borrow::Cow;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// A price or an amount of money in ten-thousandths of the currency unit, four implied decimals as in OUCH and ITCH
/// ("P4"/"P8"). Written as a decimal string, `"101.25"`, because a TOML float cannot hold every price exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Price(u64);

impl Price {
    /// The highest limit price OUCH 5.0 accepts, 199,999.9900.
    pub const ORDER_MAX: Price = Price(1_999_999_900);

    /// A price of `units` ten-thousandths.
    #[must_use]
    pub const fn from_ten_thousandths(units: u64) -> Self {
        Self(units)
    }

    /// The price in ten-thousandths: `"1.5"` is 15,000.
    #[must_use]
    pub const fn ten_thousandths(self) -> u64 {
        self.0
    }
}

/// The reason why a string is not a [`Price`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PriceError {
    /// Anything but digits with at most one point between them.
    #[error("is not a decimal number; write digits with an optional point, such as \"101.25\"")]
    NotDecimal,
    /// A fifth decimal: the wire formats carry four.
    #[error("has more than four decimals; the wire formats carry four, such as \"101.2525\"")]
    TooPrecise,
    /// More than 64 bits can hold.
    #[error("is too large; the largest is \"1844674407370955.1615\"")]
    TooLarge,
}

impl FromStr for Price {
    type Err = PriceError;

    fn from_str(text: &str) -> Result<Self, PriceError> {
        let (whole, fraction) = match text.split_once('.') {
            Some((_, "")) => return Err(PriceError::NotDecimal),
            Some(parts) => parts,
            None => (text, ""),
        };
        let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !digits(whole) || !digits(fraction) {
            return Err(PriceError::NotDecimal);
        }
        if fraction.len() > 4 {
            return Err(PriceError::TooPrecise);
        }
        let fraction_units = format!("{fraction:0<4}").parse::<u64>().map_err(|_| PriceError::NotDecimal)?;
        let whole: u64 = whole.parse().map_err(|_| PriceError::TooLarge)?;
        whole
            .checked_mul(10_000)
            .and_then(|units| units.checked_add(fraction_units))
            .map(Price)
            .ok_or(PriceError::TooLarge)
    }
}

impl TryFrom<String> for Price {
    type Error = PriceError;

    fn try_from(text: String) -> Result<Self, PriceError> {
        text.parse()
    }
}

impl From<Price> for String {
    fn from(price: Price) -> String {
        price.to_string()
    }
}

impl fmt::Display for Price {
    /// At least two decimals, at most four: `101.25`, `0.0001`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, fraction) = (self.0 / 10_000, self.0 % 10_000);
        if fraction % 100 == 0 {
            write!(f, "{whole}.{:02}", fraction / 100)
        } else {
            write!(f, "{whole}.{fraction:04}")
        }
    }
}

impl JsonSchema for Price {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Price".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "price", "pattern": r"^[0-9]+(\.[0-9]{1,4})?$" })
    }
}

/// A share of a whole between 0 and 100 %, exact to a ten-thousandth of a percent so that no floating point reaches
/// a deterministic actor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Percent(u32);

impl Percent {
    /// The share of so many parts per million.
    ///
    /// # Panics
    /// If they are more than a million.
    #[must_use]
    pub const fn from_parts_per_million(parts: u32) -> Percent {
        assert!(parts <= 1_000_000, "a share is at most the whole");
        Percent(parts)
    }

    /// The share in parts per million: `2.5` (percent) is 25,000.
    #[must_use]
    pub const fn parts_per_million(self) -> u32 {
        self.0
    }
}

impl TryFrom<f64> for Percent {
    type Error = &'static str;

    fn try_from(percent: f64) -> Result<Self, Self::Error> {
        if !(0.0..=100.0).contains(&percent) {
            return Err("is not a percentage; write a number from 0 to 100");
        }
        let parts = percent * 10_000.0;
        // A decimal of four places is off by less, since no f64 is exactly that.
        if (parts - parts.round()).abs() > 1e-6 {
            return Err("has more than four decimals; a percentage is exact to 0.0001");
        }
        // In range, so the rounded product is at most 1,000,000 and the conversion exact.
        Ok(Self(parts.round() as u32))
    }
}

impl From<Percent> for f64 {
    fn from(percent: Percent) -> f64 {
        f64::from(percent.0) / 10_000.0
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} %", f64::from(*self))
    }
}

impl JsonSchema for Percent {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Percent".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "number", "format": "percent", "minimum": 0.0, "maximum": 100.0 })
    }
}

/// A time of day to the second, in the venue's zone. Written as a string, `"09:30:00"` or `"09:30"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct TimeOfDay(u32);

impl TimeOfDay {
    const EXPECTED: &str = "is not a time of day; write \"HH:MM\" or \"HH:MM:SS\", such as \"09:30:00\"";

    /// The seconds since midnight, below 86,400.
    #[must_use]
    pub const fn seconds(self) -> u32 {
        self.0
    }
}

impl FromStr for TimeOfDay {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let number = |digits: &str, below: u32| {
            let is_number = digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit());
            let number = is_number.then(|| digits.parse::<u32>().ok()).flatten();
            number.filter(|number| *number < below).ok_or(TimeOfDay::EXPECTED)
        };
        let (hours, minutes, seconds) = match text.split(':').collect::<Vec<_>>()[..] {
            [hours, minutes] => (hours, minutes, "00"),
            [hours, minutes, seconds] => (hours, minutes, seconds),
            _ => return Err(TimeOfDay::EXPECTED),
        };
        Ok(TimeOfDay(number(hours, 24)? * 3600 + number(minutes, 60)? * 60 + number(seconds, 60)?))
    }
}

impl TryFrom<String> for TimeOfDay {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, &'static str> {
        text.parse()
    }
}

impl From<TimeOfDay> for String {
    fn from(time: TimeOfDay) -> String {
        time.to_string()
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}:{:02}", self.0 / 3600, self.0 / 60 % 60, self.0 % 60)
    }
}

impl JsonSchema for TimeOfDay {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "TimeOfDay".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string", "format": "time-of-day", "pattern": r"^([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?$"
        })
    }
}

/// The CPU that a thread runs on: one that is chosen at start, or a fixed one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "CpuText", into = "CpuText")]
pub enum Cpu {
    /// The next allowed CPU that no other shard claims.
    #[default]
    Auto,
    /// The CPU with this number, as in `/proc/cpuinfo` and `taskset`.
    Number(usize),
}

impl Cpu {
    /// The highest CPU number an affinity mask (`cpu_set_t`) can hold.
    pub const NUMBER_MAX: usize = 1023;
}

/// The TOML form of [`Cpu`]: a word or a number.
#[derive(Deserialize, Serialize)]
#[serde(untagged)]
enum CpuText {
    Number(usize),
    Word(String),
}

impl TryFrom<CpuText> for Cpu {
    type Error = &'static str;

    fn try_from(text: CpuText) -> Result<Self, Self::Error> {
        match text {
            CpuText::Number(number) if number <= Cpu::NUMBER_MAX => Ok(Cpu::Number(number)),
            CpuText::Word(word) if word == "auto" => Ok(Cpu::Auto),
            _ => Err("a CPU is \"auto\" or a number from 0 to 1023"),
        }
    }
}

impl From<Cpu> for CpuText {
    fn from(cpu: Cpu) -> CpuText {
        match cpu {
            Cpu::Auto => CpuText::Word("auto".into()),
            Cpu::Number(number) => CpuText::Number(number),
        }
    }
}

impl fmt::Display for Cpu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cpu::Auto => f.write_str("auto"),
            Cpu::Number(number) => write!(f, "{number}"),
        }
    }
}

impl JsonSchema for Cpu {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Cpu".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "anyOf": [
                { "type": "string", "const": "auto" },
                { "type": "integer", "minimum": 0, "maximum": Cpu::NUMBER_MAX }
            ]
        })
    }
}

/// A password. It is not printed by `Debug`, so it appears in no log.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Password(String);

impl Password {
    /// The password itself, 1 to 10 graphic ASCII characters.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// The schema of a text of 1 to `CHARS_MAX` graphic ASCII characters (`!` to `~`): the characters that a space-padded
/// alphanumeric field of the wire formats can carry.
pub(crate) fn graphic_ascii<const CHARS_MAX: usize>(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string", "format": "graphic-ascii", "minLength": 1, "maxLength": CHARS_MAX, "pattern": "^[!-~]+$"
    })
}

/// The schema of a TCP or UDP address, `"ip:port"`.
pub(crate) fn socket_address(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "format": "socket-address" })
}

/// The schema of an IPv4 UDP address, `"ip:port"`.
pub(crate) fn socket_address_v4(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "format": "socket-address-v4" })
}

/// The schema of up to `SERVERS_MAX` IPv4 UDP addresses.
pub(crate) fn socket_addresses_v4<const SERVERS_MAX: usize>(generator: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "array", "maxItems": SERVERS_MAX, "items": socket_address_v4(generator) })
}

/// Checks a string against the `format` of its schema. Formats that this module does not define are only hints.
pub(crate) fn check_format(format: &str, text: &str) -> Result<(), String> {
    fn parses<T: FromStr>(text: &str, problem: &str) -> Result<(), String> {
        text.parse::<T>().map(|_| ()).map_err(|_| problem.to_owned())
    }
    match format {
        "price" => text.parse::<Price>().map(|_| ()).map_err(|error| error.to_string()),
        "time-of-day" => text.parse::<TimeOfDay>().map(|_| ()).map_err(str::to_owned),
        "graphic-ascii" => match text.chars().find(|c| !c.is_ascii_graphic()) {
            Some(c) => Err(format!("contains {c:?}; use letters, digits and ASCII punctuation without spaces")),
            None => Ok(()),
        },
        "socket-address" => {
            parses::<SocketAddr>(text, "is not an address; write \"ip:port\", such as \"127.0.0.1:9000\"")
        }
        "socket-address-v4" => {
            parses::<SocketAddrV4>(text, "is not an IPv4 address; write \"ip:port\", such as \"239.192.0.1:26400\"")
        }
        "ipv4" => parses::<Ipv4Addr>(text, "is not an IPv4 address; write it as in \"127.0.0.1\""),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_exact_to_four_decimals() {
        let cases: &[(&str, Result<u64, PriceError>)] = &[
            ("0", Ok(0)),
            ("0.01", Ok(100)),
            ("101.25", Ok(1_012_500)),
            ("0.0001", Ok(1)),
            ("1844674407370955.1615", Ok(u64::MAX)),
            ("1844674407370955.1616", Err(PriceError::TooLarge)),
            ("99999999999999999999999", Err(PriceError::TooLarge)),
            ("0.00001", Err(PriceError::TooPrecise)),
            ("", Err(PriceError::NotDecimal)),
            (".5", Err(PriceError::NotDecimal)),
            ("5.", Err(PriceError::NotDecimal)),
            ("-1", Err(PriceError::NotDecimal)),
            ("+1", Err(PriceError::NotDecimal)),
            ("1e3", Err(PriceError::NotDecimal)),
            ("1.2.3", Err(PriceError::NotDecimal)),
            ("١", Err(PriceError::NotDecimal)),
        ];
        for (text, expected) in cases {
            assert_eq!(text.parse::<Price>().map(Price::ten_thousandths), *expected, "{text:?}");
        }
    }

    #[test]
    fn a_price_prints_as_it_is_written() {
        for text in ["0.00", "0.01", "101.25", "0.0001", "199999.99", "1.2345"] {
            assert_eq!(text.parse::<Price>().map(|price| price.to_string()).as_deref(), Ok(text));
        }
        assert_eq!(Price::ORDER_MAX.to_string(), "199999.99");
    }

    #[test]
    fn a_percentage_is_exact_and_bounded() {
        for (percent, expected) in [(0.0, 0), (0.1, 1_000), (2.5, 25_000), (33.3333, 333_333), (100.0, 1_000_000)] {
            assert_eq!(Percent::try_from(percent).map(Percent::parts_per_million), Ok(expected), "{percent}");
        }
        for percent in [-0.1, 100.1, 0.00004, 2.50001, 99.99999, f64::NAN, f64::INFINITY] {
            assert!(Percent::try_from(percent).is_err(), "{percent}");
        }
    }

    #[test]
    fn a_time_of_day_is_read_to_the_second_and_prints_as_it_is_written() {
        for (text, seconds) in [("00:00", 0), ("09:30", 34_200), ("09:30:01", 34_201), ("23:59:59", 86_399)] {
            assert_eq!(text.parse::<TimeOfDay>().map(TimeOfDay::seconds), Ok(seconds), "{text}");
        }
        assert_eq!("09:30".parse::<TimeOfDay>().unwrap().to_string(), "09:30:00");
        for text in ["", "9:30", "24:00", "09:60", "09:30:60", "09", "09:30:00:00", "+9:30", "09:30 ", "٠٩:٣٠"] {
            assert!(text.parse::<TimeOfDay>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_password_does_not_print() {
        assert_eq!(format!("{:?}", Password("hunter2".into())), "Password(…)");
    }
}
