//! The limits of ports, accounts and firms: on each of their orders, and on how much they send.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::defaults::{all_defaults, quantity};
use crate::values::{Percent, Price};

/// Limits on each order of a firm, an account or a port. The lowest limit of all levels and of `[risk]` decides; a limit
/// that is left out is not set on this level.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LevelLimits {
    /// The largest quantity of one order.
    #[schemars(range(min = 1, max = 999_999))]
    #[serde(default)]
    pub quantity_max: Option<u32>,
    /// The largest price times quantity of one order, a decimal string.
    #[serde(default)]
    pub notional_max: Option<Price>,
    /// How far a price may be above or below the reference price, in percent of it.
    #[serde(default)]
    pub collar_percent: Option<Percent>,
    /// What happens to an order while its instrument has no reference price. If any level says `"reject"`, the order is
    /// rejected.
    #[serde(default)]
    pub collar_without_reference: Option<WithoutReference>,
}

/// What happens to an order while its instrument has no reference price.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WithoutReference {
    /// The order passes without a collar. The instrument has none until it trades or its book has two quotes.
    Accept,
    /// The order is rejected.
    Reject,
}

/// Requests of one port that use an order number and are not answered yet. One more waits in the socket.
pub const IN_FLIGHT_PER_PORT_MAX: u32 = 256;

/// The bulkheads of ports, accounts and firms that have none of their own, and of the work beside order entry.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Bulkheads {
    /// The limits of each port, unless its own `bulkhead` says otherwise.
    #[serde(default)]
    pub port: Bulkhead,
    /// The limits of each account, unless its own `bulkhead` says otherwise.
    #[serde(default)]
    pub account: Bulkhead,
    /// The limits of each firm, unless its own `bulkhead` says otherwise.
    #[serde(default)]
    pub firm: Bulkhead,
    /// How much work of each class other than order entry may be under way at once, so that no class takes the room of another.
    /// Work beyond it is put off or refused, and counted; `corelane admin status` shows how much there is.
    #[serde(default = "all_defaults::<Permits>")]
    pub permits: Permits,
}

/// How much work of each class beside order entry may be under way at once.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Permits {
    /// Market data's requests to retransmission servers, from the first sending until they are answered or given up. One more
    /// waits for `feeds.in.recovery.timeout_ms`. `feeds.in.recovery.requests_max` also bounds them, once for gaps and once for a
    /// replay.
    #[serde(default = "quantity::<50>")]
    #[schemars(range(min = 1, max = 65_535))]
    pub fetch: u32,
    /// Requests over the operator's socket that change the venue, until they are done and answered; one more is refused. What
    /// lowers risk always passes: a stop, a kill switch that is engaged, a circuit breaker that is opened.
    #[serde(default = "quantity::<10>")]
    #[schemars(range(min = 1, max = 65_535))]
    pub venue: u32,
    /// Records of failures on their way to the disk; one more is dropped, and the next record says how many were.
    #[serde(default = "quantity::<25>")]
    #[schemars(range(min = 1, max = 65_535))]
    pub storage: u32,
    /// Queries over the operator's socket, until their answer is read; one more is refused.
    #[serde(default = "quantity::<20>")]
    #[schemars(range(min = 1, max = 65_535))]
    pub analytics: u32,
}

/// How much a port, an account or a firm may send and have unanswered; what is left out has no limit. Beyond it, a new
/// order, or a replace that raises something, is rejected; cancels, and replaces that raise nothing, always pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Bulkhead {
    /// Orders and replaces per second.
    #[serde(default)]
    #[schemars(range(min = 1, max = 10_000_000))]
    pub orders_per_second: Option<u32>,
    /// Orders and replaces that may come at once; the allowance then returns at the rate. If absent, as many as in a second.
    #[serde(default)]
    #[schemars(range(min = 1, max = 10_000_000))]
    pub burst: Option<u32>,
    /// Requests that use an order number, of any channel, and are not answered yet. A port has at most 256 in any case; more
    /// wait in its socket.
    #[serde(default)]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub in_flight_max: Option<u32>,
}

impl Bulkhead {
    /// This bulkhead, with what it leaves out from `other`.
    #[must_use]
    pub fn or(self, other: Bulkhead) -> Bulkhead {
        Bulkhead {
            orders_per_second: self.orders_per_second.or(other.orders_per_second),
            burst: self.burst.or(other.burst),
            in_flight_max: self.in_flight_max.or(other.in_flight_max),
        }
    }
}
