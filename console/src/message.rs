//! Words on standard error.

use std::{
    fmt::Display,
    io::{Write, stderr},
};

use miette::Report;

/// Writes an error with its causes and remedy to standard error.
pub(crate) fn report(error: &Report) {
    warn(format_args!("Error: {error:?}"));
}

/// Writes a line to standard error. If that fails, nobody is left to tell.
pub fn warn(line: impl Display) {
    // One write, so that lines of several threads do not mix.
    let _ = stderr().write_all(format!("{line}\n").as_bytes());
}
