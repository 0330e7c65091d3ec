//! Trading actors: state machines without I/O or clock, which the runtime drives.
//!
//! ```text
//! clients ◀─TCP─▶ session ──requests──▶ sequencer ─▶ group: order, risk, matching ──▶ publisher ─UDP─▶ subscribers
//!                    ▲                      ▲                     │
//!                    └───────answers────────│─────────────────────┘
//!        UDP lines A, B ─▶ market data ─────┘ best prices
//! ```
//!
//! | part | what it does | input | output |
//! |---|---|---|---|
//! | [`session`] | log-ins, framing, replay of answers | SoupBinTCP with OUCH 5.0 | requests, answers to clients |
//! | [`sequencer_policy`] | attaches the best prices to each request and puts all in one order | requests, prices | sequenced inputs |
//! | [`engine`] | orders, risk limits, matching; deterministic, so replicas agree | sequenced inputs | answers, ITCH messages |
//! | [`publisher`] | packs the feed, answers retransmission requests | ITCH messages | MoldUDP64 |
//! | [`market_data`] | merges two lines, builds full-depth books | MoldUDP64 with ITCH 5.0 | best prices, depth, book events |
//!
//! An actor sees time and the network only through its context, so tests drive it in a simulation. The parts that need
//! no actor can be used alone, such as the books:
//!
//! ```
//! use corelane_actors::{
//!     market_data::{BookLimits, Books, FeedCounters},
//!     types::Locate,
//! };
//! use corelane_codecs::{
//!     IntoBytes,
//!     itch::{AddOrder, Header, Message, Side},
//!     price::Price4,
//!     text::Symbol,
//! };
//!
//! let apple = Symbol::new("AAPL").unwrap();
//! let mut books = Books::new(&[apple], BookLimits { orders_max: 1000, levels_max: 100 });
//! let add = AddOrder {
//!     header: Header::new(7, 0, 34_200_000_000_000),
//!     order_ref: 1.into(),
//!     side: Side::Buy.into(),
//!     shares: 100.into(),
//!     stock: apple,
//!     price: Price4::from_raw(1_851_200).into(),
//! };
//!
//! let counters = FeedCounters::default();
//! let message = Message::decode(add.as_bytes()).unwrap();
//! let changed = books.apply(&message, &counters.feed);
//! assert_eq!(changed, Some(Locate(1)), "our first instrument, whose locate in the feed is 7");
//! assert_eq!(books.top(Locate(1)).bid.unwrap().price, 1_851_200);
//! ```
#![deny(missing_docs)]
#![deny(clippy::disallowed_methods, clippy::dbg_macro, clippy::print_stderr, clippy::print_stdout)]
#![forbid(unsafe_code)]
#![warn(clippy::cast_possible_truncation)]

pub mod engine;
pub mod market_data;
mod price_tree;
pub mod publisher;
pub mod record;
pub mod sequencer_policy;
pub mod session;
pub mod telemetry;
pub mod types;
