//! Orders that the feed added without shares or without a price. They are in no book, but what the feed says of them later
//! is no evidence against the book.

use std::collections::HashMap;

use super::ids::SideId;

/// Most void orders at one time. ITCH has none, so this many come only from a feed that is broken.
const VOID_ORDERS_MAX: usize = 1024;

/// The sides of the void orders, by reference.
#[derive(Debug)]
pub(super) struct VoidOrders(HashMap<u64, SideId>);

impl VoidOrders {
    pub(super) fn new() -> Self {
        VoidOrders(HashMap::with_capacity(VOID_ORDERS_MAX))
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// Notes an order; false if there is no room.
    pub(super) fn insert(&mut self, order_ref: u64, side: SideId) -> bool {
        let has_room = self.0.len() < VOID_ORDERS_MAX || self.0.contains_key(&order_ref);
        if has_room {
            self.0.insert(order_ref, side);
        }
        has_room
    }

    pub(super) fn side(&self, order_ref: u64) -> Option<SideId> {
        self.0.get(&order_ref).copied()
    }

    /// Removes an order; returns its side.
    pub(super) fn remove(&mut self, order_ref: u64) -> Option<SideId> {
        self.0.remove(&order_ref)
    }
}
