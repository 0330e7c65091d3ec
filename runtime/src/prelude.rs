//! What the author of an actor needs: `use corelane_runtime::prelude::*`.

pub use crate::{
    actor::{Actor, Context, Down, NetActor, SequencedActor, SequencedContext, Step, Up},
    cpu::allowed_cpus,
    edge::port::Port,
    lifecycle::{RunOptions, Running},
    message::{Envelope, Header, Keyed, Message, Prioritized, Priority, SequenceNumber},
    metrics,
    net::{CloseReason, ConnId, Datagram, EndpointId, EndpointSpec, Flow, FrameError, Framer, SendError, UdpSpec},
    ports,
    sequencer::{Origin, Sequencer, SequencerPolicy},
    shard::timer::TimerId,
    simulation::Simulation,
    telemetry::{Counters, Metric, TimingSet},
    topology::{
        ActorId, ConflatedReceiver, EdgeSpec, ExternalReceiver, ExternalSender, Idle, MailboxSpec, Refused, ShardId,
        ShardSpec, Topology,
    },
};
