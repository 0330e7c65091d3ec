//! The server under test: the real binary, with fault points, as a process of its own.

use std::{
    env::consts::ARCH,
    fs,
    io::{self, BufRead, BufReader, Read},
    mem,
    net::{SocketAddr, UdpSocket},
    os::{fd::OwnedFd, unix::net::UnixStream},
    path::{Path, PathBuf},
    process::{Child, ChildStderr, Command, ExitStatus, Stdio},
    sync::{
        Mutex, PoisonError,
        mpsc::{self, Receiver, RecvTimeoutError},
    },
    thread,
    time::{Duration, Instant},
};

use corelane_config::VENUE_TOML;
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
    process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal},
};
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, TargetArch};

/// How long a server may take to say its addresses, and to end.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);
/// How often its end is looked for.
const LOOK_AGAIN: Duration = Duration::from_millis(1);

/// The server that was started last. Held while one starts, so that [`end_at_once`] misses none.
static STARTED: Mutex<Option<OwnedFd>> = Mutex::new(None);

/// A line of the server's log, and when it came.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub at: Instant,
    pub text: String,
}

impl Line {
    /// The number in the field of this name.
    pub(super) fn field(&self, name: &str) -> Option<u64> {
        let value = self.text.split_once(&format!("{name}="))?.1;
        value.split(|letter: char| !letter.is_ascii_digit()).next()?.parse().ok()
    }
}

/// A running server.
pub(super) struct Server {
    child: Child,
    socket: PathBuf,
    pub order_entry: SocketAddr,
    /// Lines A and B.
    pub feed_in: Vec<SocketAddr>,
    lines: Receiver<Line>,
    /// A log that nobody reads: its pipe stays open, and full.
    _unread: Option<ChildStderr>,
    output: Option<thread::JoinHandle<String>>,
}

/// How a server ended.
pub(super) struct Ended {
    pub status: ExitStatus,
    pub at: Instant,
    pub log: Vec<Line>,
}

/// How a server is started.
pub(super) struct Setup<'a> {
    pub binary: &'a Path,
    pub folder: &'a Path,
    /// Changes of the shipped topology: what is written there, and what instead.
    pub changes: &'a [(&'a str, &'a str)],
    /// Where its feed goes.
    pub tape: SocketAddr,
    /// Nobody reads its log.
    pub log_is_blocked: bool,
    /// What the shell is told before its command.
    pub limits: &'a str,
    /// The kernel refuses io_uring.
    pub without_io_uring: bool,
    /// How long it may take to say its addresses.
    pub patience: Duration,
}

impl Server {
    pub(super) fn start(setup: &Setup<'_>) -> io::Result<Result<Server, Ended>> {
        let mut started = STARTED.lock().unwrap_or_else(PoisonError::into_inner);
        let topology = topology_file(setup.folder);
        fs::write(&topology, topology_text(setup.changes, setup.tape))?;
        let socket = setup.folder.join("corelane.sock");
        let _ = fs::remove_file(&socket);
        // Those of the server before.
        let _ = fs::remove_dir_all(incidents_directory(setup.folder));
        let script = format!("{} \"$0\" run \"$1\"", setup.limits);
        let mut command = Command::new("sh");
        command.args(["-c", &script]).arg(setup.binary).arg(&topology);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = match setup.without_io_uring {
            true => spawn_without_io_uring(&mut command)?,
            false => command.spawn()?,
        };
        // A kernel that gives none lets a server outlive a signal to this process, and nothing more.
        *started = pidfd_open(Pid::from_child(&child), PidfdFlags::empty()).ok();
        drop(started);
        let output = BufReader::new(child.stdout.take().expect("it is piped"));
        let errors = child.stderr.take().expect("it is piped");
        let (sender, lines) = mpsc::channel();
        let mut unread = None;
        if setup.log_is_blocked {
            unread = Some(errors);
            drop(sender);
        } else {
            thread::spawn(move || {
                for text in BufReader::new(errors).lines().map_while(Result::ok) {
                    if sender.send(Line { at: Instant::now(), text }).is_err() {
                        return;
                    }
                }
            });
        }
        let (says, said) = mpsc::channel::<String>();
        let output = Some(thread::spawn(move || {
            let mut rest = String::new();
            for line in output.lines().map_while(Result::ok) {
                // Once it has said its addresses, nobody listens here.
                if let Err(unheard) = says.send(line) {
                    rest += &format!("{}\n", unheard.0);
                }
            }
            rest
        }));
        let (mut order_entry, mut feed_in) = (None, Vec::new());
        let deadline = Instant::now() + setup.patience;
        while order_entry.is_none() || feed_in.len() < 2 {
            let line = match said.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => line,
                Err(RecvTimeoutError::Disconnected) => {
                    let Some(status) = ended(&mut child, deadline)? else { return Err(end_silent(child)) };
                    return Ok(Err(Ended { status, at: Instant::now(), log: lines.iter().collect() }));
                }
                Err(RecvTimeoutError::Timeout) => return Err(end_silent(child)),
            };
            let address = |prefix: &str| line.strip_prefix(prefix)?.split_whitespace().next()?.parse().ok();
            order_entry = order_entry.or_else(|| address("order entry on "));
            feed_in.extend(address("market data in on "));
        }
        let order_entry = order_entry.expect("the loop ends with it");
        Ok(Ok(Server { child, socket, order_entry, feed_in, lines, _unread: unread, output }))
    }

    /// Asks the running server through its socket, as `corelane admin` does.
    pub(super) fn ask(&self, request: &str) -> Result<String, String> {
        ask(&self.socket, request).map_err(|error| format!("{request}: {error}")).and_then(|answer| {
            match answer.split_once('\n') {
                Some(("ok", text)) => Ok(text.trim_end().to_owned()),
                Some((_, problem)) => Err(format!("{request}: {}", problem.trim_end())),
                None => Err(format!("{request}: no answer")),
            }
        })
    }

    pub(super) fn signal_to_stop(&self) {
        self.signal("-TERM");
    }

    /// Lets the process stand still for so long.
    pub(super) fn pause(&self, time: Duration) {
        self.signal("-STOP");
        thread::sleep(time);
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        // A process that has ended takes no signal.
        let _ = Command::new("kill").args([signal, &self.child.id().to_string()]).status();
    }

    /// Waits until it has ended, and says when; not if that takes too long.
    pub(super) fn ended_at(&mut self) -> Option<Instant> {
        ended(&mut self.child, Instant::now() + PATIENCE).ok().flatten().map(|_| Instant::now())
    }

    /// Waits until it has ended, and kills it if that takes too long: then there is no status.
    pub(super) fn wait(mut self) -> Result<(Ended, String), String> {
        let begun = Instant::now();
        let (status, at) = loop {
            match self.child.try_wait() {
                Ok(Some(status)) => break (status, Instant::now()),
                Ok(None) if begun.elapsed() < PATIENCE => thread::sleep(LOOK_AGAIN),
                Ok(None) => {
                    let _ = self.child.kill();
                    let _ = self.child.wait();
                    return Err(format!("the server did not end within {} s", PATIENCE.as_secs()));
                }
                Err(error) => return Err(format!("waiting for the server: {error}")),
            }
        };
        let output = self.output.take().and_then(|thread| thread.join().ok()).unwrap_or_default();
        Ok((Ended { status, at, log: self.lines.iter().collect() }, output))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Kills the server that runs and deletes its folder. Other threads start no server from then on, and [`go_on`] does not return.
pub(super) fn end_at_once(folder: &Path) {
    let started = STARTED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(server) = started.as_ref() {
        // It may have ended. Until it has, it may make files.
        let _ = pidfd_send_signal(server, Signal::KILL);
        let patience = Timespec { tv_sec: PATIENCE.as_secs().cast_signed(), tv_nsec: 0 };
        let _ = poll(&mut [PollFd::new(server, PollFlags::IN)], Some(&patience));
    }
    let _ = fs::remove_dir_all(folder);
    mem::forget(started);
}

/// Returns unless [`end_at_once`] was called: what becomes of a server that it has killed is nothing to report.
pub(super) fn go_on() {
    drop(STARTED.lock().unwrap_or_else(PoisonError::into_inner));
}

/// Starts a process for which the kernel refuses to set io_uring up, as the default profile of container runtimes does.
fn spawn_without_io_uring(command: &mut Command) -> io::Result<Child> {
    const IO_URING_SETUP: i64 = 425;
    let rules = [(IO_URING_SETUP, Vec::new())].into();
    let refuse = SeccompAction::Errno(Errno::PERM.raw_os_error().unsigned_abs());
    let target = TargetArch::try_from(ARCH).map_err(io::Error::other)?;
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, refuse, target)
        .and_then(BpfProgram::try_from)
        .map_err(io::Error::other)?;
    // A filter holds for the thread that applies it, and for what that thread starts.
    thread::scope(|scope| {
        let spawn = || {
            seccompiler::apply_filter(&filter).map_err(io::Error::other)?;
            command.spawn()
        };
        scope.spawn(spawn).join().unwrap_or_else(|_| Err(io::Error::other("the thread that starts it panicked")))
    })
}

/// Where the topology of a server lies.
pub(super) fn topology_file(folder: &Path) -> PathBuf {
    folder.join("venue.toml")
}

/// Where the shipped topology has its records of failures.
pub(super) fn incidents_directory(folder: &Path) -> PathBuf {
    folder.join("incidents")
}

/// Sends a request to a socket of a server.
pub(super) fn ask(socket: &Path, request: &str) -> io::Result<String> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    io::Write::write_all(&mut stream, format!("{request}\n").as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

/// The shipped topology on free ports, with these changes.
fn topology_text(changes: &[(&str, &str)], tape: SocketAddr) -> String {
    let to = format!("to = \"{tape}\"");
    let free = "listen = \"127.0.0.1:0\"\nallow_ephemeral_port = true";
    let line_b = "[feeds.in.line_b]\nlisten = \"127.0.0.1:0\"\n";
    let own = [
        ("listen = \"127.0.0.1:9001\"", free),
        ("listen = \"127.0.0.1:26477\"", free),
        ("# [feeds.in.line_b]\n# listen = \"127.0.0.1:26478\"\n", line_b),
        ("to = \"127.0.0.1:26400\"", to.as_str()),
    ];
    own.iter().chain(changes).fold(VENUE_TOML.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "the shipped topology says {from:?}");
        text.replacen(from, to, 1)
    })
}

/// A socket for the feed of a server.
pub(super) fn tape_socket() -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind(("127.0.0.1", 0))?;
    socket.set_read_timeout(Some(Duration::from_millis(20)))?;
    Ok(socket)
}

/// Waits until a process has ended, but only until then.
fn ended(child: &mut Child, deadline: Instant) -> io::Result<Option<ExitStatus>> {
    loop {
        match child.try_wait()? {
            None if Instant::now() < deadline => thread::sleep(LOOK_AGAIN),
            status => return Ok(status),
        }
    }
}

/// Ends a server that says nothing; the error that follows.
fn end_silent(mut child: Child) -> io::Error {
    // It may have ended by itself.
    let _ = child.kill();
    let _ = child.wait();
    io::Error::other("the server does not say its addresses")
}

#[cfg(test)]
mod tests {
    use std::{env, process::id};

    use super::*;

    #[test]
    fn a_server_that_does_not_start_is_waited_for_only_so_long() {
        let folder = env::temp_dir().join(format!("corelane-faults-start-{}", id()));
        fs::create_dir_all(&folder).unwrap();
        let start = |limits, log_is_blocked, patience| {
            Server::start(&Setup {
                binary: Path::new("/bin/false"),
                folder: &folder,
                changes: &[],
                tape: ([127, 0, 0, 1], 9).into(),
                log_is_blocked,
                limits,
                without_io_uring: false,
                patience,
            })
        };
        let error = start("exec >&-; exec sleep 600;", false, LOOK_AGAIN).err().expect("it says nothing any more");
        assert_eq!(error.to_string(), "the server does not say its addresses");
        for log_is_blocked in [false, true] {
            let Ok(Err(ended)) = start("", log_is_blocked, PATIENCE) else { panic!("it has not ended") };
            assert_eq!(ended.status.code(), Some(1));
        }
        let error = start("exec sleep 600;", false, LOOK_AGAIN).err().expect("it is silent");
        assert_eq!(error.to_string(), "the server does not say its addresses");
        fs::remove_dir_all(folder).unwrap();
    }
}
