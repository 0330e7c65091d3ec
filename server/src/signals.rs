//! The signals that `corelane run` obeys.

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use miette::IntoDiagnostic;
use nix::sys::signal::{SigSet, Signal};
use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2},
    flag,
};

/// The last word on the kill switch: nothing new, engage, release.
const NOTHING: usize = 0;
const ENGAGE: usize = 1;
const RELEASE: usize = 2;

/// The signals that tell a command to stop. SIGHUP is not among them if the process was started with it ignored: whoever has used
/// `nohup` wants it to go on when the terminal goes away.
pub(crate) fn stop_signals() -> impl Iterator<Item = i32> {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    let hears_of_terminal = ignored & (1 << (SIGHUP - 1)) == 0;
    [SIGINT, SIGTERM].into_iter().chain(hears_of_terminal.then_some(SIGHUP))
}

/// The signals that the process has received.
pub(crate) struct Signals {
    stop: Arc<AtomicUsize>,
    /// Whether a signal to stop ends the process.
    ends: Arc<AtomicBool>,
    kill_switch: Arc<AtomicUsize>,
}

impl Signals {
    /// Catches the signals of this process from now on. A signal to stop ends it at once until [`Signals::stop_in_order`].
    ///
    /// # Errors
    /// The system's refusal.
    pub(crate) fn install() -> miette::Result<Signals> {
        let signals = Signals { stop: Arc::default(), ends: Arc::new(true.into()), kill_switch: Arc::default() };
        for signal in stop_signals() {
            flag::register_conditional_default(signal, signals.ends.clone()).into_diagnostic()?;
            flag::register_usize(signal, signals.stop.clone(), 1).into_diagnostic()?;
        }
        // Both write the same word, so that the later one counts however late the main thread looks.
        for (signal, word) in [(SIGUSR1, ENGAGE), (SIGUSR2, RELEASE)] {
            flag::register_usize(signal, signals.kill_switch.clone(), word).into_diagnostic()?;
        }
        Ok(signals)
    }

    /// Starts threads in `start` that get no signals. All are handled by this thread then, one after the other, instead of
    /// by two threads at once, and no shard is interrupted.
    pub(crate) fn kept_to_this_thread<T>(&self, start: impl FnOnce() -> T) -> T {
        let ours: SigSet =
            [Signal::SIGHUP, Signal::SIGINT, Signal::SIGTERM, Signal::SIGUSR1, Signal::SIGUSR2].into_iter().collect();
        // It cannot fail: the set is valid.
        let _ = ours.thread_block();
        let started = start();
        let _ = ours.thread_unblock();
        started
    }

    /// Whether the process is told to stop: by SIGTERM, by SIGINT from a terminal, or by SIGHUP as the terminal goes away.
    pub(crate) fn say_stop(&self) -> bool {
        self.stop.load(Ordering::Acquire) != 0
    }

    /// Keeps the signals that tell the process to stop for [`Signals::say_stop`], from now on.
    pub(crate) fn stop_in_order(&self) {
        self.ends.store(false, Ordering::Release);
    }

    /// Lets the signals that tell the process to stop end it at once, from now on.
    pub(crate) fn end_the_process(&self) {
        self.ends.store(true, Ordering::Release);
    }

    /// The last word on the kill switch since this was last asked: whether to engage it.
    pub(crate) fn kill_switch(&self) -> Option<bool> {
        match self.kill_switch.swap(NOTHING, Ordering::AcqRel) {
            NOTHING => None,
            word => Some(word == ENGAGE),
        }
    }
}
