//! What keeps an overload or a fault within its part: state machines without I/O, for use inside actors.
//!
//! All are told the time and allocate nothing after their construction, so they run on a hot path, in a simulation and in a
//! replay alike.
//!
//! - [`Breaker`]: stops calls of what fails or is slow, and tries again later.
//! - [`TokenBucket`]: so many events in a time, and so many at once.

mod breaker;
mod token_bucket;

pub use self::breaker::{
    Breaker, BreakerConfig, BreakerConfigError, BreakerState, CALLS_MAX, CallCounts, Permit, Window,
};
pub use self::token_bucket::{Rate, TokenBucket};
