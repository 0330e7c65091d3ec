//! How far a run is, on a terminal.

use std::io::{IsTerminal, stderr};

use indicatif::{ProgressBar, ProgressStyle};

/// One bar for the whole run, on standard error, and only if that is a terminal.
#[derive(Debug)]
pub struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// A bar over so many scenarios.
    pub fn new(scenarios: u64) -> Self {
        let bar = if stderr().is_terminal() {
            let style = ProgressStyle::with_template("{elapsed} {bar:30} {pos}/{len} {msg}");
            // Drawn between turns only: a thread that draws would take CPU time from what is measured.
            ProgressBar::new(scenarios).with_style(style.expect("the template is a constant and valid"))
        } else {
            ProgressBar::hidden()
        };
        Self { bar }
    }

    /// What runs now.
    pub fn at(&self, scenario: &str, side: &str, round: usize, rounds: usize) {
        self.bar.set_message(format!("{scenario}: {side}, round {} of {rounds}", round + 1));
    }

    /// A scenario is done.
    pub fn done(&self) {
        self.bar.inc(1);
    }

    /// Prints above the bar.
    pub fn say(&self, text: &str) {
        self.bar.suspend(|| println!("{text}"));
    }

    /// Takes it away.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
