//! Messages, encoded byte by byte: answers to clients, and those of the feed.

use corelane_actors::types::{PortId, Publication, Quantity, Reply, SequenceNumber};

use super::{Model, ModelOrder};

impl Model {
    pub(crate) fn execution(&self, order: &ModelOrder, shares: u32, price: u64, liquidity: u8) -> Vec<u8> {
        let mut bytes = self.answer(b'E');
        bytes.extend(order.user_ref.to_be_bytes());
        bytes.extend(shares.to_be_bytes());
        bytes.extend(price.to_be_bytes());
        bytes.push(liquidity);
        bytes.extend(self.last_match.to_be_bytes());
        bytes.extend([0, 0]);
        bytes
    }

    /// Sends an answer that is about no open order, and names its channel if that is not 0.
    pub(crate) fn tell_in_channel(&mut self, port: u32, channel: u8, user_ref: u32, mut bytes: Vec<u8>) {
        if channel == 0 {
            return self.tell(port, user_ref, bytes);
        }
        bytes.extend([0, 3, 2, 28, channel]);
        self.tell(port, 0, bytes);
    }

    /// Sends an answer that is about no open order.
    pub(crate) fn tell(&mut self, port: u32, user_ref: u32, bytes: Vec<u8>) {
        self.put_reply(port, user_ref, 0, 0, bytes);
    }

    /// Sends an answer about an order.
    pub(crate) fn reply(&mut self, order: &ModelOrder, replaced: u32, bytes: Vec<u8>) {
        self.put_reply(order.port, order.user_ref, order.leaves, replaced, bytes);
    }

    pub(crate) fn put_reply(&mut self, port: u32, user_ref: u32, leaves_qty: u32, replaced: u32, encoded: Vec<u8>) {
        let number = &mut self.ports[port as usize].messages;
        *number += 1;
        let mut bytes = [0; 71];
        bytes[..encoded.len()].copy_from_slice(&encoded);
        self.out.replies.push(Reply {
            number: SequenceNumber(*number),
            port: PortId(port),
            user_ref,
            leaves_qty: Quantity(leaves_qty),
            replaced_user_ref: replaced,
            length: encoded.len() as u8,
            bytes,
        });
    }

    pub(crate) fn answer(&self, kind: u8) -> Vec<u8> {
        let mut bytes = vec![kind];
        bytes.extend(self.time_ns.to_be_bytes());
        bytes
    }

    /// Appends the fields that Accepted and Replaced share.
    pub(crate) fn put_details(&self, bytes: &mut Vec<u8>, order: &ModelOrder) {
        bytes.push(order.side);
        bytes.extend(order.leaves.to_be_bytes());
        bytes.extend(self.symbol(order.locate));
        bytes.extend(order.price.to_be_bytes());
        bytes.push(order.time_in_force);
        bytes.push(b'Y');
        bytes.extend(order.order_ref.to_be_bytes());
        bytes.push(order.capacity);
        bytes.extend(b"NNL");
        bytes.extend(order.cl_ord_id);
        bytes.extend([0, 0]);
    }

    pub(crate) fn itch_header(&self, kind: u8, locate: u16) -> Vec<u8> {
        let mut bytes = vec![kind];
        bytes.extend(locate.to_be_bytes());
        bytes.extend([0, 0]);
        bytes.extend(&self.time_ns.to_be_bytes()[2..]);
        bytes
    }

    pub(crate) fn publish_delete(&mut self, order: &ModelOrder) {
        let mut bytes = self.itch_header(b'D', order.locate);
        bytes.extend(order.order_ref.to_be_bytes());
        self.publish(bytes);
    }

    pub(crate) fn publish(&mut self, encoded: Vec<u8>) {
        let mut bytes = [0; 50];
        bytes[..encoded.len()].copy_from_slice(&encoded);
        self.out.publications.push(Publication { length: encoded.len() as u8, bytes });
    }

    pub(crate) fn symbol(&self, locate: u16) -> [u8; 8] {
        *self.config.instruments[usize::from(locate) - 1].symbol.as_array()
    }
}
