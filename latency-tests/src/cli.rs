//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::compare;

/// Measures Corelane's latency: real server, open loop, every answer checked, beside a baseline of the machine itself.
#[derive(Debug, Parser)]
#[command(name = "corelane-latency", version)]
pub struct Cli {
    /// The command to run.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a profile: print the tables, write the results, and fail if the run is invalid.
    Run(RunArgs),
    /// Make parts of the real server fail under load, one after the other, and fail if what follows is not what must follow.
    ///
    /// Builds the server with fault points first. Each row takes some five seconds. Where trading goes on, nothing may be lost,
    /// duplicated or left unanswered; in every other row the server stops as it must, and says why.
    Faults(FaultsArgs),
    /// List the shipped scenarios and profiles, or print one.
    Scenarios(ScenariosArgs),
    /// Compare two results: what got better or worse, with confidence; fail if something got worse.
    Compare(CompareArgs),
    /// Draw a result as one HTML page, or write its tables as Markdown.
    Report(ReportArgs),
    /// Check figures against the budget; fail if one is critical.
    Budget(BudgetArgs),
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
    /// Folder for result.json and report.html.
    #[arg(long, default_value = "corelane-latency", value_name = "FOLDER")]
    pub out: PathBuf,
    /// Also write the tables as Markdown to this file, as docs/performance/benchmarks.md was.
    #[arg(long, value_name = "FILE.md")]
    pub tables: Option<PathBuf>,
    /// Seed of orders, markets and random arrivals.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}

/// Arguments of `faults`.
#[derive(Debug, Args)]
pub struct FaultsArgs {
    /// Run only this row; may be given several times. An unknown name prints the list.
    #[arg(long, value_name = "NAME")]
    pub row: Vec<String>,
    /// A server that is built with `--features faults`, instead of building one.
    #[arg(long, value_name = "FILE")]
    pub server: Option<PathBuf>,
    /// Also write the table to this file.
    #[arg(long, value_name = "FILE")]
    pub tables: Option<PathBuf>,
    /// Seed of the orders.
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
    /// Share by which a figure may get worse before the exit code is 1, for example 0.05.
    #[arg(long, default_value_t = compare::THRESHOLD, value_name = "SHARE", value_parser = parse_share)]
    pub threshold: f64,
    /// Print JSON instead of the table.
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
    /// The HTML page to write.
    #[arg(long, value_name = "OUT.html", required_unless_present = "tables")]
    pub html: Option<PathBuf>,
    /// The Markdown file to write the tables to.
    #[arg(long, value_name = "OUT.md")]
    pub tables: Option<PathBuf>,
}

/// Arguments of `budget`.
#[derive(Debug, Args)]
pub struct BudgetArgs {
    /// The file with the limits.
    #[arg(long, default_value = "benches/budget.toml", value_name = "FILE")]
    pub budget: PathBuf,
    /// The output of `cargo bench -p corelane-benches --bench instructions -- --output-format=json`.
    #[arg(long, value_name = "FILE", required_unless_present = "result")]
    pub instructions: Option<PathBuf>,
    /// A result.json, for its ratios.
    #[arg(long, value_name = "FILE")]
    pub result: Option<PathBuf>,
}

fn parse_share(text: &str) -> Result<f64, String> {
    match text.parse() {
        // No figure is worse by more than nan.
        Ok(share) if f64::is_finite(share) && share >= 0.0 => Ok(share),
        _ => Err("expected a share of 0 or more, such as 0.05".to_owned()),
    }
}
