//! The record of an open order.

use corelane_codecs::{price::Price, text::ClOrdId};

use super::{checks::Terms, entry::Firm};
use crate::types::{Locate, PortId, Quantity};

/// An order from its entry to its final answer, in one cache line.
#[derive(Clone, Copy)]
#[repr(align(64))]
pub(super) struct OpenOrder {
    pub port: PortId,
    pub user_ref: u32,
    pub order_ref: u64,
    pub price: Price,
    pub leaves: Quantity,
    /// Shares executed, including those of the orders that it replaced.
    pub cum_qty: Quantity,
    pub locate: Locate,
    /// The group that the client put it into, 0 for none.
    pub group: u16,
    /// Its firm: the one that the client named, else the port's own.
    pub firm: Firm,
    pub terms: Terms,
    pub cl_ord_id: ClOrdId,
}

const _: () = assert!(size_of::<Option<OpenOrder>>() == 64);
