//! What numbers an account, an instrument and an order.

/// Index of an account in the configured order of `[[sessions]]`.
pub type AccountSlot = u32;

/// Index of an instrument: its ITCH stock locate code, 1 and up in the configured order; 0 is "no such symbol".
pub type Locate = u16;

/// Index of an order in the tables of all state machines of the group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderSlot(pub u32);
