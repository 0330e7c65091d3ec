//! Errors of starting a venue.

use std::{io, net::SocketAddrV4, path::PathBuf};

use corelane_actors::{session::SessionConfigError, types::GroupConfigError};
use corelane_codecs::text::AlphaError;
use corelane_runtime::{clock::InvalidUtcOffset, lifecycle::StartError};

use crate::operator::{DayIsOver, SocketError};

/// The reason why a venue failed to start.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[non_exhaustive]
pub enum VenueError {
    /// A text of the configuration does not fit its wire field.
    #[error("{what} {text:?}: {source}")]
    Text {
        /// The kind of text.
        what: &'static str,
        /// The text.
        text: String,
        /// The problem with it.
        source: AlphaError,
    },
    /// The bounds of the matching group contradict each other.
    #[error(transparent)]
    Group(#[from] GroupConfigError),
    /// The bounds of the session actor contradict each other.
    #[error(transparent)]
    Session(#[from] SessionConfigError),
    /// The UTC offset is out of range.
    #[error(transparent)]
    UtcOffset(#[from] InvalidUtcOffset),
    /// Housekeeping is placed on a CPU that this process may not use.
    #[error(
        "`placement.housekeeping_cpu` is {cpu}, which is not among the CPUs that this process may run on ({allowed:?})"
    )]
    #[diagnostic(help(
        "choose one of them or \"auto\", or widen the CPUs: taskset for the process, cpuset.cpus for its cgroup"
    ))]
    HousekeepingCpu {
        /// The CPU.
        cpu: usize,
        /// The CPUs of the process's affinity mask.
        allowed: Vec<usize>,
    },
    /// The process may not open as many files as the venue may need at once.
    #[error(
        "the venue may need {needed} open files at once, but this process may have {limit} (RLIMIT_NOFILE): {parts}"
    )]
    #[diagnostic(help(
        "raise the hard limit to {needed} or more (`ulimit -n {needed}`, in systemd LimitNOFILE={needed}){alternative}"
    ))]
    OpenFiles {
        /// How many it may need.
        needed: usize,
        /// The hard limit.
        limit: u64,
        /// What else would help, in words; empty if nothing would.
        alternative: String,
        /// What it needs them for.
        parts: String,
    },
    /// The process may not have the threads that the venue needs.
    #[error("the system starts only {started} of the {needed} threads that the venue needs: {reason}")]
    #[diagnostic(help("raise the limit of threads (ulimit -u, in systemd TasksMax=, pids.max of the cgroup)"))]
    Threads {
        /// How many it needs.
        needed: usize,
        /// How many have started.
        started: usize,
        /// The system's reason for the first that has not.
        reason: String,
    },
    /// The process may not have the address space that the venue takes at its start.
    #[error(
        "the venue takes {needed_kib} KiB of address space at its start, but this process may have {limit_kib} KiB (RLIMIT_AS)"
    )]
    #[diagnostic(help(
        "raise the limit to {needed_kib} KiB or more (`ulimit -v {needed_kib}`, in systemd LimitAS={needed_kib}K), or lower the \
         bounds of tables and buffers, such as `net.connections_max` and `order_entry.reply_log_bytes`"
    ))]
    AddressSpace {
        /// What it takes.
        needed_kib: u64,
        /// The soft limit.
        limit_kib: u64,
    },
    /// The kernel lets no datagrams go to a destination.
    #[error(
        "`{key}`: the kernel lets no datagrams go to {to}, which is a broadcast address of one of this host's networks"
    )]
    #[diagnostic(help("write the address of a host, or a multicast group such as 239.192.0.1; `ip route get {}` shows the route", to.ip()))]
    Destination {
        /// The key of the configuration.
        key: String,
        /// The destination.
        to: SocketAddrV4,
    },
    /// Records of failures cannot be written.
    #[error("`incidents.directory`: no records of failures can be written in {directory:?}: {reason}")]
    #[diagnostic(help("write the path of a directory that this user may make or write, or leave out [incidents]"))]
    Incidents {
        /// The directory.
        directory: PathBuf,
        /// The system's reason.
        reason: io::Error,
    },
    /// The configured day has ended already.
    #[error(transparent)]
    Day(#[from] DayIsOver),
    /// The operator's socket could not be made.
    #[error(transparent)]
    Socket(#[from] SocketError),
    /// The topology is faulty or failed to start.
    #[error("{error}")]
    Start {
        /// Why.
        error: Box<StartError>,
        /// Which key of the configuration it is about, if it is about a socket.
        #[help]
        key: Option<String>,
    },
}

impl VenueError {
    /// The same error without remedies in a configuration that is built in, which nobody can change.
    #[must_use]
    pub fn of_built_in(mut self) -> VenueError {
        if let VenueError::OpenFiles { alternative, .. } = &mut self {
            alternative.clear();
        }
        self
    }
}
