//! Network: an actor that answers every frame of its TCP connections with the same frame.
//! `cargo run -p corelane-runtime --example network_echo`

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
};

use corelane_runtime::prelude::*;

/// A frame is a length byte, then that many bytes. The runtime cuts the stream by this rule, so the actor sees whole frames
/// only.
struct LengthByte;

impl Framer for LengthByte {
    fn frame_len(&self, bytes: &[u8]) -> Result<Option<usize>, FrameError> {
        Ok(bytes.first().map(|&length| 1 + usize::from(length)))
    }
}

/// Neither receives nor sends messages.
struct Echo;

impl Actor for Echo {
    type In = ();
    type Out = ();
    const OUTPUTS_MAX: usize = 0;

    fn on_message(&mut self, _: &mut Context<'_, ()>, (): &()) -> Step {
        Step::Done
    }
}

impl NetActor for Echo {
    fn on_frame(&mut self, ctx: &mut Context<'_, ()>, conn: ConnId, frame: &[u8]) -> Flow {
        match ctx.net.send(conn, frame) {
            Ok(()) => Flow::Taken,
            // The send buffer is full because the client does not read. Nothing more is read from it until the frame, which
            // is offered again, has been taken.
            Err(_) => Flow::Hold,
        }
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut topology = Topology::new();
    let shard = topology.shard(ShardSpec::new("echo", allowed_cpus()[0]));
    let any_port = SocketAddr::from(([127, 0, 0, 1], 0));
    let listen = EndpointSpec::Listen { addr: any_port, framer: Box::new(LengthByte), backlog: 16 };
    let echo = topology.net_actor(shard, "echo", vec![listen], |_endpoints| Echo);

    let running = topology.start(RunOptions::default())?;
    let addr = running.addresses(echo)[0];
    let mut client = TcpStream::connect(addr)?;
    client.write_all(b"\x05hello\x05world")?;
    let mut answer = [0; 12];
    client.read_exact(&mut answer)?;
    println!("{addr} answered {:?}", String::from_utf8_lossy(&answer));
    assert_eq!(&answer, b"\x05hello\x05world");
    drop(client);
    assert!(running.stop().drained);
    Ok(())
}
