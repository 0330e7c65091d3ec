//! A run's progress bar on a terminal.

use std::{
    io::{IsTerminal, stderr},
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use corelane_console::{LostOutput, Output};
use indicatif::{ProgressBar, ProgressStyle};

use crate::measure::estimate;

/// One bar for the whole run, on standard error, and only if that is a terminal.
#[derive(Debug)]
pub struct Progress {
    bar: ProgressBar,
    /// Expected length of the current scenario, in milliseconds.
    current_ms: AtomicU64,
}

impl Progress {
    /// A bar over a run of about this length.
    pub fn new(length: Duration) -> Self {
        let bar = if stderr().is_terminal() {
            let template = format!("{{elapsed}} of about {} {{bar:30}} {{prefix}}{{msg}}", estimate::words(length));
            let style = ProgressStyle::with_template(&template).expect("the template is valid with any length");
            // Drawn between turns only: a thread that draws would take CPU time from what is measured.
            ProgressBar::new(milliseconds(length)).with_style(style)
        } else {
            ProgressBar::hidden()
        };
        Self { bar, current_ms: AtomicU64::new(0) }
    }

    /// Completes the previous scenario, and shows this one with its expected length.
    pub fn begin(&self, scenario: &str, length: Duration) {
        self.bar.inc(self.current_ms.swap(milliseconds(length), Ordering::Relaxed));
        self.bar.set_message("");
        self.bar.set_prefix(format!("{scenario} ({})", estimate::words(length)));
    }

    /// Shows the contender and the round.
    pub fn at(&self, contender: &str, round: usize, rounds: usize) {
        self.bar.set_message(format!(": {contender}, round {} of {rounds}", round + 1));
    }

    /// Prints above the bar.
    ///
    /// # Errors
    /// [`LostOutput`].
    pub fn say(&self, out: &mut Output, text: &str) -> Result<(), LostOutput> {
        self.bar.suspend(|| out.say(text))
    }

    /// Removes the bar.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

fn milliseconds(length: Duration) -> u64 {
    length.as_millis() as u64
}
