//! The servers under load.

mod raw_echo;
mod venue;

pub use raw_echo::RawEcho;
pub use venue::{VenueSpec, VenueUnderTest};
