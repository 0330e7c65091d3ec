//! `corelane sim`: runs the venue in a simulated world with faults, seed after seed.

use std::{
    collections::BTreeSet,
    fmt::Display,
    io::{IsTerminal, stderr},
    path::Path,
};

use corelane_config::Config;
use corelane_console::{Exit, Output, Unwritable, read_text, writable};
use corelane_simulator::{HAS_FAULT_POINTS, Profile, Replay, Report, Spec, VENUE_TOML, run, shrink, sites};
use indicatif::{ProgressBar, ProgressStyle};
use miette::miette;

use crate::cli::SimArgs;

/// A run that reaches every fault site has so many seeds, half of which end at one of ten fault points, and so many requests of
/// each, during which an actor that is restarted panics once in five seeds.
const LONG_SEEDS: u64 = 200;
const LONG_REQUESTS: u64 = 20_000;

/// Runs the seeds.
///
/// # Errors
/// A topology or replay that cannot be read or built. Broken rules end with [`Exit::Damaged`].
pub(crate) fn sim(args: &SimArgs, out: &mut Output) -> miette::Result<Exit> {
    let replay = args.replay.as_deref().map(read).transpose()?;
    let topology = args.topology.clone().or_else(|| replay.as_ref()?.topology.clone());
    let config = match &topology {
        Some(path) => Config::load(path)?,
        None => Config::parse("the embedded simulation", VENUE_TOML)?,
    };
    let first = Spec::new(config, args.seed, args.requests, args.faults);
    let (first, seeds) = match replay {
        Some(Replay { seed, requests, profile, only, without_clients, without_kinds, .. }) => {
            (Spec { seed, requests, profile, only, without_clients, without_kinds, ..first }, 1)
        }
        None => (first, args.seeds),
    };
    if first.profile == Profile::Panics && !HAS_FAULT_POINTS {
        return Err(miette!("this build has no fault points: build it with `--features faults`"));
    }
    if args.shrink {
        // A broken rule would be lost with it.
        writable(Path::new(&replay_file(first.seed)))?;
    }
    let mut reached = BTreeSet::new();
    let bar = if stderr().is_terminal() { ProgressBar::new(seeds).with_style(style()) } else { ProgressBar::hidden() };
    let (mut requests, mut faults, mut hash, mut broken) = (0, 0, 0_u64, Vec::new());
    let mut faults_min = usize::MAX;
    let last = first.seed.checked_add(seeds - 1).ok_or_else(|| {
        miette!(help = "begin with a lower --seed", "there are no {seeds} seeds from {} on", first.seed)
    })?;
    for seed in first.seed..=last {
        let spec = Spec { seed, ..first.clone() };
        let report = run(&spec)?;
        requests += report.requests;
        faults += report.faults.len();
        faults_min = faults_min.min(report.faults.len());
        reached.extend(report.reached.iter().copied());
        hash = hash.rotate_left(1) ^ report.hash;
        if let Some(rule) = &report.broken {
            broken.push(format!("seed {seed}, {rule}\n{}", repeat(args, &spec, &report, &bar)?));
        }
        bar.set_message(format!("seed {seed}, {requests} requests, {faults} faults, {} broken", broken.len()));
        bar.inc(1);
    }
    bar.finish_and_clear();
    let count = broken.len();
    // Two profiles may have the same site.
    let due: BTreeSet<&str> = sites(first.profile).collect();
    let missed: Vec<&str> = due.difference(&reached).copied().collect();
    out.text(format_args!(
        "fault sites: {} of {} reached; not reached: {}; {faults_min} faults or more in each run",
        due.len() - missed.len(),
        due.len(),
        shown(&missed)
    ))?;
    // Fewer seeds, a venue without some of them, or clients that leave no connection, are not expected to reach all.
    let is_long = first.profile == Profile::All && seeds >= LONG_SEEDS && args.requests >= LONG_REQUESTS;
    if is_long && topology.is_none() && !missed.is_empty() {
        broken.push(format!("no seed reached the fault sites {}", shown(&missed)));
    }
    let exit = match broken.is_empty() {
        true => Exit::Done,
        false => out.damaged(&miette!("rules were broken:\n{}", broken.join("\n"))),
    };
    out.say(format_args!("sim seeds={seeds} requests={requests} faults={faults} broken={count} hash={hash:016x}"))?;
    Ok(exit)
}

fn shown(names: &[&str]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

fn read(path: &Path) -> miette::Result<Replay> {
    let help = "give a file that `corelane sim --shrink` has written";
    let unread = |why: &dyn Display| miette!(help = help, "cannot read the replay {}: {why}", path.display());
    let text = read_text(path).map_err(|error| unread(&error))?;
    Replay::parse(&text).map_err(|why| unread(&why))
}

/// The file that `--shrink` writes.
fn replay_file(seed: u64) -> String {
    format!("corelane-sim-{seed}.replay")
}

/// The command that repeats a run; with `--shrink`, a smaller one from a file.
fn repeat(args: &SimArgs, spec: &Spec, report: &Report, bar: &ProgressBar) -> miette::Result<String> {
    let Spec { seed, requests, profile, .. } = spec;
    if !args.shrink {
        let topology = args.topology.as_ref().map_or(String::new(), |path| format!(" -t {}", path.display()));
        let replay = args.replay.as_ref().map(|path| format!("corelane sim --replay {}", path.display()));
        let command =
            format!("corelane sim{topology} --seed {seed} --seeds 1 --requests {requests} --faults {profile}");
        return Ok(format!("repeat it: {}", replay.unwrap_or(command)));
    }
    let mut runs = 0;
    let (small, report) = shrink(spec, report.clone(), || {
        runs += 1;
        bar.set_message(format!("seed {seed}: making it smaller, run {runs}"));
    })?;
    let path = replay_file(*seed);
    std::fs::write(&path, Replay::of(&small, args.topology.clone()).text())
        .map_err(|error| Unwritable::new(Path::new(&path), error))?;
    let rule = report.broken.map_or(String::new(), |broken| broken.to_string());
    Ok(format!(
        "smaller: {} requests and {} faults, {rule}\nrepeat it: corelane sim --replay {path}",
        report.requests,
        report.faults.len()
    ))
}

fn style() -> ProgressStyle {
    ProgressStyle::with_template("{bar:40} {pos}/{len} {msg}").expect("the template is a constant and valid")
}
