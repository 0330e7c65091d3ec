//! State machines without I/O that keep an overload or a fault from spreading, for use inside actors.
//!
//! Time is an argument, and none of them allocates after its construction, so they run on a hot path, in a simulation and in a
//! replay alike.
//!
//! - [`Breaker`]: stops calling a service that fails or is slow, and tries again later.
//! - [`Permits`]: bounds how much work of one class is under way at once.
//! - [`RetryPolicy`]: says how often work is tried, and how long each try may take.
//! - [`TokenBucket`]: bounds the rate of events, and how many may come at once.

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
