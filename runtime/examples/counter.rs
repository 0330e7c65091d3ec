//! The thirty-line actor: declare it, wire it to another one on another CPU, send it a thousand messages, read the
//! result. Run it with `cargo run -p corelane-runtime --example counter`.

use std::{error::Error, time::Duration};

use corelane_runtime::{
    actor::{Actor, Context, Step},
    cpu::allowed_cpus,
    lifecycle::RunOptions,
    message::Message,
    ports,
    topology::{EdgeSpec, ShardSpec, Topology},
};

/// A message is a plain value; with its 32-byte header this one fills a slot of 64 bytes.
#[derive(Clone, Copy)]
struct Number([u64; 4]);
impl Message for Number {}

ports! {
    /// What a counter sends.
    struct CounterOut { total: Number }
}

/// Adds up what it gets and sends the total so far.
#[derive(Default)]
struct Counter {
    total: u64,
}

impl Actor for Counter {
    type In = Number;
    type Out = CounterOut;
    const OUTPUTS_MAX: usize = 1;

    fn on_message(&mut self, ctx: &mut Context<'_, CounterOut>, &Number([number, ..]): &Number) -> Step {
        self.total += number;
        ctx.out.total.send(Number([self.total, 0, 0, 0]));
        Step::Done
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let cpus = allowed_cpus();
    let mut topology = Topology::new();
    let [first, second] = [("first", cpus[0]), ("second", cpus[cpus.len() - 1])]
        .map(|(name, cpu)| topology.shard(ShardSpec::new(name, cpu)));
    let sum = topology.actor(first, "sum", Counter::default);
    let sum_of_sums = topology.actor(second, "sum of sums", Counter::default);
    let mut numbers = topology.external_sender("numbers", sum, EdgeSpec::backpressure(1000));
    topology.connect(sum, |out| &mut out.total, sum_of_sums, EdgeSpec::backpressure(64));
    let mut totals = topology.external_receiver(sum_of_sums, |out| &mut out.total, EdgeSpec::backpressure(1000));

    let drain_deadline = Duration::from_secs(10);
    let running = topology.start(RunOptions::default().drain_deadline(drain_deadline))?;
    for number in 1..=1000 {
        numbers.send(Number([number, 0, 0, 0])).map_err(|_| "the edge holds all thousand")?;
    }
    // An ordered stop finishes what is in flight.
    assert!(running.stop().drained);
    let mut result = 0;
    while let Some(envelope) = totals.receive() {
        result = envelope.body.0[0];
    }
    println!("1 + (1+2) + (1+2+3) + … + (1+2+…+1000) = {result}");
    assert_eq!(result, 1000 * 1001 * 1002 / 6);
    Ok(())
}
