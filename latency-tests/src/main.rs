//! The `corelane-latency` binary.

mod allocator;

use clap::Parser;
use corelane_latency::{
    budget,
    cli::{Cli, Command},
    compare, profiler,
    report::html,
    run, shipped,
};

#[global_allocator]
static ALLOCATOR: allocator::Counted = allocator::Counted;

fn main() -> miette::Result<()> {
    match Cli::parse().command {
        Command::Run(args) => run::run(&args),
        Command::Compare(args) => compare::command(&args),
        Command::Report(args) => html::command(&args),
        Command::Budget(args) => budget::command(&args),
        Command::Profile(args) => profiler::command(&args),
        Command::Profiled(args) => profiler::profiled(&args),
        Command::Scenarios(args) => shipped::list(&args),
    }
}
