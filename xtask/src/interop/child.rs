//! Children whose output is read line by line, shown, and waited for with a bound.

use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

/// Bounds every wait for a line or an end. The longest real one is the clients' trading day, some seconds.
const WAIT_MAX: Duration = Duration::from_secs(30);

/// A user without rights, who may lock so many bytes of memory.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub user: u32,
    pub memlock_bytes: u64,
}

/// A command that runs `binary`, within limits if there are any. As root only.
pub(super) fn limited(binary: &Path, limits: Option<Limits>) -> Command {
    let Some(Limits { user, memlock_bytes }) = limits else { return Command::new(binary) };
    let mut command = Command::new("prlimit");
    command.arg(format!("--memlock={memlock_bytes}:{memlock_bytes}")).arg(binary);
    // Without supplementary groups: the standard library drops them with the user.
    command.uid(user).gid(user);
    command
}

/// A running command. It does not outlive this value.
pub(super) struct Child {
    name: &'static str,
    child: std::process::Child,
    lines: Receiver<String>,
}

impl Child {
    /// Starts a command, with what it prints shown.
    pub(super) fn start(name: &'static str, mut command: Command) -> Result<Self, String> {
        let failed = |e| format!("cannot start {name}: {e}");
        let (output, input) = std::io::pipe().map_err(failed)?;
        command.stdin(Stdio::null()).stdout(input.try_clone().map_err(failed)?).stderr(input);
        let child = command.spawn().map_err(failed)?;
        // The command holds the pipe's other end, and the output ends when nobody does.
        drop(command);
        let (sender, lines) = channel();
        thread::spawn(move || show(output, &sender));
        Ok(Self { name, child, lines })
    }

    /// The next line with this text in it.
    pub(super) fn wait_for(&mut self, text: &str) -> Result<String, String> {
        let deadline = Instant::now() + WAIT_MAX;
        loop {
            match self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) if line.contains(text) => return Ok(line),
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout) => {
                    return Err(format!("{}: no {text:?} within {} s", self.name, WAIT_MAX.as_secs()));
                }
                Err(RecvTimeoutError::Disconnected) => {
                    let status = self.status()?;
                    return Err(format!("{} ended with {status} without {text:?}", self.name));
                }
            }
        }
    }

    pub(super) fn signal(&self, signal: Signal) -> Result<(), String> {
        kill_process(Pid::from_child(&self.child), signal).map_err(|e| format!("cannot signal {}: {e}", self.name))
    }

    /// How it ended, once it has.
    pub(super) fn status(&mut self) -> Result<ExitStatus, String> {
        let deadline = Instant::now() + WAIT_MAX;
        loop {
            match self.child.try_wait() {
                Ok(Some(status)) => return Ok(status),
                Ok(None) if Instant::now() < deadline => thread::sleep(Duration::from_millis(5)),
                Ok(None) => return Err(format!("{} did not end within {} s", self.name, WAIT_MAX.as_secs())),
                Err(e) => return Err(format!("cannot wait for {}: {e}", self.name)),
            }
        }
    }

    pub(super) fn ended_with(&mut self, expected: i32) -> Result<(), String> {
        let status = self.status()?;
        match status.code() == Some(expected) {
            true => Ok(()),
            false => Err(format!("{} ended with {status}, expected {expected}", self.name)),
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // One that has ended cannot be killed, and that is well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a command to its end, which must be a success.
pub(super) fn bounded(name: &'static str, command: Command) -> Result<(), String> {
    Child::start(name, command)?.ended_with(0)
}

/// Prints each line of a stream, and sends it.
fn show(stream: impl Read, lines: &Sender<String>) {
    let mut stream = BufReader::new(stream);
    let mut line = Vec::new();
    while stream.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
        let text = String::from_utf8_lossy(&line).trim_end().to_owned();
        line.clear();
        println!("{text}");
        // Nobody may wait for lines any more; they are shown all the same.
        let _ = lines.send(text);
    }
}

#[cfg(test)]
mod tests {
    use super::{Child, bounded};
    use std::process::Command;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn lines_and_the_end_are_waited_for() {
        let mut child = Child::start("sh", shell("echo one; echo two >&2; exit 3")).expect("sh starts");
        assert_eq!(child.wait_for("tw"), Ok("two".to_owned()));
        assert!(child.wait_for("three").unwrap_err().contains("without \"three\""));
        assert!(child.ended_with(0).unwrap_err().contains("expected 0"));
        assert!(bounded("sh", shell("true")).is_ok());
        assert!(bounded("sh", shell("false")).is_err());
    }
}
