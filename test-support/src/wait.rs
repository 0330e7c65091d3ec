//! Waiting for other threads, with an end.

use std::thread;
use std::time::{Duration, Instant};

/// Everything that tests wait for takes milliseconds; reaching this is a failure, also on a machine with other work.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Between two looks.
const LOOK_AGAIN: Duration = Duration::from_micros(200);

/// Waits until `condition` holds; `what` names it should it never.
///
/// # Panics
/// If it does not hold within [`PATIENCE`].
#[track_caller]
pub fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "not within {PATIENCE:?}: {what}");
        thread::sleep(LOOK_AGAIN);
    }
}
