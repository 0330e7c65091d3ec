//! The commands on ITCH files.

mod bbo;
mod book;
mod decode;
mod generate;
mod play;
mod replay;
pub(crate) mod source;
mod stats;

use corelane_console::{Exit, Output};

use crate::cli::ItchCommand;

/// Runs an ITCH command.
///
/// # Errors
/// The problem with the file or the address, and the remedy.
pub(crate) fn run(command: &ItchCommand, out: &mut Output) -> miette::Result<Exit> {
    match command {
        ItchCommand::Bbo { file } => bbo::bbo(file),
        ItchCommand::Book(args) => book::book(args),
        ItchCommand::Decode { file } => return decode::decode(file, out),
        ItchCommand::Generate(args) => generate::generate(args),
        ItchCommand::Play(args) => play::play(args),
        ItchCommand::Stats { file, json } => stats::stats(file, *json),
    }?;
    Ok(Exit::Done)
}
