//! The end of a run: clean-up requests, remaining answers, logout.

use super::{DRAIN_CHECK_NS, Engine};
use crate::engine::sent::Sent;
use crate::engine::{LoadError, Observer, Wire};

impl<W: Wire, O: Observer> Engine<'_, W, O> {
    pub(super) fn is_drained(&mut self) -> bool {
        self.connections.iter().enumerate().all(|(index, connection)| {
            !connection.open
                || (connection.schedule.next_ns().is_none()
                    && !connection.has_unsent()
                    && (connection.outstanding.is_empty() || self.wire.owed(index, connection.outstanding.len()) == 0))
        })
    }

    /// Sends clean-up requests, waits for the remaining answers, and logs out.
    pub(super) fn clean_up(&mut self) -> Result<(), LoadError> {
        self.stop();
        let deadline_ns = self.clock.now_ns() + self.pacing.drain.as_nanos() as u64;
        for index in 0..self.connections.len() {
            let connection = &mut self.connections[index];
            while !self.faulty
                && connection.open
                && connection.has_room()
                && self.wire.closing(index, connection.queue())
            {
                connection.outstanding.push_back(Sent { intended_ns: 0, sent_ns: 0, left_ns: None, measured: false });
                self.measured.sent += 1;
            }
        }
        while !self.faulty && !self.is_drained() && self.clock.now_ns() < deadline_ns {
            let now_ns = self.clock.now_ns();
            self.flush_all();
            if now_ns >= self.observer_due_ns {
                self.observer_due_ns = self.observer.step(now_ns);
            }
            self.receive_ready(now_ns + DRAIN_CHECK_NS, true)?;
        }
        self.settle();
        for index in 0..self.connections.len() {
            if self.connections[index].open {
                self.wire.farewell(index, self.connections[index].queue());
                self.flush(index);
            }
        }
        Ok(())
    }

    /// Ends the schedules, and withdraws prepared requests.
    fn stop(&mut self) {
        for (index, connection) in self.connections.iter_mut().enumerate() {
            self.measured.unsent += connection.schedule.stop();
            if !connection.prepared.is_empty() {
                connection.prepared.clear();
                self.wire.withdraw(index);
            }
        }
    }

    /// Counts unanswered requests, either as correctly silent or as missing messages.
    fn settle(&mut self) {
        for index in 0..self.connections.len() {
            let owed = self.wire.owed(index, self.connections[index].outstanding.len());
            self.measured.missing += owed;
            while owed == 0
                && let Some(sent) = self.connections[index].outstanding.pop_front()
            {
                self.measured.silent += 1;
                self.count_completed(sent, self.last_completed_ns);
            }
        }
    }
}
