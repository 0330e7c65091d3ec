//! What the peers of a topology do.

use std::{mem, net::SocketAddr};

use super::{
    super::{
        links::{LATE, LineSpec, Link, LinkId, LinkSpec, RESET, SPLIT},
        world::Socket,
    },
    Happening, World,
    event::Event,
};

impl World {
    /// A peer connects. What it writes at once arrives behind its connection. The key names the connection in draws: it is
    /// not used for another.
    pub fn connect(&mut self, socket: Socket, from: SocketAddr, key: u64, spec: LinkSpec) -> LinkId {
        let id = LinkId(self.links.len());
        self.links.push(Link::new(socket, from, key, spec));
        let time_ns = self.arrival_ns(id, true);
        self.schedule(time_ns, key, Event::Connect(id));
        id
    }

    /// A peer writes.
    pub fn write(&mut self, id: LinkId, bytes: &[u8]) {
        let link = &self.links[id.0];
        if link.is_finished || link.is_gone || bytes.is_empty() {
            return;
        }
        let key = link.key.wrapping_add(link.to_socket.position);
        let (split_ppm, late_ppm, late_ns_max) = (link.spec.split_ppm, link.spec.late_ppm, link.spec.late_ns_max);
        let reset_ppm = link.spec.reset_ppm;
        let mut split = self.draw(SPLIT, key);
        let pieces = match split.happens(split_ppm) && bytes.len() > 1 {
            true => bytes.split_at(split.within(1, bytes.len() as u64 - 1) as usize),
            false => (bytes, &bytes[..0]),
        };
        if let Some(mut late) = self.strikes(LATE, key, late_ppm) {
            let by_ns = late.within(1, late_ns_max.max(1));
            let last_ns = &mut self.links[id.0].to_socket.last_arrival_ns;
            *last_ns = (*last_ns).max(self.now_ns) + by_ns;
        }
        for piece in [pieces.0, pieces.1] {
            if piece.is_empty() {
                continue;
            }
            self.links[id.0].to_socket.flying.extend(piece);
            self.links[id.0].to_socket.position += piece.len() as u64;
            let time_ns = self.arrival_ns(id, true);
            self.schedule(time_ns, key, Event::ToSocket(id, piece.len()));
        }
        if self.strikes(RESET, key, reset_ppm).is_some() {
            self.reset(id);
        }
    }

    /// Moves what has come to a peer to the end of `into`; returns how many bytes.
    pub fn read(&mut self, id: LinkId, into: &mut Vec<u8>) -> usize {
        let link = &mut self.links[id.0];
        let bytes = link.arrived.len();
        into.append(&mut link.arrived);
        if bytes > 0 {
            self.pull(id);
        }
        bytes
    }

    /// A peer reads no more, or again. What comes meanwhile waits in the window, and then in the socket.
    pub fn set_reading(&mut self, id: LinkId, reads: bool) {
        self.links[id.0].reads = reads;
        if reads && !self.links[id.0].arrived.is_empty() {
            self.happened.push_back(Happening::Readable(id));
        }
    }

    /// A peer ends its side, and goes on reading.
    pub fn finish(&mut self, id: LinkId) {
        if !mem::replace(&mut self.links[id.0].is_finished, true) {
            let (time_ns, key) = (self.arrival_ns(id, true), self.links[id.0].key);
            self.schedule(time_ns, key, Event::Finish(id));
        }
    }

    /// A peer closes its socket: it ends its side, and what still comes resets the connection.
    pub fn close(&mut self, id: LinkId) {
        self.finish(id);
        let link = &mut self.links[id.0];
        link.is_gone = true;
        link.arrived.clear();
    }

    /// The connection is lost; both sides learn it a little later, behind what is under way.
    pub fn reset(&mut self, id: LinkId) {
        let (time_ns, key) = (self.arrival_ns(id, true), self.links[id.0].key);
        self.schedule(time_ns, key, Event::Reset(id));
    }

    /// Whether the connection was lost.
    #[must_use]
    pub fn was_reset(&self, id: LinkId) -> bool {
        self.links[id.0].was_reset
    }

    /// From now on nothing passes, and neither side is told.
    pub fn vanish(&mut self, id: LinkId) {
        self.links[id.0].is_dead = true;
    }

    /// A peer sends a datagram on a line. The key names the datagram in draws.
    pub fn send_datagram(&mut self, socket: Socket, from: SocketAddr, key: u64, payload: &[u8], line: &LineSpec) {
        for time_ns in self.datagram_arrivals(key, line).into_iter().flatten() {
            self.schedule(time_ns, key, Event::DatagramIn(socket, from, payload.to_vec()));
        }
    }

    /// Sets the line that carries what is sent by a datagram endpoint. Without it, it is a sound one.
    pub fn set_line(&mut self, socket: Socket, line: LineSpec) {
        self.lines.insert(socket, line);
    }
}
