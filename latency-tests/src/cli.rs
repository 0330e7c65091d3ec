//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::compare;

/// Measures Corelane's latency: real server, open loop, every answer checked, beside the machine's own floor.
#[derive(Debug, Parser)]
#[command(name = "corelane-latency", version)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a profile: print the tables, write the results, and fail if the figures do not count.
    Run(RunArgs),
    /// List the shipped scenarios and profiles, or print one.
    Scenarios(ScenariosArgs),
    /// Compare two results: what got better or worse, with confidence; fail if something got worse.
    Compare(CompareArgs),
    /// Draw a result as one HTML page, or write its tables as Markdown.
    Report(ReportArgs),
    /// Check figures against the budget; fail if one is critical.
    Budget(BudgetArgs),
    /// Sample one scenario with perf: a CPU flame graph, the top functions, allocations; compare with an older profile.
    ///
    /// The scenario runs in a process of its own, without its floors. Times count while it is under load; allocations are
    /// counted by thread, until the load begins and after. It needs `perf`, which says what to do where the kernel does not
    /// permit it.
    Profile(ProfileArgs),
    /// What `profile` starts under perf.
    #[command(hide = true)]
    Profiled(ProfiledArgs),
}

/// Arguments of `run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// A shipped profile (development, benchmarks, staging, production), or a TOML file.
    #[arg(long, default_value = "development", value_name = "NAME|FILE")]
    pub profile: String,
    /// Run only this scenario: a shipped one, or a TOML file; may be given several times.
    #[arg(long, value_name = "NAME|FILE")]
    pub scenario: Vec<String>,
    /// Where the result files go: result.json, report.html, and .hgrm and .hlog files per scenario and side.
    #[arg(long, default_value = "corelane-latency", value_name = "FOLDER")]
    pub out: PathBuf,
    /// Also write the tables as Markdown to this file, as docs/performance/benchmarks.md was.
    #[arg(long, value_name = "FILE.md")]
    pub tables: Option<PathBuf>,
    /// Seed of orders, markets and random arrivals.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}

/// Arguments of `scenarios`.
#[derive(Debug, Args)]
pub struct ScenariosArgs {
    /// Print the TOML of this scenario or profile.
    pub name: Option<String>,
}

/// Arguments of `compare`.
#[derive(Debug, Args)]
pub struct CompareArgs {
    /// The older result.json.
    pub before: PathBuf,
    /// The newer result.json.
    pub after: PathBuf,
    /// By which share a figure may get worse before the exit code is 1.
    #[arg(long, default_value_t = compare::THRESHOLD, value_name = "SHARE")]
    pub threshold: f64,
    /// Print JSON in place of the table.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `report`.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// The result.json.
    pub result: PathBuf,
    /// An older result.json, to show what changed.
    #[arg(long, value_name = "OLD.json")]
    pub against: Option<PathBuf>,
    /// Where the page goes.
    #[arg(long, value_name = "OUT.html", required_unless_present = "tables")]
    pub html: Option<PathBuf>,
    /// Where its tables go, as Markdown.
    #[arg(long, value_name = "OUT.md")]
    pub tables: Option<PathBuf>,
}

/// Arguments of `budget`.
#[derive(Debug, Args)]
pub struct BudgetArgs {
    /// The limits.
    #[arg(long, default_value = "benches/budget.toml", value_name = "FILE")]
    pub budget: PathBuf,
    /// What `cargo bench -p corelane-benches --bench instructions -- --output-format=json` printed.
    #[arg(long, value_name = "FILE", required_unless_present = "result")]
    pub instructions: Option<PathBuf>,
    /// A result.json, for its ratios.
    #[arg(long, value_name = "FILE")]
    pub result: Option<PathBuf>,
}

/// Arguments of `profile`.
#[derive(Debug, Args)]
pub struct ProfileArgs {
    /// What runs.
    #[command(flatten)]
    pub load: ProfiledLoad,
    /// Where the files go: cpu.svg (flame graph), cpu.folded (samples by stack), profile.json; difference.svg.
    #[arg(long, default_value = "corelane-profile", value_name = "FOLDER")]
    pub out: PathBuf,
    /// The folder of an older profile, to show what grew and what shrank.
    #[arg(long, value_name = "OLD_FOLDER")]
    pub against: Option<PathBuf>,
    /// Samples per second of CPU time. Not a round number, so that it does not beat with what is periodic.
    #[arg(long, default_value_t = 1999, value_name = "HZ", value_parser = clap::value_parser!(u32).range(1..=20_000))]
    pub frequency: u32,
}

/// What is profiled.
#[derive(Debug, Args)]
pub struct ProfiledLoad {
    /// A shipped scenario, or a TOML file.
    #[arg(long, default_value = "wire", value_name = "NAME|FILE")]
    pub scenario: String,
    /// Seconds under load, after half a second of warm-up. A search for saturation takes some ten times as long.
    #[arg(long, default_value_t = 5.0, value_parser = seconds)]
    pub seconds: f64,
    /// Requests per second, in place of the scenario's rates.
    #[arg(long, value_parser = rate)]
    pub rate: Option<f64>,
    /// Seed of orders, markets and random arrivals.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}

/// Arguments of the process that is sampled.
#[derive(Debug, Args)]
pub struct ProfiledArgs {
    /// What runs.
    #[command(flatten)]
    pub load: ProfiledLoad,
    /// Where to tell what happened.
    #[arg(long)]
    pub to: PathBuf,
}

fn seconds(text: &str) -> Result<f64, String> {
    within(text, 0.1, 600.0)
}

fn rate(text: &str) -> Result<f64, String> {
    within(text, 1.0, 10_000_000.0)
}

fn within(text: &str, least: f64, most: f64) -> Result<f64, String> {
    let number: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if (least..=most).contains(&number) { Ok(number) } else { Err(format!("from {least} to {most}")) }
}
