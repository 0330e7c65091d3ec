//! `perf`: how it is called, and what it means when it does not work.

use std::{
    ffi::OsStr,
    fs,
    io::{self, BufReader, ErrorKind, Read},
    path::Path,
    process::{Child, ChildStderr, ChildStdout, Command, Stdio},
};

/// What is sampled: the clock, because many machines (this kind too, in a virtual one) have no hardware counters.
pub const EVENT: &str = "cpu-clock";
/// How callers are found: a piece of the stack is kept with each sample and unwound afterwards, so that the very release
/// build is profiled, which has no frame pointers.
pub const CALL_GRAPH: &str = "dwarf,8192";
/// Memory for samples of each CPU, in perf's words: the most that this user may lock is taken. A server and a tester that
/// spin on all CPUs leave little time to empty it.
const BUFFERS: [&str; 3] = ["16M", "2M", "256K"];
/// What perf says when a buffer is too large.
const TOO_LARGE: &str = "error mapping pages";
/// Of what perf said, so much is shown.
const SAID_MAX: usize = 2000;

/// Why there are no samples.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum PerfError {
    /// There is no such program.
    #[error("perf is not installed; it takes the samples")]
    #[diagnostic(help(
        "install it: `apt-get install linux-perf` on Debian, `linux-tools-generic` on Ubuntu, `perf` on Fedora and Arch"
    ))]
    Missing,
    /// The kernel does not let this user sample.
    #[error("the kernel does not permit perf to sample (kernel.perf_event_paranoid is {paranoid}): {said}")]
    #[diagnostic(help(
        "`sysctl kernel.perf_event_paranoid=1` as root permits it with kernel functions, 2 without them; or start this as \
         root. In a container, perf_event_open must be allowed too; locked memory is limited by `ulimit -l`"
    ))]
    NotPermitted {
        /// The setting, as the kernel shows it.
        paranoid: String,
        /// What perf said.
        said: String,
    },
    /// The scenario or perf failed.
    #[error("`perf {what}` failed:\n{said}")]
    Failed {
        /// Its subcommand.
        what: &'static str,
        /// What was said.
        said: String,
    },
    /// Its output cannot be read, or it cannot be started.
    #[error("perf cannot be run")]
    System(#[from] io::Error),
}

/// Runs `command` under `perf record`, which writes `data`.
///
/// # Errors
/// [`PerfError`]; [`PerfError::Failed`] also if `command` fails, with what it said.
pub fn record<S: AsRef<OsStr>>(
    data: &Path,
    frequency_hz: u32,
    command: impl IntoIterator<Item = S>,
) -> Result<(), PerfError> {
    let frequency_hz = frequency_hz.to_string();
    let command: Vec<S> = command.into_iter().collect();
    let mut said = String::new();
    for buffer in BUFFERS {
        let mut perf = Command::new("perf");
        perf.args(["record", "--event", EVENT, "--clockid", "CLOCK_MONOTONIC", "--freq", &frequency_hz]);
        perf.args(["--call-graph", CALL_GRAPH, "--mmap-pages", buffer, "--output"]).arg(data).arg("--").args(&command);
        let output = perf.stdin(Stdio::null()).output().map_err(missing)?;
        if output.status.success() {
            return Ok(());
        }
        said = String::from_utf8_lossy(&output.stderr).into_owned();
        // Then it has not started the command.
        if !said.contains(TOO_LARGE) {
            break;
        }
    }
    Err(refused("record", &said))
}

/// The samples as text, while perf prints them.
pub struct Script {
    child: Child,
    stderr: ChildStderr,
}

/// Starts `perf script` on what [`record`] wrote; its lines have the fields that [`super::samples`] reads.
///
/// # Errors
/// [`PerfError`].
pub fn script(data: &Path) -> Result<(Script, BufReader<ChildStdout>), PerfError> {
    let mut perf = Command::new("perf");
    perf.args(["script", "--no-inline", "--fields", "comm,pid,tid,time,event,ip,sym,dso", "--ns", "--input"]);
    perf.arg(data).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = perf.spawn().map_err(missing)?;
    let (Some(stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) else {
        unreachable!("both were asked for")
    };
    Ok((Script { child, stderr }, BufReader::new(stdout)))
}

impl Script {
    /// Waits for its end, and returns what it warned of.
    ///
    /// # Errors
    /// [`PerfError::Failed`].
    pub fn finish(mut self) -> Result<Option<String>, PerfError> {
        let mut said = String::new();
        self.stderr.read_to_string(&mut said)?;
        if !self.child.wait()?.success() {
            return Err(refused("script", &said));
        }
        // "Processed 1656 events and lost 3 chunks!"
        Ok(said.lines().find(|line| line.contains(" lost ")).map(|line| line.trim().to_owned()))
    }
}

fn missing(error: io::Error) -> PerfError {
    if error.kind() == ErrorKind::NotFound { PerfError::Missing } else { error.into() }
}

/// What a failure means.
fn refused(what: &'static str, said: &str) -> PerfError {
    let said: String = said.trim().chars().take(SAID_MAX).collect();
    let is_forbidden =
        ["perf_event_paranoid", "perf_event_mlock_kb", "Permission denied", "not permitted", "No permission"];
    if what == "record" && is_forbidden.iter().any(|phrase| said.contains(phrase)) {
        let paranoid = fs::read_to_string("/proc/sys/kernel/perf_event_paranoid");
        return PerfError::NotPermitted {
            paranoid: paranoid.map_or("not shown".to_owned(), |all| all.trim().to_owned()),
            said,
        };
    }
    PerfError::Failed { what, said }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_perf_refuses_is_told_from_what_fails() {
        // As perf 6.1 says it.
        let limited = "Error:\nAccess to performance monitoring and observability operations is limited.\nConsider adjusting \
                       /proc/sys/kernel/perf_event_paranoid setting to open";
        let mapping = "Permission error mapping pages.\nConsider increasing /proc/sys/kernel/perf_event_mlock_kb,";
        for said in [limited, mapping] {
            assert!(matches!(refused("record", said), PerfError::NotPermitted { .. }), "{said}");
        }
        assert!(mapping.contains(TOO_LARGE));
        let failed = refused("record", "Error:   × scenario wire\n");
        assert!(matches!(&failed, PerfError::Failed { said, .. } if said.ends_with("scenario wire")), "{failed}");
    }
}
