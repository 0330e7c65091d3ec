//! Threads outside the topology: one sends to an actor, another receives from it.
//! `cargo run -p corelane-runtime --example external_thread`

use std::thread;

use corelane_runtime::prelude::*;

const WORDS: u64 = 10_000;

#[derive(Clone, Copy)]
struct Word(u64);
impl Message for Word {}

/// Sends on every second word.
struct Filter;

impl Actor for Filter {
    type In = Word;
    type Out = Port<Word>;
    const OUTPUTS_MAX: usize = 1;

    fn on_message(&mut self, ctx: &mut Context<'_, Self::Out>, word: &Word) -> Step {
        if word.0.is_multiple_of(2) {
            ctx.out.send(*word);
        }
        Step::Done
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut topology = Topology::new();
    let shard = topology.shard(ShardSpec::new("filter", allowed_cpus()[0]));
    let filter = topology.actor(shard, "filter", || Filter);
    // Each end belongs to one thread. Both are small: a sender that is too fast is refused, and a receiver that is too slow
    // holds the actor back.
    let mut words = topology.external_sender("words", filter, EdgeSpec::backpressure(128));
    let mut even = topology.external_receiver(filter, |out| out, EdgeSpec::backpressure(128));
    let running = topology.start(RunOptions::default())?;

    let sender = thread::spawn(move || {
        let mut refused = 0_u64;
        for word in 1..=WORDS {
            // Full, for now; if it were closed, because the actor has failed, no try would succeed.
            while let Err(Refused::Full(_)) = words.send(Word(word)) {
                refused += 1;
                thread::yield_now();
            }
        }
        refused
    });
    let receiver = thread::spawn(move || {
        let mut received = Vec::new();
        while received.len() < WORDS as usize / 2 {
            match even.receive() {
                Some(word) => received.push(word.body.0),
                None if even.is_closed() => break,
                None => thread::yield_now(),
            }
        }
        received
    });
    let refused = sender.join().map_err(|_| "the sending thread panicked")?;
    let received = receiver.join().map_err(|_| "the receiving thread panicked")?;
    assert!(running.stop().drained);
    println!("{} of {WORDS} words came through; the sender was refused {refused} times", received.len());
    assert!(received.iter().copied().eq((1..=WORDS).filter(|word| word.is_multiple_of(2))), "in order, none lost");
    Ok(())
}
