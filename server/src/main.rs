//! The `corelane` binary.

use clap::Parser;
use corelane::{
    check,
    cli::{Cli, Command, DemoArgs},
    demo, itch, run,
};

fn main() -> miette::Result<()> {
    match Cli::parse().command {
        None => demo::demo(&DemoArgs::default()),
        Some(Command::Demo(args)) => demo::demo(&args),
        Some(Command::Run { topology }) => run::run(&topology),
        Some(Command::Check { topology }) => check::check(&topology),
        Some(Command::Itch(command)) => itch::run(&command),
    }
}
