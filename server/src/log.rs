//! The log on standard error, written by a thread of its own.
//!
//! Fault model: what reads standard error may stand still for ever (a terminal that is held, a collector that hangs). The
//! threads that log never wait for it: lines that find no room are dropped and counted, and so is the end of the log.
//! `tracing-appender` does the same, but its end waits for standard error if the thread does.

use std::{
    io::{self, IsTerminal, Write},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    thread,
    time::Duration,
};

use miette::miette;

/// Lines that wait for standard error; beyond them, lines are dropped.
const LINES_MAX: usize = 1024;
/// How long the end of the log waits for lines to be written.
const PATIENCE: Duration = Duration::from_secs(1);

/// The log. Dropping it writes the lines that wait, unless standard error stands still.
pub(crate) struct Log {
    lines: Lines,
}

enum Item {
    Line(Vec<u8>),
    /// Answered when all lines before it are written.
    End(SyncSender<()>),
}

/// Where the threads of the process write their lines.
#[derive(Clone)]
struct Lines {
    items: SyncSender<Item>,
    /// Lines that were dropped and not said yet.
    lost: Arc<AtomicU64>,
    /// All lines that were dropped.
    all_lost: Arc<AtomicU64>,
}

impl Log {
    /// Logs to standard error from now on, with colours only on a terminal that has them and unless `NO_COLOR` is set.
    ///
    /// # Errors
    /// The system starts no thread.
    pub(crate) fn to_stderr() -> miette::Result<Log> {
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let is_dumb = std::env::var_os("TERM").is_none_or(|terminal| terminal.is_empty() || terminal == "dumb");
        let is_plain = !io::stderr().is_terminal() || is_dumb || no_color;
        let (lines, items) = lines();
        let lost = lines.lost.clone();
        let writing = move || write(&items, &lost, &mut io::stderr());
        thread::Builder::new().name("log".to_owned()).spawn(writing).map_err(|error| {
            let help = "raise the limit of threads (ulimit -u, in systemd TasksMax=, pids.max of the cgroup)";
            miette!(help = help, "the thread that writes the log does not start: {error}")
        })?;
        let writer = lines.clone();
        // A log that cannot be written is nothing to panic about.
        tracing_subscriber::fmt()
            .with_writer(move || writer.clone())
            .with_ansi(!is_plain)
            .log_internal_errors(false)
            .init();
        Ok(Log { lines })
    }

    /// How many lines were dropped: a count that goes on.
    pub(crate) fn lost(&self) -> Arc<AtomicU64> {
        self.lines.all_lost.clone()
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        let (done, is_done) = sync_channel(1);
        if self.lines.items.try_send(Item::End(done)).is_ok() {
            // Lines that are not written by then are lost.
            let _ = is_done.recv_timeout(PATIENCE);
        }
    }
}

impl Write for Lines {
    /// Takes one event, which `tracing` writes at once.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if let Err(TrySendError::Full(_)) = self.items.try_send(Item::Line(line.to_vec())) {
            self.lost.fetch_add(1, Ordering::Relaxed);
            self.all_lost.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn lines() -> (Lines, Receiver<Item>) {
    let (items, received) = sync_channel(LINES_MAX);
    (Lines { items, lost: Arc::default(), all_lost: Arc::default() }, received)
}

/// Writes lines as they come, and behind them how many were dropped.
fn write(items: &Receiver<Item>, lost: &AtomicU64, output: &mut impl Write) {
    for item in items {
        // What cannot be written is lost: nobody is left to tell.
        match item {
            Item::Line(line) => {
                let _ = output.write_all(&line).and_then(|()| say_lost(lost, output));
            }
            // Nobody waits any more if it comes late.
            Item::End(done) => drop(done.try_send(())),
        }
    }
}

fn say_lost(lost: &AtomicU64, output: &mut impl Write) -> io::Result<()> {
    match lost.swap(0, Ordering::Relaxed) {
        0 => Ok(()),
        count => writeln!(output, "{count} lines of this log are lost: standard error did not take them in time"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_that_stands_still_keeps_nobody_and_says_what_is_lost() {
        let (mut lines, items) = lines();
        // Nothing is written yet.
        for _ in 0..LINES_MAX + 3 {
            lines.write_all(b"line\n").unwrap();
        }
        let lost = lines.lost.clone();
        // The end finds no room: it does not wait.
        drop(Log { lines });
        let mut written = Vec::new();
        write(&items, &lost, &mut written);
        let written = String::from_utf8(written).unwrap();
        assert_eq!(written.matches("line\n").count(), LINES_MAX);
        assert!(written.contains("\n3 lines of this log are lost: "), "{written}");
    }
}
