//! The operator's Unix socket: one line asks, one answer is given, and the connection ends.
//!
//! The answer begins with a line `ok` or `error`; what was done, or why it was not, follows. Nothing here waits: the
//! housekeeping thread looks for what has come at each of its turns.
//!
//! Fault model: whoever may connect may send anything, at any speed, and may never read. Connections, their bytes and their
//! time are bounded.

use std::{
    fs,
    io::{self, ErrorKind, Read, Write},
    os::unix::{
        fs::{FileTypeExt, MetadataExt},
        net::{UnixListener, UnixStream},
    },
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use rustix::{
    fs::{Access, Mode, access, fchmod},
    net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, bind, connect, listen, socket, socket_with},
};

use corelane_runtime::resilience::WorkPermit;

use super::{Answer, turn::turn};

/// Connections open at once. One more makes the oldest leave that has asked for nothing yet; if all have, it waits in the kernel's
/// queue.
const CONNECTIONS_MAX: usize = 16;
/// Connections that may wait in the kernel's queue.
const BACKLOG: i32 = 16;
/// Bytes of the longest request.
const REQUEST_MAX: usize = 512;
/// Reads of a connection in a turn, of as many bytes each: whoever sends without end does not hold housekeeping.
const READS_PER_TURN: usize = 64;
/// How often it is said at most that the system refuses to accept.
const REFUSAL_REPEAT: Duration = Duration::from_secs(60);
/// How long a connection may take to send its request or to read its answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Bytes of the longest path of a Unix socket: `sockaddr_un` has 108, the last one a zero.
const PATH_BYTES_MAX: usize = 107;

/// A connection, by its number from the start.
pub(super) type ConnectionId = u64;

/// The reason why the operator's socket could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SocketError {
    /// Another server serves it.
    #[error("{path:?}: another server answers there; stop it, or give this venue another path in admin.socket")]
    InUse {
        /// Its path.
        path: PathBuf,
    },
    /// There is something else at its path.
    #[error("{path:?}: there is a file that is no socket; remove it, or write another path in admin.socket")]
    NoSocket {
        /// Its path.
        path: PathBuf,
    },
    /// The system has no sockets with paths so long.
    #[error(
        "{path:?}: the path of a socket has at most {max} bytes; write a shorter one in admin.socket, or name the topology by a \
         shorter path",
        max = PATH_BYTES_MAX
    )]
    TooLong {
        /// The path.
        path: PathBuf,
    },
    /// The system refuses.
    #[error("{path:?}: {reason}; write the path of a file that this user may create in admin.socket")]
    System {
        /// Its path.
        path: PathBuf,
        /// The system's reason.
        reason: io::Error,
    },
}

/// Checks that the operator's socket can be made at `path`, without making it.
///
/// # Errors
/// [`SocketError`], but not whether another server serves it.
pub(crate) fn check_socket(path: &Path) -> Result<(), SocketError> {
    let system = |reason: io::Error| SocketError::System { path: path.to_owned(), reason };
    // Clients such as `corelane admin` need a zero at its end.
    if path.as_os_str().len() > PATH_BYTES_MAX {
        return Err(SocketError::TooLong { path: path.to_owned() });
    }
    let folder = folder(path);
    if !fs::metadata(folder).map_err(system)?.is_dir() {
        return Err(system(ErrorKind::NotADirectory.into()));
    }
    access(folder, Access::WRITE_OK | Access::EXEC_OK).map_err(|error| system(error.into()))?;
    match fs::symlink_metadata(path) {
        Ok(there) if there.file_type().is_socket() => Ok(()),
        Ok(_) => Err(SocketError::NoSocket { path: path.to_owned() }),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(system(error)),
    }
}

/// The operator's socket, whose file is removed when it is dropped.
#[derive(Debug)]
pub(crate) struct AdminSocket {
    listener: UnixListener,
    path: PathBuf,
    /// The device and the inode of its file, which no other file has while this socket is open.
    file: Option<(u64, u64)>,
    connections: Vec<Connection>,
    accepted: ConnectionId,
    /// When it was last said that the system refuses to accept.
    refusal_said: Option<Instant>,
}

#[derive(Debug)]
struct Connection {
    id: ConnectionId,
    stream: UnixStream,
    deadline: Instant,
    phase: Phase,
    /// Held for its request.
    permit: Option<WorkPermit>,
}

#[derive(Debug)]
enum Phase {
    Reading(Vec<u8>),
    /// The request is on its way.
    Waiting,
    Writing(Vec<u8>),
    Ended,
}

impl AdminSocket {
    /// The descriptors that it may have open at once: one connection more is accepted before another makes room.
    pub(crate) const DESCRIPTORS_MAX: usize = 2 + CONNECTIONS_MAX;

    /// Makes the socket at `path`, for this user alone. The file of a server that is gone is replaced.
    ///
    /// # Errors
    /// [`SocketError`].
    pub(crate) fn bind(path: &Path) -> Result<AdminSocket, SocketError> {
        check_socket(path)?;
        let system = |reason: io::Error| SocketError::System { path: path.to_owned(), reason };
        // Until it listens, its file is as stale as that of a server which is gone.
        // Whoever has the folder locked for longer makes no socket in it.
        let _turn = turn(folder(path)).unwrap_or_default();
        let listener = match listener(path) {
            Err(error) if error.kind() == ErrorKind::AddrInUse => {
                remove_stale(path)?;
                listener(path)
            }
            result => result,
        };
        let listener = listener.map_err(system)?;
        listener.set_nonblocking(true).map_err(system)?;
        Ok(AdminSocket {
            listener,
            path: path.to_owned(),
            file: file(path),
            connections: Vec::new(),
            accepted: 0,
            refusal_said: None,
        })
    }

    /// Reads, writes and accepts what there is; returns the requests that are complete.
    pub(super) fn poll(&mut self) -> Vec<(ConnectionId, String)> {
        let mut requests = Vec::new();
        for connection in &mut self.connections {
            requests.extend(connection.advance().map(|line| (connection.id, line)));
        }
        self.connections.retain(|connection| !matches!(connection.phase, Phase::Ended));
        // Whoever connects without end does not hold housekeeping.
        for _ in 0..CONNECTIONS_MAX {
            let is_full = self.connections.len() >= CONNECTIONS_MAX;
            let idle = self.connections.iter().position(|connection| matches!(connection.phase, Phase::Reading(_)));
            if is_full && idle.is_none() {
                break;
            }
            let Some(mut connection) = self.accept() else { break };
            if let Some(idle) = idle.filter(|_| is_full) {
                let problem = "others wait, and this connection has asked for nothing yet; try again";
                self.connections.remove(idle).answer(&Err(problem.to_owned()));
            }
            requests.extend(connection.advance().map(|line| (connection.id, line)));
            self.connections.push(connection);
        }
        requests
    }

    /// Keeps the permit of a request until its connection ends.
    pub(super) fn hold(&mut self, id: ConnectionId, permit: Option<WorkPermit>) {
        if let Some(connection) = self.connections.iter_mut().find(|connection| connection.id == id) {
            connection.permit = permit;
        }
    }

    /// Answers a request. If its connection has ended, nobody is told.
    pub(super) fn answer(&mut self, id: ConnectionId, answer: &Answer) {
        if let Some(connection) = self.connections.iter_mut().find(|connection| connection.id == id) {
            connection.answer(answer);
        }
    }

    fn accept(&mut self) -> Option<Connection> {
        let accepted = self.listener.accept().and_then(|(stream, _)| stream.set_nonblocking(true).map(|()| stream));
        // The next turn tries again.
        let stream = accepted.inspect_err(|error| self.note_refusal(error)).ok()?;
        self.accepted += 1;
        let deadline = Instant::now() + PATIENCE;
        Some(Connection { id: self.accepted, stream, deadline, phase: Phase::Reading(Vec::new()), permit: None })
    }

    /// Says that the operator cannot get in, such as for want of descriptors, unless nobody waits or it was said just now.
    fn note_refusal(&mut self, error: &io::Error) {
        let is_refused = !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted);
        let is_said = self.refusal_said.is_some_and(|said| said.elapsed() < REFUSAL_REPEAT);
        if is_refused && !is_said {
            self.refusal_said = Some(Instant::now());
            tracing::error!(
                "{:?} takes no connection: {error}; raise the limit of open files (`ulimit -n`)",
                self.path
            );
        }
    }
}

impl Drop for AdminSocket {
    fn drop(&mut self) {
        // Another server may have made its own by now. If it is gone already, so much the better.
        if file(&self.path) == self.file {
            let _ = fs::remove_file(&self.path);
        }
    }
}

impl Connection {
    /// Does what can be done now; returns the request if it is complete.
    fn advance(&mut self) -> Option<String> {
        match self.phase {
            Phase::Reading(_) => self.read(),
            Phase::Writing(_) => {
                self.write();
                None
            }
            Phase::Waiting | Phase::Ended => None,
        }
    }

    fn read(&mut self) -> Option<String> {
        let Phase::Reading(received) = &mut self.phase else { return None };
        let mut bytes = [0; REQUEST_MAX];
        let mut has_ended = Instant::now() >= self.deadline;
        for _ in 0..READS_PER_TURN {
            match self.stream.read(&mut bytes) {
                Ok(0) => has_ended = true,
                Ok(length) => {
                    has_ended |= bytes[..length].contains(&b'\n');
                    // What is left in the socket would reset the connection at its end, and take the answer with it.
                    received.extend(bytes[..length].iter().take(REQUEST_MAX + 1 - received.len()));
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => has_ended = true,
            }
            if has_ended {
                break;
            }
        }
        if !has_ended {
            return None;
        }
        let end = received.iter().position(|byte| *byte == b'\n');
        let problem = match end.map(|end| str::from_utf8(&received[..end])) {
            Some(Ok(line)) => {
                let line = line.to_owned();
                self.phase = Phase::Waiting;
                return Some(line);
            }
            Some(Err(_)) => "the request is no UTF-8 text".to_owned(),
            None if received.len() > REQUEST_MAX => format!("the request is longer than {REQUEST_MAX} bytes"),
            // It has asked for nothing.
            None if received.is_empty() => {
                self.phase = Phase::Ended;
                return None;
            }
            None => "the request does not end with a new line".to_owned(),
        };
        self.answer(&Err(problem));
        None
    }

    fn answer(&mut self, answer: &Answer) {
        let (word, text) = match answer {
            Ok(text) => ("ok", text),
            Err(problem) => ("error", problem),
        };
        self.deadline = Instant::now() + PATIENCE;
        self.phase = Phase::Writing(format!("{word}\n{text}\n").into_bytes());
        self.write();
    }

    fn write(&mut self) {
        let Phase::Writing(unsent) = &mut self.phase else { return };
        while !unsent.is_empty() {
            match self.stream.write(unsent) {
                Ok(length) => drop(unsent.drain(..length)),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock && Instant::now() < self.deadline => return,
                Err(_) => break,
            }
        }
        self.phase = Phase::Ended;
        self.permit = None;
    }
}

/// A listening socket whose file has the mode 0600 from its first moment on.
fn listener(path: &Path) -> io::Result<UnixListener> {
    let address = SocketAddrUnix::new(path)?;
    let socket = socket(AddressFamily::UNIX, SocketType::STREAM, None)?;
    // The file takes over the mode of the socket.
    fchmod(&socket, Mode::RUSR | Mode::WUSR)?;
    bind(&socket, &address)?;
    listen(&socket, BACKLOG)?;
    Ok(UnixListener::from(socket))
}

/// The folder that a path is in.
fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// The device and the inode of a file.
fn file(path: &Path) -> Option<(u64, u64)> {
    fs::symlink_metadata(path).ok().map(|metadata| (metadata.dev(), metadata.ino()))
}

/// Removes the socket of a server that is gone.
fn remove_stale(path: &Path) -> Result<(), SocketError> {
    let system = |reason| SocketError::System { path: path.to_owned(), reason };
    match try_connect(path) {
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => fs::remove_file(path).map_err(system),
        // Also if it is too busy to accept.
        _ => Err(SocketError::InUse { path: path.to_owned() }),
    }
}

/// Connects without waiting for a server that stands still.
fn try_connect(path: &Path) -> io::Result<()> {
    let client = socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::NONBLOCK, None)?;
    Ok(connect(&client, &SocketAddrUnix::new(path)?)?)
}
