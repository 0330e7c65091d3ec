//! The loom models of `runtime/sync`, as they are and with one memory ordering weakened at a time.

use crate::sites::{Site, sites};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Instant;

/// Bounds one model of one mutant, in seconds: a missing fence multiplies the states of the models that retry
/// reads. A model that catches a mutant needs less than one second on an idle machine; one that has not by then
/// counts as not having noticed.
const MUTANT_MODEL_SECONDS_MAX: &str = "10";

/// Runs the models whose name contains `filter`.
pub(crate) fn models(root: &Path, filter: &str) -> Result<(), String> {
    let models = build(root)?;
    let status = Command::new(models).arg(filter).status().map_err(|e| format!("cannot run the models: {e}"))?;
    match status.success() {
        true => Ok(()),
        false => Err(format!("a model failed ({status})")),
    }
}

/// Runs the models with each mutant, and prints a table of which model caught it.
pub(crate) fn mutants(root: &Path) -> Result<(), String> {
    let sites = sites(&root.join("runtime/sync/src"))?;
    let mutants: Vec<String> = sites.iter().flat_map(mutants_of).collect();
    let models = build(root)?;
    if let Some(failure) = run(&models, None, "")?.failure {
        return Err(format!("the models fail without any mutant: {failure}"));
    }

    let started = Instant::now();
    let mut survivors = 0;
    println!("{:<30} {:<9} {:>6}  noticed as", "mutant", "verdict", "s");
    for mutant in &mutants {
        // The primitive's own models are quick and usually enough; a survivor of theirs faces all.
        let own = mutant.split('_').next().unwrap_or_default();
        let mut run = run(&models, Some(mutant), &format!("{own}::"))?;
        if run.failure.is_none() {
            run = self::run(&models, Some(mutant), "")?;
        }
        let (verdict, noticed) = match &run.failure {
            Some(failure) => ("caught", failure.as_str()),
            None => ("SURVIVED", "-"),
        };
        survivors += usize::from(run.failure.is_none());
        println!("{mutant:<30} {verdict:<9} {:>6.1}  {noticed}", run.seconds);
    }
    let seconds = started.elapsed().as_secs_f64();
    println!("{} mutants of {} orderings, {survivors} survived, {seconds:.1} s", mutants.len(), sites.len());
    match survivors {
        0 => Ok(()),
        _ => Err("an ordering can be weakened unnoticed: add a model that needs it, or weaken the code".into()),
    }
}

/// The site's ordering replaced by each that is weaker, where `Relaxed` removes a fence.
fn mutants_of(site: &Site) -> Vec<String> {
    let weaker: &[&str] = match site.order.as_str() {
        "SeqCst" => &["AcqRel", "Relaxed"],
        "AcqRel" => &["Acquire", "Release"],
        _ => &["Relaxed"],
    };
    weaker.iter().map(|order| format!("{}={order}", site.name)).collect()
}

/// Builds the models once for all mutants, in a target folder of their own: their flags would otherwise throw
/// away the normal build. Returns the test binary.
fn build(root: &Path) -> Result<PathBuf, String> {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    let flags = std::env::var("RUSTFLAGS").unwrap_or_default();
    let output = Command::new(env!("CARGO"))
        .args(["test", "--release", "--package", "corelane-sync", "--test", "loom"])
        .args(["--no-run", "--message-format", "json-render-diagnostics"])
        .current_dir(root)
        .env("RUSTFLAGS", format!("{flags} --cfg corelane_loom"))
        .env("CARGO_TARGET_DIR", target.join("loom"))
        .stderr(Stdio::inherit())
        .output()
        .map_err(|e| format!("cannot run cargo: {e}"))?;
    if !output.status.success() {
        return Err("the models do not compile".into());
    }
    let messages = String::from_utf8_lossy(&output.stdout);
    messages
        .lines()
        .filter_map(|message| message.split_once(r#""executable":""#))
        .filter_map(|(_, rest)| rest.split_once('"'))
        .map(|(path, _)| PathBuf::from(path))
        .next_back()
        .ok_or_else(|| "cargo named no test binary".into())
}

struct Run {
    /// The model that failed first, and how.
    failure: Option<String>,
    seconds: f64,
}

/// Runs the models whose name contains `filter`, with a mutant if one is given.
fn run(models: &Path, mutant: Option<&str>, filter: &str) -> Result<Run, String> {
    let mut command = Command::new(models);
    command.arg(filter);
    if let Some(mutant) = mutant {
        command.env("CORELANE_MUTANT", mutant).env("LOOM_MAX_DURATION", MUTANT_MODEL_SECONDS_MAX);
    }
    let started = Instant::now();
    let output = command.output().map_err(|e| format!("cannot run the models: {e}"))?;
    let seconds = started.elapsed().as_secs_f64();
    let failure = match output.status.success() {
        true => None,
        false => Some(first_panic(&output)?),
    };
    Ok(Run { failure, seconds })
}

/// `model: message` of the first panic. It is on stdout, in the report of the test harness, or on stderr if
/// loom's clean-up after a deadlock panicked again and so ended the process.
fn first_panic(output: &Output) -> Result<String, String> {
    let text = [&output.stderr[..], &output.stdout[..]].map(String::from_utf8_lossy).concat();
    let mut lines = text.lines();
    let thread = lines.by_ref().find(|line| line.contains("panicked at"));
    let model = thread.and_then(|line| line.split('\'').nth(1));
    match (model, lines.next()) {
        (Some(model), Some(message)) => Ok(format!("{model}: {message}")),
        _ => Err(format!("the models ended with {} and no panic:\n{text}", output.status)),
    }
}
