//! The CPUs that the process may use, and the pinning of threads to them.
//!
//! Their executor pins the shards; [`pin_current_thread`] pins other threads (supervisor, testers). Pinning reads the
//! affinity mask back from the kernel to make sure that it took effect. Shards also call [`verify_pinned`] while they
//! run, because a cgroup's cpuset can change under a running process, and the kernel then moves its threads silently.

use std::fmt;
use std::sync::OnceLock;

use core_affinity::CoreId;
use rustix::thread::{CpuSet, sched_getaffinity, sched_getcpu};
use thiserror::Error;

/// The reason why a thread could not be pinned.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PinError {
    /// The CPU does not exist, or is outside the process's affinity mask.
    #[error(
        "CPU {cpu} is not among the CPUs this process may use ({}); choose one of them, or widen them: \
         `taskset -c` for the process, cpuset.cpus for its cgroup", CpuList(.allowed)
    )]
    NotAllowed {
        /// The CPU asked for.
        cpu: usize,
        /// The CPUs that the process may use, from [`allowed_cpus`].
        allowed: Vec<usize>,
    },
    /// The kernel rejected the mask.
    #[error(
        "the kernel refused to pin a thread to CPU {cpu}; check that it is online (/sys/devices/system/cpu/online) \
         and in cpuset.cpus.effective of the process's cgroup"
    )]
    Refused {
        /// The CPU asked for.
        cpu: usize,
    },
    /// The kernel accepted the mask, but the thread now has another mask or runs on another CPU.
    #[error(
        "after pinning to CPU {cpu} the thread may use CPUs {} and runs on CPU {running_on}; something else changes its \
         affinity: look for taskset, a cgroup cpuset being changed, or a CPU-assigning daemon", CpuList(.mask)
    )]
    NotKept {
        /// The CPU asked for.
        cpu: usize,
        /// The thread's mask, read back from the kernel.
        mask: Vec<usize>,
        /// The CPU that the thread was running on.
        running_on: usize,
    },
}

/// The CPUs that this process may use, in ascending order, as of the first call. Call it once from the main thread
/// before any thread is pinned, because pinning narrows the mask that this function reads. Empty if the kernel does not
/// report the mask.
pub fn allowed_cpus() -> Vec<usize> {
    static ALLOWED: OnceLock<Vec<usize>> = OnceLock::new();
    ALLOWED
        .get_or_init(|| core_affinity::get_core_ids().unwrap_or_default().into_iter().map(|core| core.id).collect())
        .clone()
}

/// Pins the calling thread to one of the [`allowed_cpus`], and reads the mask back to make sure.
///
/// # Errors
/// [`PinError`], with the remedy. On `NotAllowed` and `Refused`, the thread's mask is unchanged.
pub fn pin_current_thread(cpu: usize) -> Result<(), PinError> {
    let allowed = allowed_cpus();
    if !allowed.contains(&cpu) {
        return Err(PinError::NotAllowed { cpu, allowed });
    }
    // Returns only a bool, and would pin outside a `taskset` mask: hence the check above.
    if !core_affinity::set_for_current(CoreId { id: cpu }) {
        return Err(PinError::Refused { cpu });
    }
    let mask = sched_getaffinity(None).map(|set| cpus_of(&set));
    kept(cpu, mask.unwrap_or_default(), sched_getcpu())
}

/// Whether the calling thread runs on `cpu` right now. Detects a migration, not a widened mask.
///
/// Makes no system call if the vDSO has `getcpu` (x86-64), so a shard can check every few thousand cycles. The first
/// call in a process looks the vDSO up.
#[inline]
#[must_use]
pub fn verify_pinned(cpu: usize) -> bool {
    sched_getcpu() == cpu
}

fn kept(cpu: usize, mask: Vec<usize>, running_on: usize) -> Result<(), PinError> {
    if mask == [cpu] && running_on == cpu { Ok(()) } else { Err(PinError::NotKept { cpu, mask, running_on }) }
}

fn cpus_of(set: &CpuSet) -> Vec<usize> {
    (0..CpuSet::MAX_CPU).filter(|&cpu| set.is_set(cpu)).collect()
}

/// Prints CPUs in the list format of the kernel and `taskset`: `0-3,8`.
struct CpuList<'a>(&'a [usize]);

impl fmt::Display for CpuList<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("none");
        }
        for (nth, run) in self.0.chunk_by(|a, b| a + 1 == *b).enumerate() {
            let comma = if nth == 0 { "" } else { "," };
            match (run.first(), run.last()) {
                (Some(first), Some(last)) if first != last => write!(f, "{comma}{first}-{last}")?,
                (Some(first), _) => write!(f, "{comma}{first}")?,
                (None, _) => {}
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn a_thread_runs_where_it_was_pinned_and_nowhere_else() {
        for cpu in allowed_cpus() {
            thread::spawn(move || {
                pin_current_thread(cpu).unwrap();
                assert!(verify_pinned(cpu));
                assert!(!verify_pinned(cpu + 1));
            })
            .join()
            .unwrap();
        }
    }

    #[test]
    fn pinning_leaves_the_remembered_cpus_as_they_were() {
        let before = allowed_cpus();
        assert!(before.is_sorted() && !before.is_empty());
        let pinned = before[0];
        let within = thread::spawn(move || {
            pin_current_thread(pinned).unwrap();
            allowed_cpus()
        });
        assert_eq!(within.join().unwrap(), before);
    }

    #[test]
    fn a_cpu_outside_the_mask_is_rejected_with_the_remedy() {
        let absent = CpuSet::MAX_CPU - 1;
        let error = pin_current_thread(absent).unwrap_err();
        assert_eq!(error, PinError::NotAllowed { cpu: absent, allowed: allowed_cpus() });
        assert!(error.to_string().contains("taskset"), "{error}");
    }

    #[test]
    fn a_pin_that_did_not_hold_is_reported_with_the_actual_mask_and_cpu() {
        assert_eq!(kept(1, vec![1], 1), Ok(()));
        for (mask, running_on, text) in [
            (vec![0, 1], 1, "may use CPUs 0-1 and runs on CPU 1"),
            (vec![1], 0, "may use CPUs 1 and runs on CPU 0"),
            (vec![], 1, "may use CPUs none and runs on CPU 1"),
        ] {
            let error = kept(1, mask, running_on).unwrap_err().to_string();
            assert!(error.contains(text) && error.contains("cpuset"), "{error}");
        }
    }

    #[test]
    fn cpus_are_printed_as_the_kernel_writes_them() {
        for (cpus, text) in [
            (&[][..], "none"),
            (&[3], "3"),
            (&[0, 1], "0-1"),
            (&[0, 1, 2, 8], "0-2,8"),
            (&[1, 3, 4, 9, 10, 11], "1,3-4,9-11"),
        ] {
            assert_eq!(CpuList(cpus).to_string(), text);
        }
    }
}
