//! A first actor: it adds up the numbers that it receives. `cargo run -p corelane-runtime --example first_actor`
use corelane_runtime::prelude::*;

#[derive(Clone, Copy)]
struct Number(u64);
impl Message for Number {}

#[derive(Default)]
struct Adder {
    total: u64,
}

impl Actor for Adder {
    type In = Number;
    type Out = Port<Number>;
    const OUTPUTS_MAX: usize = 1;

    fn on_message(&mut self, ctx: &mut Context<'_, Self::Out>, number: &Number) -> Step {
        self.total += number.0;
        ctx.out.send(Number(self.total));
        Step::Done
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut topology = Topology::new();
    let shard = topology.shard(ShardSpec::new("first", allowed_cpus()[0]));
    let adder = topology.actor(shard, "adder", Adder::default);
    let mut numbers = topology.external_sender("numbers", adder, EdgeSpec::backpressure(100));
    let mut totals = topology.external_receiver(adder, |out| out, EdgeSpec::backpressure(100));
    let running = topology.start(RunOptions::default())?;
    for number in 1..=100 {
        numbers.send(Number(number))?;
    }
    assert!(running.stop().drained, "an ordered stop finishes what is in flight");
    let total = std::iter::from_fn(|| totals.receive()).last().ok_or("no total came")?;
    println!("1 + 2 + ... + 100 = {}", total.body.0);
    assert_eq!(total.body.0, 5050);
    Ok(())
}
