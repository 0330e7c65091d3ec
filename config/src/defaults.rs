//! Defaults of keys, for `#[serde(default = "…")]`.

use serde::de::DeserializeOwned;

use crate::values::Percent;

pub(crate) fn count<const N: usize>() -> usize {
    N
}

pub(crate) fn milliseconds<const N: u64>() -> u64 {
    N
}

pub(crate) fn quantity<const N: u32>() -> u32 {
    N
}

pub(crate) fn percent<const PARTS_PER_MILLION: u32>() -> Percent {
    Percent::from_parts_per_million(PARTS_PER_MILLION)
}

pub(crate) fn share<const PERCENT: u8>() -> u8 {
    PERCENT
}

pub(crate) fn flag<const B: bool>() -> bool {
    B
}

/// The defaults of a section that the file leaves out, if every key in it has one.
pub(crate) fn all_defaults<T: DeserializeOwned>() -> T {
    let empty = serde_json::Value::Object(serde_json::Map::new());
    serde_json::from_value(empty).expect("every key of the section has a default")
}
