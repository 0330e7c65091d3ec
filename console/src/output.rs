//! Standard output whose loss is noticed.

use std::{
    fmt::Display,
    io::{self, BufWriter, Stdout, Write, stdout},
    time::Instant,
};

use miette::{Diagnostic, Report, miette};
use rustix::termios;
use thiserror::Error;

use crate::{
    aside::{Aside, PATIENCE},
    exit::Exit,
    fold::folded,
    message::{Wait, report},
    table::Table,
};

/// Standard output could not be written.
#[derive(Clone, Debug, Error, Diagnostic)]
#[error("cannot write to standard output: {reason}")]
#[diagnostic(help(
    "what was written so far is incomplete; free the disk or choose another destination, and run it again"
))]
pub struct LostOutput {
    kind: io::ErrorKind,
    reason: String,
}

impl LostOutput {
    /// The kind of the system's error. [`io::ErrorKind::BrokenPipe`] means that the reader has closed the pipe.
    #[must_use]
    pub fn kind(&self) -> io::ErrorKind {
        self.kind
    }
}

impl From<io::Error> for LostOutput {
    fn from(error: io::Error) -> Self {
        Self { kind: error.kind(), reason: error.to_string() }
    }
}

/// Standard output. Remembers its first error: whatever a command does with it, the exit code will be 2.
///
/// Write much through [`Write`], which buffers, and what a reader waits for through [`Output::say`].
#[derive(Debug)]
pub struct Output {
    writer: BufWriter<Stream>,
    lost: Option<LostOutput>,
    /// Until when the end of the command waits for readers that stand still, once it has begun to wait for one.
    ends_by: Option<Instant>,
}

#[derive(Debug)]
enum Stream {
    Direct(Stdout),
    Aside(Aside),
}

impl Output {
    pub(crate) fn stdout() -> Self {
        Self { writer: BufWriter::new(Stream::Direct(stdout())), lost: None, ends_by: None }
    }

    /// Lets a thread of its own write from now on, so that nothing written here waits for its reader. A loss is told by the next
    /// write or flush. The end of the command waits five seconds for readers that stand still, be it of this or of standard
    /// error, and then counts what they have not read as lost.
    ///
    /// # Errors
    /// [`LostOutput`] for what was written so far; or the system starts no thread.
    pub fn write_aside(&mut self) -> miette::Result<()> {
        self.flush().map_err(LostOutput::from)?;
        let aside = Aside::start(stdout()).map_err(|error| {
            let help = "raise the limit of threads (ulimit -u, in systemd TasksMax=, pids.max of the cgroup)";
            miette!(help = help, "the thread that writes standard output does not start: {error}")
        })?;
        self.writer = BufWriter::new(Stream::Aside(aside));
        Ok(())
    }

    pub(crate) fn wait(&mut self) -> Wait {
        match self.writer.get_ref() {
            Stream::Direct(_) => Wait::ForReader,
            Stream::Aside(_) => Wait::Until(*self.ends_by.get_or_insert_with(|| Instant::now() + PATIENCE)),
        }
    }

    /// Writes a line at once.
    ///
    /// # Errors
    /// [`LostOutput`], now or earlier.
    pub fn say(&mut self, line: impl Display) -> Result<(), LostOutput> {
        // The error of a `Display` is no error of the output.
        let text = format!("{line}\n");
        Ok(self.write_all(text.as_bytes()).and_then(|()| self.flush())?)
    }

    /// Writes a table at once, folded to the width of the terminal if there is one.
    ///
    /// # Errors
    /// [`LostOutput`], now or earlier.
    pub fn table(&mut self, table: &Table) -> Result<(), LostOutput> {
        let columns = self.columns();
        self.say(table.lines(columns))
    }

    /// Writes lines of text at once, folded to the width of the terminal if there is one.
    ///
    /// # Errors
    /// [`LostOutput`], now or earlier.
    pub fn text(&mut self, text: impl Display) -> Result<(), LostOutput> {
        let text = text.to_string();
        match self.columns() {
            Some(columns) => self.say(folded(&text, columns)),
            None => self.say(text),
        }
    }

    /// The width of the terminal; `None` if the output is none.
    #[must_use]
    pub fn columns(&self) -> Option<usize> {
        let size = termios::tcgetwinsize(stdout()).ok()?;
        // A terminal that does not know its width says 0.
        (size.ws_col > 0).then_some(size.ws_col.into())
    }

    /// Lists damage on standard error, behind all output so far, and ends the command with [`Exit::Damaged`].
    pub fn damaged(&mut self, damage: &Report) -> Exit {
        // A loss is remembered.
        let _ = self.flush();
        report(damage, self.wait());
        Exit::Damaged
    }

    /// Whether a write has failed.
    #[must_use]
    pub fn is_lost(&self) -> bool {
        self.lost.is_some()
    }

    pub(crate) fn finish(mut self) -> Result<(), LostOutput> {
        let flushed = self.flush();
        let wait = self.wait();
        let Self { writer, lost, .. } = self;
        // What the buffer still holds after a loss is not tried again.
        let (stream, _) = writer.into_parts();
        match (lost, flushed, stream, wait) {
            (Some(lost), ..) => Err(lost),
            (None, Ok(()), Stream::Aside(aside), Wait::Until(deadline)) => Ok(aside.finish(deadline)?),
            (None, flushed, ..) => Ok(flushed?),
        }
    }

    fn attempt<T>(&mut self, write: impl FnOnce(&mut BufWriter<Stream>) -> io::Result<T>) -> io::Result<T> {
        if let Some(lost) = &self.lost {
            return Err(io::Error::new(lost.kind, lost.reason.clone()));
        }
        write(&mut self.writer).inspect_err(|error| {
            if error.kind() != io::ErrorKind::Interrupted {
                self.lost = Some(LostOutput { kind: error.kind(), reason: error.to_string() });
            }
        })
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.attempt(|writer| writer.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.attempt(|writer| writer.flush())
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Stream::Direct(stdout) => stdout.write(bytes),
            Stream::Aside(aside) => aside.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Stream::Direct(stdout) => stdout.flush(),
            Stream::Aside(aside) => aside.flush(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_readers_that_stand_still_are_waited_for_once() {
        let mut out = Output::stdout();
        assert_eq!(out.wait(), Wait::ForReader);
        out.write_aside().unwrap();
        let first = out.wait();
        assert!(matches!(first, Wait::Until(_)));
        assert_eq!(out.wait(), first);
    }
}
