//! Delay protection: how old a request may be, and what happens to the instrument of one that is older.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::defaults::milliseconds;

/// How old a request may be when it is sequenced. An older order, or an older replace that raises something, is rejected
/// (0x07), and its instrument is paused: it takes no new orders for a time. docs/rules.md says the rest.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DelayProtection {
    /// The longest time from order entry to the sequencer, in milliseconds. If the ingress shard has stalled for more than a
    /// millisecond, the requests that it then finds count as if they had come at the beginning of the stall.
    #[schemars(range(min = 2, max = 60_000))]
    pub max_age_ms: u64,
    /// How long the instrument is paused, in milliseconds; with 0 there is no pause.
    #[serde(default = "milliseconds::<1000>")]
    #[schemars(range(min = 0, max = 600_000))]
    pub pause_ms: u64,
}
