use crate::cli::PlayArgs;
pub fn play(_args: &PlayArgs) -> miette::Result<()> { Ok(()) }
