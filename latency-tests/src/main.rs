//! The `corelane-latency` binary.

use clap::Parser;
use corelane_latency::{
    budget,
    cli::{Cli, Command},
    compare,
    report::html,
    run, shipped,
};

fn main() -> miette::Result<()> {
    match Cli::parse().command {
        Command::Run(args) => run::run(&args),
        Command::Compare(args) => compare::command(&args),
        Command::Report(args) => html::command(&args),
        Command::Budget(args) => budget::command(&args),
        Command::Scenarios(args) => shipped::list(&args),
    }
}
