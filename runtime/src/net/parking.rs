//! Parking: an eventfd that completions signal, a timeout, and a last check before sleeping.
//!
//! Polling the ring's own descriptor would not work: with `DEFER_TASKRUN`, completions are posted only when the owner
//! enters, which does not wake a poller of that descriptor. A registered eventfd is signalled.
#![expect(clippy::disallowed_methods, reason = "the kernel's timeout runs by the kernel's clock, not the shard's")]

use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use io_uring::opcode;
use io_uring::types::Timespec;

use super::NetError;
use super::connection::BackOff;
use super::driver::{Driver, Endpoint};
use super::ring::{Operation, Token};
use crate::clock::SLEW_PPM_MAX;

/// The maximum number of enters before a sleep. An enter runs a bounded number of deferred operations, so only one that
/// brings nothing shows that none is left; two are usual, and what comes all the time is no reason to wait for its end.
const PARK_ENTERS_MAX: usize = 4;

/// The maximum number of enters after a stall: enough for the default 1,024 connections.
const CATCH_UP_ENTERS_MAX: usize = 64;

/// How much later than asked the timeout may complete: the kernel's own slack for timers, which a wake-up has anyway. So
/// neither two readings of the clocks that are microseconds apart nor the slew over 0.1 s move it before each sleep.
const LATENESS_NS_MAX: u64 = 50_000;

/// How long the kernel may sleep so that `wait_ns` of the shards' clock pass. That clock may be slewed, now or meanwhile, and
/// then runs faster than the kernel's. A shard that wakes too early sleeps again.
fn sleep_for(wait_ns: u64) -> Duration {
    let gain_ns = wait_ns / (1_000_000 / SLEW_PPM_MAX);
    Duration::from_nanos(wait_ns - gain_ns.saturating_sub(LATENESS_NS_MAX))
}

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

    /// Sees to it that a parked shard wakes at `at_ns` or before. `now_ns` and `at_ns` are times of the clock of
    /// [`Owners::now_ns`](super::Owners::now_ns). A timeout that completes earlier stays: its shard wakes once too often, which
    /// costs less than to move the timeout before each sleep. Whether it does is judged by the kernel's clock, since time may
    /// have passed on the other, or been slewed. Call it before [`enable_eventfd`](Driver::enable_eventfd), so that the move
    /// itself signals nothing.
    ///
    /// Returns false if the kernel takes no submission now: the shard must not park, because nothing would wake it.
    #[must_use = "without a timeout nothing wakes the shard in time"]
    pub fn arm_timeout(&mut self, now_ns: u64, at_ns: u64) -> bool {
        let sleep = sleep_for(at_ns.saturating_sub(now_ns));
        let now = Instant::now();
        let latest = now + sleep + Duration::from_nanos(LATENESS_NS_MAX);
        if self.timeout_end.is_some_and(|armed_end| armed_end <= latest) {
            return true;
        }
        if !self.ring.reserve(1, &mut self.table.counters) {
            return false;
        }
        self.timespec.set(0, Timespec::from(sleep));
        let timer = Token::new(Operation::Timeout, 0, 0);
        // SAFETY: the timespec is copied at submission, and lives as long as the driver.
        unsafe {
            if self.timeout_end.is_some() {
                let update = opcode::TimeoutUpdate::new(timer.pack(), self.timespec.pointer(0)).build();
                self.ring.push(update, Token::new(Operation::Detached, 0, 0));
            } else {
                self.ring.push(opcode::Timeout::new(self.timespec.pointer(0)).build(), timer);
            }
        }
        self.timeout_end = Some(now + sleep);
        // The timespec is copied now, and the update completes now.
        self.ring.enter(0, &mut self.table.counters);
        self.take_completions();
        self.ring.queued() == 0
    }

    /// The next time at which the driver has work to do without any event, on the clock of
    /// [`Owners::now_ns`](super::Owners::now_ns). A parked shard must be awake by then (see [`arm_timeout`](Driver::arm_timeout)).
    #[must_use]
    pub fn next_deadline_ns(&self) -> Option<u64> {
        let listeners = self.endpoints.iter().filter_map(|endpoint| match endpoint {
            Endpoint::Listener { back_off, .. } => *back_off,
            _ => None,
        });
        let retries = listeners.chain(self.table.retry).filter_map(|back_off| match back_off {
            BackOff::Until { at_ns } => Some(at_ns),
            BackOff::Begins => None,
        });
        self.next_close_ns().into_iter().chain(retries).min()
    }

    /// Whether frames wait that their handlers have held. They are offered again in every poll, and no event of the driver
    /// says when they would be taken, so a shard that parks meanwhile must limit its sleep.
    #[must_use]
    pub fn holds_input(&self) -> bool {
        self.ready.iter().any(|&slot| self.table.connections[slot as usize].held)
    }

    /// Submits everything and runs the kernel's deferred work. What that brings is left to the next poll.
    pub(crate) fn submit_and_reap(&mut self) {
        self.enter_until_idle(PARK_ENTERS_MAX);
    }

    /// Takes in what has come on all sockets, for the next poll, which delivers it: a poll takes in that of some twenty, and delivers a
    /// part of what one has sent.
    pub(crate) fn catch_up(&mut self) {
        self.catches_up = true;
        self.enter_until_idle(CATCH_UP_ENTERS_MAX);
    }

    fn enter_until_idle(&mut self, enters_max: usize) {
        for _ in 0..enters_max {
            self.stage();
            self.ring.enter(0, &mut self.table.counters);
            if self.take_completions() == 0 {
                break;
            }
        }
    }

    /// The last check before parking: submits everything and runs the kernel's deferred work. Returns true if nothing
    /// arrived and nothing is to be done before the next completion, so that the shard may park; false if it must poll first.
    /// Sends in flight wait for their peers, and held frames for their handlers; neither is a reason to poll.
    pub fn prepare_park(&mut self) -> bool {
        self.submit_and_reap();
        let has_input = self.ready.iter().any(|&slot| !self.table.connections[slot as usize].held);
        !has_input
            && self.unpolled == 0
            // The delivery may have noted something for the next one, such as the pause of an outgoing connection that could not
            // be made anew again.
            && self.table.unheard == 0
            // A send by call has no completion, and may make the room that a handler waits for.
            && self.writable.is_empty()
            && !self.ring.needs_enter(&mut self.table.counters)
            && self.table.dirty.is_empty()
            && !self.table.senders.iter().flatten().any(|sender| sender.may_send(false))
            && !self.table.closing.iter().any(|&slot| self.needs_poll_to_close(slot))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sleep_is_over_in_time_by_a_clock_that_is_slewed() {
        for wait_ns in [0, 1, 1_000_000, 99_999_999, 100_000_000, 10_000_000_000, 86_400_000_000_000, u64::MAX] {
            let sleep_ns = sleep_for(wait_ns).as_nanos();
            let fast_ns = sleep_ns + sleep_ns * u128::from(SLEW_PPM_MAX) / 1_000_000;
            assert!(fast_ns <= u128::from(wait_ns) + u128::from(LATENESS_NS_MAX), "{wait_ns}: {fast_ns}");
            // Nearly all of it is slept through at once.
            assert!(sleep_ns >= u128::from(wait_ns) * 999 / 1000, "{wait_ns}: {sleep_ns}");
        }
    }
}
