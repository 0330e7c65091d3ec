//! OUCH 5.0 order entry (text of April 2023, revision 1.04 of May 2024).
//!
//! | direction | carried by | built as | decoded with |
//! |---|---|---|---|
//! | client to venue | SoupBinTCP unsequenced packets | struct literal | [`Inbound::decode`] |
//! | venue to client | SoupBinTCP sequenced packets | struct literal or `new` | [`Outbound::decode`] |
//!
//! A struct is its own encoding: send its `as_bytes()`. Times are nanoseconds since midnight.
//!
//! ```
//! use corelane_codecs::ouch::{Canceled, CancelReason, Inbound, Outbound};
//! use corelane_codecs::IntoBytes;
//!
//! // A recorded cancel of the whole order 7 679 601.
//! let cancel = [0x58, 0x00, 0x75, 0x2e, 0x71, 0, 0, 0, 0];
//! let Inbound::Cancel(cancel, _) = Inbound::decode(&cancel).unwrap() else { panic!() };
//! assert_eq!(cancel.user_ref_num.get(), 7_679_601);
//!
//! let answer = Canceled::new(1, cancel.user_ref_num.get(), 40, CancelReason::UserRequested);
//! let Outbound::Canceled(read, _) = Outbound::decode(answer.as_bytes()).unwrap() else { panic!() };
//! assert_eq!(read.reason(), Some(CancelReason::UserRequested));
//! ```
//!
//! Most messages may end in an appendage of tagged options ([`Appendage`]). If a message always has the appendage's
//! length field, it is a field of the struct, and zero means no options. All other structs are the usual short form,
//! without the length field. [`encode_with_appendage`] writes the long form of both.

mod answers;
mod appendage;
mod codes;
mod error;
mod form;
mod inbound;
mod outbound;
mod reject_reason;
mod tags;

pub use answers::{
    Accepted, AccountQueryResponse, AiqCanceled, BrokenTrade, CancelPending, CancelReject, Canceled,
    DisableEntryResponse, EnableEntryResponse, Executed, MassCancelResponse, Modified, PriorityUpdate, Rejected,
    Replaced, Restated, SystemEvent,
};
pub use appendage::{Appendage, AppendageFault, AppendageWriter, Element, Elements};
pub use codes::{
    BrokenReason, CancelReason, Capacity, CrossType, Display, EventCode, Liquidity, OrderState, RestateReason, Side,
    TimeInForce,
};
pub use error::OuchError;
pub use form::{Appendable, encode_with_appendage};
pub use inbound::{
    AccountQuery, Cancel, DisableEntry, EnableEntry, Enter, Inbound, MAX_QUANTITY, MassCancel, Modify, Replace,
    RequestIdentity, request_identity,
};
pub use outbound::Outbound;
pub use reject_reason::RejectReason;
pub use tags::{Tag, TagValue};
