//! A venue that ends by itself: who lives ends its business; nothing is said that is not so.

use super::{Halt, LOOK_NS, REST_NS_MAX, Spec, Stage, of_client};
use crate::client::Client;

/// How long sockets are flushed after a stop.
const STOP_NS: u64 = 3_000_000_000;

impl Stage {
    /// Notes that the venue ends by itself, and who has no reason not to hear what it says until then.
    pub(super) fn begin_halt(&mut self) {
        let now_ns = self.world.now_ns();
        let since_ns = now_ns.saturating_sub(self.host.in_flight_ns(now_ns));
        let sound = self.clients.iter().filter(|client| client.is_sound_since(&self.world, since_ns));
        self.halt = Some(Halt { since_ns, sound: sound.map(|client| client.index).collect() });
        self.clients.iter_mut().for_each(Client::retire);
    }

    /// Follows a venue that ends by itself. Who lives ends its business; nothing is said that is not so, and only what was in
    /// flight is unanswered.
    pub(super) fn halt(&mut self, halt: &Halt, spec: &Spec) -> Result<(), String> {
        self.end_faults();
        // The other failures of its shard are collected in its next turn.
        self.pass(LOOK_NS)?;
        let down: Vec<String> = self.world.simulation().down().map(str::to_owned).collect();
        let is_down = |name: &str| down.iter().any(|one| one == name);
        let engine_is_down = is_down("sequencer") || is_down("group");
        if is_down("market-data") {
            self.other = None;
        }
        if is_down("publisher") {
            self.subscriber = None;
        }
        if !engine_is_down && is_down("session") {
            self.end_without_clients()?;
        } else if !engine_is_down {
            self.clients.iter_mut().for_each(|client| client.resume(&mut self.world));
            self.end_day(spec)?;
            self.clients.iter_mut().for_each(Client::retire);
        }
        self.world.stop();
        self.pass(STOP_NS)?;
        for &index in &halt.sound {
            let (heard, due) = (self.clients[index].heard(), self.oracle.answers[index].len_before(halt.since_ns));
            if heard < due {
                return Err(of_client(index, &format!("a halt: has {heard} of {due} answers that were not in flight")));
            }
        }
        if let Some(client) = self.clients.iter().find(|client| client.is_over && engine_is_down) {
            return Err(of_client(client.index, "a halt: its session ends without its day"));
        }
        match &self.subscriber {
            Some(subscriber) if subscriber.is_over == engine_is_down => {
                let says = if engine_is_down { "ends its session without its day" } else { "does not end its session" };
                Err(format!("a halt: the feed {says}"))
            }
            _ => Ok(()),
        }
    }

    /// Ends the day of a venue whose order entry has failed.
    fn end_without_clients(&mut self) -> Result<(), String> {
        let end_ns = self.world.now_ns() + REST_NS_MAX;
        loop {
            self.pass(LOOK_NS)?;
            let waits = self.operator.waits_for();
            let waits = waits.or_else(|| self.subscriber.as_ref()?.waits_for(&self.oracle.tape));
            if waits.is_none() && self.operator.has_ended {
                break;
            }
            if self.world.now_ns() > end_ns {
                return Err(format!("a halt: the day does not end; {waits:?}"));
            }
        }
        match self.oracle.resting().count() {
            0 => Ok(()),
            open => Err(format!("a halt: {open} orders are open after the end of the day")),
        }
    }
}
