//! Why a topology did not start.

use std::fmt;

use crate::{net::NetError, shard::panics::PanicLocation, topology::check::TopologyErrors};

/// Why a topology did not start. `Debug` prints the same text as `Display`, so that a `main` that returns the error shows the
/// remedy.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The topology is faulty.
    #[error(transparent)]
    Topology(#[from] TopologyErrors),
    /// The program was built so that a panic ends the process.
    #[error(
        "this program is built with panic = \"abort\", which makes supervision impossible; build it with panic = \"unwind\""
    )]
    PanicAborts,
    /// The network driver of a shard refused its configuration or an endpoint.
    #[error("shard {shard:?}: {source}")]
    Net {
        /// The shard.
        shard: String,
        /// Why.
        source: NetError,
    },
    /// The kernel lets this process lock too little memory for the rings of a shard.
    #[error(
        "shard {shard:?}: its rings could not lock memory ({reason}); raise RLIMIT_MEMLOCK (ulimit -l) to 8192 KiB or more"
    )]
    LockedMemory {
        /// The shard.
        shard: String,
        /// The kernel's or the executor's words.
        reason: String,
    },
    /// The process may not open the files that the shards' executors need.
    #[error(
        "cannot open the {count} files that the shards need ({source}); raise the limit (`ulimit -n`, systemd LimitNOFILE=)"
    )]
    OpenFiles {
        /// How many they need.
        count: usize,
        /// The kernel's answer.
        source: std::io::Error,
    },
    /// The kernel does not show the host's CPUs.
    #[error("cannot read the host's CPUs below /sys/devices/system ({reason}); mount sysfs there, read-only will do")]
    Cpus {
        /// The executor's words.
        reason: String,
    },
    /// The executor of a shard did not start.
    #[error(
        "shard {shard:?}: its executor did not start: {reason}; check that io_uring is enabled (kernel.io_uring_disabled = 0) and that threads may be created"
    )]
    Executor {
        /// The shard.
        shard: String,
        /// The executor's words.
        reason: String,
    },
    /// The factory of an actor panicked. An [`on_start`](crate::actor::Actor::on_start) that panics fails its actor alone.
    #[error("shard {shard:?}: the factory of one of its actors panicked at {place}: {message}")]
    Factory {
        /// The shard.
        shard: String,
        /// Where in the code.
        place: PanicLocation,
        /// What the panic said.
        message: String,
    },
    /// A shard's thread ended or hung while its actors were built.
    #[error("a shard of {shards:?} was not built within {seconds} s; look for a factory that waits, and into the log")]
    NotBuilt {
        /// The shards from which nothing was heard.
        shards: Vec<String>,
        /// How long they were given.
        seconds: u64,
    },
    /// Housekeeping may not run on its CPU.
    #[error("housekeeping: CPU {cpu} is not among those this process may run on ({allowed:?}); choose one of them")]
    HousekeepingCpu {
        /// The CPU.
        cpu: usize,
        /// The CPUs of the process's affinity mask.
        allowed: Vec<usize>,
    },
    /// The thread of the housekeeping could not be created.
    #[error("housekeeping: its thread could not be created: {0}; raise the limit of threads (ulimit -u)")]
    Housekeeping(#[source] std::io::Error),
}

impl fmt::Debug for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl StartError {
    /// What an executor's refusal means.
    pub(super) fn of_executor(shard: String, reason: String) -> Self {
        if reason.to_lowercase().contains("memlock") || reason.contains("Cannot allocate memory") {
            return StartError::LockedMemory { shard, reason };
        }
        StartError::Executor { shard, reason }
    }
}
