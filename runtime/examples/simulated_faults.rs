//! A topology in a world with faults: a line that loses, doubles and reorders datagrams, and a shard that stalls. Whatever a
//! seed decides, each number must be counted once.
//! `cargo run -p corelane-runtime --example simulated_faults`

use std::{collections::BTreeSet, net::SocketAddr};

use corelane_runtime::{
    prelude::*,
    simulation::{Happening, LineSpec, Stalls},
};

const NUMBERS: u64 = 200;
/// How long the sender waits for an acknowledgement before it sends a number again.
const REPEAT_NS: u64 = 1_000_000;

/// Adds up the numbers that come, each once, and acknowledges every datagram.
#[derive(Default)]
struct Counter {
    seen: BTreeSet<u64>,
}

impl Actor for Counter {
    type In = ();
    type Out = Port<Total>;
    const OUTPUTS_MAX: usize = 1;

    fn on_message(&mut self, _: &mut Context<'_, Self::Out>, (): &()) -> Step {
        Step::Done
    }
}

impl NetActor for Counter {
    fn on_datagram(&mut self, ctx: &mut Context<'_, Self::Out>, endpoint: EndpointId, datagram: &Datagram<'_>) {
        let Ok(number) = datagram.payload.try_into().map(u64::from_be_bytes) else { return };
        if self.seen.insert(number) {
            ctx.out.send(Total(self.seen.iter().sum()));
        }
        // An acknowledgement that finds no room is lost like any other: the sender repeats its number.
        let _ = ctx.net.send_datagram_to(endpoint, datagram.from, datagram.payload);
    }
}

#[derive(Clone, Copy)]
struct Total(u64);
impl Message for Total {}

/// Runs one seed; returns the total, the faults and the hash of all that happened.
fn run(seed: u64) -> Result<(u64, usize, u64), Box<dyn std::error::Error>> {
    let (here, sender): (SocketAddr, SocketAddr) = ("192.0.2.1:5000".parse()?, "192.0.2.2:5000".parse()?);
    let mut topology = Topology::new();
    let shard = topology.shard(ShardSpec::new("counting", allowed_cpus()[0]));
    let socket = EndpointSpec::Udp(UdpSpec::peer(here));
    let counter = topology.net_actor(shard, "counter", vec![socket], |_| Counter::default());
    let mut totals = topology.external_receiver(counter, |out| out, EdgeSpec::backpressure(256));
    let simulation = topology.simulate()?;
    let socket = simulation.sockets(counter)[0];
    let mut world = simulation.into_world(seed, 0);
    let line = LineSpec { loss_ppm: 200_000, duplicate_ppm: 100_000, reorder_ppm: 100_000, ..LineSpec::default() };
    world.set_line(socket, line.clone());
    world.set_stalls(Stalls { parts_per_million: 100_000, stall_ns_max: 5_000_000 });

    let mut waiting: BTreeSet<u64> = (1..=NUMBERS).collect();
    waiting.iter().for_each(|&number| world.wake_at(number * 100_000, number));
    let mut attempts = 0;
    while !waiting.is_empty() {
        match world.next(u64::MAX).expect("somebody waits for an acknowledgement") {
            Happening::Wake(number) if waiting.contains(&number) => {
                attempts += 1;
                // The key names the datagram: its number, and which attempt it is.
                world.send_datagram(socket, sender, number << 32 | attempts, &number.to_be_bytes(), &line);
                world.wake_at(world.now_ns() + REPEAT_NS, number);
            }
            Happening::Datagram(_, acknowledged) => {
                let number = u64::from_be_bytes(acknowledged.payload.as_slice().try_into()?);
                waiting.remove(&number);
            }
            _ => {}
        }
    }
    let total = std::iter::from_fn(|| totals.receive()).last().map_or(0, |total| total.body.0);
    Ok((total, world.faults().len(), world.trace()))
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for seed in 1..=10 {
        let (total, faults, hash) = run(seed)?;
        println!("seed {seed}: total {total} after {faults} faults, hash {hash:016x}");
        assert_eq!(total, NUMBERS * (NUMBERS + 1) / 2, "each number once");
        assert_eq!(run(seed)?, (total, faults, hash), "the same seed gives the same run");
    }
    Ok(())
}
