//! What the author of an actor needs: `use corelane_runtime::prelude::*`.

pub use crate::{
    actor::{Actor, Context, Down, NetActor, SequencedActor, SequencedContext, Step},
    cpu::allowed_cpus,
    edge::port::Port,
    lifecycle::{RunOptions, Running},
    message::{Envelope, Header, Keyed, Message},
    net::{CloseReason, ConnId, Datagram, EndpointId, EndpointSpec, Flow},
    ports,
    simulation::Simulation,
    topology::{ActorId, EdgeSpec, ExternalReceiver, ExternalSender, Idle, ShardId, ShardSpec, Topology},
};
