//! What comes from outside while there is no room behind the actor: frames wait, datagrams are dropped, and what cannot
//! be put off waits in the port. Nothing of it fails the actor.

mod support;

use std::net::{Ipv4Addr, SocketAddr};

use corelane_runtime::{
    actor::{Actor, Context, NetActor, Step},
    net::{CloseReason, ConnId, Datagram, EndpointId, EndpointSpec, Flow, FrameError, Framer},
    port::Port,
    topology::{EdgeSpec, Idle, Topology},
};
use support::{Note, drain, note, numbers, out, shard, two_cpus};

/// Sends one message for everything that happens.
struct Teller;

impl Actor for Teller {
    type In = Note;
    type Out = Port<Note>;
    const OUTPUTS_MAX: usize = 1;
    fn on_message(&mut self, _: &mut Context<'_, Port<Note>>, _: &Note) -> Step {
        Step::Done
    }
}

impl NetActor for Teller {
    fn on_open(&mut self, ctx: &mut Context<'_, Port<Note>>, _: EndpointId, conn: ConnId, _: SocketAddr) {
        ctx.out.send(note(100 + u64::from(conn.slot)));
    }
    fn on_frame(&mut self, ctx: &mut Context<'_, Port<Note>>, _: ConnId, frame: &[u8]) -> Flow {
        ctx.out.send(note(200 + u64::from(frame[0])));
        Flow::Taken
    }
    fn on_datagram(&mut self, ctx: &mut Context<'_, Port<Note>>, _: EndpointId, datagram: &Datagram<'_>) {
        ctx.out.send(note(300 + u64::from(datagram.payload[0])));
    }
    fn on_close(&mut self, ctx: &mut Context<'_, Port<Note>>, _: EndpointId, conn: ConnId, _: CloseReason) {
        ctx.out.send(note(400 + u64::from(conn.slot)));
    }
}

struct NoFrames;

impl Framer for NoFrames {
    fn frame_len(&self, _: &[u8]) -> Result<Option<usize>, FrameError> {
        Err(FrameError::Malformed)
    }
}

#[test]
fn nothing_from_outside_fails_an_actor_that_has_no_room() {
    let addr: SocketAddr = (Ipv4Addr::LOCALHOST, 0).into();
    let mut topology = Topology::new();
    let shard = shard(&mut topology, "only", two_cpus()[0], Idle::Park);
    let listen = EndpointSpec::Listen { addr, framer: Box::new(NoFrames), backlog: 1 };
    let actor = topology.net_actor(shard, "teller", vec![listen], |_| Teller);
    let mut tap = topology.tap(actor, out, EdgeSpec::hold(2));
    let mut simulation = topology.simulate().unwrap();
    let net = simulation.net(shard);
    let conns = [0, 1, 2, 3].map(|_| net.connect(EndpointId(0), addr));
    net.datagram(EndpointId(0), addr, &[1]);
    net.disconnect(conns[3], CloseReason::Peer);
    net.frame(conns[0], &[1]);
    net.frame(conns[1], &[2]);
    let mut told = Vec::new();
    for _ in 0..12 {
        simulation.cycle();
        told.extend(tap.receive().map(|envelope| envelope.body.number));
    }
    // The datagram found four messages before it; the frames were held until there was room for two steps.
    assert_eq!(told, [100, 101, 102, 103, 403, 201, 202]);
    net.datagram(EndpointId(0), addr, &[2]);
    simulation.settle();
    assert_eq!(numbers(&drain(&mut tap)), [302]);
    assert!(simulation.failures().is_empty());
}
