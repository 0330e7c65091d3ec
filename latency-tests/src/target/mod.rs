//! The servers under load.

mod raw_echo;
mod raw_feed;
mod venue;

pub use raw_echo::RawEcho;
pub use raw_feed::RawFeed;
pub use venue::{VenueSpec, VenueUnderTest};
