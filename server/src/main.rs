//! The `corelane` binary: a command line for the venue, the market and the tester.

mod admin;
mod check;
mod cli;
mod connection_log;
mod demo;
mod incidents;
mod itch;
mod log;
mod run;
mod signals;
mod sim;

use std::process::ExitCode;

use crate::cli::{Cli, Command, DemoArgs};

fn main() -> ExitCode {
    corelane_console::main(|cli: Cli, out| match cli.command {
        None => demo::demo(&DemoArgs::default(), out),
        Some(Command::Admin(args)) => admin::admin(&args, out),
        Some(Command::Demo(args)) => demo::demo(&args, out),
        Some(Command::Run { topology }) => run::run(&topology, out),
        Some(Command::Check { topology }) => check::check(&topology, out),
        Some(Command::Incidents(args)) => incidents::incidents(&args, out),
        Some(Command::Itch(command)) => itch::run(&command, out),
        Some(Command::Sim(args)) => sim::sim(&args, out),
    })
}
