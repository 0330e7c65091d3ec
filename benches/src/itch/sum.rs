//! Sums of fields: what shows that two decoders read the same.

/// Adds up fields.
pub(crate) fn total<const N: usize>(fields: [u64; N]) -> u64 {
    fields.into_iter().fold(0, u64::wrapping_add)
}
