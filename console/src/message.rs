//! Words on standard error.

use std::{
    fmt::Display,
    io::{Write, stderr},
};

use miette::Report;

use crate::aside::Aside;

/// Who waits for the reader of standard error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wait {
    /// The command, as long as it takes.
    ForReader,
    /// Nobody for long: a reader that stands still loses what it does not read.
    Briefly,
}

/// Writes an error with its causes and remedy to standard error.
pub(crate) fn report(error: &Report, wait: Wait) {
    let text = format_args!("Error: {error:?}");
    match wait {
        Wait::ForReader => warn(text),
        Wait::Briefly => {
            let write =
                |mut aside: Aside| aside.write_all(format!("{text}\n").as_bytes()).and_then(|()| aside.finish());
            // If that fails, nobody is left to tell.
            let _ = Aside::start(stderr()).and_then(write);
        }
    }
}

/// Writes a line to standard error. If that fails, nobody is left to tell.
pub fn warn(line: impl Display) {
    // One write, so that lines of several threads do not mix.
    let _ = stderr().write_all(format!("{line}\n").as_bytes());
}
