//! The inputs of the sequencer and of the group.
//!
//! The sequencer numbers and stamps each [`Command`]. The bodies of commands are plain old data, so that a recorded stream
//! can be replayed.

use bytemuck::{CheckedBitPattern, NoUninit};
use corelane_codecs::price::Price;
use corelane_runtime::message::Message;

use super::{
    identifier::{Locate, PortId},
    mark::Mark,
    quantity::Quantity,
    reference::{Reference, ReferenceUpdate},
    scope::KillSwitch,
};

/// The number of channels of user reference numbers (`UserRefIdx`), channel 0 included.
pub(crate) const CHANNELS: usize = u8::MAX as usize + 1;

/// An input of the group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Enter an order.
    Enter(Enter),
    /// Replace an order.
    Replace(Replace),
    /// Cancel or reduce an order.
    Cancel(Cancel),
    /// A client has logged in.
    LogIn(SessionChange),
    /// A client has disconnected; if the venue cancels on disconnect, its orders are cancelled.
    Disconnect(SessionChange),
    /// A kill switch is engaged or released.
    KillSwitch(KillSwitch),
    /// The trading day enters its next phase.
    MarketEvent(MarketEvent),
    /// Reject an enter or a replace in a channel of numbers where the venue takes no orders.
    OtherChannel(OtherChannel),
    /// Modify an order.
    Modify(Modify),
    /// Cancel a port's orders that match a description.
    MassCancel(MassCancel),
    /// Disable or enable order entry of a firm.
    EntrySwitch(EntrySwitch),
    /// Ask for the next number of a request.
    AccountQuery(AccountQuery),
    /// End the pauses of instruments that are over.
    EndPauses,
}

impl Command {
    /// The port of a request about an order, and the client's number of that order. All kinds of such requests store them
    /// at the same offsets, so the compiler needs no branch on the kind, which the CPU could not predict.
    #[inline]
    #[must_use]
    pub fn order_key(&self) -> Option<(PortId, u32)> {
        match self {
            Command::Enter(Enter { port, user_ref, .. }) => Some((*port, *user_ref)),
            Command::Replace(Replace { port, original_user_ref, .. }) => Some((*port, *original_user_ref)),
            Command::Cancel(Cancel { port, user_ref, .. }) => Some((*port, *user_ref)),
            Command::Modify(Modify { port, user_ref, .. }) => Some((*port, *user_ref)),
            _ => None,
        }
    }
}

impl Message for Command {
    fn kind(&self) -> u16 {
        match self {
            Command::Enter(_) => 1,
            Command::Replace(_) => 2,
            Command::Cancel(_) => 3,
            Command::LogIn(_) => 4,
            Command::Disconnect(_) => 5,
            Command::KillSwitch(_) => 6,
            Command::MarketEvent(_) => 7,
            Command::OtherChannel(_) => 8,
            Command::Modify(_) => 9,
            Command::MassCancel(_) => 10,
            Command::EntrySwitch(_) => 11,
            Command::AccountQuery(_) => 12,
            Command::EndPauses => 13,
        }
    }
}

/// An input of the sequencer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SequencerIn {
    /// A request to be numbered and passed on.
    Command(Command),
    /// A price to be attached to the requests that follow.
    Reference(ReferenceUpdate),
}

impl Message for SequencerIn {
    fn kind(&self) -> u16 {
        match self {
            SequencerIn::Command(command) => command.kind(),
            SequencerIn::Reference(_) => 100,
        }
    }
}

/// A decoded OUCH enter order.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, NoUninit, CheckedBitPattern)]
pub struct Enter {
    /// The port that sent it.
    pub port: PortId,
    /// The client's number for the order.
    pub user_ref: u32,
    /// The best prices when it was sequenced; zero until then.
    pub reference: Reference,
    /// Limit price, or one of the codes for "at the market"; unchecked.
    pub price: Price,
    /// Shares.
    pub quantity: Quantity,
    /// Instrument; 0 if the symbol is unknown.
    pub locate: Locate,
    /// Wire byte of the side, unchecked.
    pub side: u8,
    /// Wire byte of the time in force, unchecked.
    pub time_in_force: u8,
    /// Wire byte of the display instruction, unchecked.
    pub display: u8,
    /// Wire byte of the capacity, unchecked.
    pub capacity: u8,
    /// Wire byte of the inter-market sweep flag, unchecked.
    pub intermarket_sweep: u8,
    /// Wire byte of the cross type, unchecked.
    pub cross: u8,
    /// The client's own identifier, echoed.
    pub cl_ord_id: [u8; 14],
    /// Reason (OUCH reject code) if an option of the order is not supported, else 0.
    pub unsupported: u16,
    /// The firm that the client named for the order; blank if it named none.
    pub firm: [u8; 4],
    /// The group that the client put the order into, 0 for none.
    pub group: u16,
    /// Why the venue does not take it now.
    pub mark: Mark,
    /// Always zero.
    pub reserved: [u8; 5],
}

/// A decoded OUCH replace.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, NoUninit, CheckedBitPattern)]
pub struct Replace {
    /// The port that sent it.
    pub port: PortId,
    /// The order to replace.
    pub original_user_ref: u32,
    /// The best prices of `locate` when it was sequenced; zero until then.
    pub reference: Reference,
    /// New limit price, or one of the codes for "at the market"; unchecked.
    pub price: Price,
    /// The number of the new order.
    pub user_ref: u32,
    /// New total quantity, executions included.
    pub quantity: Quantity,
    /// Instrument of the original order as far as the session remembers it, else 0.
    pub locate: Locate,
    /// Wire byte of the time in force, unchecked.
    pub time_in_force: u8,
    /// Wire byte of the display instruction, unchecked.
    pub display: u8,
    /// Wire byte of the inter-market sweep flag, unchecked.
    pub intermarket_sweep: u8,
    /// Why the venue does not take it now, if it raises something.
    pub mark: Mark,
    /// The client's own identifier, echoed.
    pub cl_ord_id: [u8; 14],
    /// Reason (OUCH reject code) if an option is not supported, else 0.
    pub unsupported: u16,
    /// Always zero.
    pub reserved: [u8; 2],
}

/// A decoded OUCH cancel.
#[repr(C, align(8))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, NoUninit, CheckedBitPattern)]
pub struct Cancel {
    /// The port that sent it.
    pub port: PortId,
    /// The order to reduce.
    pub user_ref: u32,
    /// Intended total quantity, executions included; 0 cancels all that is open.
    pub quantity: Quantity,
    /// Always zero.
    pub reserved: [u8; 4],
}

/// A decoded OUCH modify.
#[repr(C, align(8))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, NoUninit, CheckedBitPattern)]
pub struct Modify {
    /// The port that sent it.
    pub port: PortId,
    /// The order to modify.
    pub user_ref: u32,
    /// Intended total quantity, executions included.
    pub quantity: Quantity,
    /// Wire byte of the side, unchecked.
    pub side: u8,
    /// Always zero.
    pub reserved: [u8; 3],
}

/// A decoded OUCH mass cancel of a port's orders.
#[repr(C, align(8))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, NoUninit, CheckedBitPattern)]
pub struct MassCancel {
    /// The port that sent it.
    pub port: PortId,
    /// The client's number of the request.
    pub user_ref: u32,
    /// The firm of the orders, echoed; blank for those of any.
    pub firm: [u8; 4],
    /// The symbol of the orders, echoed; blank for those of any.
    pub symbol: [u8; 8],
    /// Instrument of the symbol; 0 if it is blank or unknown.
    pub locate: Locate,
    /// The group of the orders, if `has_group`; 0 for those that are in none.
    pub group: u16,
    /// Whether only the orders of `group` are meant: 0 or 1.
    pub has_group: u8,
    /// Wire byte of the orders' side, unchecked; 0 for both.
    pub side: u8,
    /// The channel of numbers that the request is in, echoed. The port has orders in channel 0 only.
    pub channel: u8,
    /// Always zero.
    pub reserved: [u8; 5],
}

/// A decoded OUCH request to disable or enable order entry of a firm on a port.
#[repr(C, align(8))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, NoUninit, CheckedBitPattern)]
pub struct EntrySwitch {
    /// The port that sent it.
    pub port: PortId,
    /// The client's number of the request.
    pub user_ref: u32,
    /// The firm, echoed; blank for the whole port.
    pub firm: [u8; 4],
    /// Whether entry is enabled: 0 or 1.
    pub enabled: u8,
    /// The channel of numbers that the request is in, echoed. It takes effect on the port, whatever its channel.
    pub channel: u8,
    /// Always zero.
    pub reserved: [u8; 2],
}

/// A decoded OUCH account query.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, NoUninit, CheckedBitPattern)]
pub struct AccountQuery {
    /// The port that sent it.
    pub port: PortId,
    /// The channel of numbers that it asks about, echoed.
    pub channel: u8,
    /// Always zero.
    pub reserved: [u8; 3],
}

/// An enter or a replace in another channel of numbers (`UserRefIdx`) than 0, where the venue takes no orders. It is rejected,
/// which uses its number in that channel, and touches no order.
#[repr(C, align(8))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, NoUninit, CheckedBitPattern)]
pub struct OtherChannel {
    /// The port that sent it.
    pub port: PortId,
    /// The client's number of the request in that channel.
    pub user_ref: u32,
    /// The client's own identifier, echoed.
    pub cl_ord_id: [u8; 14],
    /// The channel, echoed.
    pub channel: u8,
    /// Always zero.
    pub reserved: u8,
}

/// A log-in or a disconnect.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, NoUninit, CheckedBitPattern)]
pub struct SessionChange {
    /// The port that logged in or disconnected.
    pub port: PortId,
    /// The number of the log-in, counted per port.
    pub generation: u32,
}

/// A phase of the trading day, as an ITCH system event.
///
/// Each event comes once and in the order of the list; one that is not later than the last is ignored. Some may be left
/// out, but C ends only a day that E has ended.
///
/// | code | on the tape | orders | to clients |
/// |---|---|---|---|
/// | `O` | S, then R of each instrument | | |
/// | `S` | S | only immediate-or-cancel orders are accepted | system event S |
/// | `Q` | S | all are accepted | |
/// | `M` | S | day orders are cancelled (reason E, closed), new ones rejected (0x02, closed) | |
/// | `E` | S | all are rejected | system event E |
/// | `C` | S, the last message of all | | |
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, NoUninit, CheckedBitPattern)]
pub struct MarketEvent {
    /// ITCH event code.
    pub code: u8,
}
