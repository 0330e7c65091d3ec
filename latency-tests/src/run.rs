//! `corelane-latency run`: runs a profile, prints and writes what it showed.

use std::time::{Duration, Instant};

use corelane_runtime::cpu;
use corelane_tester::jitter;
use corelane_tuning::Host;
use miette::{IntoDiagnostic, Report, miette};

use crate::{
    cli::RunArgs,
    context,
    measure::{self, Bench},
    profile::{Entry, Profile},
    profiler::stages::Stages,
    progress::Progress,
    report,
    result::{Run, SCHEMA_VERSION, Verdict},
    scenario::Scenario,
    shipped::{self, stem},
};

/// Rounds and their length of a scenario that is not in the profile.
const ROUNDS: usize = 1;
const ROUND_MS: u64 = 1000;

/// Runs it.
///
/// # Errors
/// What could not be run, and a run whose figures do not count: both end the process with an exit code that says so.
pub fn run(args: &RunArgs) -> miette::Result<()> {
    let profile_text = shipped::text(&args.profile, &Profile::SHIPPED, "profile")?;
    let profile = Profile::parse(&args.profile, &profile_text)?;
    let scenarios = chosen(args, &profile)?;
    // Before any thread is pinned: the facts are those of the calling thread.
    let facts = Host::inspect();
    let cpus = two_cpus()?;
    let started = Instant::now();
    let mut context = context::context(stem(&args.profile), &profile.summary, &cpus);
    let progress = Progress::new(scenarios.len() as u64);
    let jitter = jitter::measure(&cpus, Duration::from_millis(profile.jitter_ms)).into_diagnostic()?;
    let jitter = context::jitter(&jitter);
    let host = context::host(&facts, &jitter);
    progress.say(&report::head(&context, &host, &jitter));
    if context.debug_build {
        progress.say("This is a debug build: its figures mean nothing. Build with --release.");
    }

    let stages = Stages::default();
    let bench = |rounds, round_ms| Bench {
        cpus,
        rounds,
        round: Duration::from_millis(round_ms),
        warmup: Duration::from_millis(profile.warmup_ms),
        interval: Duration::from_millis(profile.interval_ms),
        seed: args.seed,
        progress: &progress,
        stages: &stages,
    };
    let mut seen = Vec::new();
    for (entry, name, scenario) in &scenarios {
        let bench = bench(entry.rounds, entry.round_ms);
        let found = measure::scenario(name, scenario, &bench)
            .map_err(|error| Report::new(error).wrap_err(format!("scenario {name}")))?;
        for one in found {
            progress.say(&report::scenario(&one));
            seen.push(one);
        }
        progress.done();
    }
    let mut verdict = Verdict::of(&seen);
    let mut scaling = Vec::new();
    if let Some(sizes) = profile.scaling.as_ref().filter(|_| args.scenario.is_empty()) {
        let (fits, problems) = measure::scaling::run(sizes, &bench(sizes.rounds, sizes.round_ms))
            .map_err(|error| Report::new(error).wrap_err("growth"))?;
        progress.say(&report::scaling(&fits));
        scaling = fits;
        verdict.add(problems);
    }
    progress.finish();
    context.took_s = started.elapsed().as_secs_f64();
    let run = Run { schema_version: SCHEMA_VERSION, context, host, jitter, scenarios: seen, scaling, verdict };
    let json = report::write(&run, &args.out)?;
    report::html::write(&run, None, &args.out.join("report.html"))?;
    println!(
        "\nresult: {} (and report.html, .hgrm and .hlog files beside it), in {:.0} s",
        json.display(),
        run.context.took_s
    );
    println!("{}", report::verdict(&run));
    for line in report::ratio_lines(&run) {
        println!("{line}");
    }
    if run.verdict.valid {
        Ok(())
    } else {
        Err(miette!(
            help = "run it on an idle machine, or lower the rates in a profile and scenarios of your own",
            "the figures do not count: {} problems, listed above",
            run.verdict.problems.len()
        ))
    }
}

/// The profile's scenarios, or those that were asked for, with the profile's lengths if it has them.
fn chosen(args: &RunArgs, profile: &Profile) -> miette::Result<Vec<(Entry, String, Scenario)>> {
    let asked: Vec<Entry> = if args.scenario.is_empty() {
        profile.scenarios.clone()
    } else {
        let entry = |name: &String| {
            let known = profile.scenarios.iter().find(|entry| entry.name == *name).cloned();
            known.unwrap_or(Entry { name: name.clone(), rounds: ROUNDS, round_ms: ROUND_MS })
        };
        args.scenario.iter().map(entry).collect()
    };
    let read = |entry: Entry| {
        let text = shipped::text(&entry.name, &Scenario::SHIPPED, "scenario")?;
        let scenario = Scenario::parse(&entry.name, &text)?;
        let name = stem(&entry.name).to_owned();
        Ok((entry, name, scenario))
    };
    asked.into_iter().map(read).collect()
}

/// The server's CPU and the tester's.
pub(crate) fn two_cpus() -> miette::Result<[usize; 2]> {
    match cpu::allowed_cpus()[..] {
        [server, tester, ..] => Ok([server, tester]),
        _ => Err(miette!(
            help = "start it with two CPUs or more, for example without taskset",
            "server and tester need a CPU each, and this process may use one only"
        )),
    }
}
