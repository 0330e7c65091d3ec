//! A mailbox: a worker takes the jobs of a desk by their priority, and skips those that have waited for too long.
//! `cargo run -p corelane-runtime --example priority_mailbox`

use std::time::Duration;

use corelane_runtime::prelude::*;

/// A job says how urgent it is.
#[derive(Clone, Copy)]
struct Job {
    priority: Priority,
    number: u32,
}
impl Message for Job {}
impl Prioritized for Job {
    fn priority(&self) -> Priority {
        self.priority
    }
}

/// Passes jobs on.
struct Desk;

impl Actor for Desk {
    type In = Job;
    type Out = Port<Job>;
    const OUTPUTS_MAX: usize = 1;

    fn on_message(&mut self, ctx: &mut Context<'_, Self::Out>, job: &Job) -> Step {
        ctx.out.send(*job);
        Step::Done
    }
}

/// Passes on what it has done.
struct Worker;

impl Actor for Worker {
    type In = Job;
    type Out = Port<Job>;
    const OUTPUTS_MAX: usize = 1;

    fn on_message(&mut self, ctx: &mut Context<'_, Self::Out>, job: &Job) -> Step {
        ctx.out.send(*job);
        Step::Done
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut topology = Topology::new();
    let shard = topology.shard(ShardSpec::new("office", allowed_cpus()[0]));
    let desk = topology.actor(shard, "desk", || Desk);
    let worker = topology.actor(shard, "worker", || Worker);
    let mut jobs = topology.external_sender("jobs", desk, EdgeSpec::backpressure(64));
    // Eight jobs of each priority may wait, for a second at most. The desk never waits: a ninth is dropped and counted.
    topology.mailbox(desk, |out| out, worker, MailboxSpec::new(8, Duration::from_secs(1)));
    let mut done = topology.external_receiver(worker, |out| out, EdgeSpec::backpressure(64));

    // In a simulation, to show the order. `start` runs the same topology on its threads.
    let mut simulation = topology.simulate()?;
    for number in 0..10 {
        for priority in [Priority::Batch, Priority::Normal, Priority::Critical] {
            jobs.send(Job { priority, number })?;
        }
    }
    simulation.run_until_idle();
    let done: Vec<Job> = std::iter::from_fn(|| done.receive()).map(|job| job.body).collect();
    for job in &done {
        println!("{:?} {}", job.priority, job.number);
    }
    assert_eq!(done.len(), 3 * 8, "two jobs of each priority found their priority full");
    // In a round, up to nine critical jobs, five normal ones and one of the batch.
    let first: Vec<Priority> = done[..14].iter().map(|job| job.priority).collect();
    assert_eq!(first, [[Priority::Critical; 8].as_slice(), &[Priority::Normal; 5], &[Priority::Batch]].concat());
    // However many others there are, a job of the batch waits for 48 of them at most.
    assert_eq!(Priority::Batch.others_max(0), 48);
    Ok(())
}
