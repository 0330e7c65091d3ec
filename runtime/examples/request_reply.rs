//! Request and reply: two actors on two shards, with a bound on what is in flight between them.
//! `cargo run -p corelane-runtime --example request_reply`

use corelane_runtime::prelude::*;

/// Requests that may be unanswered at once. With edges that hold them all, neither actor ever waits for the other, and
/// `Topology::check` can prove that this circle of edges cannot deadlock.
const IN_FLIGHT: u32 = 4;
const REQUESTS: u64 = 1000;

#[derive(Clone, Copy)]
struct Request(u64);
impl Message for Request {}

#[derive(Clone, Copy)]
struct Reply {
    number: u64,
    square: u64,
}
impl Message for Reply {}

ports! {
    /// Where the client sends.
    struct ClientOut {
        /// To the server.
        requests: Request,
        /// What it found out, when it is done.
        sum: Request,
    }
}

/// Asks for the squares of 1 to 1000 and adds them up.
#[derive(Default)]
struct Client {
    asked: u64,
    answered: u64,
    sum: u64,
}

impl Client {
    fn ask(&mut self, out: &mut ClientOut) {
        if self.asked < REQUESTS {
            self.asked += 1;
            out.requests.send(Request(self.asked));
        }
    }
}

impl Actor for Client {
    type In = Reply;
    type Out = ClientOut;
    const OUTPUTS_MAX: usize = IN_FLIGHT as usize;

    fn on_start(&mut self, ctx: &mut Context<'_, ClientOut>) {
        (0..IN_FLIGHT).for_each(|_| self.ask(ctx.out));
    }

    fn on_message(&mut self, ctx: &mut Context<'_, ClientOut>, reply: &Reply) -> Step {
        self.answered += 1;
        self.sum += reply.square;
        assert_eq!(reply.number, self.answered, "an edge keeps its order");
        self.ask(ctx.out);
        if self.answered == REQUESTS {
            ctx.out.sum.send(Request(self.sum));
        }
        Step::Done
    }
}

struct Server;

impl Actor for Server {
    type In = Request;
    type Out = Port<Reply>;
    const OUTPUTS_MAX: usize = 1;

    fn on_message(&mut self, ctx: &mut Context<'_, Self::Out>, &Request(number): &Request) -> Step {
        ctx.out.send(Reply { number, square: number * number });
        Step::Done
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let cpus = allowed_cpus();
    let mut topology = Topology::new();
    let near = topology.shard(ShardSpec::new("near", cpus[0]));
    let far = topology.shard(ShardSpec::new("far", cpus[cpus.len() - 1]));
    let client = topology.actor(near, "client", Client::default);
    let server = topology.actor(far, "server", || Server);
    let edge = EdgeSpec::backpressure(64).in_flight(IN_FLIGHT);
    topology.connect(client, |out| &mut out.requests, server, edge);
    topology.connect(server, |out| out, client, edge);
    let mut sum = topology.external_receiver(client, |out| &mut out.sum, EdgeSpec::backpressure(16));

    let running = topology.start(RunOptions::default())?;
    let result = loop {
        match sum.receive() {
            Some(sum) => break sum.body.0,
            None if sum.is_closed() => return Err("the client has failed".into()),
            None => std::thread::yield_now(),
        }
    };
    assert!(running.stop().drained);
    println!("1² + 2² + … + {REQUESTS}² = {result}");
    assert_eq!(result, REQUESTS * (REQUESTS + 1) * (2 * REQUESTS + 1) / 6);
    Ok(())
}
