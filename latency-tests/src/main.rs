//! The `corelane-latency` binary.

use clap::Parser;
use corelane_latency::{
    cli::{Cli, Command},
    run, shipped,
};

fn main() -> miette::Result<()> {
    match Cli::parse().command {
        Command::Run(args) => run::run(&args),
        Command::Scenarios(args) => shipped::list(&args),
    }
}
