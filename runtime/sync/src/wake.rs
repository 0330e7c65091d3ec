//! A sleep/wake flag: producers pay for a wake-up only if the consumer sleeps, and no wake-up is lost.
//!
//! An idle shard sleeps on a descriptor (an eventfd). A producer that has pushed to a sleeping shard must signal that
//! descriptor, which costs microseconds; if the shard is awake, the producer should save that cost. [`WakeFlag`] tells
//! the producer which is the case. The descriptor and the rings belong to the caller.
//!
//! # Protocol
//!
//! | producer, once per duty cycle | consumer, when it has found no work |
//! |---|---|
//! | push to any number of rings | [`announce`](WakeFlag::announce) |
//! | [`producer_fence`] once | check every inbound ring again |
//! | for each consumer pushed to: [`take_wake`](WakeFlag::take_wake); if true, signal its descriptor | if all are empty, sleep until the descriptor is signalled |
//! | | [`retract`](WakeFlag::retract), clear the descriptor, check the rings |
//!
//! Spurious wake-ups are normal: the consumer's second check may find the message just as the producer takes the wake,
//! and the signal arrives later. A producer that waits for room in a full ring must not sleep unless the consumer of
//! that ring wakes it in the same way.
//!
//! # Memory ordering
//!
//! The race is Dekker's: the producer writes the ring and reads the flag, while the consumer writes the flag and reads
//! the ring. With release and acquire alone, both could read the old value, and the message would wait for ever. So
//! each side has a `SeqCst` fence between its write and its read. One of the two fences comes first in their total
//! order. If it is the producer's, the consumer's second check sees the push. If it is the consumer's, the producer
//! sees the flag set, or cleared by another producer that signals or is about to. The accesses themselves need no
//! ordering for this. `take_wake` swaps, so that exactly one of several producers signals.
//!
//! [`retract`](WakeFlag::retract) acquires, which pairs with the fence of the producer that took the wake.
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
//! // The consumer is about to sleep: the first producer, and only the first, signals its descriptor.
//! flag.announce();
//! producer_fence();
//! assert!(flag.take_wake());
//! assert!(!flag.take_wake());
//! assert!(flag.retract());
//! ```

use crate::atomic::{AtomicBool, Ordering, fence, order};

/// A flag that is set while one consumer sleeps, or is about to, and no producer has taken the wake yet.
///
/// Share it by `Arc` between the consumer and its producers. The flag has two cache lines to itself, because producers
/// read it in every duty cycle and the prefetcher fetches lines in pairs.
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

    /// Consumer: announces that the consumer is about to sleep.
    ///
    /// Afterwards the consumer must check every source of work again, because a producer that pushed before it could
    /// see the announcement does not signal. Whether or not there was work, end the announcement with
    /// [`retract`](Self::retract).
    pub fn announce(&self) {
        self.parked.swap(true, Ordering::Relaxed);
        fence!("wake_consumer_fence", SeqCst);
    }

    /// Consumer: withdraws the announcement, after sleeping or instead of sleeping.
    ///
    /// Returns true if a producer has taken the wake. That producer has signalled the descriptor or is about to, and
    /// everything it pushed before its [`producer_fence`] is now visible.
    pub fn retract(&self) -> bool {
        !self.parked.swap(false, order!("wake_retract", Acquire))
    }

    /// Producer: whether the caller must signal the consumer's descriptor.
    ///
    /// Call it after [`producer_fence`], which follows the pushes. Returns true to exactly one producer per
    /// announcement; that producer must signal, or the consumer may sleep for ever.
    #[must_use = "the producer that takes the wake must signal the consumer"]
    pub fn take_wake(&self) -> bool {
        // Loads first, so that producers do not take the cache line away from an awake consumer by swapping.
        self.parked.load(Ordering::Relaxed) && self.parked.swap(false, Ordering::Relaxed)
    }
}

impl Default for WakeFlag {
    fn default() -> Self {
        Self::new()
    }
}

/// Producer: orders the pushes of a duty cycle before the [`take_wake`](WakeFlag::take_wake) calls that follow.
///
/// One fence serves all destinations. Its measured cost per message is negligible in batches of 16, and 13 to 98 ns
/// with a fence per message.
pub fn producer_fence() {
    fence!("wake_producer_fence", SeqCst);
}
