//! Scenarios: TOML files that say what is measured. Unknown keys are errors.

mod arrival;
#[cfg(test)]
mod tests;

use corelane_config::{ConfigErrors, document};
use corelane_tester::script::Mix;
use schemars::JsonSchema;
use serde::Deserialize;

pub use arrival::{Arrival, ArrivalError, ArrivalKind};

use crate::result::Category;

/// A scenario. The profile sets its length.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// The scenario's purpose, in a sentence.
    pub summary: String,
    /// The part under load.
    pub kind: Kind,
    /// The scenario's category in the report.
    pub category: Category,
    /// Sessions that send orders.
    #[serde(default = "sessions")]
    #[schemars(range(min = 1, max = 20_000))]
    pub sessions: usize,
    /// Instruments of the venue, shared out to the sessions; one for each session if absent.
    #[serde(default)]
    #[schemars(range(min = 1, max = 50_000))]
    pub instruments: Option<usize>,
    /// Requests per second of all sessions together; each rate is measured separately.
    #[serde(default)]
    #[schemars(length(max = 16), inner(range(min = 1, max = 10_000_000)))]
    pub rates_per_s: Vec<f64>,
    /// The sessions' mix of requests.
    #[serde(default)]
    pub mix: Flow,
    /// Whether requests of a session that are due together leave in one write.
    #[serde(default = "yes")]
    pub coalesce: bool,
    /// Whether the kernel is asked when it sent requests and received answers, so that the tester's part can be told from
    /// the server's. It costs less than 0.1 µs per
    /// answer.
    #[serde(default = "yes")]
    pub kernel_times: bool,
    /// Intended send times of requests; evenly spread if absent.
    #[serde(default)]
    pub arrival: Option<Arrival>,
    /// A market that is played into the venue meanwhile.
    #[serde(default)]
    pub market: Option<Market>,
    /// Sessions besides, that send as the others and read nothing.
    #[serde(default)]
    #[schemars(range(min = 1, max = 16))]
    pub slow_readers: Option<usize>,
    /// Sessions besides, whose connection ends again and again, and which must get what they missed. Not together with
    /// `slow_readers`.
    #[serde(default)]
    #[schemars(range(min = 1, max = 16))]
    pub reconnecting: Option<usize>,
    /// Orders that rest in each of the eight books of an engine; 1,000 without it.
    #[serde(default)]
    #[schemars(range(min = 16, max = 100_000))]
    pub resting_per_book: Option<usize>,
    /// Whether the echo on our driver runs beside it, as its baseline.
    #[serde(default = "yes")]
    pub baseline: bool,
    /// Whether the echo runs a second time in each round, so that tails can be judged.
    #[serde(default)]
    pub control: bool,
    /// Whether the echo by busy system calls runs beside it, as the machine's baseline.
    #[serde(default)]
    pub raw_sockets: bool,
    /// Whether the same logic on tokio runs beside it (with the feature `peers`).
    #[serde(default)]
    pub tokio: bool,
    /// The most that the median may be of the baseline's; not judged if absent.
    #[serde(default)]
    #[schemars(range(min = 0.01, max = 100))]
    pub p50_threshold: Option<f64>,
    /// The most that the median of ours may be, in microseconds; of an engine.
    #[serde(default)]
    #[schemars(range(min = 0.001, max = 1_000_000))]
    pub p50_max_us: Option<f64>,
    /// The most that its p99 may be, in microseconds, judged if the loop without an engine agrees with itself; of an
    /// engine.
    #[serde(default)]
    #[schemars(range(min = 0.001, max = 1_000_000))]
    pub p99_max_us: Option<f64>,
    /// The most that the p99.99 of ours may be, in microseconds, judged on a quiet host.
    #[serde(default)]
    #[schemars(range(min = 0.001, max = 1_000_000))]
    pub p99_99_max_us: Option<f64>,
    /// An answer that takes longer, in microseconds, counts as none in the availability; without it none is counted.
    #[serde(default)]
    #[schemars(range(min = 1, max = 60_000_000))]
    pub answer_within_us: Option<u64>,
}

/// The part that a scenario puts under load.
///
/// A new kind is a variant here and a module in [`crate::measure`]. Three are to come with what they measure: *gateway*
/// (client → risk → outside venue and back), *tick-to-trade* (feed in → strategy → order out) and *failover* (a shard is
/// killed under load; what the clients see).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Messages from actor to actor on another shard and back, and one way as fast as it goes; beside the raw ring.
    Hop,
    /// Order to acknowledgement at the venue over TCP.
    OrderAck,
    /// The highest rate of orders that the venue sustains, beside the echo's.
    Saturation,
    /// Market data in to best prices out.
    FeedToBook,
    /// Commands to risk, matching and reports in process, without sockets.
    Engine,
    /// ITCH messages from memory, as fast as they go: every field that books need is read.
    Decode,
    /// ITCH messages from memory, as fast as they go, with full order-by-order books.
    Books,
}

/// Mix of requests that sessions send.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Flow {
    /// Orders that enter, rest and are cancelled: one answer to each request, as the echo gives.
    #[default]
    EnterAndCancel,
    /// All that clients do, executions, replaces and refused orders too: 1.7 answers to a request.
    Full,
}

impl Flow {
    /// Converts to the tester's mix.
    pub fn mix(self) -> Mix {
        match self {
            Flow::EnterAndCancel => Mix::ENTER_AND_CANCEL,
            Flow::Full => Mix::default(),
        }
    }
}

/// A market that is played into the venue.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Market {
    /// Messages per second.
    #[schemars(range(min = 1, max = 20_000_000))]
    pub messages_per_s: f64,
}

fn sessions() -> usize {
    8
}

fn yes() -> bool {
    true
}

impl Scenario {
    /// The shipped scenarios: name and text of each `latency-tests/scenarios/*.toml`.
    pub const SHIPPED: [(&'static str, &'static str); 16] = [
        ("books", include_str!("../../scenarios/books.toml")),
        ("decode", include_str!("../../scenarios/decode.toml")),
        ("engine", include_str!("../../scenarios/engine.toml")),
        ("engine-deep", include_str!("../../scenarios/engine-deep.toml")),
        ("feed-to-book", include_str!("../../scenarios/feed-to-book.toml")),
        ("hop", include_str!("../../scenarios/hop.toml")),
        ("idle-then-burst", include_str!("../../scenarios/idle-then-burst.toml")),
        ("many-sessions", include_str!("../../scenarios/many-sessions.toml")),
        ("market-open", include_str!("../../scenarios/market-open.toml")),
        ("one-session", include_str!("../../scenarios/one-session.toml")),
        ("rates", include_str!("../../scenarios/rates.toml")),
        ("reconnect", include_str!("../../scenarios/reconnect.toml")),
        ("saturation", include_str!("../../scenarios/saturation.toml")),
        ("slow-reader", include_str!("../../scenarios/slow-reader.toml")),
        ("soak", include_str!("../../scenarios/soak.toml")),
        ("wire", include_str!("../../scenarios/wire.toml")),
    ];

    /// Reads a scenario; `name` stands for the file in messages.
    ///
    /// # Errors
    /// Every mistake in the text, each with its line, column and remedy.
    pub fn parse(name: &str, text: &str) -> Result<Scenario, ConfigErrors> {
        document::parse(name, text, check).map(|(scenario, _)| scenario)
    }

    /// Describes the load at this rate, in words.
    pub fn load_text(&self, rate_per_s: Option<f64>) -> String {
        let mut parts = Vec::new();
        if matches!(self.kind, Kind::OrderAck | Kind::Saturation) {
            parts.push(format!("{} session{}", self.sessions, if self.sessions == 1 { "" } else { "s" }));
        }
        parts.extend(rate_per_s.map(|rate| format!("{rate:.0} requests/s")));
        parts.extend(self.arrival.as_ref().map(|arrival| arrival.kind.to_string()));
        parts.extend(self.market.as_ref().map(|market| format!("{:.0} market messages/s", market.messages_per_s)));
        parts.join(", ")
    }
}

/// Checks the rules that the schema cannot express.
fn check(document: &mut document::Document) {
    let Some(kind) = document.section::<Kind>("kind") else { return };
    let needs = match kind {
        Kind::OrderAck => Some(("rates_per_s", "an order_ack scenario sends at given rates")),
        Kind::FeedToBook => Some(("market", "a feed_to_book scenario plays a market")),
        Kind::Engine => Some(("rates_per_s", "an engine scenario gives commands at a given rate")),
        Kind::Hop | Kind::Saturation | Kind::Decode | Kind::Books => None,
    };
    if let Some((key, why)) = needs
        && !document.has(key)
    {
        document.conflict("kind", format!("{why}, and `{key}` is missing"), "of this kind", format!("add `{key}`"));
    }
    let unused: &[&str] = match kind {
        Kind::Hop | Kind::Decode | Kind::Books => &[
            "rates_per_s",
            "arrival",
            "market",
            "slow_readers",
            "reconnecting",
            "sessions",
            "instruments",
            "mix",
            "kernel_times",
            "resting_per_book",
        ],
        Kind::Saturation => {
            &["rates_per_s", "arrival", "market", "slow_readers", "reconnecting", "kernel_times", "resting_per_book"]
        }
        Kind::FeedToBook => &[
            "rates_per_s",
            "arrival",
            "slow_readers",
            "reconnecting",
            "sessions",
            "mix",
            "kernel_times",
            "resting_per_book",
        ],
        Kind::Engine => {
            &["arrival", "market", "slow_readers", "reconnecting", "sessions", "instruments", "mix", "kernel_times"]
        }
        Kind::OrderAck => &["resting_per_book"],
    };
    let thresholds: &[&str] = match kind {
        Kind::OrderAck => &["p50_max_us", "p99_max_us"],
        Kind::Engine => &["p50_threshold", "p99_99_max_us", "answer_within_us"],
        Kind::Hop | Kind::Saturation | Kind::FeedToBook | Kind::Decode | Kind::Books => {
            &["p50_threshold", "p50_max_us", "p99_max_us", "p99_99_max_us", "answer_within_us"]
        }
    };
    for key in unused.iter().chain(thresholds) {
        if document.has(key) {
            let message = format!("`{key}` means nothing to a scenario of this kind");
            document.conflict(key, message, "not used", format!("remove `{key}`, or change `kind`"));
        }
    }
    if document.has("slow_readers") && document.has("reconnecting") {
        let message =
            "`reconnecting` is measured beside the same venue without it, and so is `slow_readers`".to_owned();
        document.conflict("reconnecting", message, "one of them", "remove one, or make two scenarios".to_owned());
    }
    arrival::check(document);
}
