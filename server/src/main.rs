//! The `corelane` binary: a command line for the venue, the market and the tester.

mod check;
mod cli;
mod demo;
mod itch;
mod run;
mod tables;

use clap::Parser;

use crate::cli::{Cli, Command, DemoArgs};

fn main() -> miette::Result<()> {
    match Cli::parse().command {
        None => demo::demo(&DemoArgs::default()),
        Some(Command::Demo(args)) => demo::demo(&args),
        Some(Command::Run { topology }) => run::run(&topology),
        Some(Command::Check { topology }) => check::check(&topology),
        Some(Command::Itch(command)) => itch::run(&command),
    }
}
