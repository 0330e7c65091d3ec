//! The `corelane-latency` binary.

use std::process::ExitCode;

use corelane_latency::{
    budget,
    cli::{Cli, Command},
    compare, faults,
    report::html,
    run, shipped,
};

fn main() -> ExitCode {
    corelane_console::main(|cli: Cli, out| match cli.command {
        Command::Run(args) => run::run(&args, out),
        Command::Faults(args) => faults::run(&args, out),
        Command::Compare(args) => compare::command(&args, out),
        Command::Report(args) => html::command(&args),
        Command::Budget(args) => budget::command(&args, out),
        Command::Scenarios(args) => shipped::list(&args, out),
    })
}
