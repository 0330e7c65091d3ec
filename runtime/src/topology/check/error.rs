//! The faults that the checks find.

use std::{fmt, net::SocketAddr, time::Duration};

use crate::topology::spec::{EdgeSpec, MailboxSpec};

/// A fault in a topology.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TopologyError {
    /// A shard's CPU is not one that this process may use.
    #[error(
        "shard {shard:?}: CPU {cpu} is not among those this process may run on ({allowed:?}); choose one of them, or widen the cpuset"
    )]
    CpuNotAllowed {
        /// The shard.
        shard: String,
        /// Its CPU.
        cpu: usize,
        /// The CPUs of the process's affinity mask.
        allowed: Vec<usize>,
    },
    /// Two shards that spin share a CPU: each would wait for the other's time slice.
    #[error(
        "shards {first:?} and {second:?} share CPU {cpu} and {first:?} spins; give each its own CPU or let both park"
    )]
    CpuShared {
        /// The shard that spins.
        first: String,
        /// The other one.
        second: String,
        /// The CPU.
        cpu: usize,
    },
    /// Two shards have one name.
    #[error("two shards are named {name:?}; reports tell them apart by name: give each its own")]
    ShardNameTaken {
        /// The name.
        name: String,
    },
    /// Two actors have one name.
    #[error("two actors are named {name:?}; reports tell them apart by name: give each its own")]
    ActorNameTaken {
        /// The name.
        name: String,
    },
    /// A port leads nowhere.
    #[error(
        "port {actor}.{port} is not connected; connect it (Topology::connect), or declare that it leads nowhere (Topology::leave_open)"
    )]
    PortOpen {
        /// The actor.
        actor: String,
        /// The port.
        port: &'static str,
    },
    /// A port was connected twice; edges have one producer and one consumer.
    #[error("port {actor}.{port} is connected {edges} times; an edge has one consumer: add a port for each")]
    PortShared {
        /// The actor.
        actor: String,
        /// The port.
        port: &'static str,
        /// How often.
        edges: usize,
    },
    /// An edge is so small that a step of its producer never has room.
    #[error(
        "edge {edge}: capacity {capacity} is too small for a step of its producer; give it {least} or more (two steps of OUTPUTS_MAX, and what is declared in flight)"
    )]
    CapacityTooSmall {
        /// The edge.
        edge: String,
        /// Declared capacity.
        capacity: usize,
        /// Least capacity.
        least: usize,
    },
    /// What an edge is to do contradicts itself.
    #[error("edge {edge}: {why}")]
    EdgeContradiction {
        /// The edge.
        edge: String,
        /// The contradiction, and what to do about it.
        why: &'static str,
    },
    /// An edge is larger than any may be.
    #[error(
        "edge {edge}: {capacity} messages of {slot_bytes} bytes are more than the {} bytes that an edge may take; give it a capacity of {} or less",
        EdgeSpec::BYTES_MAX,
        EdgeSpec::BYTES_MAX / slot_bytes
    )]
    CapacityTooLarge {
        /// The edge.
        edge: String,
        /// Declared capacity.
        capacity: usize,
        /// Bytes of a slot.
        slot_bytes: usize,
    },
    /// A capacity of a shard's network driver is out of range.
    #[error("shard {shard:?}: {field} is {value}; it must be {must}")]
    NetBounds {
        /// The shard.
        shard: String,
        /// The field of [`DriverConfig`](crate::net::DriverConfig), or what follows from several.
        field: &'static str,
        /// Its value.
        value: u64,
        /// The valid range.
        must: &'static str,
    },
    /// What a socket of an actor is to be contradicts itself.
    #[error("actor {actor:?}: its endpoint {endpoint}: {why}")]
    Endpoint {
        /// The actor.
        actor: String,
        /// The endpoint, as its position among those of the actor.
        endpoint: usize,
        /// The contradiction, and what to do about it.
        why: &'static str,
    },
    /// Two sockets of the topology have one address, or one that includes the other's.
    #[error(
        "actor {actor:?}: its endpoint {endpoint} is bound to {addr}, which a socket of actor {other:?} takes; give each its own port"
    )]
    AddressTaken {
        /// The actor.
        actor: String,
        /// The endpoint, as its position among those of the actor.
        endpoint: usize,
        /// Its address.
        addr: SocketAddr,
        /// The actor of the other socket.
        other: String,
    },
    /// A mailbox holds too little or too much, or keeps it too briefly or too long.
    #[error(
        "edge {edge}: a mailbox of {length} messages per priority that live for {time_to_live:?}; give it 1 to {} messages, and a time to live from {:?} to {:?}",
        MailboxSpec::LENGTH_MAX,
        MailboxSpec::TIME_TO_LIVE_MIN,
        MailboxSpec::TIME_TO_LIVE_MAX
    )]
    MailboxBounds {
        /// The edge.
        edge: String,
        /// Declared length.
        length: usize,
        /// Declared time to live.
        time_to_live: Duration,
    },
    /// A mailbox leads to a sequencer.
    #[error(
        "sequencer {sequencer:?}: edge {edge} is a mailbox, which reorders, expires and drops requests; connect it with backpressure"
    )]
    MailboxSequenced {
        /// The sequencer.
        sequencer: String,
        /// The edge.
        edge: String,
    },
    /// An edge from an actor to itself.
    #[error("edge {edge}: an actor cannot send to itself; return Step::More and go on in on_more")]
    SelfEdge {
        /// The edge.
        edge: String,
    },
    /// A sequenced actor has no input.
    #[error("sequenced actor {actor:?} has no input; connect a sequencer to it, or an external sender that replays")]
    SequencedWithoutInput {
        /// The actor.
        actor: String,
    },
    /// A sequenced actor has a second input.
    #[error("sequenced actor {actor:?}: edge {edge} is a second input; lead all its input through one sequencer")]
    SequencedInputs {
        /// The actor.
        actor: String,
        /// The second edge.
        edge: String,
    },
    /// A sequenced actor's input comes from neither a sequencer nor outside.
    #[error("sequenced actor {actor:?}: edge {edge} comes from no sequencer; put a sequencer between them")]
    SequencedFrom {
        /// The actor.
        actor: String,
        /// The edge.
        edge: String,
    },
    /// A sequenced actor's input loses messages when it is full.
    #[error(
        "sequenced actor {actor:?}: edge {edge} drops or replaces messages when it is full, and which they are depends on timing; give it backpressure, or lead it to the sequencer"
    )]
    SequencedLossy {
        /// The actor.
        actor: String,
        /// The edge.
        edge: String,
    },
    /// Two supervisors have one name.
    #[error("two supervisors are named {name:?}; reports tell them apart by name: give each its own")]
    SupervisorNameTaken {
        /// The name.
        name: String,
    },
    /// A supervisor without one above it escalates to its parent.
    #[error(
        "supervisor {supervisor:?} escalates to its parent and has none; let it halt or exit, or declare it below another"
    )]
    NobodyAbove {
        /// The supervisor.
        supervisor: String,
    },
    /// A supervisor gives its children no time at all to stop or to start.
    #[error(
        "supervisor {supervisor:?}: its deadline is 0, so that the first restart would be too late and end the topology; give it the time that a shard may take for a turn, or more"
    )]
    NoTimeToRestart {
        /// The supervisor.
        supervisor: String,
    },
    /// An actor has two supervisors.
    #[error("actor {actor:?} is supervised twice; declare it below one supervisor")]
    SupervisedTwice {
        /// The actor.
        actor: String,
    },
    /// A significant actor, which nothing can build anew, would be restarted with others.
    #[error(
        "actor {actor:?} is significant, and supervisor {supervisor:?} may restart it with others; declare it below supervisors that restart one for one and escalate to no parent"
    )]
    SignificantRestarted {
        /// The actor.
        actor: String,
        /// The supervisor.
        supervisor: String,
    },
    /// An actor that may be restarted bounds what is in flight on an edge of its own.
    #[error(
        "actor {actor:?} may be restarted, and its next generation would not know what the one before has in flight on edge {edge}; make another edge of the circle an admission edge (EdgeSpec::admission) or let it drop (EdgeSpec::drop_newest), or supervise the actor without restarting it (Topology::supervise_temporary, Topology::supervise_significant)"
    )]
    InFlightRestarted {
        /// The actor.
        actor: String,
        /// The edge.
        edge: String,
    },
    /// A circle of edges may fill up and deadlock.
    #[error(
        "deadlock possible: when all are full, each of the edges {} waits for the next, and the last for the first; bound what is in flight on one (EdgeSpec::in_flight), let only network and timer callbacks send on it (EdgeSpec::admission), or let it drop (EdgeSpec::drop_newest)",
        .edges.join(" -> ")
    )]
    Deadlock {
        /// The edges of the circle.
        edges: Vec<String>,
    },
}

/// All faults of a topology. `Debug` prints the same text as `Display`, so that a `main` that returns them shows the remedies.
#[derive(Clone, PartialEq, Eq)]
pub struct TopologyErrors(pub Vec<TopologyError>);

impl fmt::Display for TopologyErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<_> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&lines.join("\n"))
    }
}

impl fmt::Debug for TopologyErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for TopologyErrors {}
