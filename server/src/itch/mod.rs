//! The commands on ITCH files and captures.

mod bbo;
mod book;
mod decode;
mod generate;
pub(crate) mod input;
mod play;
mod replay;
mod source;
mod stats;

use corelane_console::{Exit, Output};

use crate::cli::ItchCommand;

/// Runs an ITCH command.
///
/// # Errors
/// The problem with the file or the address, and the remedy.
pub(crate) fn run(command: &ItchCommand, out: &mut Output) -> miette::Result<Exit> {
    match command {
        ItchCommand::Bbo { input } => bbo::bbo(input, out),
        ItchCommand::Book(args) => book::book(args, out),
        ItchCommand::Decode { input } => decode::decode(input, out),
        ItchCommand::Generate(args) => generate::generate(args, out),
        ItchCommand::Play(args) => play::play(args, out),
        ItchCommand::Stats { input, json } => stats::stats(input, *json, out),
    }
}
