//! `corelane-latency run`: runs a profile, prints and writes its results.

use std::{
    collections::HashSet,
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use corelane_console::{Exit, Output, Unwritable, distinct, writable};
use corelane_runtime::cpu;
use corelane_tester::jitter;
use corelane_tuning::Host;
use miette::{IntoDiagnostic, Report, miette};

use crate::{
    cli::RunArgs,
    context,
    measure::{self, Bench, estimate},
    profile::{Entry, Profile},
    progress::Progress,
    report::{self, markdown},
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
/// If something could not be run. An invalid run ends with [`Exit::Damaged`].
pub fn run(args: &RunArgs, out: &mut Output) -> miette::Result<Exit> {
    let profile_text = shipped::text(&args.profile, &Profile::SHIPPED, "profile")?;
    let profile = Profile::parse(&args.profile, &profile_text)?;
    let scenarios = chosen(args, &profile)?;
    // Before any thread is pinned: the facts are those of the calling thread.
    let facts = Host::inspect();
    let cpus = two_cpus()?;
    isolated(&profile, stem(&args.profile), &facts, cpus)?;
    destinations(args)?;
    let started = Instant::now();
    let mut context = context::context(stem(&args.profile), &profile.summary, &cpus);
    let with_growth = args.scenario.is_empty() && profile.scaling.is_some();
    let planned = scenarios.iter().map(|(entry, _, scenario)| (entry, scenario));
    let length = estimate::all(&profile, planned, with_growth, context.peers);
    out.say(format_args!(
        "profile {}: {} scenarios{}, about {} in all; each is shown when it is done\n",
        context.profile,
        scenarios.len(),
        if with_growth { " and growth" } else { "" },
        estimate::words(length)
    ))?;
    let progress = Progress::new(length);
    let warmup = Duration::from_millis(profile.warmup_ms);
    progress.begin("the machine by itself", Duration::from_millis(profile.jitter_ms));
    let jitter = jitter::measure(&cpus, Duration::from_millis(profile.jitter_ms)).into_diagnostic()?;
    let jitter = context::jitter(&jitter);
    let host = context::host(&facts, &jitter);
    progress.say(out, &markdown::head(&context, &host, &jitter))?;

    let mut baseline_saturation = None;
    let bench = |rounds, round_ms, baseline_saturation| Bench {
        cpus,
        rounds,
        round: Duration::from_millis(round_ms),
        warmup,
        interval: Duration::from_millis(profile.interval_ms),
        seed: args.seed,
        host: host.kind,
        baseline_saturation,
        progress: &progress,
    };
    let mut seen = Vec::new();
    for (entry, name, scenario) in &scenarios {
        let bench = bench(entry.rounds, entry.round_ms, baseline_saturation);
        progress.begin(name, estimate::scenario(scenario, entry, warmup, context.peers));
        let found = measure::scenario(name, scenario, &bench)
            .map_err(|error| Report::new(error).wrap_err(format!("scenario {name}")))?;
        baseline_saturation = measure::baseline_saturation(scenario, &found).or(baseline_saturation);
        for one in found {
            progress.say(out, &markdown::scenario(&one))?;
            seen.push(one);
        }
    }
    let mut verdict = Verdict::of(&seen);
    let mut scaling = Vec::new();
    if let Some(sizes) = profile.scaling.as_ref().filter(|_| with_growth) {
        progress.begin("growth", estimate::growth(sizes, warmup));
        let (fits, problems) = measure::scaling::run(sizes, &bench(sizes.rounds, sizes.round_ms, None))
            .map_err(|error| Report::new(error).wrap_err("growth"))?;
        progress.say(out, &markdown::growth(&fits))?;
        scaling = fits;
        verdict.add(problems);
    }
    progress.finish();
    context.took_s = started.elapsed().as_secs_f64();
    let run = Run { schema_version: SCHEMA_VERSION, context, host, jitter, scenarios: seen, scaling, verdict };
    let json = report::json::write(&run, &args.out)?;
    report::html::write(&run, None, &args.out.join("report.html"))?;
    if let Some(path) = &args.tables {
        markdown::write(&run, path)?;
    }
    out.say(format_args!("\nresult: {} (and report.html beside it), in {:.0} s", json.display(), run.context.took_s))?;
    out.say(markdown::verdict(&run))?;
    for line in report::ratio_lines(&run) {
        out.say(line)?;
    }
    if run.verdict.valid {
        return Ok(Exit::Done);
    }
    Ok(out.damaged(&miette!(
        help = "run it on an idle machine, or lower the rates in a profile and scenarios of your own",
        "the figures do not count: {} problems, listed above",
        run.verdict.problems.len()
    )))
}

/// Refuses destinations that cannot be written before hours are spent.
fn destinations(args: &RunArgs) -> miette::Result<()> {
    fs::create_dir_all(&args.out).map_err(|error| Unwritable::new(&args.out, error))?;
    let written = args.tables.iter().cloned().chain(["result.json", "report.html"].map(|name| args.out.join(name)));
    let written: Vec<PathBuf> = written.collect();
    written.iter().try_for_each(|file| writable(file))?;
    distinct(written.iter().map(PathBuf::as_path))?;
    // A name that is shipped is that of no file, unless there is one.
    let mut read = std::iter::once(&args.profile).chain(&args.scenario).map(Path::new);
    read.try_for_each(|read| distinct(written.iter().map(PathBuf::as_path).chain([read])))?;
    Ok(())
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
    let chosen: Vec<(Entry, String, Scenario)> = asked.into_iter().map(read).collect::<miette::Result<_>>()?;
    // Comparisons and budgets would see the first one only.
    let mut names = HashSet::new();
    match chosen.iter().find(|(_, name, _)| !names.insert(name)) {
        Some((_, name, _)) => Err(miette!(
            help = "give it once, with more rounds; a file of your own needs a name of its own",
            "two scenarios are named {name:?}, and a result knows them by their names"
        )),
        None => Ok(chosen),
    }
}

/// Refuses a profile that needs isolated CPUs where these are not.
fn isolated(profile: &Profile, name: &str, facts: &Host, cpus: [usize; 2]) -> miette::Result<()> {
    let is_shared = |cpu: &&usize| facts.isolated_cpus.iter().all(|isolated| isolated != **cpu);
    let shared: Vec<String> = cpus.iter().filter(is_shared).map(usize::to_string).collect();
    if !profile.needs_isolated_cpus || shared.is_empty() {
        return Ok(());
    }
    Err(miette!(
        help = "boot with isolcpus=managed_irq,domain,LIST nohz_full=LIST rcu_nocbs=LIST and start this under taskset -c \
                LIST; or run --profile staging, which takes any host",
        "profile {name} needs isolated CPUs, and the scheduler runs others on CPU {}: its tails would be theirs",
        shared.join(" and ")
    ))
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
