//! `corelane-latency profile`: where the server's CPU time goes under a scenario, and who asks for memory.
//!
//! | module | what it does |
//! |---|---|
//! | `child` | the process that is sampled: runs the scenario |
//! | [`stages`] | start, load, stop |
//! | [`allocations`] | counts calls of the allocator |
//! | [`perf`] | takes the samples |
//! | [`samples`], [`symbols`], [`image`] | make functions of them, inlined ones too |
//! | [`folded`] | shares of functions and modules |
//! | [`difference`] | what changed between two profiles |
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
pub mod image;
pub mod model;
pub mod perf;
pub mod samples;
pub mod stages;
pub mod symbols;
mod table;

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs,
    io::{BufReader, Read},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use corelane_tester::jitter;
use corelane_tuning::Host;
use inferno::collapse::{Collapse, perf as collapse};
use miette::{Diagnostic, IntoDiagnostic, WrapErr, miette};

use child::Told;
pub use child::run as profiled;
use folded::{Folded, KERNEL_MARK};
use image::Image;
use model::{Line, Load, Profile, SCHEMA_VERSION, Sampling, Site, Thread};
use samples::{Program, Samples, Wanted};
use stages::Stage;
use symbols::Symbols;

use crate::{
    cli::ProfileArgs, context, progress::Progress, report, result::Verdict, run::two_cpus, scenario::Kind, shipped,
};

/// How long the machine is watched first.
const JITTER: Duration = Duration::from_millis(500);
/// Below this share of the time with work, the tables say so.
const MOSTLY_BUSY: f64 = 0.5;
/// Lines of source that are kept.
const LINES_MAX: usize = 200;
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
    let progress = Progress::new(3);
    // The main thread stays free to go where it likes: what is measured is in another process.
    progress.at(name, "watching the machine", 0, 1);
    let jitter = context::jitter(&watch(cpus)?);
    let host = context::host(&facts, &jitter);
    progress.done();
    progress.say(&report::head(&context, &host, &jitter));
    if context.debug_build {
        progress.say("This is a debug build: its profile means little. Build with --release.");
    }

    progress.at(name, "sampling", 0, 1);
    let data = Temporary(args.out.join("perf.data"));
    let told = record(args, &data.0)?;
    progress.done();
    progress.at(name, "reading the samples", 0, 1);
    let read = read(&data.0, &told, scenario.kind)?;
    context.took_s = started.elapsed().as_secs_f64();
    progress.finish();
    let folded = Folded::parse(&read.folded).into_diagnostic()?;
    let mut problems = Verdict::of(&told.scenarios).problems;
    problems.extend(read.lost);
    let sampling = Sampling {
        event: perf::EVENT.to_owned(),
        frequency_hz: args.frequency,
        call_graph: perf::CALL_GRAPH.to_owned(),
        stage: read.stage,
        kernel: read.folded.contains(KERNEL_MARK),
    };
    if !sampling.kernel {
        problems.push("functions of the kernel are not shown to this user, and their time is left out".to_owned());
    }
    let loads = told.scenarios.iter().map(|seen| Load {
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
        threads: read.threads,
        lines: read.lines,
        allocation_sites: read.sites,
        problems,
    };
    profile.loads.iter_mut().flat_map(|load| &mut load.rounds).for_each(|round| round.series.clear());
    print(&profile, &folded, &told.scenarios);
    write(args, &profile, &read.folded)?;
    if let Some(older) = older {
        compare(args, &older, &profile, &folded, &read.folded)?;
    }
    Ok(())
}

/// Watches on a thread of its own, which is pinned in turns.
fn watch(cpus: [usize; 2]) -> miette::Result<Vec<jitter::CpuJitter>> {
    let watched = std::thread::spawn(move || jitter::measure(&cpus, JITTER)).join();
    watched.unwrap_or_else(|panic| std::panic::resume_unwind(panic)).into_diagnostic()
}

/// Runs the scenario under perf.
fn record(args: &ProfileArgs, data: &Path) -> miette::Result<Told> {
    let told = Temporary(args.out.join("told.json"));
    let program = std::env::current_exe().into_diagnostic()?;
    let load = &args.load;
    let mut command: Vec<OsString> = vec![program.into(), "profiled".into(), "--to".into(), told.0.clone().into()];
    command.extend(["--scenario".into(), OsString::from(&load.scenario)]);
    command.extend(["--seconds".into(), load.seconds.to_string().into()]);
    command.extend(["--seed".into(), load.seed.to_string().into()]);
    if let Some(rate) = load.rate {
        command.extend(["--rate".into(), rate.to_string().into()]);
    }
    perf::record(data, args.frequency, &command)?;
    let text = fs::read_to_string(&told.0).into_diagnostic().wrap_err("the profiled scenario told nothing")?;
    serde_json::from_str(&text).into_diagnostic().wrap_err("the profiled scenario told something unknown")
}

/// What the samples say.
struct ReadBack {
    stage: Stage,
    folded: String,
    threads: Vec<Thread>,
    lines: Vec<Line>,
    sites: Vec<Site>,
    lost: Option<String>,
}

fn read(data: &Path, told: &Told, kind: Kind) -> miette::Result<ReadBack> {
    let program = std::env::current_exe().into_diagnostic()?;
    let image = Image::of_this_process().into_diagnostic()?;
    let mut symbols = Symbols::of(&program).into_diagnostic()?;
    let tells_stages = told.spans.iter().any(|span| span.stage == Stage::Load);
    let stage = if tells_stages { Stage::Load } else { Stage::Other };
    let wanted = Wanted { pid: told.pid, threads: &told.threads, spans: &told.spans, stage };
    let path = program.to_string_lossy();
    let (script, out) = perf::script(data)?;
    let mut samples = Samples::new(out, wanted, Program { path: &path, image: &image, symbols: &mut symbols });
    let folded = fold(&mut samples).into_diagnostic().wrap_err("cannot fold the samples")?;
    let (counts, comms) = (samples.counts().clone(), samples.comms().clone());
    let server = child::server_threads(kind);
    let lines = lines(samples.lines(), &server);
    let lost = script.finish()?;
    if folded.is_empty() {
        return Err(ProfileError::NoSamples { stage }.into());
    }
    let name_of = |tid: i32| {
        let thread = told.threads.iter().find(|thread| thread.tid == tid);
        let name = thread.map(|thread| &thread.name).or_else(|| comms.get(&tid));
        name.cloned().unwrap_or_else(|| "ended early".to_owned())
    };
    let sites = told.sites.iter().map(|site| Site {
        thread: name_of(site.tid),
        stage: site.stage,
        functions: functions(&site.addresses, &mut symbols),
        calls: site.calls,
        bytes: site.bytes,
    });
    let sites = sites.collect();
    Ok(ReadBack { stage, folded, threads: threads(&counts, told, &server, name_of), lines, sites, lost })
}

/// The server's lines with most samples.
fn lines(samples: &BTreeMap<(String, String), u64>, server: &[String]) -> Vec<Line> {
    let servers = samples.iter().filter(|((thread, _), _)| server.contains(thread));
    let line = |((thread, line), samples): (&(String, String), &u64)| Line {
        thread: thread.clone(),
        line: line.clone(),
        samples: *samples,
    };
    let mut lines: Vec<Line> = servers.map(line).collect();
    lines.sort_by(|one, other| other.samples.cmp(&one.samples).then_with(|| one.line.cmp(&other.line)));
    lines.truncate(LINES_MAX);
    lines
}

/// Functions of a call site, without the allocator and the counting itself.
fn functions(addresses: &[u64], symbols: &mut Symbols) -> Vec<String> {
    let all = addresses.iter().flat_map(|&address| symbols.place(address).functions.clone());
    let is_ours = |name: &String| {
        let inner =
            ["backtrace::", "corelane_latency::profiler::allocations", "corelane_latency::allocator", "alloc::"];
        inner.iter().any(|module| name.trim_start_matches('<').starts_with(module)) || name.contains("__rust")
    };
    all.skip_while(is_ours).collect()
}

/// Folds samples in `perf script`'s format.
///
/// # Errors
/// What reading them says.
pub fn fold(samples: impl Read) -> std::io::Result<String> {
    let mut options = collapse::Options::default();
    options.annotate_kernel = true;
    let mut folded = Vec::new();
    collapse::Folder::from(options).collapse(BufReader::new(samples), &mut folded)?;
    Ok(String::from_utf8_lossy(&folded).into_owned())
}

/// Samples and allocations by thread, the server's threads first.
fn threads(
    samples: &BTreeMap<(Stage, String), u64>,
    told: &Told,
    server: &[String],
    name_of: impl Fn(i32) -> String,
) -> Vec<Thread> {
    let mut threads: BTreeMap<(bool, String), Thread> = BTreeMap::new();
    let mut thread = |name: String, note: &mut dyn FnMut(&mut Thread)| {
        let is_server = server.contains(&name);
        let new = || Thread { name: name.clone(), is_server, samples: BTreeMap::new(), allocations: BTreeMap::new() };
        note(threads.entry((!is_server, name.clone())).or_insert_with(new));
    };
    for ((stage, name), count) in samples {
        thread(name.clone(), &mut |thread| *thread.samples.entry(*stage).or_default() += count);
    }
    for counted in &told.allocations {
        thread(name_of(counted.tid), &mut |thread| {
            let calls = thread.allocations.entry(counted.stage).or_default();
            calls.allocations += counted.calls.allocations;
            calls.growths += counted.calls.growths;
            calls.releases += counted.calls.releases;
            calls.bytes += counted.calls.bytes;
        });
    }
    threads.into_values().collect()
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
    let revision = profile.context.revision.as_deref().unwrap_or("unknown").get(..12).unwrap_or("unknown");
    format!("{}; stage {stage}; {} Hz; revision {revision}", loads.join("; "), profile.sampling.frequency_hz)
}

fn save(args: &ProfileArgs, name: &str, bytes: &[u8]) -> miette::Result<()> {
    let path = args.out.join(name);
    fs::write(&path, bytes).into_diagnostic().wrap_err_with(|| format!("cannot write {}", path.display()))
}

/// The profile that is compared with.
struct Older {
    profile: Profile,
    folded: Folded,
    text: String,
}

impl Older {
    fn read(folder: &Path) -> miette::Result<Older> {
        let text = |name: &str| {
            let path = folder.join(name);
            fs::read_to_string(&path).into_diagnostic().wrap_err_with(|| format!("cannot read {}", path.display()))
        };
        let path = folder.join(MODEL_FILE);
        let value: serde_json::Value = serde_json::from_str(&text(MODEL_FILE)?)
            .into_diagnostic()
            .wrap_err_with(|| format!("{} is no profile of corelane-latency", path.display()))?;
        if let Some(found) = value.get("schema_version").and_then(serde_json::Value::as_u64)
            && found != u64::from(SCHEMA_VERSION)
        {
            return Err(ProfileError::Version { path, found: found as u32 }.into());
        }
        let profile = serde_json::from_value(value)
            .into_diagnostic()
            .wrap_err_with(|| format!("{} is no profile of corelane-latency", path.display()))?;
        let text = text(FOLDED_FILE)?;
        let folded = Folded::parse(&text).into_diagnostic().wrap_err_with(|| format!("in {}", folder.display()))?;
        Ok(Older { profile, folded, text })
    }
}

fn compare(args: &ProfileArgs, older: &Older, profile: &Profile, folded: &Folded, text: &str) -> miette::Result<()> {
    let loads = |profile: &Profile| profile.loads.iter().map(|load| load.load.clone()).collect::<Vec<_>>();
    if loads(&older.profile) != loads(profile) {
        println!("note: the loads differ, so that shares do: {:?} and {:?}", loads(&older.profile), loads(profile));
    }
    let title = format!("CPU time of `{}`: red grew, blue shrank", profile.scenario);
    let subtitle = format!("{}; before: {}", subtitle(profile), subtitle_of_older(older));
    let graph = draw::difference(&older.text, text, &title, &subtitle);
    save(args, DIFFERENCE_FILE, &graph.into_diagnostic().wrap_err("cannot draw the difference")?)?;
    for (thread, after) in table::server(profile, folded) {
        let before = older.folded.tally(thread);
        if before.samples == 0 {
            return Err(miette!(
                help = "compare profiles of the same kind of scenario",
                "the older profile has no thread {thread:?}"
            ));
        }
        println!("\n{}", table::changes(thread, &difference::changes(&before, &after)));
    }
    println!("\ndifference: {}", args.out.join(DIFFERENCE_FILE).display());
    Ok(())
}

fn subtitle_of_older(older: &Older) -> String {
    let revision = older.profile.context.revision.as_deref().unwrap_or("unknown");
    format!("revision {}", revision.get(..12).unwrap_or(revision))
}

/// A file that is taken away in the end.
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}
