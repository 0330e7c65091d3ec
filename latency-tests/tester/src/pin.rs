//! Pinning of the calling thread.

use core_affinity::CoreId;
use rustix::thread::CpuSet;

use crate::load_error::LoadError;

/// Pins the calling thread to `cpu`.
pub(crate) fn pin(cpu: usize) -> Result<(), LoadError> {
    // The library indexes a mask of this size without a bounds check.
    if cpu < CpuSet::MAX_CPU && core_affinity::set_for_current(CoreId { id: cpu }) {
        Ok(())
    } else {
        Err(LoadError::Pin { cpu })
    }
}
