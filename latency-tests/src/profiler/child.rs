//! The process that is sampled: one scenario without its floors, with its stages and allocations kept.

use std::{fs, time::Duration};

use miette::{IntoDiagnostic, Report, WrapErr};
use serde::{Deserialize, Serialize};

use super::{
    allocations::{self, Counted, Site},
    image::Image,
    stages::{Span, Stages, Thread},
};
use crate::{
    cli::{ProfiledArgs, ProfiledLoad},
    measure::{self, Bench, estimate},
    profile::Entry,
    progress::Progress,
    result::{self, HostKind},
    run::two_cpus,
    scenario::{Kind, Scenario},
    shipped,
};

/// Load before the measured time.
const WARMUP: Duration = Duration::from_millis(500);
/// Length of an interval of the time series, which no profile shows.
const INTERVAL: Duration = Duration::from_secs(1);
/// Call sites that are told.
const SITES_MAX: usize = 100;

/// What the sampled process tells of itself.
#[derive(Debug, Serialize, Deserialize)]
pub struct Told {
    pub pid: i32,
    pub threads: Vec<Thread>,
    pub spans: Vec<Span>,
    pub allocations: Vec<Counted>,
    /// Of the server's threads: those under load, and the most frequent of the others.
    pub sites: Vec<Site>,
    pub scenarios: Vec<result::Scenario>,
}

/// The scenario to be profiled.
pub fn scenario(load: &ProfiledLoad) -> miette::Result<Scenario> {
    let text = shipped::text(&load.scenario, &Scenario::SHIPPED, "scenario")?;
    let mut scenario = Scenario::parse(&load.scenario, &text)?;
    (scenario.floor, scenario.control, scenario.raw_sockets, scenario.tokio) = (false, false, false, false);
    if let Some(rate_per_s) = load.rate {
        if scenario.rates_per_s.is_empty() {
            return Err(miette::miette!(
                help = "leave --rate out, or choose a scenario that sends at given rates",
                "the scenario {} has no rate that could be changed",
                load.scenario
            ));
        }
        scenario.rates_per_s = vec![rate_per_s];
    }
    Ok(scenario)
}

/// Names of the threads that are the server's, not the tester's.
pub fn server_threads(kind: Kind) -> Vec<String> {
    match kind {
        Kind::OrderAck | Kind::Saturation | Kind::FeedToBook => crate::target::venue_shards(),
        Kind::Hop => corelane_benches::hop::actors::SHARDS.map(str::to_owned).to_vec(),
        Kind::Engine => vec![corelane_benches::engine::THREAD.to_owned()],
        Kind::Decode | Kind::Books => vec![measure::MARKET_DATA_THREAD.to_owned()],
    }
}

/// How long it takes, about.
pub fn length(load: &ProfiledLoad, scenario: &Scenario) -> Duration {
    let round_ms = (load.seconds * 1000.0) as u64;
    estimate::scenario(scenario, &Entry { name: load.scenario.clone(), rounds: 1, round_ms }, WARMUP, false)
}

/// Runs it, and writes what it tells.
///
/// # Errors
/// What could not be run, or written.
pub fn run(args: &ProfiledArgs) -> miette::Result<()> {
    let scenario = scenario(&args.load)?;
    let cpus = two_cpus()?;
    let image = Image::of_this_process().into_diagnostic()?;
    rustix::thread::set_name(c"tester").into_diagnostic()?;
    let name = shipped::stem(&args.load.scenario);
    let length = length(&args.load, &scenario);
    let progress = Progress::new(length);
    progress.begin(name, length);
    let stages = Stages::kept();
    let bench = Bench {
        cpus,
        rounds: 1,
        round: Duration::from_secs_f64(args.load.seconds),
        warmup: WARMUP,
        interval: INTERVAL,
        seed: args.load.seed,
        // A profile judges nothing.
        host: HostKind::Noisy,
        floor_saturation: None,
        progress: &progress,
        stages: &stages,
    };
    let scenarios = measure::scenario(name, &scenario, &bench)
        .map_err(|error| Report::new(error).wrap_err(format!("scenario {name}")))?;
    let (spans, threads) = stages.finish();
    let server = server_threads(scenario.kind);
    let is_servers = |tid| threads.iter().any(|thread| thread.tid == tid && server.contains(&thread.name));
    let sites = allocations::sites(&image).into_iter().filter(|site| is_servers(site.tid)).take(SITES_MAX).collect();
    let pid = rustix::process::getpid().as_raw_nonzero().get();
    let told = Told { pid, threads, spans, allocations: allocations::counted(), sites, scenarios };
    let json = serde_json::to_string(&told).into_diagnostic()?;
    fs::write(&args.to, json).into_diagnostic().wrap_err_with(|| format!("cannot write {}", args.to.display()))
}
