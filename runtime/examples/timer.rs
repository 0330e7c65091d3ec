//! Timers: an actor that does something every ten milliseconds.
//! `cargo run -p corelane-runtime --example timer`

use std::{thread, time::Duration};

use corelane_runtime::prelude::*;

const PERIOD_NS: u64 = 10_000_000;
const BEATS: u64 = 5;

/// Beat number `number`, at `time_ns` since midnight.
#[derive(Clone, Copy)]
struct Beat {
    number: u64,
    time_ns: u64,
}
impl Message for Beat {}

/// Sends a beat per period. Nobody sends to it, so its input type is never used.
struct Metronome;

impl Actor for Metronome {
    type In = Beat;
    type Out = Port<Beat>;
    const OUTPUTS_MAX: usize = 1;
    const TIMERS_MAX: usize = 1;

    fn on_start(&mut self, ctx: &mut Context<'_, Self::Out>) {
        // The token comes back in `on_timer`. Here it is the number of the beat.
        ctx.set_timer(PERIOD_NS, 1).expect("one timer is declared, and none is set");
    }

    fn on_message(&mut self, _: &mut Context<'_, Self::Out>, _: &Beat) -> Step {
        Step::Done
    }

    fn on_timer(&mut self, ctx: &mut Context<'_, Self::Out>, number: u64) {
        let time_ns = ctx.time_ns();
        ctx.out.send(Beat { number, time_ns });
        if number < BEATS {
            ctx.set_timer(PERIOD_NS, number + 1).expect("the timer that fired is free again");
        }
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut topology = Topology::new();
    let shard = topology.shard(ShardSpec::new("timer", allowed_cpus()[0]));
    let metronome = topology.actor(shard, "metronome", || Metronome);
    let mut beats = topology.external_receiver(metronome, |out| out, EdgeSpec::backpressure(16));

    let running = topology.start(RunOptions::default())?;
    let mut last_ns = None;
    for expected in 1..=BEATS {
        let beat = loop {
            match beats.receive() {
                Some(beat) => break beat.body,
                None if beats.is_closed() => return Err("the metronome has failed".into()),
                None => thread::sleep(Duration::from_millis(1)),
            }
        };
        assert_eq!(beat.number, expected);
        if let Some(last_ns) = last_ns {
            let after_ns = beat.time_ns - last_ns;
            println!("beat {} came {:.1} ms after the one before", beat.number, after_ns as f64 / 1e6);
            assert!(after_ns >= PERIOD_NS, "a timer never fires early");
        }
        last_ns = Some(beat.time_ns);
    }
    assert!(running.stop().drained);
    Ok(())
}
