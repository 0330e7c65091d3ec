//! TotalView-ITCH 5.0 (texts of 2018 and 2023).
//!
//! All 23 message types, as borrowed views. Times are nanoseconds since midnight of the venue's day.
//!
//! ```
//! use corelane_codecs::IntoBytes;
//! use corelane_codecs::itch::{Header, Message, OrderDelete};
//!
//! let delete = OrderDelete { header: Header::new(3353, 0, 34_200_000_000_000), order_ref: 0x165b51a.into() };
//! assert_eq!(delete.as_bytes().len(), 19);
//!
//! let Message::OrderDelete(read) = Message::decode(delete.as_bytes()).unwrap() else { panic!() };
//! assert_eq!(read.header.stock_locate.get(), 3353);
//! assert_eq!(read.header.timestamp.ns(), 34_200_000_000_000);
//! ```

mod codes;
mod error;
mod halt_reason;
mod header;
mod instruments;
mod layout;
mod message;
mod orders;
mod trades;

pub use codes::{
    Authenticity, BreachedLevel, CrossType, EventCode, FinancialStatus, ImbalanceDirection, InterestFlag,
    IssueClassification, LuldTier, MarketCategory, MarketCode, MarketMakerMode, OperationalHaltAction,
    ParticipantState, PriceVariation, RegShoAction, ReleaseQualifier, Side, TradingState, WireSide,
};
pub use error::ItchError;
pub use halt_reason::HaltReason;
pub use header::{HEADER_LEN, Header, Timestamp, TimestampError};
pub use instruments::{
    IpoQuotingPeriod, LuldAuctionCollar, MarketParticipantPosition, MwcbDeclineLevels, MwcbStatus, OperationalHalt,
    RegShoRestriction, StockDirectory, StockTradingAction, SystemEvent,
};
pub use message::{MAX_MESSAGE_LEN, MESSAGE_TYPES, Message, message_len, message_name};
pub use orders::{
    AddOrder, AddOrderMpid, OrderCancel, OrderDelete, OrderExecuted, OrderExecutedWithPrice, OrderReplace,
};
pub use trades::{BrokenTrade, CrossTrade, DirectListingPrice, NetOrderImbalance, RetailInterest, Trade};
