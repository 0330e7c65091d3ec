//! Servers that start at once make their sockets one after the other.
//!
//! A socket whose server is gone is removed, and the new one gets its name: two steps, and the new one listens after a third.
//! Another server in between would take the new socket for a stale one, remove it, and leave its server without a way in. In the
//! same way, venues that share an incidents directory number and write their records one after the other.

use std::{
    fs::File,
    io::{self, ErrorKind},
    path::Path,
    thread,
    time::{Duration, Instant},
};

use rustix::{
    fs::{FlockOperation, flock},
    io::Errno,
};

/// How long one waits for another.
pub(crate) const PATIENCE: Duration = Duration::from_secs(1);
/// How often it looks again.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// Waits for this server's turn in a folder, which lasts until the folder is closed. `None` if the folder cannot be locked, for
/// example because its file system has no locks: then whoever shares it takes no turns.
///
/// # Errors
/// Somebody has it locked for longer than one waits.
pub(crate) fn turn(folder: &Path) -> io::Result<Option<File>> {
    let Ok(folder) = File::open(folder) else { return Ok(None) };
    let deadline = Instant::now() + PATIENCE;
    loop {
        match flock(&folder, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(Some(folder)),
            Err(Errno::WOULDBLOCK | Errno::INTR) if Instant::now() < deadline => thread::sleep(LOOK_AGAIN),
            Err(Errno::WOULDBLOCK | Errno::INTR) => {
                return Err(io::Error::new(ErrorKind::TimedOut, "somebody else has locked the folder for a second"));
            }
            Err(_) => return Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        os::unix::net::{UnixListener, UnixStream},
        sync::Barrier,
    };

    use super::super::AdminSocket;
    use super::*;

    #[test]
    fn of_servers_that_start_at_once_on_a_stale_socket_one_has_it() {
        const SERVERS: usize = 4;
        let folder = std::env::temp_dir().join(format!("corelane-turn-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join("corelane.sock");
        for round in 0..50 {
            drop(UnixListener::bind(&path).unwrap());
            let barrier = Barrier::new(SERVERS);
            let start = || {
                barrier.wait();
                AdminSocket::bind(&path)
            };
            let sockets: Vec<_> = thread::scope(|scope| {
                let started: Vec<_> = (0..SERVERS).map(|_| scope.spawn(start)).collect();
                started.into_iter().filter_map(|server| server.join().unwrap().ok()).collect()
            });
            assert_eq!(sockets.len(), 1, "round {round}");
            assert!(UnixStream::connect(&path).is_ok(), "round {round}: its server has lost it");
            drop(sockets);
        }
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_folder_that_somebody_else_has_locked_keeps_no_server_for_long() {
        let folder = std::env::temp_dir().join(format!("corelane-turn-held-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let held = turn(&folder).unwrap();
        assert!(held.is_some());
        assert_eq!(turn(&folder).unwrap_err().kind(), ErrorKind::TimedOut);
        assert!(AdminSocket::bind(&folder.join("corelane.sock")).is_ok());
        drop(held);
        fs::remove_dir_all(folder).unwrap();
    }
}
