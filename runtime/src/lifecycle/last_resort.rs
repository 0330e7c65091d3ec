//! Says what failed on standard error if the program has no log: else an actor that panics would be silent.

use std::{fmt, io, os::fd::AsFd};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::write,
};
use tracing::{dispatcher, subscriber::NoSubscriber};

use crate::shard::panics;

/// The most lines, half of them warnings at most: who fails again and again does not fill a disk.
const LINES_MAX: usize = 64;

/// Bytes of the longest line: a pipe that says it has room takes as many without waiting (`PIPE_BUF`).
const LINE_BYTES_MAX: usize = 4096;

/// Standard error, for a program that has installed no `tracing` subscriber.
#[derive(Debug, Default)]
pub(super) struct LastResort {
    lines: usize,
}

impl LastResort {
    /// Writes a line, unless the program has a log, or too many were written, or standard error has no room now.
    pub(super) fn say(&mut self, line: fmt::Arguments<'_>) {
        if self.lines < LINES_MAX && dispatcher::get_default(|log| log.is::<NoSubscriber>()) {
            self.lines += 1;
            // What is shown may be the program's own.
            let _ = panics::catch(|| write_at_once(&io::stderr(), format!("corelane: {line}")));
        }
    }

    /// As [`LastResort::say`], but leaves room for what fails later.
    pub(super) fn warn(&mut self, line: fmt::Arguments<'_>) {
        if self.lines < LINES_MAX / 2 {
            self.say(line);
        }
    }
}

/// Writes a line, or loses it if that would wait for a reader. Waits for no lock either, which a thread that waits for the reader may
/// hold.
fn write_at_once(to: &impl AsFd, mut line: String) {
    line.truncate(line.floor_char_boundary(LINE_BYTES_MAX - 1));
    line.push('\n');
    let mut ready = [PollFd::new(to, PollFlags::OUT)];
    if poll(&mut ready, Some(&Timespec::default())).is_ok() && ready[0].revents().contains(PollFlags::OUT) {
        let _ = write(to, line.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use std::{
        env,
        io::{Read, Write},
        process::{Command, Stdio},
        thread,
        time::{Duration, Instant},
    };

    use rustix::io::ioctl_fionbio;

    use super::*;

    /// Set in the process whose standard error nobody reads.
    const MARK: &str = "CORELANE_TEST_FULL_STDERR";
    const NAME: &str = "lifecycle::last_resort::tests::a_standard_error_that_nobody_reads_holds_nothing_up";

    #[test]
    #[expect(clippy::disallowed_methods, reason = "the test waits for a process")]
    fn a_standard_error_that_nobody_reads_holds_nothing_up() {
        if env::var_os(MARK).is_some() {
            return LastResort::default().say(format_args!("an actor has failed"));
        }
        let (unread, mut full) = io::pipe().unwrap();
        ioctl_fionbio(&full, true).unwrap();
        while full.write(b" ").is_ok() {}
        ioctl_fionbio(&full, false).unwrap();
        let mut child = Command::new(env::current_exe().unwrap());
        child.args(["--exact", NAME, "--nocapture"]).env(MARK, "").stdout(Stdio::null()).stderr(full);
        let mut child = child.spawn().unwrap();
        let deadline = Instant::now() + Duration::from_secs(30);
        while child.try_wait().unwrap().is_none() {
            if Instant::now() > deadline {
                child.kill().unwrap();
                panic!("it waits for a reader");
            }
            thread::sleep(Duration::from_millis(1));
        }
        assert!(child.wait().unwrap().success());
        drop(unread);
    }

    #[test]
    fn a_line_is_whole_or_cut_to_what_a_pipe_takes_at_once() {
        let (mut read, to) = io::pipe().unwrap();
        write_at_once(&to, "one".to_owned());
        write_at_once(&to, "ü".repeat(LINE_BYTES_MAX));
        drop(to);
        let mut text = String::new();
        read.read_to_string(&mut text).unwrap();
        assert_eq!(text.lines().map(str::len).collect::<Vec<_>>(), [3, LINE_BYTES_MAX - 2]);
    }
}
