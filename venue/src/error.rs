//! Why a venue does not come up.

use corelane_actors::{session::SessionConfigError, types::GroupConfigError};
use corelane_codecs::text::AlphaError;
use corelane_runtime::{clock::InvalidUtcOffset, lifecycle::StartError};

/// Why a venue did not come up.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum VenueError {
    /// A text of the configuration does not fit its wire field.
    #[error("{what} {text:?}: {source}")]
    Text {
        /// What it is.
        what: &'static str,
        /// The text.
        text: String,
        /// Why it does not fit.
        source: AlphaError,
    },
    /// Bounds of the matching group contradict each other.
    #[error(transparent)]
    Group(#[from] GroupConfigError),
    /// Bounds of the session actor contradict each other.
    #[error(transparent)]
    Session(#[from] SessionConfigError),
    /// No such zone.
    #[error(transparent)]
    UtcOffset(#[from] InvalidUtcOffset),
    /// The topology is faulty, or its start was refused.
    #[error(transparent)]
    Start(#[from] StartError),
}
