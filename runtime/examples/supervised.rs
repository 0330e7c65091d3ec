//! Supervision: an actor that panics is replaced by a new one, and what waits for it is not lost. When that happens too often, its
//! supervisor gives up. `cargo run -p corelane-runtime --example supervised`

use std::{thread, time::Duration};

use corelane_runtime::{
    prelude::*,
    supervision::{Strategy, SupervisorSpec},
};

#[derive(Clone, Copy)]
struct Number(u64);
impl Message for Number {}

/// Sends on the square root of each number, and does not expect one that has none.
struct SquareRoot;

impl Actor for SquareRoot {
    type In = Number;
    type Out = Port<Number>;
    const OUTPUTS_MAX: usize = 1;

    fn on_message(&mut self, ctx: &mut Context<'_, Port<Number>>, number: &Number) -> Step {
        let root = number.0.isqrt();
        assert!(root * root == number.0, "{} is not a square", number.0);
        ctx.out.send(Number(root));
        Step::Done
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut topology = Topology::new();
    let shard = topology.shard(ShardSpec::new("shard", allowed_cpus()[0]));
    let roots = topology.actor(shard, "roots", || SquareRoot);
    let mut numbers = topology.external_sender("numbers", roots, EdgeSpec::backpressure(64));
    let mut found = topology.external_receiver(roots, |out| out, EdgeSpec::backpressure(64));
    // Two failures within ten seconds are answered with a restart; with the third the topology stops.
    let spec = SupervisorSpec::new("workers", Strategy::OneForOne).intensity(2, Duration::from_secs(10));
    let workers = topology.supervisor(spec);
    topology.supervise(workers, roots, |_endpoints| SquareRoot);

    let running = topology.start(RunOptions::default())?;
    for number in [1, 4, 5, 9, 16, 17, 25, 26, 36] {
        numbers.send(Number(number))?;
    }
    while running.is_running() {
        thread::sleep(Duration::from_millis(1));
    }
    let outcome = running.stop();
    let found: Vec<_> = std::iter::from_fn(|| found.receive()).collect();
    for root in &found {
        println!("{} by generation {}", root.body.0, root.header.generation);
    }
    for problem in outcome.problems() {
        println!("{problem}");
    }
    assert_eq!(found.iter().map(|root| root.body.0).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
    assert_eq!(outcome.status.restarted["roots"], 2);
    assert_eq!(outcome.status.dead_lettered, 3);
    Ok(())
}
