//! Resident memory of this process.

use std::fs;

/// Bytes of memory that this process has pages of; 0 where the kernel does not show it.
pub(crate) fn resident_bytes() -> u64 {
    let pages = fs::read_to_string("/proc/self/statm")
        .ok()
        .and_then(|line| line.split_whitespace().nth(1).and_then(|pages| pages.parse::<u64>().ok()));
    pages.unwrap_or(0) * rustix::param::page_size() as u64
}

/// How much more there is now than at `before`.
pub(crate) fn growth(before: u64) -> u64 {
    resident_bytes().saturating_sub(before)
}
