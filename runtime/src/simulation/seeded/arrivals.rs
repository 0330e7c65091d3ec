//! Links: what arrives at their ends.

use std::mem;

use super::{
    super::{
        links::{Link, LinkId},
        network::SimNet,
    },
    Happening, World,
    event::Event,
};
use crate::{
    net::{CloseReason, ConnId},
    topology::ShardId,
};

/// How soon bytes that find a full socket are tried again.
const RETRY_NS: u64 = 20_000;
/// The longest that a socket waits for its peer's end when its actor has closed it, as in the real driver.
const CLOSE_LIMIT_NS: u64 = 2_000_000_000;

impl World {
    pub(super) fn connect_now(&mut self, id: LinkId) {
        let Link { socket, from, .. } = self.links[id.0];
        match self.net(socket.shard).accept(socket.endpoint, from) {
            Some(conn) => {
                self.links[id.0].conn = Some(conn);
                self.link_of.insert((socket.shard.0, conn), id);
            }
            None => self.end_to_peer(id),
        }
    }

    pub(super) fn bring_to_socket(&mut self, id: LinkId, bytes: usize) {
        let Link { socket, conn, is_dead, .. } = self.links[id.0];
        let net = self.net(socket.shard).clone();
        let open = conn.filter(|&conn| !is_dead && net.is_open(conn));
        // A reset has taken those that were under way.
        let bytes = bytes.min(self.links[id.0].to_socket.flying.len());
        let Some(conn) = open else {
            self.links[id.0].to_socket.flying.drain(..bytes);
            return;
        };
        if net.unread_bytes(conn) >= self.links[id.0].spec.window_bytes {
            // Bytes are taken in their order, whichever event brings them.
            return self.schedule(self.now_ns + RETRY_NS, self.links[id.0].key, Event::ToSocket(id, bytes));
        }
        let flying = &mut self.links[id.0].to_socket.flying;
        let front = &flying.make_contiguous()[..bytes];
        net.bytes(conn, front);
        self.trace.add_bytes(front);
        flying.drain(..bytes);
    }

    /// Lets set out to the peer what the socket has sent, as far as the window is open, and the end of it.
    pub(super) fn pull(&mut self, id: LinkId) {
        let link = &mut self.links[id.0];
        let Some(conn) = link.conn else { return };
        let window = link.window();
        let net = &self.simulation.nets[link.socket.shard.0 as usize];
        let bytes = net.move_sent(conn, window, &mut link.to_peer.flying);
        let (key, is_dead) = (link.key, link.is_dead);
        // Who has nothing more to say, and has heard all, is not waited for.
        if net.waits_for_drain(conn) && !net.has_sent(conn) && net.peer_has_ended(conn) {
            net.finish_close(conn);
        }
        let ends = !net.is_open(conn) && (!net.has_sent(conn) || !net.waits_for_drain(conn)) && !link.end_is_sent;
        if bytes > 0 {
            let time_ns = self.arrival_ns(id, false);
            self.links[id.0].to_peer.position += bytes as u64;
            self.schedule(time_ns, key, Event::ToPeer(id, bytes));
        }
        if ends {
            self.links[id.0].end_is_sent = true;
            if !is_dead {
                self.end_to_peer(id);
            }
            self.schedule(self.now_ns + CLOSE_LIMIT_NS, key, Event::CloseLimit(id));
        }
    }

    fn end_to_peer(&mut self, id: LinkId) {
        let (time_ns, key) = (self.arrival_ns(id, false), self.links[id.0].key);
        self.schedule(time_ns, key, Event::End(id));
    }

    pub(super) fn bring_to_peer(&mut self, id: LinkId, bytes: usize) {
        let link = &mut self.links[id.0];
        let front = &link.to_peer.flying.make_contiguous()[..bytes];
        if !link.is_dead && !link.is_gone {
            link.arrived.extend_from_slice(front);
            self.trace.add_bytes(front);
        }
        link.to_peer.flying.drain(..bytes);
        if link.is_dead {
            return;
        }
        if link.is_gone {
            // Nobody has this connection any more.
            return self.reset(id);
        }
        if link.reads {
            self.happened.push_back(Happening::Readable(id));
        }
    }

    pub(super) fn finish_now(&mut self, id: LinkId) {
        let link = &self.links[id.0];
        if link.is_dead {
            return;
        }
        if !link.to_socket.flying.is_empty() {
            return self.schedule(self.now_ns + RETRY_NS, link.key, Event::Finish(id));
        }
        self.trace.add(id.0 as u64);
        self.with_conn(id, |net, conn| match net.waits_for_drain(conn) {
            true if !net.has_sent(conn) => net.finish_close(conn),
            _ => net.half_close(conn),
        });
    }

    pub(super) fn end_now(&mut self, id: LinkId) {
        let link = &mut self.links[id.0];
        if !link.is_dead && !mem::replace(&mut link.has_ended, true) {
            self.trace.add(!(id.0 as u64));
            self.happened.push_back(Happening::Ended(id));
        }
    }

    pub(super) fn reset_now(&mut self, id: LinkId) {
        let link = &mut self.links[id.0];
        if mem::replace(&mut link.is_dead, true) {
            return;
        }
        link.was_reset = true;
        link.to_socket.flying.clear();
        self.trace.add(id.0 as u64 ^ u64::MAX << 32);
        if !mem::replace(&mut link.has_ended, true) {
            self.happened.push_back(Happening::Ended(id));
        }
        self.with_conn(id, |net, conn| net.disconnect(conn, CloseReason::Socket));
    }

    /// A socket waits no longer for its peer's end.
    pub(super) fn cut_close(&mut self, id: LinkId) {
        self.with_conn(id, |net, conn| {
            if net.waits_for_drain(conn) {
                net.finish_close(conn);
            }
        });
    }

    pub(super) fn net(&self, shard: ShardId) -> &SimNet {
        &self.simulation.nets[shard.0 as usize]
    }

    fn with_conn(&mut self, id: LinkId, act: impl FnOnce(&SimNet, ConnId)) {
        let link = &self.links[id.0];
        if let Some(conn) = link.conn {
            act(self.net(link.socket.shard), conn);
        }
    }
}
