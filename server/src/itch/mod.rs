//! Commands on ITCH files.

mod bbo;
mod book;
mod decode;
mod generate;
mod play;
mod replay;
pub mod source;
mod stats;

use crate::cli::ItchCommand;

/// Runs one of them.
///
/// # Errors
/// What is wrong with the file or the address, and what to do.
pub fn run(command: &ItchCommand) -> miette::Result<()> {
    match command {
        ItchCommand::Bbo { file } => bbo::bbo(file),
        ItchCommand::Book(args) => book::book(args),
        ItchCommand::Decode { file } => decode::decode(file),
        ItchCommand::Generate(args) => generate::generate(args),
        ItchCommand::Play(args) => play::play(args),
        ItchCommand::Stats { file, json } => stats::stats(file, *json),
    }
}
