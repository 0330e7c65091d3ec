//! An answer reaches the kernel before a sink actor runs.

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    sync::{Arc, Mutex, mpsc},
    time::Duration,
};

use crate::support::{Note, Play, note, options, out, shard, two_cpus, until};
use corelane_runtime::{
    actor::{Actor, Context, NetActor, Step},
    edge::port::Port,
    net::{ConnId, EndpointSpec, Flow, FrameError, Framer},
    topology::{EdgeSpec, Idle, Topology},
};

/// Answers at the end of the batch, and tells the sink of every request.
#[derive(Default)]
struct Answerer {
    owed: Option<ConnId>,
}

impl Actor for Answerer {
    type In = Note;
    type Out = Port<Note>;
    const OUTPUTS_MAX: usize = 1;

    fn on_message(&mut self, _: &mut Context<'_, Port<Note>>, _: &Note) -> Step {
        Step::Done
    }

    fn on_batch_end(&mut self, ctx: &mut Context<'_, Port<Note>>) {
        if let Some(conn) = self.owed.take() {
            ctx.net.send(conn, b"answer").unwrap();
        }
    }
}

impl NetActor for Answerer {
    fn on_frame(&mut self, ctx: &mut Context<'_, Port<Note>>, conn: ConnId, _: &[u8]) -> Flow {
        self.owed = Some(conn);
        ctx.out.send(note(1));
        Flow::Taken
    }
}

struct Bytes;

impl Framer for Bytes {
    fn frame_len(&self, bytes: &[u8]) -> Result<Option<usize>, FrameError> {
        Ok((!bytes.is_empty()).then_some(1))
    }
}

#[test]
fn a_sink_that_waits_for_the_answer_finds_it_sent() {
    // The client's socket goes to the sink, which blocks its shard until the answer is there: if the shard sent it only
    // after the sink's turn, the sink would wait in vain.
    let (client_in, client_out) = mpsc::channel::<TcpStream>();
    let seen: Arc<Mutex<Option<std::io::Result<[u8; 6]>>>> = Arc::default();
    let noted = seen.clone();

    let mut topology = Topology::new();
    let shard = shard(&mut topology, "only", two_cpus()[0], Idle::Park);
    let sink = topology.actor(shard, "sink", move || {
        Play::<(), 1>::new(move |_, _| {
            let mut client = client_out.recv_timeout(Duration::from_secs(5)).expect("the test hands over its socket");
            let mut answer = [0; 6];
            *noted.lock().unwrap() = Some(client.read_exact(&mut answer).map(|()| answer));
            Step::Done
        })
    });
    let addr: SocketAddr = (Ipv4Addr::LOCALHOST, 0).into();
    let listen = EndpointSpec::Listen { addr, framer: Box::new(Bytes), backlog: 1 };
    let answerer = topology.net_actor(shard, "answerer", vec![listen], |_| Answerer::default());
    topology.connect(answerer, out, sink, EdgeSpec::backpressure(8));
    let running = topology.start(options()).unwrap();

    let mut client = TcpStream::connect(running.addresses(answerer)[0]).unwrap();
    client.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    client_in.send(client.try_clone().unwrap()).unwrap();
    client.write_all(b"?").unwrap();
    until("the sink's turn", || seen.lock().unwrap().is_some());
    assert_eq!(seen.lock().unwrap().take().unwrap().expect("the answer has left"), *b"answer");
    drop(client);
    assert!(running.stop().status.failures.is_empty());
}
