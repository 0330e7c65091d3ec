//! The sleep/wake flag: producers pay for a wake-up only when the consumer sleeps, and none is lost.
//!
//! A shard that runs dry goes to sleep on a descriptor (an eventfd); a producer that has pushed to it must then
//! write that descriptor, which costs microseconds, and must not when the shard is awake. [`WakeFlag`] decides
//! which; the descriptor and the rings are the caller's.
//!
//! # Protocol
//!
//! | producer, once per duty cycle | consumer, when it found no work |
//! |---|---|
//! | push to any number of rings | [`announce`](WakeFlag::announce) |
//! | [`producer_fence`] once | look at every inbound ring again |
//! | for each consumer pushed to: [`take_wake`](WakeFlag::take_wake); if true, write its descriptor | if all are empty, sleep until the descriptor is signalled |
//! | | [`retract`](WakeFlag::retract), clear the descriptor, look at the rings |
//!
//! Spurious wake-ups are normal: a producer may take the wake just when the consumer's second look finds the
//! message, and its signal arrives later. A producer that waits for room in a full ring must not sleep unless
//! the consumer of that ring wakes it in the same way.
//!
//! # Memory ordering
//!
//! The race is Dekker's: the producer writes the ring and reads the flag, the consumer writes the flag and reads
//! the ring. Release and acquire allow both to read the old value, and then the message waits for ever. Hence a
//! `SeqCst` fence between the write and the read on each side. Of the two fences one is first in their total
//! order: if the producer's, the consumer's second look sees the push; if the consumer's, the producer sees the
//! flag set, or cleared by another producer whose signal is then on its way. The accesses themselves need no
//! ordering for this. `take_wake` swaps, so that of several producers exactly one signals.
//!
//! [`retract`](WakeFlag::retract) acquires, and so pairs with the fence of the producer whose claim it reads.
//!
//! # Examples
//!
//! ```
//! use corelane_sync::wake::{WakeFlag, producer_fence};
//!
//! let flag = WakeFlag::new();
//!
//! // The consumer is awake: a push costs one fence and one load.
//! producer_fence();
//! assert!(!flag.take_wake());
//!
//! // The consumer is about to sleep: the first producer, and only that one, writes its descriptor.
//! flag.announce();
//! producer_fence();
//! assert!(flag.take_wake());
//! assert!(!flag.take_wake());
//! assert!(flag.retract());
//! ```

use crate::atomic::{AtomicBool, Ordering, fence, order};

/// Whether one consumer sleeps, or is about to, and nobody has taken it upon himself to wake it.
///
/// Share it by `Arc` between its consumer and all producers to it. It is alone on its cache lines (two of
/// them: the prefetcher fetches lines in pairs), because producers read it in every duty cycle.
#[derive(Debug)]
#[repr(align(128))]
pub struct WakeFlag {
    parked: AtomicBool,
}

impl WakeFlag {
    /// A flag whose consumer is awake.
    #[must_use]
    pub fn new() -> Self {
        Self { parked: AtomicBool::new(false) }
    }

    /// Consumer: announces that it is about to sleep.
    ///
    /// Afterwards the consumer must look at every source of work again: a producer that pushed before it could
    /// see the announcement does not signal. Whether work was found or not, [`retract`](Self::retract) ends it.
    pub fn announce(&self) {
        self.parked.swap(true, Ordering::Relaxed);
        fence!("wake_consumer_fence", SeqCst);
    }

    /// Consumer: withdraws the announcement, after sleeping or instead of it.
    ///
    /// Returns true if a producer has taken the wake: it has signalled the descriptor or is about to, and
    /// everything it pushed before its [`producer_fence`] is visible now.
    pub fn retract(&self) -> bool {
        !self.parked.swap(false, order!("wake_retract", Acquire))
    }

    /// Producer: whether the caller must signal the consumer's descriptor.
    ///
    /// Call it after [`producer_fence`], which follows the pushes. True for exactly one producer per
    /// announcement; that one must signal, or the consumer may sleep for ever.
    #[must_use = "the producer that takes the wake must signal the consumer"]
    pub fn take_wake(&self) -> bool {
        // The load spares the awake consumer's line from being taken away by every producer's swap.
        self.parked.load(Ordering::Relaxed) && self.parked.swap(false, Ordering::Relaxed)
    }
}

impl Default for WakeFlag {
    fn default() -> Self {
        Self::new()
    }
}

/// Producer: separates the pushes of a duty cycle from the [`take_wake`](WakeFlag::take_wake) calls after them.
///
/// One fence serves all destinations. Measured at about nothing per message in batches of 16, and 13 to 98 ns
/// when paid for every message.
pub fn producer_fence() {
    fence!("wake_producer_fence", SeqCst);
}
