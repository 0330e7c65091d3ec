//! Simulation: a topology on one thread, with time set by hand and a network played by the test.
//! `cargo run -p corelane-runtime --example simulation`

use corelane_runtime::prelude::*;

const MS: u64 = 1_000_000;
/// How long a connection may be silent.
const SILENT_NS: u64 = 500 * MS;

/// Each frame is one byte.
struct OneByte;

impl Framer for OneByte {
    fn frame_len(&self, bytes: &[u8]) -> Result<Option<usize>, FrameError> {
        Ok((!bytes.is_empty()).then_some(1))
    }
}

/// Closes the connection of a client that says nothing for half a second.
#[derive(Default)]
struct Watchdog {
    heard_ns: u64,
    client: Option<ConnId>,
}

impl Actor for Watchdog {
    type In = ();
    type Out = ();
    const OUTPUTS_MAX: usize = 0;
    const TIMERS_MAX: usize = 1;

    fn on_message(&mut self, _: &mut Context<'_, ()>, (): &()) -> Step {
        Step::Done
    }

    fn on_timer(&mut self, ctx: &mut Context<'_, ()>, _token: u64) {
        let Some(client) = self.client else { return };
        let silent_ns = ctx.time_ns() - self.heard_ns;
        if silent_ns >= SILENT_NS {
            ctx.net.close(client, CloseReason::Local);
        } else {
            ctx.set_timer(SILENT_NS - silent_ns, 0).expect("the timer that fired is free again");
        }
    }
}

impl NetActor for Watchdog {
    fn on_open(&mut self, ctx: &mut Context<'_, ()>, _: EndpointId, conn: ConnId, _: std::net::SocketAddr) {
        (self.client, self.heard_ns) = (Some(conn), ctx.time_ns());
        ctx.set_timer(SILENT_NS, 0).expect("one client, one timer");
    }

    fn on_frame(&mut self, ctx: &mut Context<'_, ()>, _: ConnId, _: &[u8]) -> Flow {
        self.heard_ns = ctx.time_ns();
        Flow::Taken
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut topology = Topology::new();
    let shard = topology.shard(ShardSpec::new("watch", allowed_cpus()[0]));
    let client = "192.0.2.7:4000".parse()?;
    let listen = EndpointSpec::Listen { addr: "192.0.2.1:4000".parse()?, framer: Box::new(OneByte), backlog: 16 };
    topology.net_actor(shard, "watchdog", vec![listen], |_endpoints| Watchdog::default());
    let mut simulation = topology.simulate()?;
    let net = simulation.net(shard);

    let conn = net.connect(EndpointId(0), client);
    simulation.run_until_idle();
    for time_ms in [400, 800, 1290, 1301] {
        simulation.set_time_ns(time_ms * MS);
        if time_ms <= 800 {
            net.bytes(conn, b"h");
        }
        simulation.run_until_idle();
        println!("after {time_ms} ms: closed for {:?}", net.closed_by_actor(conn));
        let expected = (time_ms > 1300).then_some(CloseReason::Local);
        assert_eq!(net.closed_by_actor(conn), expected);
    }
    Ok(())
}
