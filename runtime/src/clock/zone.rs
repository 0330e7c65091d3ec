//! The venue's time zone, as a fixed offset from UTC.

use thiserror::Error;

const DAY_NS: u64 = 86_400 * 1_000_000_000;

/// The venue's offset from UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UtcOffset {
    seconds: i32,
}

/// An offset from UTC that no time zone has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("UTC offset of {seconds} s is out of range; time zones lie between -43200 s (UTC-12) and 50400 s (UTC+14)")]
pub struct InvalidUtcOffset {
    /// The rejected offset, in seconds.
    pub seconds: i32,
}

impl UtcOffset {
    /// UTC itself.
    pub const UTC: UtcOffset = UtcOffset { seconds: 0 };

    /// An offset in seconds, positive east of Greenwich. New York in winter is -18,000 s.
    ///
    /// # Errors
    /// [`InvalidUtcOffset`] outside -12 to +14 hours.
    pub fn from_seconds(seconds: i32) -> Result<Self, InvalidUtcOffset> {
        if (-12 * 3600..=14 * 3600).contains(&seconds) {
            Ok(Self { seconds })
        } else {
            Err(InvalidUtcOffset { seconds })
        }
    }

    /// The UTC time of the last midnight in this zone, in nanoseconds since 1970.
    pub(super) fn last_midnight_ns(self, wall_ns: u64) -> u64 {
        let offset_ns = i128::from(self.seconds) * 1_000_000_000;
        let local_ns = i128::from(wall_ns) + offset_ns;
        let midnight_ns = local_ns - local_ns.rem_euclid(i128::from(DAY_NS)) - offset_ns;
        u64::try_from(midnight_ns).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_midnight_is_taken_in_the_zone() {
        const SECOND_NS: u64 = 1_000_000_000;
        // 2023-12-25 03:00:00 UTC.
        let wall_ns = 1_703_473_200 * SECOND_NS;
        for (offset_s, midnight_s) in [
            (0, 1_703_462_400),
            (-5 * 3600, 1_703_394_000),
            (9 * 3600, 1_703_430_000),
            (-3 * 3600, 1_703_473_200),
            (-3 * 3600 - 1, 1_703_386_801),
            (5 * 3600 + 1800, 1_703_442_600),
        ] {
            let zone = UtcOffset::from_seconds(offset_s).unwrap();
            assert_eq!(zone.last_midnight_ns(wall_ns), midnight_s * SECOND_NS, "{offset_s} s");
        }
        assert_eq!(UtcOffset::from_seconds(3600).unwrap().last_midnight_ns(0), 0);
    }

    #[test]
    fn offsets_that_no_zone_has_are_rejected() {
        for seconds in [i32::MIN, -43_201, 50_401, i32::MAX] {
            assert_eq!(UtcOffset::from_seconds(seconds), Err(InvalidUtcOffset { seconds }));
        }
    }
}
