//! What a declaration says of a shard, an actor and an edge.

use std::time::Duration;

use crate::{edge::overflow::Overflow, message::Priority, net::DriverConfig};

/// What a shard does when it has nothing to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Idle {
    /// Polls on: the CPU is its own.
    Spin,
    /// Polls, then sleeps 50 µs at a time: spares the CPU, costs a sleep's length in latency.
    Backoff,
    /// Polls for a while, then sleeps until woken by a packet, a message, a timer or a task.
    Park,
}

/// How a shard is run: one thread on one CPU.
#[derive(Clone, Debug)]
#[non_exhaustive]
#[must_use]
pub struct ShardSpec {
    /// Its name, in reports and as thread name (15 bytes of it).
    pub name: String,
    /// The CPU that it is pinned to.
    pub cpu: usize,
    /// What it does when idle.
    pub idle: Idle,
    /// Capacities of its network driver.
    pub net: DriverConfig,
}

impl ShardSpec {
    /// A shard on a CPU. It parks when idle, and its network driver has the default capacities.
    pub fn new(name: impl Into<String>, cpu: usize) -> Self {
        ShardSpec { name: name.into(), cpu, idle: Idle::Park, net: DriverConfig::default() }
    }

    /// Sets what the shard does when idle.
    pub fn idle(mut self, idle: Idle) -> Self {
        self.idle = idle;
        self
    }

    /// Sets the capacities of its network driver.
    pub fn net(mut self, net: DriverConfig) -> Self {
        self.net = net;
        self
    }
}

/// An edge's declared bounds. There is no default: capacity and overflow are part of the design.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct EdgeSpec {
    pub(crate) capacity: usize,
    pub(crate) overflow: Overflow,
    pub(crate) admission: bool,
    pub(crate) in_flight_max: Option<u32>,
    pub(crate) mailbox: Option<MailboxSpec>,
}

impl EdgeSpec {
    /// The most bytes that the slots of an edge may take: 1 GiB, 16,777,216 messages of the smallest size. An edge is full
    /// within seconds long before that, and a larger one would be refused by the allocator, which ends the process.
    pub const BYTES_MAX: usize = 1 << 30;

    const fn new(capacity: usize, overflow: Overflow) -> Self {
        EdgeSpec { capacity, overflow, admission: false, in_flight_max: None, mailbox: None }
    }

    /// An edge of `capacity` messages that holds its producer back when full ([`Overflow::Backpressure`]). It must have room for
    /// two steps of its producer: twice its [`OUTPUTS_MAX`](crate::actor::Actor::OUTPUTS_MAX), and what is
    /// [in flight](Self::in_flight) besides. From a thread outside, any capacity but 0 will do.
    pub const fn backpressure(capacity: usize) -> Self {
        EdgeSpec::new(capacity, Overflow::Backpressure)
    }

    /// An edge of `capacity` messages that drops the newest when full ([`Overflow::DropNewest`]). A step may send any
    /// number on it.
    pub const fn drop_newest(capacity: usize) -> Self {
        EdgeSpec::new(capacity, Overflow::DropNewest)
    }

    /// A slot for each of `keys` keys ([`Overflow::Conflate`]).
    pub(crate) const fn conflate(keys: usize) -> Self {
        EdgeSpec::new(keys, Overflow::Conflate)
    }

    /// A queue for each priority ([`Overflow::Prioritize`]).
    pub(crate) const fn mailbox(spec: MailboxSpec) -> Self {
        let capacity = spec.length.saturating_mul(Priority::ALL.len());
        EdgeSpec { mailbox: Some(spec), ..EdgeSpec::new(capacity, Overflow::Prioritize) }
    }

    /// Only network and timer callbacks send on this edge, never an answer to a message (enforced): a full edge then
    /// keeps requests out and nothing else. For edges with backpressure out of an actor.
    pub const fn admission(mut self) -> Self {
        self.admission = true;
        self
    }

    /// The two actors' protocol lets at most `messages` be on this edge at once, for example because each is sent in
    /// answer to one: an edge with room for them never fills. A producer that breaks its word fails, so an actor that
    /// passes on the requests of an external thread relies on that thread: it may send the next request only when fewer
    /// than `messages` are unanswered. The producer cannot be [supervised](crate::topology::Topology::supervise) for restarts: its next
    /// generation would not know what is in flight.
    pub const fn in_flight(mut self, messages: u32) -> Self {
        self.in_flight_max = Some(messages);
        self
    }
}

/// A mailbox's declared bounds. There is no default: how much may wait, and for how long, is part of the design.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct MailboxSpec {
    pub(crate) length: usize,
    pub(crate) time_to_live: Duration,
}

impl MailboxSpec {
    /// The most messages of each priority.
    pub const LENGTH_MAX: usize = 65_536;
    /// The shortest time to live.
    pub const TIME_TO_LIVE_MIN: Duration = Duration::from_micros(1);
    /// The longest time to live: a day.
    pub const TIME_TO_LIVE_MAX: Duration = Duration::from_secs(86_400);

    /// A mailbox that holds `length` messages of each priority, and drops what has waited for longer than `time_to_live`.
    ///
    /// A message's age is measured from the turn of the shard that sends it to the turn of the shard that would take it, each
    /// by the time at which that turn has first looked at the clock.
    pub const fn new(length: usize, time_to_live: Duration) -> Self {
        MailboxSpec { length, time_to_live }
    }

    pub(crate) fn is_within_bounds(self) -> bool {
        (1..=Self::LENGTH_MAX).contains(&self.length)
            && (Self::TIME_TO_LIVE_MIN..=Self::TIME_TO_LIVE_MAX).contains(&self.time_to_live)
    }
}
