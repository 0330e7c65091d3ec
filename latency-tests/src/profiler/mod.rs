//! `corelane-latency profile`: where the server's CPU time goes under a scenario, and who asks for memory.
//!
//! | module | what it does |
//! |---|---|
//! | `child` | the process that is sampled: runs the scenario |
//! | [`stages`] | start, load, stop |
//! | [`allocations`] | counts calls of the allocator |
//! | `gather` | runs it under perf and puts together what it and the samples say |
//! | [`perf`] | takes the samples |
//! | [`samples`], [`symbols`], [`image`] | make functions of them, inlined ones too |
//! | [`folded`] | shares of functions and modules |
//! | `older`, [`difference`] | what changed since an older profile |
//! | [`draw`] | flame graphs |
//! | [`model`], `table` | `profile.json`, and what is printed |
//!
//! `perf record` starts this program once more with a hidden command, so that nothing but the scenario is sampled and so
//! that its threads have names.

pub mod allocations;
mod child;
pub mod difference;
pub mod draw;
pub mod folded;
mod gather;
pub mod image;
pub mod model;
mod older;
pub mod perf;
pub mod samples;
pub mod stages;
pub mod symbols;
mod table;

use std::{
    fs,
    path::PathBuf,
    time::{Duration, Instant},
};

use corelane_tester::jitter;
use corelane_tuning::Host;
use miette::{Diagnostic, IntoDiagnostic, WrapErr};

pub use child::run as profiled;
use folded::{Folded, KERNEL_MARK};
pub use gather::fold;
use model::{Load, Profile, SCHEMA_VERSION, Sampling};
use older::Older;
use stages::Stage;

use crate::{cli::ProfileArgs, context, progress::Progress, report, result::Verdict, run::two_cpus, shipped};

/// How long the machine is watched first.
const JITTER: Duration = Duration::from_millis(500);
/// Below this share of the time with work, the tables say so.
const MOSTLY_BUSY: f64 = 0.5;
/// Files of a profile.
const FOLDED_FILE: &str = "cpu.folded";
const GRAPH_FILE: &str = "cpu.svg";
const MODEL_FILE: &str = "profile.json";
const DIFFERENCE_FILE: &str = "difference.svg";

/// Why there is no profile, beside what [`perf::PerfError`] says.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum ProfileError {
    /// Nothing was sampled while the scenario ran.
    #[error("perf took no samples of the scenario's stage `{}`", stage.name())]
    #[diagnostic(help("profile it for longer, with --seconds"))]
    NoSamples {
        /// Which should have been.
        stage: Stage,
    },
    /// The older folder holds no profile of this version.
    #[error("{path} has schema version {found}, this program reads {SCHEMA_VERSION}", path = path.display())]
    #[diagnostic(help("take the older profile again with this program"))]
    Version {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u32,
    },
}

/// Takes a profile, prints and writes it, and compares it with an older one if there is one.
///
/// # Errors
/// Mistakes in the scenario, what perf does not do, files that cannot be read or written.
pub fn command(args: &ProfileArgs) -> miette::Result<()> {
    let scenario = child::scenario(&args.load)?;
    let older = args.against.as_ref().map(|folder| Older::read(folder)).transpose()?;
    let facts = Host::inspect();
    let cpus = two_cpus()?;
    let started = Instant::now();
    let mut context = context::context(
        "profile",
        "samples and allocations of one scenario; its latencies are those of a sampled server",
        &cpus,
    );
    let name = shipped::stem(&args.load.scenario);
    fs::create_dir_all(&args.out).into_diagnostic().wrap_err_with(|| format!("cannot make {}", args.out.display()))?;
    let length = child::length(&args.load, &scenario);
    let progress = Progress::new(JITTER + length);
    // The main thread stays free to go where it likes: what is measured is in another process.
    progress.begin("the machine by itself", JITTER);
    let jitter = context::jitter(&watch(cpus)?);
    let host = context::host(&facts, &jitter);
    progress.say(&report::head(&context, &host, &jitter));
    if context.debug_build {
        progress.say("This is a debug build: its profile means little. Build with --release.");
    }

    progress.begin(name, length);
    let gathered = gather::gather(args, scenario.kind, |what| progress.at(what, 0, 1))?;
    context.took_s = started.elapsed().as_secs_f64();
    progress.finish();
    let scenarios = &gathered.told.scenarios;
    let folded = Folded::parse(&gathered.folded).into_diagnostic()?;
    let mut problems = Verdict::of(scenarios).problems;
    problems.extend(gathered.lost);
    let sampling = Sampling {
        event: perf::EVENT.to_owned(),
        frequency_hz: args.frequency,
        call_graph: perf::CALL_GRAPH.to_owned(),
        stage: gathered.stage,
        kernel: gathered.folded.contains(KERNEL_MARK),
    };
    if !sampling.kernel {
        problems.push("functions of the kernel are not shown to this user, and their time is left out".to_owned());
    }
    let loads = scenarios.iter().map(|seen| Load {
        name: seen.name.clone(),
        load: seen.load.clone(),
        rounds: seen.sides.iter().flat_map(|side| side.rounds.clone()).collect(),
    });
    let mut profile = Profile {
        schema_version: SCHEMA_VERSION,
        context,
        host,
        jitter,
        scenario: name.to_owned(),
        loads: loads.collect(),
        sampling,
        threads: gathered.threads,
        lines: gathered.lines,
        allocation_sites: gathered.sites,
        problems,
    };
    profile.loads.iter_mut().flat_map(|load| &mut load.rounds).for_each(|round| round.series.clear());
    print(&profile, &folded, scenarios);
    write(args, &profile, &gathered.folded)?;
    if let Some(older) = older {
        older.compare(args, &profile, &folded, &gathered.folded)?;
    }
    Ok(())
}

/// Watches on a thread of its own, which is pinned in turns.
fn watch(cpus: [usize; 2]) -> miette::Result<Vec<jitter::CpuJitter>> {
    let watched = std::thread::spawn(move || jitter::measure(&cpus, JITTER)).join();
    watched.unwrap_or_else(|panic| std::panic::resume_unwind(panic)).into_diagnostic()
}

fn print(profile: &Profile, folded: &Folded, scenarios: &[crate::result::Scenario]) {
    for scenario in scenarios {
        println!("{}", report::scenario(scenario));
    }
    println!("\n{}", table::samples(profile));
    for (thread, tally) in table::server(profile, folded) {
        println!("\n{}", table::functions(profile, thread, &tally));
    }
    if let Some(busy) = profile.busy().filter(|&busy| busy < MOSTLY_BUSY) {
        println!(
            "\nThe server had work for {:.0} % of the time. The rest is its looking for work, in the tables too: with a higher \
             --rate they show more of what requests cost.",
            busy * 100.0
        );
    }
    println!("\n{}", table::allocations(profile));
    for problem in &profile.problems {
        println!("note: {problem}");
    }
}

fn write(args: &ProfileArgs, profile: &Profile, folded: &str) -> miette::Result<()> {
    let subtitle = subtitle(profile);
    let graph = draw::flame_graph(folded, &format!("CPU time of `{}`", profile.scenario), &subtitle);
    let json = serde_json::to_string_pretty(profile).into_diagnostic()?;
    save(args, FOLDED_FILE, folded.as_bytes())?;
    save(args, GRAPH_FILE, &graph.into_diagnostic().wrap_err("cannot draw the flame graph")?)?;
    save(args, MODEL_FILE, json.as_bytes())?;
    println!("\nflame graph: {} (and {FOLDED_FILE}, {MODEL_FILE} beside it)", args.out.join(GRAPH_FILE).display());
    Ok(())
}

fn subtitle(profile: &Profile) -> String {
    let loads: Vec<&str> = profile.loads.iter().map(|load| load.load.as_str()).collect();
    let stage = profile.sampling.stage.name();
    let frequency_hz = profile.sampling.frequency_hz;
    format!("{}; stage {stage}; {frequency_hz} Hz; revision {}", loads.join("; "), revision(profile))
}

/// The beginning of the commit's name.
fn revision(profile: &Profile) -> &str {
    let revision = profile.context.revision.as_deref().unwrap_or("unknown");
    revision.get(..12).unwrap_or(revision)
}

fn save(args: &ProfileArgs, name: &str, bytes: &[u8]) -> miette::Result<()> {
    let path = args.out.join(name);
    fs::write(&path, bytes).into_diagnostic().wrap_err_with(|| format!("cannot write {}", path.display()))
}
