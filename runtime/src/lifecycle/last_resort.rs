//! Says what failed on standard error if the program has no log: else an actor that panics would be silent.

use std::fmt;

use tracing::{dispatcher, subscriber::NoSubscriber};

use crate::shard::panics;

/// The most lines, half of them warnings at most. Together they are shorter than the buffer of a pipe, so a standard error that
/// nobody reads holds nothing up.
const LINES_MAX: usize = 64;

/// Standard error, for a program that has installed no `tracing` subscriber.
#[derive(Debug, Default)]
pub(super) struct LastResort {
    lines: usize,
}

impl LastResort {
    /// Writes a line, unless the program has a log, or too many were written.
    #[expect(clippy::print_stderr, reason = "nothing else would say that a part has failed")]
    pub(super) fn say(&mut self, line: fmt::Arguments<'_>) {
        if self.lines < LINES_MAX && dispatcher::get_default(|log| log.is::<NoSubscriber>()) {
            self.lines += 1;
            // It panics if standard error is a pipe that was closed.
            let _ = panics::catch(|| eprintln!("corelane: {line}"));
        }
    }

    /// As [`LastResort::say`], but leaves room for what fails later.
    pub(super) fn warn(&mut self, line: fmt::Arguments<'_>) {
        if self.lines < LINES_MAX / 2 {
            self.say(line);
        }
    }
}
