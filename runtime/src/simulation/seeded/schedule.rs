//! What is scheduled, and when it arrives.

use std::cmp::Reverse;

use super::{
    super::{
        chance::Source,
        links::{DELAY, DOUBLED, LOST, LineSpec, LinkId, REORDERED},
        trace::hash_of,
    },
    Happening, World,
    event::{Event, Scheduled},
};

const TIE: Source = Source::new("world.tie");

impl World {
    pub(super) fn schedule(&mut self, time_ns: u64, key: u64, event: Event) {
        self.scheduled += 1;
        let tie = self.draw(TIE, key).below(1 << 20);
        let time_ns = time_ns.max(self.now_ns);
        self.queue.push(Reverse(Scheduled { time_ns, tie, number: self.scheduled, event }));
    }

    /// When what sets out now arrives: behind all that set out before.
    pub(super) fn arrival_ns(&mut self, id: LinkId, to_socket: bool) -> u64 {
        let now_ns = self.now_ns;
        let link = &self.links[id.0];
        let direction = if to_socket { &link.to_socket } else { &link.to_peer };
        let key = link.key.wrapping_mul(2).wrapping_add(direction.position << 1 | u64::from(to_socket));
        let (least, most) = (*link.spec.delay_ns.start(), *link.spec.delay_ns.end());
        let delay_ns = self.draw(DELAY, key).within(least, most);
        let link = &mut self.links[id.0];
        let direction = if to_socket { &mut link.to_socket } else { &mut link.to_peer };
        direction.last_arrival_ns = (now_ns + delay_ns).max(direction.last_arrival_ns + 1);
        direction.last_arrival_ns
    }

    /// When the copies of a datagram arrive.
    pub(super) fn datagram_arrivals(&mut self, key: u64, line: &LineSpec) -> [Option<u64>; 2] {
        if self.strikes(LOST, key, line.loss_ppm).is_some() {
            return [None, None];
        }
        let mut draw = self.draw(DELAY, key);
        let mut arrival_ns = || draw.within(*line.delay_ns.start(), *line.delay_ns.end());
        let (first_ns, second_ns) = (self.now_ns + arrival_ns(), self.now_ns + arrival_ns());
        let late_ns = self
            .strikes(REORDERED, key, line.reorder_ppm)
            .map_or(0, |mut late| late.within(1, line.reorder_ns_max.max(1)));
        let doubled = self.strikes(DOUBLED, key, line.duplicate_ppm);
        [Some(first_ns + late_ns), doubled.map(|_| second_ns)]
    }

    pub(super) fn run(&mut self, event: Event) {
        match &event {
            Event::Connect(id)
            | Event::ToSocket(id, _)
            | Event::Finish(id)
            | Event::Reset(id)
            | Event::CloseLimit(id) => {
                self.stir(self.links[id.0].socket.shard);
            }
            Event::DatagramIn(socket, ..) => self.stir(socket.shard),
            Event::Turn(_) | Event::Wake(_) | Event::ToPeer(..) | Event::End(_) | Event::DatagramOut(..) => {}
        }
        match event {
            Event::Turn(shard) => self.turn(shard),
            Event::Wake(token) => self.happened.push_back(Happening::Wake(token)),
            Event::Connect(id) => self.connect_now(id),
            Event::ToSocket(id, bytes) => self.bring_to_socket(id, bytes),
            Event::ToPeer(id, bytes) => self.bring_to_peer(id, bytes),
            Event::Finish(id) => self.finish_now(id),
            Event::End(id) => self.end_now(id),
            Event::Reset(id) => self.reset_now(id),
            Event::CloseLimit(id) => self.cut_close(id),
            Event::DatagramIn(socket, from, payload) => {
                self.trace.add(hash_of(&payload));
                let kernel_utc_ns = self.simulation.utc_ns(self.now_ns);
                self.net(socket.shard).datagram_at(socket.endpoint, from, &payload, Some(kernel_utc_ns));
            }
            Event::DatagramOut(socket, datagram) => {
                self.trace.add(hash_of(&datagram.payload));
                self.happened.push_back(Happening::Datagram(socket, datagram));
            }
        }
    }
}
