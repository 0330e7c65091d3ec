//! Signals that tell a command to stop.

use std::{
    fs, io,
    sync::{
        Arc, LazyLock,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use rustix::process::{Pid, getpid};
use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM, SIGXCPU},
    flag,
    iterator::Signals,
    low_level::emulate_default_handler,
};

/// What a shell adds to the number of the signal that has ended a command.
const ENDED_BY_SIGNAL: i32 = 128;

/// Whether a signal to stop ends the process at once.
static ENDS: LazyLock<Arc<AtomicBool>> = LazyLock::new(|| Arc::new(AtomicBool::new(true)));

/// The same of SIGXCPU. Beyond its limit of CPU time, a process gets that every second: it hurries no stop.
static ENDS_BY_CPU_TIME: LazyLock<Arc<AtomicBool>> = LazyLock::new(|| Arc::new(AtomicBool::new(true)));

/// The signals that tell a command to stop. SIGHUP and SIGXCPU are not among them if the process was started with them ignored:
/// whoever has used `nohup` wants it to go on when the terminal goes away.
pub fn stop_signals() -> impl Iterator<Item = i32> {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    let is_heard = move |signal: &i32| ignored & (1 << (signal - 1)) == 0;
    [SIGINT, SIGTERM].into_iter().chain([SIGHUP, SIGXCPU].into_iter().filter(is_heard))
}

/// Catches the signals to stop. They end the process as they do by default, unless a command has said
/// [`set_ended_by_signals`].
///
/// # Errors
/// The system's refusal.
pub fn catch_stop_signals() -> io::Result<()> {
    if is_first_process() {
        // They are caught since the start.
        return Ok(());
    }
    stop_signals().try_for_each(|signal| flag::register_conditional_default(signal, ends_by(signal)).map(drop))
}

/// Calls `clean_up` on a thread of its own when the first signal to stop comes, and then lets it end the process as it does by
/// default.
///
/// # Errors
/// The system's refusal.
pub fn clean_up_before_stop_signals_end(clean_up: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let mut signals = Signals::new(stop_signals())?;
    let wait = move || {
        if let Some(signal) = signals.forever().next() {
            clean_up();
            // It knows all of these signals.
            let _ = emulate_default_handler(signal);
        }
    };
    thread::Builder::new().name("signals".to_owned()).spawn(wait).map(drop)
}

/// Whether the signals to stop that are caught end the process at once from now on, as they do at first. SIGXCPU never does again
/// once they do not.
pub fn set_ended_by_signals(ends: bool) {
    ENDS.store(ends, Ordering::Release);
    if !ends {
        ENDS_BY_CPU_TIME.store(false, Ordering::Release);
    }
}

fn ends_by(signal: i32) -> Arc<AtomicBool> {
    if signal == SIGXCPU { ENDS_BY_CPU_TIME.clone() } else { ENDS.clone() }
}

/// Lets the signals to stop end the first process of a container, too. The kernel spares it what they do by default: it would go on,
/// or, once they are caught, be aborted.
pub(crate) fn end_first_process_by_signals() -> io::Result<()> {
    if is_first_process() {
        for signal in stop_signals() {
            flag::register_conditional_shutdown(signal, ENDED_BY_SIGNAL + signal, ends_by(signal))?;
        }
    }
    Ok(())
}

fn is_first_process() -> bool {
    getpid() == Pid::INIT
}
