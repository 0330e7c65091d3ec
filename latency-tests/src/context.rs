//! The host and the build of a run.

use std::{
    fs,
    process::Command,
    time::{SystemTime, UNIX_EPOCH},
};

use corelane_tester::jitter::CpuJitter;
use corelane_tuning::{CpuList, Host};

use crate::result::{self, Context, HostKind, Jitter};

/// Stalls of this length, in nanoseconds, make a host noisy: the claim below a millisecond cannot be judged there.
const STALL_NS: u64 = 1_000_000;

/// The facts of this host, judged by what it did by itself.
pub(crate) fn host(facts: &Host, jitter: &[Jitter]) -> result::Host {
    let quiet = jitter.iter().all(|one| one.longest_ns < STALL_NS);
    result::Host {
        cpu_model: facts.cpu_model.clone(),
        allowed_cpus: facts.allowed_cpus.to_string(),
        isolated_cpus: facts.isolated_cpus.to_string(),
        smt_siblings: facts.smt_siblings.iter().map(CpuList::to_string).collect(),
        kernel: facts.kernel_release.clone(),
        kernel_command_line: fs::read_to_string("/proc/cmdline").ok().map(|line| kernels_own(&line).to_owned()),
        governors: facts.governors.clone(),
        turbo: facts.turbo,
        idle_exit_latency_us_max: facts.idle_exit_latency_us_max,
        clocksource: facts.clocksource.clone(),
        memlock: facts.memlock.to_string(),
        io_uring: facts.io_uring.to_string(),
        kind: if quiet { HostKind::Quiet } else { HostKind::Noisy },
    }
}

/// The part of a command line that the kernel itself reads: what stands behind `--` is for the first process.
fn kernels_own(command_line: &str) -> &str {
    command_line.split(" -- ").next().unwrap_or_default().trim()
}

/// What the machine missed.
pub(crate) fn jitter(measured: &[CpuJitter]) -> Vec<Jitter> {
    let one = |seen: &CpuJitter| Jitter {
        cpu: seen.cpu,
        observed_s: seen.gaps.observed().as_secs_f64(),
        waits: seen.gaps.waits().into(),
        gaps_per_s: seen.gaps.per_second(),
        longest_ns: seen.gaps.longest_ns(),
    };
    measured.iter().map(one).collect()
}

/// The run's head; its length is filled in at its end.
pub(crate) fn context(name: &str, summary: &str, cpus: &[usize]) -> Context {
    let (revision, modified) = revision();
    Context {
        started_unix_s: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()),
        took_s: 0.0,
        command: std::env::args().collect(),
        profile: name.to_owned(),
        profile_summary: summary.to_owned(),
        revision,
        modified,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        debug_build: cfg!(debug_assertions),
        peers: cfg!(feature = "peers"),
        aeron: cfg!(feature = "aeron"),
        cpus: cpus.to_vec(),
    }
}

/// The commit of the working tree around the current folder, and whether the tree differs from it.
fn revision() -> (Option<String>, Option<bool>) {
    let git = |arguments: &[&str]| {
        let output = Command::new("git").args(arguments).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    (git(&["rev-parse", "HEAD"]), git(&["status", "--porcelain"]).map(|changes| !changes.is_empty()))
}
