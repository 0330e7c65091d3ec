//! Requests that are neither enter nor replace nor cancel: modify, mass cancel, disabled entry, and other channels.

use corelane_actors::types::{EntrySwitch, MassCancel, Modify, OtherChannel};

use super::{Model, ModelOrder};

impl Model {
    pub(crate) fn reject_other_channel(&mut self, request: &OtherChannel) {
        if self.is_new(request.port.0, request.channel, request.user_ref) {
            let mut bytes = self.answer(b'J');
            bytes.extend(request.user_ref.to_be_bytes());
            bytes.extend([0, 0x0f]);
            bytes.extend(request.cl_ord_id);
            self.tell_in_channel(request.port.0, request.channel, request.user_ref, bytes);
        }
    }

    pub(crate) fn modify(&mut self, modify: &Modify) {
        let Some(at) = self.position(modify.port.0, modify.user_ref) else {
            return;
        };
        let order = &mut self.orders[at];
        let sells = b"STE".contains(&order.side) && b"STE".contains(&modify.side);
        let total = order.cum_qty + order.leaves;
        let changes = modify.side != order.side || modify.quantity.0 < total;
        if !(sells || modify.side == order.side) || modify.quantity.0 > total || !changes {
            return;
        }
        order.side = modify.side;
        let wanted = modify.quantity.0.max(order.cum_qty) - order.cum_qty;
        let lot = self.config.instruments[usize::from(order.locate) - 1].lot.0;
        let shares = if wanted < order.leaves { order.leaves - (wanted - wanted % lot) } else { 0 };
        if shares > 0 {
            order.leaves -= shares;
            self.publish_less(at, shares);
        }
        let order = match self.orders[at].leaves {
            0 => self.orders.remove(at),
            _ => self.orders[at].clone(),
        };
        let mut bytes = self.answer(b'M');
        bytes.extend(order.user_ref.to_be_bytes());
        bytes.push(order.side);
        bytes.extend(order.leaves.to_be_bytes());
        self.reply(&order, 0, bytes);
    }

    pub(crate) fn mass_cancel(&mut self, request: &MassCancel) {
        let port = request.port.0;
        if !self.is_new(port, request.channel, request.user_ref) {
            return;
        }
        let mut bytes = self.answer(b'X');
        bytes.extend(request.user_ref.to_be_bytes());
        bytes.extend(request.firm);
        bytes.extend(request.symbol);
        if request.channel == 0 {
            bytes.extend([0, 0]);
        }
        self.tell_in_channel(port, request.channel, request.user_ref, bytes);
        let is_meant = |order: &ModelOrder| {
            let side = if order.side == b'B' { b"B" } else { &b"STE"[..] };
            request.channel == 0
                && order.port == port
                && (request.firm == *b"    " || request.firm == order.firm)
                && (request.symbol == *b"        " || request.locate.0 == order.locate)
                && (request.side == 0 || side.contains(&request.side))
                && (request.has_group == 0 || request.group == order.group)
        };
        while let Some(at) = self.orders.iter().position(is_meant) {
            self.cancel_at(at, self.orders[at].leaves, b'U');
        }
    }

    pub(crate) fn switch_entry(&mut self, switch: &EntrySwitch) {
        if !self.is_new(switch.port.0, switch.channel, switch.user_ref) {
            return;
        }
        let port = &mut self.ports[switch.port.0 as usize];
        let (mut firm, mut enabled) = (switch.firm, switch.enabled == 1);
        port.exceptions.remove(&firm);
        if firm != *b"    " && enabled == port.is_disabled && port.exceptions.len() == 64 {
            if !enabled {
                firm = *b"    ";
            }
            enabled = false;
        }
        if firm == *b"    " {
            port.is_disabled = !enabled;
            port.exceptions.clear();
        } else if enabled == port.is_disabled {
            port.exceptions.insert(firm);
        }
        let mut bytes = self.answer(if enabled { b'K' } else { b'G' });
        bytes.extend(switch.user_ref.to_be_bytes());
        bytes.extend(firm);
        if switch.channel == 0 {
            bytes.extend([0, 0]);
        }
        self.tell_in_channel(switch.port.0, switch.channel, switch.user_ref, bytes);
    }

    /// Whether a request has a number above all earlier ones of its channel, which it then uses.
    pub(crate) fn is_new(&mut self, port: u32, channel: u8, user_ref: u32) -> bool {
        let last = self.last_user_ref(port, channel).filter(|last| user_ref > **last);
        last.map(|last| *last = user_ref).is_some()
    }

    pub(crate) fn last_user_ref(&mut self, port: u32, channel: u8) -> Option<&mut u32> {
        let port = self.ports.get_mut(port as usize)?;
        Some(if channel == 0 { &mut port.last_user_ref } else { port.channels.entry(channel).or_default() })
    }

    pub(crate) fn is_disabled(&self, port: u32, firm: [u8; 4]) -> bool {
        let port = &self.ports[port as usize];
        port.is_disabled != port.exceptions.contains(&firm)
    }
}
