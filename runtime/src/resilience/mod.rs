//! What keeps an overload or a fault within its part: state machines without I/O, for use inside actors.
//!
//! All that need the time are told it, and none allocates after its construction, so they run on a hot path, in a simulation and
//! in a replay alike.
//!
//! - [`Breaker`]: stops calls of what fails or is slow, and tries again later.
//! - [`Permits`]: so much work of one class at once.
//! - [`RetryPolicy`]: how often work is tried, and how long each try may take.
//! - [`TokenBucket`]: so many events in a time, and so many at once.

mod breaker;
mod permits;
mod retry;
mod token_bucket;

pub use self::breaker::{
    Breaker, BreakerConfig, BreakerConfigError, BreakerState, CALLS_MAX, CallCounts, Permit, Window,
};
pub use self::permits::{NoPermit, Permits, WorkPermit};
pub use self::retry::RetryPolicy;
pub(crate) use self::retry::mix;
pub use self::token_bucket::{Rate, TokenBucket};
