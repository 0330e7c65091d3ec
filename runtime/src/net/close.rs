//! How connections close: what is queued is sent, the peer is waited for, and whoever takes too long is cut off.

use std::os::fd::BorrowedFd;

use super::CloseReason;
use super::close_time::CLOSE_LIMIT_NS;
use super::connection::{Phase, unacknowledged_bytes};
use super::driver::{Driver, Owners};
use super::table::Table;

impl Driver {
    /// Advances closing connections, and releases and reports those that are done.
    pub(super) fn advance_closing(&mut self, owners: &mut dyn Owners) -> usize {
        let now_ns = self.table.close_time.look(owners.now_ns());
        let mut events = 0;
        let mut at = 0;
        while at < self.table.closing.len() {
            let slot = self.table.closing[at];
            self.discard_input(slot);
            let deadline_ns = self.table.close_deadline_ns(slot, now_ns);
            let late = now_ns >= deadline_ns;
            if !self.is_close_due(slot, now_ns, late) {
                at += 1;
                continue;
            }
            if self.table.connections[slot as usize].phase == Phase::Draining {
                self.table.closing.swap_remove(at);
                let connection = &self.table.connections[slot as usize];
                let (endpoint, reason, conn) = (connection.endpoint, connection.reason, self.table.id(slot));
                let orphaned = connection.orphaned;
                self.table.release(slot);
                if orphaned {
                    self.table.orphan_is_gone(endpoint);
                } else {
                    owners.handler(endpoint).on_close(&mut self.table, endpoint, conn, reason);
                }
                events += 1;
            } else {
                self.table.advance_close(slot, now_ns, late);
            }
        }
        events
    }

    /// Whether a closing connection can take its next step at `now_ns`. It is `late` when its deadline has passed.
    fn is_close_due(&self, slot: u32, now_ns: u64, late: bool) -> bool {
        let connection = &self.table.connections[slot as usize];
        match connection.phase {
            Phase::Flushing => late || connection.broken || connection.unsent_bytes() == 0,
            Phase::Lingering => late || connection.ended.is_some() && now_ns >= connection.look_ns,
            Phase::Draining => connection.in_flight == 0 && connection.fd < 0,
            Phase::Free | Phase::Connecting | Phase::Open => false,
        }
    }

    /// Whether a closing connection takes its next step in the next poll. Its deadline and its looks are left to the timeout.
    pub(super) fn needs_poll_to_close(&self, slot: u32) -> bool {
        self.table.connections[slot as usize].deadline_ns.is_none() || self.is_close_due(slot, 0, false)
    }

    /// When the next step of a closing connection is due that no completion brings, by the shard's clock.
    pub(super) fn next_close_ns(&self) -> Option<u64> {
        let closing = self.table.closing.iter().map(|&slot| &self.table.connections[slot as usize]);
        let due = closing
            .filter(|connection| matches!(connection.phase, Phase::Flushing | Phase::Lingering))
            .filter_map(|connection| {
                let is_looked_at = connection.phase == Phase::Lingering && connection.ended.is_some();
                connection.deadline_ns.map(|at_ns| if is_looked_at { at_ns.min(connection.look_ns) } else { at_ns })
            });
        due.min().map(|at_ns| self.table.close_time.look_again_ns(at_ns))
    }
}

impl Table {
    /// When the close of a connection is given up. Its time begins when this is first asked.
    fn close_deadline_ns(&mut self, slot: u32, now_ns: u64) -> u64 {
        if let Some(deadline_ns) = self.connections[slot as usize].deadline_ns {
            return deadline_ns;
        }
        let left_bytes = self.left_bytes(slot);
        let connection = &mut self.connections[slot as usize];
        connection.left_bytes = left_bytes;
        *connection.deadline_ns.insert(now_ns.saturating_add(CLOSE_LIMIT_NS))
    }

    /// The bytes that wait for the peer of a connection that flushes or lingers, with us or in the kernel; 0 for any other.
    fn left_bytes(&self, slot: u32) -> u64 {
        let connection = &self.connections[slot as usize];
        if !matches!(connection.phase, Phase::Flushing | Phase::Lingering) {
            return 0;
        }
        // The end of the stream counts as one byte.
        let kernel_bytes = unacknowledged_bytes(self.socket(slot)).saturating_sub(u64::from(connection.shut_down));
        u64::from(connection.unsent_bytes()) + kernel_bytes
    }

    fn is_reset(&self, slot: u32) -> bool {
        !matches!(rustix::net::sockopt::socket_error(self.socket(slot)), Ok(Ok(())))
    }

    /// The socket of a connection that flushes or lingers.
    fn socket(&self, slot: u32) -> BorrowedFd<'_> {
        // SAFETY: the slot owns the descriptor, which is open until the close is queued in `Draining`.
        unsafe { BorrowedFd::borrow_raw(self.connections[slot as usize].fd) }
    }

    /// Takes the next closing step of a connection that has flushed, lingered, failed or is `late`: its time is up.
    fn advance_close(&mut self, slot: u32, now_ns: u64, late: bool) {
        let is_over = match self.connections[slot as usize].ended {
            None => false,
            // The receive has ended, so it does not tell of a reset.
            Some(CloseReason::Peer) => self.left_bytes(slot) == 0 || self.is_reset(slot),
            Some(_) => true,
        };
        let connection = &mut self.connections[slot as usize];
        if connection.broken || is_over {
            connection.phase = Phase::Draining;
            return self.touch(slot);
        }
        if late {
            return self.end_close_period(slot);
        }
        if connection.ended.is_some() {
            connection.look_ns = now_ns.saturating_add(connection.look_pause_ns);
            connection.look_pause_ns *= 2;
        }
        if connection.phase == Phase::Flushing {
            connection.phase = Phase::Lingering;
            connection.shut_down = true;
            // Fails only if the peer has reset the connection, which the receive also reports. This is a system call,
            // because the ring would start a worker thread for it.
            let _ = rustix::net::shutdown(self.socket(slot), rustix::net::Shutdown::Write);
        }
        self.touch(slot);
    }

    /// Gives the peer of a connection whose time is up as much time again if it takes what it is sent, once, or else cuts it off.
    #[cold]
    fn end_close_period(&mut self, slot: u32) {
        let left_bytes = self.left_bytes(slot);
        let connection = &mut self.connections[slot as usize];
        let still_takes = (1..connection.left_bytes).contains(&left_bytes);
        if still_takes && !std::mem::replace(&mut connection.is_extended, true) {
            connection.deadline_ns = connection.deadline_ns.map(|at_ns| at_ns.saturating_add(CLOSE_LIMIT_NS));
        } else {
            self.cut_off(slot);
        }
    }

    /// Resets a connection that flushes or lingers: what its peer has not taken is discarded, and counts as unsent.
    #[cold]
    pub(super) fn cut_off(&mut self, slot: u32) {
        let connection = &mut self.connections[slot as usize];
        connection.reset = true;
        connection.phase = Phase::Draining;
        self.touch(slot);
    }
}
