//! Standard output and standard error that a command cannot write.

use std::{
    fs::OpenOptions,
    io::{PipeReader, Write, pipe},
    process::Stdio,
};

use rustix::fs::{OFlags, fcntl_setfl};

/// A disk without room.
///
/// # Panics
/// If the system has no `/dev/full`.
#[must_use]
pub fn full_disk() -> Stdio {
    OpenOptions::new().write(true).open("/dev/full").expect("Linux has it").into()
}

/// A pipe whose reader is gone.
///
/// # Panics
/// If the system makes no pipe.
#[must_use]
pub fn closed_pipe() -> Stdio {
    let (reader, writer) = pipe().expect("a pipe");
    drop(reader);
    writer.into()
}

/// A pipe that is full, and its reader: who writes waits until that reads or is dropped. The pipe holds spaces.
///
/// # Panics
/// If the system makes no pipe.
#[must_use]
pub fn full_pipe() -> (PipeReader, Stdio) {
    let (reader, mut writer) = pipe().expect("a pipe");
    fcntl_setfl(&writer, OFlags::NONBLOCK).expect("a pipe has flags");
    while writer.write(b" ").is_ok() {}
    fcntl_setfl(&writer, OFlags::empty()).expect("a pipe has flags");
    (reader, writer.into())
}
