//! Which CPUs the process may use, and pinning threads to them.
//!
//! Shards are pinned by their executor; the threads beside them (supervisor, testers) by [`pin_current_thread`].
//! A pin is worth what the kernel says afterwards, so it is read back, and shards ask [`verify_pinned`] while they
//! run: a cgroup's cpuset can be changed under a running process, and the kernel then moves its threads silently.

use std::fmt;
use std::sync::OnceLock;

use core_affinity::CoreId;
use rustix::thread::{CpuSet, sched_getaffinity, sched_getcpu};
use thiserror::Error;

/// Why a thread could not be pinned.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PinError {
    /// The CPU is outside the process's affinity mask, or does not exist.
    #[error(
        "CPU {cpu} is not among the CPUs this process may use ({}); choose one of them, or widen them: \
         `taskset -c` for the process, cpuset.cpus for its cgroup", CpuList(.allowed)
    )]
    NotAllowed {
        /// The CPU asked for.
        cpu: usize,
        /// What [`allowed_cpus`] says.
        allowed: Vec<usize>,
    },
    /// The kernel did not accept the mask.
    #[error(
        "the kernel refused to pin a thread to CPU {cpu}; see that it is online (/sys/devices/system/cpu/online) \
         and in cpuset.cpus.effective of the process's cgroup"
    )]
    Refused {
        /// The CPU asked for.
        cpu: usize,
    },
    /// The mask was accepted, but the thread's mask or place is another one now.
    #[error(
        "after pinning to CPU {cpu} the thread may use CPUs {} and runs on CPU {running_on}; something else sets its \
         affinity: look for taskset, a cgroup cpuset being changed, or a CPU-assigning daemon", CpuList(.mask)
    )]
    NotKept {
        /// The CPU asked for.
        cpu: usize,
        /// The CPUs of the thread's mask, read back.
        mask: Vec<usize>,
        /// Where the thread was running when asked.
        running_on: usize,
    },
}

/// The CPUs this process may use, in ascending order, as they were at the first call: pinning narrows the mask it
/// is read from, so call it once from the main thread before anything is pinned. Empty when the kernel does not
/// tell.
pub fn allowed_cpus() -> Vec<usize> {
    static ALLOWED: OnceLock<Vec<usize>> = OnceLock::new();
    ALLOWED
        .get_or_init(|| core_affinity::get_core_ids().unwrap_or_default().into_iter().map(|core| core.id).collect())
        .clone()
}

/// Pins the calling thread to one of the [`allowed_cpus`] and reads back that it is so.
///
/// # Errors
/// [`PinError`]; each says the remedy. The thread's mask is unchanged on `NotAllowed` and `Refused`.
pub fn pin_current_thread(cpu: usize) -> Result<(), PinError> {
    let allowed = allowed_cpus();
    if !allowed.contains(&cpu) {
        return Err(PinError::NotAllowed { cpu, allowed });
    }
    // It reports a bool only, and would pin outside a `taskset` mask: hence the check above.
    if !core_affinity::set_for_current(CoreId { id: cpu }) {
        return Err(PinError::Refused { cpu });
    }
    let mask = sched_getaffinity(None).map(|set| cpus_of(&set));
    kept(cpu, mask.unwrap_or_default(), sched_getcpu())
}

/// Whether the calling thread runs on `cpu` at this moment: no system call where the vDSO has `getcpu` (x86-64), so
/// a shard can ask every few thousand cycles; the
/// first call in a process looks for the vDSO. It notices a move, not a widened mask.
#[inline]
pub fn verify_pinned(cpu: usize) -> bool {
    sched_getcpu() == cpu
}

fn kept(cpu: usize, mask: Vec<usize>, running_on: usize) -> Result<(), PinError> {
    if mask == [cpu] && running_on == cpu { Ok(()) } else { Err(PinError::NotKept { cpu, mask, running_on }) }
}

fn cpus_of(set: &CpuSet) -> Vec<usize> {
    (0..CpuSet::MAX_CPU).filter(|&cpu| set.is_set(cpu)).collect()
}

/// Prints CPUs as the kernel and `taskset` write them: `0-3,8`.
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
    fn a_cpu_outside_the_mask_is_refused_with_the_remedy() {
        let absent = CpuSet::MAX_CPU - 1;
        let error = pin_current_thread(absent).unwrap_err();
        assert_eq!(error, PinError::NotAllowed { cpu: absent, allowed: allowed_cpus() });
        assert!(error.to_string().contains("taskset"), "{error}");
    }

    #[test]
    fn a_pin_that_was_not_kept_is_told_with_what_is_so_instead() {
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
