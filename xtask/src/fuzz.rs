//! The fuzz targets, two at a time, as that many CPUs are common.

use crate::command::{cargo, command};
use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::sync::Mutex;
use std::thread;

const AT_ONCE: usize = 2;
/// Lines shown of a log that reports a finding.
const LINES_SHOWN: usize = 40;

/// Fuzzes the named targets, or all, for this many seconds each.
///
/// # Errors
///
/// If a target does not build or finds something.
pub(crate) fn run(root: &Path, seconds: u32, targets: &[&str]) -> Result<(), String> {
    cargo(root, "+nightly fuzz build")?;
    let targets = match targets {
        [] => all(root)?,
        _ => targets.iter().map(|target| (*target).to_owned()).collect(),
    };
    let left = Mutex::new(targets.iter());
    let take = || left.lock().map(|mut left| left.next()).unwrap_or_default();
    let failures = thread::scope(|scope| {
        let worker =
            || -> Vec<String> { std::iter::from_fn(take).filter_map(|t| fuzz(root, t, seconds).err()).collect() };
        let workers: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(worker)).collect();
        workers
            .into_iter()
            .flat_map(|worker| worker.join().unwrap_or(vec!["a worker panicked".into()]))
            .collect::<Vec<_>>()
    });
    if failures.is_empty() { Ok(()) } else { Err(failures.join("\n")) }
}

fn all(root: &Path) -> Result<Vec<String>, String> {
    let output = command(root, "cargo", ["+nightly", "fuzz", "list"]).stderr(Stdio::inherit()).output();
    let output = output.map_err(|e| format!("cannot list the fuzz targets: {e}"))?;
    let targets: Vec<String> = String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect();
    match output.status.success() && !targets.is_empty() {
        true => Ok(targets),
        false => Err("`cargo +nightly fuzz list` names no target".into()),
    }
}

fn fuzz(root: &Path, target: &str, seconds: u32) -> Result<(), String> {
    let (corpus, log) = (format!("fuzz/corpus/{target}"), format!("fuzz/corpus/{target}.log"));
    let output = fs::create_dir_all(root.join(&corpus)).and_then(|()| fs::File::create(root.join(&log)));
    let output = output.map_err(|e| format!("{log}: {e}"))?;
    let errors = output.try_clone().map_err(|e| format!("{log}: {e}"))?;
    let arguments = ["+nightly", "fuzz", "run", target, &corpus, &format!("fuzz/seeds/{target}"), "--"];
    let status = command(root, "cargo", arguments)
        .arg(format!("-max_total_time={seconds}"))
        .args(["-timeout=10", "-rss_limit_mb=1024", "-print_final_stats=1"])
        .stdin(Stdio::null())
        .stdout(output)
        .stderr(errors)
        .status()
        .map_err(|e| format!("cannot fuzz {target}: {e}"))?;
    let text = fs::read_to_string(root.join(&log)).unwrap_or_default();
    if !status.success() {
        let lines: Vec<&str> = text.lines().collect();
        println!("{}", lines[lines.len().saturating_sub(LINES_SHOWN)..].join("\n"));
        return Err(format!("fuzzing {target} found something: see fuzz/artifacts/{target} and {log}"));
    }
    println!("{target:<14} {}", executed(&text));
    Ok(())
}

/// The line of a log that says how many inputs were tried.
fn executed(log: &str) -> &str {
    let line = log.lines().find(|line| line.contains("number_of_executed_units"));
    line.map_or("", |line| line.trim_start_matches("stat::"))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_count_is_found_in_a_log() {
        let log = "INFO: x\nstat::number_of_executed_units: 42\nstat::average: 1\n";
        assert_eq!(super::executed(log), "number_of_executed_units: 42");
        assert_eq!(super::executed("nothing"), "");
    }
}
