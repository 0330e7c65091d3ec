//! demo
use crate::cli::DemoArgs;
pub fn demo(_args: &DemoArgs) -> miette::Result<()> { Ok(()) }
