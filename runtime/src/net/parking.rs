//! Parking: an eventfd that completions signal, a timeout, and a last check before sleeping.
//!
//! Polling the ring's own descriptor would not work: with `DEFER_TASKRUN`, completions are posted only when the owner
//! enters, which does not wake a poller of that descriptor. A registered eventfd is signalled.

use std::os::fd::BorrowedFd;
use std::time::Duration;

use io_uring::opcode;
use io_uring::types::Timespec;

use super::NetError;
use super::connection::Phase;
use super::driver::{Driver, Endpoint};
use super::ring::{Operation, Token};

impl Driver {
    /// Registers the eventfd that completions signal while the shard is parked. Signals are disabled at first.
    ///
    /// # Errors
    /// [`NetError::Ring`] if the kernel refuses it.
    pub fn register_eventfd(&mut self, fd: BorrowedFd<'_>) -> Result<(), NetError> {
        self.ring.register_eventfd(fd)
    }

    /// Lets completions signal the eventfd. Earlier completions are not signalled, so
    /// [`prepare_park`](Driver::prepare_park) must follow.
    pub fn enable_eventfd(&mut self) {
        self.ring.enable_eventfd();
    }

    /// Keeps completions from signalling the eventfd. A signal may already be pending; spurious wake-ups are normal.
    pub fn disable_eventfd(&mut self) {
        self.ring.disable_eventfd();
    }

    /// Arms a timeout that completes `after` this time, so that a parked shard wakes for its timers. Replaces an
    /// earlier timeout. Call it before each [`prepare_park`](Driver::prepare_park), which submits it.
    pub fn arm_timeout(&mut self, after: Duration) {
        if !self.ring.reserve(1, &mut self.table.counters) {
            // The kernel accepts no submissions now. `prepare_park` will find the queue full and return false.
            return;
        }
        self.timespec.set(0, Timespec::from(after));
        let timer = Token::new(Operation::Timeout, 0, 0);
        // SAFETY: the timespec is copied at submission, and lives as long as the driver.
        unsafe {
            if self.timeout_armed {
                let update = opcode::TimeoutUpdate::new(timer.pack(), self.timespec.pointer(0)).build();
                self.ring.push(update, Token::new(Operation::Detached, 0, 0));
            } else {
                self.ring.push(opcode::Timeout::new(self.timespec.pointer(0)).build(), timer);
            }
        }
        self.timeout_armed = true;
    }

    /// The next time at which the driver has work to do without any event, on the clock of [`poll`](Driver::poll). A
    /// parked shard must be awake by then (see [`arm_timeout`](Driver::arm_timeout)).
    #[must_use]
    pub fn next_deadline_ns(&self) -> Option<u64> {
        let closing = self.table.closing.iter().map(|&slot| &self.table.connections[slot as usize]);
        let closes = closing
            .filter(|connection| matches!(connection.phase, Phase::Flushing | Phase::Lingering))
            .map(|connection| connection.deadline_ns);
        let retries = self.endpoints.iter().filter_map(|endpoint| match endpoint {
            Endpoint::Listener { retry_at_ns, .. } => *retry_at_ns,
            _ => None,
        });
        closes.chain(retries).min()
    }

    /// The last check before parking: submits everything and runs the kernel's deferred work. Returns true if nothing
    /// arrived and nothing is pending, so that the shard may park; false if it must poll first.
    pub fn prepare_park(&mut self) -> bool {
        self.stage();
        self.ring.enter(0, &mut self.table.counters);
        !self.ring.has_completions()
            && self.ring.queued() == 0
            && self.table.dirty.is_empty()
            && !self.has_input()
            && !self.table.closing.iter().any(|&slot| self.is_close_due(slot))
    }
}
