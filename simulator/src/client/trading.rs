//! What a client sends, and what it does in the place of that.

use corelane_runtime::simulation::{Draw, LinkId, Source, World};

use super::{Client, MS, Members, Phase, Sent, packet};
use crate::choice;

/// Requests without an answer that it has under way at most.
const UNDER_WAY_MAX: u64 = 48;
/// How long it waits then.
const WAIT_NS: u64 = 200_000;
/// Requests of a flood.
const FLOOD: u64 = 300;

const PAUSE: Source = Source::new("client.pause");
const REQUEST: Source = Source::new("client.request");
pub(crate) const DOZE: Source = Source::new("client.doze");
pub(crate) const VANISH: Source = Source::new("client.vanish");
pub(crate) const LOG_OUT: Source = Source::new("client.log-out");
pub(crate) const HALF_CLOSE: Source = Source::new("client.half-close");
pub(crate) const SLOW: Source = Source::new("client.slow");
pub(crate) const FLOODS: Source = Source::new("client.flood");
pub(crate) const GARBAGE: Source = Source::new("client.garbage");
pub(crate) const UNREADABLE: Source = Source::new("client.unreadable");
pub(crate) const LOG_IN_AGAIN: Source = Source::new("client.log-in-again");

impl Client {
    /// Sends a request, or does something else in its place.
    pub(super) fn trade(&mut self, world: &mut World, members: &Members, taken: u64) -> u64 {
        let Some(link) = self.link else { return 0 };
        if self.under_way() as u64 >= UNDER_WAY_MAX + self.flooding {
            self.acts_in(world, WAIT_NS);
            return 0;
        }
        self.chosen += 1;
        let key = self.key(self.chosen);
        let rates = members.rates;
        let mut pause = world.draw(PAUSE, key);
        let pause_ns = match pause.below(1_000) {
            0 => pause.within(MS, 300 * MS),
            1..=20 => pause.within(100_000, 2 * MS),
            _ => pause.within(1_000, 40_000),
        };
        let pause_ns = if self.flooding > 0 { 200 } else { pause_ns };
        self.flooding = self.flooding.saturating_sub(1);
        self.acts_in(world, pause_ns);
        if world.strikes(VANISH, key, rates.vanish).is_some() {
            // Nothing passes any more; the client notices by the silence.
            world.vanish(link);
            self.is_excused = true;
        } else if world.strikes(LOG_OUT, key, rates.log_out).is_some() {
            self.leave(world, link, &packet(b'O', &[]));
        } else if world.strikes(HALF_CLOSE, key, rates.half_close).is_some() {
            self.leave(world, link, &[]);
            world.finish(link);
        } else if let Some(mut draw) = world.strikes(GARBAGE, key, rates.garbage) {
            let garbage = garbage(&mut draw, &self.user, &self.password);
            self.leave(world, link, &garbage);
        } else if let Some(mut draw) = world.strikes(SLOW, key, rates.slow) {
            // Half of them are back before they are taken for too slow.
            let ms_max = if draw.happens(500_000) { 50 } else { 2_000 };
            let until_ns = world.now_ns() + draw.within(MS, ms_max * MS);
            self.read_again_at(world, link, until_ns);
        } else if world.strikes(LOG_IN_AGAIN, key, rates.log_in_again).is_some() {
            // The old connection stays as it is: the log-in on the new one supersedes it.
            self.go_down(world, 0);
        } else if world.strikes(FLOODS, key, rates.flood).is_some() {
            self.flooding = FLOOD;
        } else if let Some(mut draw) = world.strikes(UNREADABLE, key, rates.unreadable) {
            let payload = [b'?'; 40];
            world.write(link, &packet(b'U', &payload[..draw.within(1, 40) as usize]));
        } else {
            let mut draw = world.draw(REQUEST, key);
            let (kind, request) = choice::next(&mut draw, &self.ledger, &members.instruments, self.ledger.next_ref());
            if members.without.contains(&kind) {
                return 0;
            }
            world.write(link, &packet(b'U', &request.encode(&members.instruments)));
            self.sent.push(Sent { connection: self.connection, request, at_ns: world.now_ns(), taken });
            if request.is_numbered() {
                self.ledger.sent(request);
            }
            self.last_sent_ns = world.now_ns();
            return 1;
        }
        0
    }

    /// Reads no more until some time after the last requests of the run: what waits for it then is the last that its connection
    /// has to carry, and nothing that follows brings it.
    pub(crate) fn doze(&mut self, world: &mut World, rate: u32) {
        let Some(link) = self.link.filter(|_| self.phase == Phase::Up && self.reads_again_ns.is_none()) else { return };
        if let Some(mut draw) = world.strikes(DOZE, self.key(self.chosen), rate) {
            let until_ns = world.now_ns() + draw.within(400 * MS, 800 * MS);
            self.read_again_at(world, link, until_ns);
        }
    }

    fn read_again_at(&mut self, world: &mut World, link: LinkId, at_ns: u64) {
        world.set_reading(link, false);
        self.is_behind = true;
        self.reads_again_ns = Some(at_ns);
        world.wake_at(at_ns, self.index as u64);
    }

    /// Says the last on a connection; its end follows.
    fn leave(&mut self, world: &mut World, link: LinkId, last: &[u8]) {
        world.write(link, last);
        self.phase = Phase::Leaving;
        self.is_excused = true;
    }
}

/// What ends a connection: no packets, packets of no kind, a second log-in.
fn garbage(draw: &mut Draw, user: &str, password: &str) -> Vec<u8> {
    match draw.below(4) {
        0 => vec![0, 0],
        1 => vec![0xff; draw.within(2, 200) as usize],
        2 => packet(b'z', b"?"),
        _ => packet(b'L', format!("{user:<6}{password:<10}{:<10}{:>20}", "", 1).as_bytes()),
    }
}
