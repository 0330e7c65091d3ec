//! The signals that `corelane run` obeys.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use corelane_console::{catch_stop_signals, set_ended_by_signals, stop_signals};
use miette::IntoDiagnostic;
use nix::sys::signal::{SigSet, Signal};
use signal_hook::{
    consts::{SIGUSR1, SIGUSR2, SIGXCPU},
    flag,
};

/// The last word on the kill switch: nothing new, engage, release.
const NOTHING: usize = 0;
const ENGAGE: usize = 1;
const RELEASE: usize = 2;

/// The signals that the process has received.
pub(crate) struct Signals {
    /// The last one that tells the process to stop; 0 if none has come.
    stop: Arc<AtomicUsize>,
    kill_switch: Arc<AtomicUsize>,
}

impl Signals {
    /// Catches the signals of this process from now on. A signal to stop ends it at once until [`Signals::stop_in_order`].
    ///
    /// # Errors
    /// The system's refusal.
    pub(crate) fn install() -> miette::Result<Signals> {
        let signals = Signals { stop: Arc::default(), kill_switch: Arc::default() };
        catch_stop_signals().into_diagnostic()?;
        for signal in stop_signals() {
            flag::register_usize(signal, signals.stop.clone(), signal.unsigned_abs() as usize).into_diagnostic()?;
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
        let stop = [Signal::SIGHUP, Signal::SIGINT, Signal::SIGTERM, Signal::SIGXCPU];
        let ours: SigSet = stop.into_iter().chain([Signal::SIGUSR1, Signal::SIGUSR2]).collect();
        // It cannot fail: the set is valid.
        let _ = ours.thread_block();
        let started = start();
        let _ = ours.thread_unblock();
        started
    }

    /// Whether the process is told to stop: by SIGTERM, by SIGINT from a terminal, by SIGHUP as the terminal goes away, or by
    /// SIGXCPU.
    pub(crate) fn say_stop(&self) -> bool {
        self.stop.load(Ordering::Acquire) != 0
    }

    /// Whether it has used the CPU time that it may have.
    pub(crate) fn say_cpu_time_is_used(&self) -> bool {
        self.stop.load(Ordering::Acquire) == SIGXCPU.unsigned_abs() as usize
    }

    /// Keeps the signals that tell the process to stop for [`Signals::say_stop`], from now on.
    pub(crate) fn stop_in_order(&self) {
        set_ended_by_signals(false);
    }

    /// Lets the signals that tell the process to stop end it at once, from now on, but for SIGXCPU.
    pub(crate) fn end_the_process(&self) {
        set_ended_by_signals(true);
    }

    /// The last word on the kill switch since this was last asked: whether to engage it.
    pub(crate) fn kill_switch(&self) -> Option<bool> {
        match self.kill_switch.swap(NOTHING, Ordering::AcqRel) {
            NOTHING => None,
            word => Some(word == ENGAGE),
        }
    }
}
