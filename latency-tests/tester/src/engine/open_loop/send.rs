//! The send path: moves due requests to the queues and writes sockets.

use std::num::NonZeroU64;

use super::Engine;
use crate::engine::sent::Sent;
use crate::engine::{Observer, Wire};

impl<W: Wire, O: Observer> Engine<'_, W, O> {
    /// Sends due requests, and returns the time at which the next request is due.
    #[inline]
    pub(super) fn send_due(&mut self, now_ns: u64) -> u64 {
        let mut due_ns = u64::MAX;
        for index in 0..self.connections.len() {
            let connection = &mut self.connections[index];
            if !connection.open {
                continue;
            }
            if connection.schedule.next_ns().is_some_and(|at| at <= now_ns) {
                self.queue_due(index, now_ns);
            }
            let connection = &mut self.connections[index];
            if connection.has_unsent() {
                self.flush_requests(index);
            }
            // Prepares the next request while the kernel carries this one, so that it is ready when due.
            let connection = &mut self.connections[index];
            if connection.prepared.is_empty() && connection.schedule.next_ns().is_some() {
                self.wire.request(index, &mut connection.prepared);
                if let Some(times) = &mut connection.times {
                    times.before_write(connection.stream);
                }
            }
            if connection.outstanding.len() < self.pacing.outstanding_max
                && connection.has_room()
                && let Some(at) = connection.schedule.next_ns()
            {
                due_ns = due_ns.min(at);
            }
        }
        due_ns
    }

    /// Moves the due requests of one session to its send queue, as many as fit.
    #[inline]
    fn queue_due(&mut self, index: usize, now_ns: u64) {
        // The time just before this session's write, without the work for other sessions.
        let sent_ns = self.clock.now_ns();
        while let connection = &mut self.connections[index]
            && let Some(intended_ns) = connection.schedule.next_ns()
            && intended_ns <= now_ns
            && connection.outstanding.len() < self.pacing.outstanding_max
            && connection.has_room()
        {
            connection.queue_prepared();
            connection.outstanding.push_back(Sent {
                intended_ns,
                sent_ns,
                left_ns: None,
                measured: intended_ns >= self.pacing.warmup_ns(),
            });
            connection.schedule.advance();
            connection.last_send_ns = sent_ns;
            self.measured.sent += 1;
            if connection.schedule.next_ns().is_some_and(|at| at <= now_ns) {
                self.wire.request(index, &mut connection.prepared);
            }
            if !self.pacing.coalesce {
                self.flush_requests(index);
                if !self.connections[index].open {
                    return;
                }
            }
        }
    }

    /// Sends the queue, which ends with the newest request.
    #[inline]
    fn flush_requests(&mut self, index: usize) {
        self.flush(index);
        let connection = &mut self.connections[index];
        if let Some(times) = &mut connection.times
            && let Some(utc_ns) = times.after_write(connection.stream)
            && !connection.has_unsent()
            && let Some(newest) = connection.outstanding.back_mut()
        {
            newest.left_ns = self.correlation.clock_ns(utc_ns).and_then(NonZeroU64::new);
        }
    }

    #[inline]
    pub(super) fn flush(&mut self, index: usize) {
        match self.connections[index].flush() {
            Ok(bytes) => self.measured.bytes_sent += bytes as u64,
            Err(error) => self.drop_connection(index, &error.to_string()),
        }
    }

    pub(super) fn flush_all(&mut self) {
        for index in 0..self.connections.len() {
            if self.connections[index].open && self.connections[index].has_unsent() {
                self.flush(index);
            }
        }
    }
}
