//! Conflation: a slow reader sees the newest price of each instrument, and the publisher never waits for it.
//! `cargo run -p corelane-runtime --example conflated_prices`

use bytemuck::{Pod, Zeroable};
use corelane_runtime::prelude::*;

const INSTRUMENTS: usize = 3;
const PRICES: u64 = 3000;

/// What travels on a conflated edge is plain bytes, and has a key.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct Price {
    instrument: u64,
    cents: u64,
}
impl Message for Price {}
impl Keyed for Price {
    fn key(&self) -> usize {
        self.instrument as usize
    }
}

/// Passes prices on.
struct Publisher;

impl Actor for Publisher {
    type In = Price;
    type Out = Port<Price>;
    const OUTPUTS_MAX: usize = 1;

    fn on_message(&mut self, ctx: &mut Context<'_, Self::Out>, price: &Price) -> Step {
        ctx.out.send(*price);
        Step::Done
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut topology = Topology::new();
    let shard = topology.shard(ShardSpec::new("prices", allowed_cpus()[0]));
    let publisher = topology.actor(shard, "publisher", || Publisher);
    let mut prices = topology.external_sender("prices", publisher, EdgeSpec::backpressure(64));
    // No capacity: there is one slot per instrument, which the next price of that instrument overwrites.
    let mut newest = topology.conflated_receiver(publisher, |out| out, INSTRUMENTS);

    let running = topology.start(RunOptions::default())?;
    for cents in 0..PRICES {
        let price = Price { instrument: cents % INSTRUMENTS as u64, cents };
        while let Err(Refused::Full(_)) = prices.send(price) {
            std::thread::yield_now();
        }
    }
    assert!(running.stop().drained);
    let mut seen = 0;
    while let Some(price) = newest.receive() {
        seen += 1;
        println!("instrument {} is at {} cents", price.body.instrument, price.body.cents);
        assert!(price.body.cents >= PRICES - INSTRUMENTS as u64, "the newest price, not an older one");
    }
    println!("{seen} prices were read, and {} were overwritten before", newest.conflated());
    assert_eq!(seen, INSTRUMENTS as u64);
    assert_eq!(newest.conflated(), PRICES - seen);
    Ok(())
}
