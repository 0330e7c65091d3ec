//! What actors with connections still say in an ordered stop.

use std::{
    io::Read,
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use crate::support::{Note, Play, counter, listen_bytewise, note, options, out, shard, two_cpus, until};
use corelane_runtime::{
    actor::{Actor, Context, NetActor, Step},
    edge::port::Port,
    net::{ConnId, EndpointId},
    telemetry::ShardCount,
    topology::{EdgeSpec, Idle, Topology},
};

type One = Play<Port<Note>, 1>;

/// Tells its client the number of each message.
#[derive(Default)]
struct Voice {
    client: Option<ConnId>,
}

impl Actor for Voice {
    type In = Note;
    type Out = ();
    const OUTPUTS_MAX: usize = 0;
    fn on_message(&mut self, ctx: &mut Context<'_, ()>, note: &Note) -> Step {
        if let Some(client) = self.client {
            let _ = ctx.net.send(client, &[note.number as u8]);
        }
        Step::Done
    }
}

impl NetActor for Voice {
    fn on_open(&mut self, _: &mut Context<'_, ()>, _: EndpointId, conn: ConnId, _: SocketAddr) {
        self.client = Some(conn);
    }
}

#[test]
fn what_a_stop_hook_sends_to_another_actor_reaches_its_client() {
    let [one, two] = two_cpus();
    for round in 0..12 {
        let idle = [Idle::Park, Idle::Backoff][round % 2];
        let mut topology = Topology::new();
        let (near, far) = (shard(&mut topology, "near", one, idle), shard(&mut topology, "far", two, idle));
        let voice = topology.net_actor(near, "voice", vec![listen_bytewise()], |_| Voice::default());
        let speaker = topology.actor([near, far][round / 2 % 2], "speaker", || {
            let mut speaker = One::relay();
            speaker.on_stop = Box::new(|ctx, ()| ctx.out.send(note(99)));
            speaker
        });
        let relay = topology.actor([far, near][round / 4 % 2], "relay", One::relay);
        topology.connect(speaker, out, relay, EdgeSpec::backpressure(8));
        topology.connect(relay, out, voice, EdgeSpec::backpressure(8));
        let running = topology.start(options()).unwrap();
        let mut client = TcpStream::connect(running.addresses(voice)[0]).unwrap();
        client.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        until("it is accepted", || counter(&running, 0, ShardCount::NetOpened) == 1);
        let reads = std::thread::spawn(move || {
            let mut heard = Vec::new();
            client.read_to_end(&mut heard).map(|_| heard)
        });
        let outcome = running.stop();
        assert!(outcome.is_clean(), "{:?}", outcome.problems());
        assert_eq!(reads.join().unwrap().unwrap(), [99], "round {round}");
    }
}
