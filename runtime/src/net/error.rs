//! Start-up errors, each with its cause on this host and the remedy.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

/// The reason why a driver could not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NetError {
    /// A capacity in [`DriverConfig`](super::DriverConfig) is out of range.
    #[error("{field} is {value}; it must be {must}")]
    Config {
        /// The field's name.
        field: &'static str,
        /// Its value.
        value: u64,
        /// The valid range.
        must: &'static str,
    },
    /// The administrator has disabled io_uring.
    #[error(
        "io_uring is disabled on this host (sysctl kernel.io_uring_disabled = {value}); enable it with `sysctl -w \
         kernel.io_uring_disabled=0`{group_remedy}",
        group_remedy = if *.value == 1 {
            ", or add this user's group with `sysctl -w kernel.io_uring_group=GID`"
        } else {
            ""
        }
    )]
    Disabled {
        /// The sysctl's value: 1 allows only privileged processes and one group, 2 nobody.
        value: u8,
    },
    /// The kernel refuses the call although the sysctl allows it: a seccomp filter blocks it, which is the default in
    /// containers.
    #[error(
        "the kernel refused io_uring_setup ({errno}) although sysctl kernel.io_uring_disabled allows it: a seccomp filter \
         or a security module blocks it; in a container, allow io_uring_setup, io_uring_enter and io_uring_register \
         in the seccomp profile (Docker: --security-opt seccomp=FILE, Kubernetes: seccompProfile)"
    )]
    Refused {
        /// `EPERM` or `EACCES`.
        errno: rustix::io::Errno,
    },
    /// The kernel does not have the call, or a filter hides it.
    #[error(
        "io_uring is not available (ENOSYS): the kernel is built without it, or a sandbox (gVisor, a seccomp filter) \
         hides it; run on Linux 6.1 or newer with CONFIG_IO_URING, outside the sandbox"
    )]
    Missing,
    /// The descriptor that wakes a sleeping shard could not be opened.
    #[error(
        "cannot open the eventfd that wakes the shard: {source}; raise the limit on open files (`ulimit -n`), or do not park"
    )]
    Eventfd {
        /// The kernel's answer.
        source: io::Error,
    },
    /// The limit on locked memory is too low for the ring or its buffers.
    #[error(
        "{what} failed: cannot lock {bytes} bytes of memory (RLIMIT_MEMLOCK is {limit}); raise the limit (`ulimit -l`, \
         systemd LimitMEMLOCK=, Docker --ulimit memlock=) or lower {field}",
        limit = .limit_bytes.map_or_else(|| "unlimited".to_owned(), |bytes| format!("{bytes} bytes"))
    )]
    LockedMemory {
        /// The call that needed the memory.
        what: &'static str,
        /// The number of bytes to lock.
        bytes: u64,
        /// The process's soft limit, in bytes; `None` if it has no limit.
        limit_bytes: Option<u64>,
        /// The setting that reduces the need.
        field: &'static str,
    },
    /// The kernel refused a ring flag or an operation.
    #[error("{step} failed: {source}; the net driver needs Linux 6.1 or newer")]
    Ring {
        /// The call that failed.
        step: &'static str,
        /// The kernel's answer.
        source: io::Error,
    },
    /// Another socket uses the address.
    #[error(
        "net endpoint {endpoint}: {addr} is in use; stop the process that uses it (`ss -lnp sport = :{port}`) or choose \
         another address",
        port = .addr.port()
    )]
    AddressInUse {
        /// The endpoint's index.
        endpoint: u32,
        /// The address asked for.
        addr: SocketAddr,
    },
    /// No interface has the address.
    #[error(
        "net endpoint {endpoint}: no interface of this host has the address {ip}; choose one from `ip addr`, or \
         bind 0.0.0.0",
        ip = .addr.ip()
    )]
    AddressNotAvailable {
        /// The endpoint's index.
        endpoint: u32,
        /// The address asked for.
        addr: SocketAddr,
    },
    /// The process is not permitted to use the address.
    #[error(
        "net endpoint {endpoint}: not permitted to use {addr}; ports below 1024 need CAP_NET_BIND_SERVICE (`setcap \
         cap_net_bind_service+ep`) or a lower sysctl net.ipv4.ip_unprivileged_port_start"
    )]
    Permission {
        /// The endpoint's index.
        endpoint: u32,
        /// The address asked for.
        addr: SocketAddr,
    },
    /// A multicast group could not be joined.
    #[error(
        "net endpoint {endpoint}: cannot join {group} on the interface with address {interface}: {source}; the group must \
         be in 224.0.0.0/4, the interface up (`ip addr`) and below sysctl net.ipv4.igmp_max_memberships"
    )]
    Multicast {
        /// The endpoint's index.
        endpoint: u32,
        /// The group.
        group: Ipv4Addr,
        /// The interface's address.
        interface: Ipv4Addr,
        /// The kernel's answer.
        source: io::Error,
    },
    /// The process has no file descriptor left.
    #[error("{what} failed: this process may open no more files; raise the limit (`ulimit -n`, systemd LimitNOFILE=)")]
    OpenFiles {
        /// The call that needed a descriptor.
        what: String,
    },
    /// Another failure of a socket call.
    #[error("net endpoint {endpoint}: {step} failed on {addr}: {source}")]
    Socket {
        /// The endpoint's index.
        endpoint: u32,
        /// The address asked for.
        addr: SocketAddr,
        /// The call that failed.
        step: &'static str,
        /// The kernel's answer.
        source: io::Error,
    },
    /// [`Net::reconnect`](super::Net::reconnect) was called for an endpoint that is not an outgoing connection, that is closed
    /// for good, or whose connection is not closed yet.
    #[error("net endpoint {endpoint} cannot connect: {why}")]
    Reconnect {
        /// The endpoint's index.
        endpoint: u32,
        /// The obstacle.
        why: &'static str,
    },
}

impl NetError {
    /// The endpoint that the error is about, as its position among those of its shard.
    #[must_use]
    pub fn endpoint(&self) -> Option<usize> {
        match self {
            NetError::AddressInUse { endpoint, .. }
            | NetError::AddressNotAvailable { endpoint, .. }
            | NetError::Permission { endpoint, .. }
            | NetError::Multicast { endpoint, .. }
            | NetError::Socket { endpoint, .. }
            | NetError::Reconnect { endpoint, .. } => Some(*endpoint as usize),
            NetError::Config { .. }
            | NetError::Disabled { .. }
            | NetError::Refused { .. }
            | NetError::Missing
            | NetError::Eventfd { .. }
            | NetError::LockedMemory { .. }
            | NetError::Ring { .. }
            | NetError::OpenFiles { .. } => None,
        }
    }

    /// Derives the cause of a failed socket call from its errno.
    pub(super) fn socket(endpoint: u32, addr: SocketAddr, step: &'static str, errno: rustix::io::Errno) -> Self {
        use rustix::io::Errno;
        match errno {
            Errno::ADDRINUSE => NetError::AddressInUse { endpoint, addr },
            Errno::ADDRNOTAVAIL => NetError::AddressNotAvailable { endpoint, addr },
            Errno::ACCESS | Errno::PERM => NetError::Permission { endpoint, addr },
            Errno::MFILE | Errno::NFILE => {
                NetError::OpenFiles { what: format!("net endpoint {endpoint}: {step} on {addr}") }
            }
            errno => NetError::Socket { endpoint, addr, step, source: errno.into() },
        }
    }

    /// Derives the cause of a failed ring set-up or registration from its errno and the host's settings.
    pub(super) fn ring(request: RingRequest, error: io::Error, host: HostLimits) -> Self {
        match error.raw_os_error() {
            Some(libc::EPERM | libc::EACCES) => match host.io_uring_disabled {
                Some(value @ 1..) => NetError::Disabled { value },
                _ => NetError::Refused {
                    errno: rustix::io::Errno::from_io_error(&error).unwrap_or(rustix::io::Errno::PERM),
                },
            },
            Some(libc::ENOSYS) => NetError::Missing,
            Some(libc::EMFILE | libc::ENFILE) => NetError::OpenFiles { what: request.step.to_owned() },
            Some(libc::ENOMEM) => NetError::LockedMemory {
                what: request.step,
                bytes: request.bytes,
                limit_bytes: host.memlock_bytes,
                field: request.field,
            },
            _ => NetError::Ring { step: request.step, source: error },
        }
    }
}

/// The request that the kernel refused.
#[derive(Clone, Copy)]
pub(super) struct RingRequest {
    pub step: &'static str,
    pub bytes: u64,
    pub field: &'static str,
}

/// The host's settings that explain a refusal.
#[derive(Clone, Copy, Debug)]
pub(super) struct HostLimits {
    pub io_uring_disabled: Option<u8>,
    pub memlock_bytes: Option<u64>,
}

impl HostLimits {
    pub(super) fn read() -> Self {
        HostLimits {
            io_uring_disabled: std::fs::read_to_string("/proc/sys/kernel/io_uring_disabled")
                .ok()
                .and_then(|text| text.trim().parse().ok()),
            memlock_bytes: rustix::process::getrlimit(rustix::process::Resource::Memlock).current,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cause_of_a_refusal_is_derived_from_the_errno_and_the_host() {
        let cases = [
            (libc::EPERM, Some(2), "kernel.io_uring_disabled=0"),
            (libc::EPERM, Some(1), "kernel.io_uring_group=GID"),
            (libc::EPERM, Some(0), "seccomp profile"),
            (libc::EACCES, None, "seccomp profile"),
            (libc::ENOSYS, Some(0), "CONFIG_IO_URING"),
            (libc::ENOMEM, Some(0), "RLIMIT_MEMLOCK is 65536 bytes"),
            (libc::ENOMEM, Some(0), "lower net.receive_buffers"),
            (libc::EMFILE, Some(0), "ulimit -n"),
            (libc::EINVAL, Some(0), "Linux 6.1"),
        ];
        for (errno, io_uring_disabled, remedy) in cases {
            let request =
                RingRequest { step: "IORING_REGISTER_PBUF_RING", bytes: 100_000, field: "net.receive_buffers" };
            let host = HostLimits { io_uring_disabled, memlock_bytes: Some(65_536) };
            let text = NetError::ring(request, io::Error::from_raw_os_error(errno), host).to_string();
            assert!(text.contains(remedy), "{errno} with {io_uring_disabled:?}: {text}");
        }
    }

    #[test]
    fn a_socket_error_names_the_endpoint_and_the_remedy() {
        use rustix::io::Errno;
        let addr: SocketAddr = "10.1.2.3:700".parse().unwrap();
        let cases = [
            (Errno::ADDRINUSE, "ss -lnp sport = :700"),
            (Errno::ADDRNOTAVAIL, "ip addr"),
            (Errno::ACCESS, "CAP_NET_BIND_SERVICE"),
            (Errno::PERM, "CAP_NET_BIND_SERVICE"),
            (Errno::MFILE, "ulimit -n"),
            (Errno::NOBUFS, "bind failed on 10.1.2.3:700"),
        ];
        for (errno, remedy) in cases {
            let text = NetError::socket(3, addr, "bind", errno).to_string();
            assert!(text.contains("endpoint 3") && text.contains(remedy), "{text}");
        }
    }
}
