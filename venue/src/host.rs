//! What the host must give a venue before it starts: file descriptors, a place for the operator's socket, and destinations
//! that datagrams may go to.

use std::{
    fs,
    io::{self, ErrorKind},
    net::{Ipv4Addr, SocketAddrV4, UdpSocket},
    path::Path,
    sync::{Mutex, PoisonError},
    thread,
};

use corelane_config::{Config, LOG_INS_MIN};
use rustix::{
    fs::{Access, access},
    process::{Resource, Rlimit, getrlimit, setrlimit},
};

use crate::{
    declare::Declared,
    error::VenueError,
    operator::{AdminSocket, check_socket},
};

/// The standard streams, where the system does not say what is open.
const STANDARD_STREAMS: usize = 3;

/// An executor's, and one for calls that wait.
const THREADS_PER_SHARD: usize = 2;
/// Those that `corelane run` begins beside: of its log and of its output.
const PROGRAM_THREADS: usize = 2;
/// Bytes of the stack of a thread that does nothing.
const STACK_BYTES: usize = 64 << 10;

/// The file descriptors that a venue's process may have open at once, by purpose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Descriptors {
    /// Each purpose and its number of descriptors.
    pub parts: Vec<(&'static str, usize)>,
    connections: Connections,
}

/// What may be lowered so that fewer are needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Connections {
    max: usize,
    /// The fewest that the check of a configuration accepts.
    min: usize,
    /// Must be lower than `max`.
    per_address_max: usize,
}

impl Descriptors {
    /// Their sum.
    #[must_use]
    pub fn total(&self) -> usize {
        self.parts.iter().map(|(_, count)| count).sum()
    }

    /// Checks that the process may have a limit that suffices.
    fn check(&self) -> Result<(), VenueError> {
        let hard = getrlimit(Resource::Nofile).maximum;
        match hard.filter(|&hard| hard < self.total() as u64) {
            Some(limit) => Err(self.refused(limit)),
            None => Ok(()),
        }
    }

    /// Raises the process's soft limit to what suffices, if it is lower.
    pub(crate) fn provide(&self) -> Result<(), VenueError> {
        // Two venues of one process read and write the limit one after the other, so that neither lowers it.
        static LIMIT: Mutex<()> = Mutex::new(());
        let _held = LIMIT.lock().unwrap_or_else(PoisonError::into_inner);
        let limit = getrlimit(Resource::Nofile);
        let needed = self.total() as u64;
        match limit.current.filter(|&soft| soft < needed) {
            Some(soft) => setrlimit(Resource::Nofile, Rlimit { current: Some(needed), ..limit })
                .map_err(|_| self.refused(limit.maximum.unwrap_or(soft))),
            None => Ok(()),
        }
    }

    fn refused(&self, limit: u64) -> VenueError {
        let parts =
            self.parts.iter().filter(|(_, count)| *count > 0).map(|(what, count)| format!("{count} for {what}"));
        let needed = self.total();
        let excess = (needed as u64).saturating_sub(limit);
        let Connections { max, min, per_address_max } = self.connections;
        let left = (max as u64).saturating_sub(excess);
        let alternative = match left >= min as u64 {
            true if per_address_max as u64 >= left => format!(
                ", or lower `net.connections_max` to {left}, and `order_entry.connections_per_address_max` below that"
            ),
            true => format!(", or lower `net.connections_max` to {left}"),
            false => String::new(),
        };
        VenueError::OpenFiles { needed, limit, alternative, parts: parts.collect::<Vec<_>>().join(", ") }
    }
}

impl Declared {
    /// Checks that this host gives what the venue of `config` needs, without keeping it: threads, descriptors, places for the operator's
    /// socket and for records of failures, destinations of datagrams, executors and rings for its shards and addresses for its sockets. Raises the process's
    /// limit on open files, as a start does. Returns the descriptors.
    ///
    /// # Errors
    /// [`VenueError`], but not whether another server has the addresses or the operator's socket.
    pub fn check_host(&self, config: &Config, socket: Option<&Path>) -> Result<Descriptors, VenueError> {
        check_threads(self.threads() + PROGRAM_THREADS)?;
        let descriptors = self.prepare_host(config, socket)?;
        descriptors.provide()?;
        self.topology.check_host().map_err(|error| self.endpoint_keys.explain(error))?;
        Ok(descriptors)
    }

    /// Checks what the start of the topology does not: descriptors, places for the operator's socket at `socket` and for records
    /// of failures, and destinations that datagrams may go to. Returns the descriptors.
    pub(crate) fn prepare_host(&self, config: &Config, socket: Option<&Path>) -> Result<Descriptors, VenueError> {
        check_threads(self.threads())?;
        socket.map(check_socket).transpose()?;
        if let Some(directory) = &self.incidents {
            check_directory(directory)
                .map_err(|reason| VenueError::Incidents { directory: directory.clone(), reason })?;
        }
        check_destinations(config)?;
        let mut parts = vec![("what is open at the start, such as the standard streams", open())];
        parts.extend(self.topology.descriptors());
        if socket.is_some() {
            parts.push(("the operator's socket and its connections", AdminSocket::DESCRIPTORS_MAX));
        }
        let connections = Connections {
            max: config.net.connections_max,
            min: config.ports.len() + LOG_INS_MIN,
            per_address_max: config.order_entry.connections_per_address_max,
        };
        let descriptors = Descriptors { parts, connections };
        descriptors.check()?;
        Ok(descriptors)
    }
}

impl Declared {
    /// The threads that a start begins: besides the shards, housekeeping and what watches it, and one more for what that has to say.
    fn threads(&self) -> usize {
        THREADS_PER_SHARD * self.placement.shards.len() + 3 + usize::from(self.incidents.is_some())
    }
}

/// Checks that the system lets this process have so many threads more at once: where it does not, executors panic as they start.
fn check_threads(needed: usize) -> Result<(), VenueError> {
    let begin = |_| thread::Builder::new().stack_size(STACK_BYTES).spawn(thread::park);
    let begun: Vec<_> = (0..needed).map(begin).collect();
    let refusal = begun.iter().find_map(|thread| thread.as_ref().err().map(|error| error.to_string()));
    let begun = begun.into_iter().flatten().inspect(|thread| thread.thread().unpark());
    let started = begun.filter_map(|thread| thread.join().ok()).count();
    refusal.map_or(Ok(()), |reason| Err(VenueError::Threads { needed, started, reason }))
}

/// The number of descriptors that the process has open.
fn open() -> usize {
    // One of them reads the folder.
    fs::read_dir("/proc/self/fd").map_or(STANDARD_STREAMS, |open| open.count() - 1)
}

/// Checks that files can be made and listed in a directory, or that it can be made in one above it.
fn check_directory(directory: &Path) -> io::Result<()> {
    let mut rights = Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK;
    for folder in directory.ancestors() {
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        match fs::metadata(folder) {
            Ok(found) if found.is_dir() => return Ok(access(folder, rights)?),
            Ok(_) => return Err(ErrorKind::NotADirectory.into()),
            // No directory can be made in place of a link, even if that leads nowhere.
            Err(error) if error.kind() == ErrorKind::NotFound && fs::symlink_metadata(folder).is_err() => {}
            Err(error) => return Err(error),
        }
        rights = Access::WRITE_OK | Access::EXEC_OK;
    }
    Ok(())
}

/// Refuses destinations of datagrams that are broadcast addresses of this host's networks, which only its routes tell.
fn check_destinations(config: &Config) -> Result<(), VenueError> {
    let out = config.feeds.outbound.iter().map(|feed| ("feeds.out.to".to_owned(), feed.to));
    let servers = config.feeds.inbound.iter().flat_map(|feed| feed.recovery.servers.iter().enumerate());
    let servers = servers.map(|(index, server)| (format!("feeds.in.recovery.servers[{index}]"), *server));
    match out.chain(servers).find(|(_, to)| is_forbidden(*to)) {
        Some((key, to)) => Err(VenueError::Destination { key, to }),
        None => Ok(()),
    }
}

/// Whether the kernel refuses datagrams to an address. Connecting sends none. Other obstacles, such as a link that is down, may
/// pass.
fn is_forbidden(to: SocketAddrV4) -> bool {
    let connected = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).and_then(|socket| socket.connect(to));
    connected.is_err_and(|error| error.kind() == ErrorKind::PermissionDenied)
}
