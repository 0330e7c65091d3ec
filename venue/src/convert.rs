//! Conversions of configuration values to the types of actors and wire formats.

use corelane_codecs::text::{Alpha, Symbol};
use corelane_config::Config;

use crate::error::VenueError;

pub(crate) fn alpha<const N: usize>(what: &'static str, text: &str) -> Result<Alpha<N>, VenueError> {
    Alpha::new(text).map_err(|source| VenueError::Text { what, text: text.to_owned(), source })
}

pub(crate) fn symbols(config: &Config) -> Result<Vec<Symbol>, VenueError> {
    config.instruments.iter().map(|instrument| alpha("symbol", &instrument.symbol)).collect()
}

pub(crate) fn nanos(milliseconds: u64) -> u64 {
    milliseconds * 1_000_000
}
