//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

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
}

/// Arguments of `run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// A shipped profile (development, staging, production), or a TOML file.
    #[arg(long, default_value = "development", value_name = "NAME|FILE")]
    pub profile: String,
    /// Run only this scenario: a shipped one, or a TOML file; may be given several times.
    #[arg(long, value_name = "NAME|FILE")]
    pub scenario: Vec<String>,
    /// Where the result files go: result.json, and .hgrm and .hlog files per scenario and side.
    #[arg(long, default_value = "corelane-latency", value_name = "FOLDER")]
    pub out: PathBuf,
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
