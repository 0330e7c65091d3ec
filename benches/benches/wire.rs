//! Order to acknowledgement over TCP through the whole venue, beside an echo on the same net driver with the same
//! tester, sessions, rate and frame size.
//!
//! The ratio is of orders that enter, rest and are cancelled: one answer to each request, as the echo gives. The full
//! mix of the demo, with its executions and replaces (1.7 answers to a request), is shown beside it, and the venue without a
//! watchdog and flight recorders, which says what these cost.
//!
//! Saturation is found twice, the highest rate of each by doubling and halving in. For the ratio each request is a write
//! and a segment of its own, as from clients that send an order when they have one. Beside the rates stands the share
//! of the time in which the server had work: near 1 the server is the limit, far below the tester. Then, once, what they
//! take of requests that the tester coalesces when it falls behind: an echo copies a whole buffer of frames for little
//! more than one, which no venue can.
//!
//! Server on the first CPU, tester on the second, in turns; every answer of both is checked. The ratio of medians over
//! the rounds is what counts: the figures themselves are the machine's.

use std::time::Duration;

use corelane_benches::{
    median, two_cpus,
    wire::{self, Run, Saturation, pacing},
};
use corelane_tester::{engine::Pacing, script::Mix};

const ROUNDS: usize = 7;
const ROUND: Duration = Duration::from_secs(2);
const SATURATION_ROUNDS: usize = 3;
const SATURATION_ROUND: Duration = Duration::from_millis(700);
const WARMUP: Duration = Duration::from_millis(300);
const RATE_PER_S: f64 = 25_000.0;
const SESSIONS: usize = 8;

fn main() {
    let Some(cpus) = two_cpus("wire") else { return };
    let [server_cpu, tester_cpu] = cpus;
    println!("wire: server on CPU {server_cpu}, tester on CPU {tester_cpu}, {SESSIONS} sessions, {RATE_PER_S}/s");
    let (mut p50, mut p50_full_mix, mut p50_unwatched, mut control) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for round in 1..=ROUNDS {
        let pacing = || pacing(tester_cpu, RATE_PER_S, WARMUP, ROUND);
        let echo = wire::echo(server_cpu, SESSIONS, pacing());
        let venue = wire::venue(SESSIONS, round as u64, Mix::ENTER_AND_CANCEL, pacing());
        let unwatched = wire::unwatched_venue(SESSIONS, round as u64, Mix::ENTER_AND_CANCEL, pacing());
        let full_mix = wire::venue(SESSIONS, round as u64, Mix::default(), pacing());
        let echo_again = wire::echo(server_cpu, SESSIONS, pacing());
        println!("round {round}");
        show("echo", &echo);
        show("venue", &venue);
        show("unwatched", &unwatched);
        show("full mix", &full_mix);
        show("echo again", &echo_again);
        let baseline = (echo.at(0.5) + echo_again.at(0.5)) / 2.0;
        p50.push(venue.at(0.5) / baseline);
        p50_unwatched.push(venue.at(0.5) / unwatched.at(0.5));
        p50_full_mix.push(full_mix.at(0.5) / baseline);
        control.push(echo_again.at(0.5) / echo.at(0.5));
    }
    let (mut echo_rates, mut venue_rates) = (Vec::new(), Vec::new());
    for round in 1..=SATURATION_ROUNDS {
        let [echo, venue] = saturations(cpus, round as u64, false);
        println!("saturation round {round}: echo {}, venue {}", shown(echo), shown(venue));
        echo_rates.push(echo.per_s);
        venue_rates.push(venue.per_s);
    }
    let [echo, venue] = saturations(cpus, 1, true);
    println!("saturation by coalesced requests: echo {}, venue {}", shown(echo), shown(venue));
    println!("control: the echo against itself p50={:.2}", median(&control));
    println!("the venue against itself without watchdog and flight recorders p50={:.2}", median(&p50_unwatched));
    println!("full mix against the echo p50={:.2}", median(&p50_full_mix));
    println!("ratio wire p50={:.2} saturation={:.2}", median(&p50), median(&venue_rates) / median(&echo_rates));
}

/// Of the echo and of the venue.
fn saturations([server_cpu, tester_cpu]: [usize; 2], seed: u64, coalesce: bool) -> [Saturation; 2] {
    let pacing = |rate| Pacing { coalesce, ..pacing(tester_cpu, rate, WARMUP, SATURATION_ROUND) };
    let echo = wire::saturation(|rate| wire::echo(server_cpu, SESSIONS, pacing(rate)));
    [echo, wire::saturation(|rate| wire::venue(SESSIONS, seed, Mix::ENTER_AND_CANCEL, pacing(rate)))]
}

fn shown(Saturation { per_s, busy }: Saturation) -> String {
    format!("{per_s:.0}/s ({:.0} % busy)", busy * 100.0)
}

fn show(name: &str, run: &Run) {
    let at = |quantile| run.at(quantile) / 1000.0;
    println!(
        "  {name:<10} p50 {:>7.1}  p99 {:>8.1}  p99.9 {:>8.1}  max {:>8.1} µs, {:.0}/s achieved, {:.0} % busy",
        at(0.5),
        at(0.99),
        at(0.999),
        at(1.0),
        run.measured.achieved_per_s,
        run.busy * 100.0
    );
}
