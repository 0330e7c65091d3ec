//! Runs the scenario under perf, and makes of its samples and of what it tells what a profile holds.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs,
    io::{BufReader, Read},
    path::{Path, PathBuf},
};

use inferno::collapse::{Collapse, perf as collapse};
use miette::{IntoDiagnostic, WrapErr};

use super::{
    ProfileError,
    child::{self, Told},
    image::Image,
    model::{Line, Site, Thread},
    perf,
    samples::{Program, Samples, Wanted},
    stages::Stage,
    symbols::Symbols,
};
use crate::{cli::ProfileArgs, scenario::Kind};

/// Lines of source that are kept.
const LINES_MAX: usize = 200;

/// What was sampled.
pub struct Gathered {
    /// What the sampled process told of itself.
    pub told: Told,
    /// The stage whose samples are folded.
    pub stage: Stage,
    /// The samples by stack.
    pub folded: String,
    pub threads: Vec<Thread>,
    pub lines: Vec<Line>,
    pub sites: Vec<Site>,
    /// Samples that perf lost, in its words.
    pub lost: Option<String>,
}

/// Runs the scenario under perf and reads the samples; `say` hears what is done now.
pub fn gather(args: &ProfileArgs, kind: Kind, say: impl Fn(&str)) -> miette::Result<Gathered> {
    let data = Temporary(args.out.join("perf.data"));
    say("sampling");
    let told = record(args, &data.0)?;
    say("reading the samples");
    read(&data.0, told, kind)
}

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

fn read(data: &Path, told: Told, kind: Kind) -> miette::Result<Gathered> {
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
    let threads = threads(&counts, &told, &server, name_of);
    Ok(Gathered { told, stage, folded, threads, lines, sites, lost })
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

/// A file that is taken away in the end.
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}
