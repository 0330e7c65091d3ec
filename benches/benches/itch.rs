//! ITCH from memory on one core: decoding, and decoding with full order-by-order books, beside what others make.
//!
//! `cargo bench -p corelane-benches --features peers --bench itch [decode|book16|book8000]`
//!
//! All read the same bytes in the same run, in turns; what counts is the median over the rounds. What the peers do and do
//! not do is printed beside them. `ratio` compares with those that do what ours does. What is read, and how it is checked,
//! is in `corelane_benches::itch`.

use std::{env, hint::black_box, time::Instant};

use corelane_actors::market_data::{Books, FeedCount};
use corelane_benches::{
    itch::{
        Builders, Contest, Decoders,
        flow::{self, Flow},
        frames,
    },
    median, percentiles, round_trip_histogram,
};
use corelane_codecs::itch::Message;
use corelane_runtime::{cpu, telemetry::Counters};

const ROUNDS: usize = 5;

fn main() {
    if let Some(&cpu) = cpu::allowed_cpus().last() {
        core_affinity::set_for_current(core_affinity::CoreId { id: cpu });
    }
    let wanted: Vec<String> = env::args().skip(1).filter(|arg| !arg.starts_with("--")).collect();
    let wants = |row: &str| wanted.is_empty() || wanted.iter().any(|one| one == row);
    let bandwidth = bandwidth();
    println!("memory bandwidth, reading: {:.1} GB/s", bandwidth / 1e9);
    let mut ratios = String::new();
    if wants("decode") || wants("book16") {
        let flow = flow::sixteen();
        describe(&flow);
        if wants("decode") {
            ratios += &format!(" decode={}", decode_row(&flow));
        }
        if wants("book16") {
            ratios += &format!(" book16={}", book_row(&flow, bandwidth));
        }
    }
    if wants("book8000") {
        let flow = flow::eight_thousand();
        describe(&flow);
        ratios += &format!(" book8000={}", book_row(&flow, bandwidth));
    }
    println!("ratio itch{ratios}");
}

fn describe(flow: &Flow) {
    let megabytes = flow.timed().len() as f64 / 1e6;
    println!("{}: {} messages, {megabytes:.0} MB, up to {} orders", flow.name, flow.messages, flow.orders_max);
}

/// Bytes per second that one core reads from a table that no cache holds.
fn bandwidth() -> f64 {
    let table = vec![1_u64; 64 << 20];
    let read = || {
        let started = Instant::now();
        black_box(table.iter().fold(0_u64, |sum, value| sum.wrapping_add(*value)));
        size_of_val(&table[..]) as f64 / started.elapsed().as_secs_f64()
    };
    median(&[read(), read(), read()])
}

/// Runs the rounds in turns and prints a line for each contender; returns messages per second of ours against the best
/// peer's, or `-` without peers, and the nanoseconds per message of ours.
fn compete(messages: u64, contest: &mut dyn Contest) -> (String, f64) {
    let contenders = contest.contenders().to_vec();
    let mut seconds = vec![Vec::new(); contenders.len()];
    for _ in 0..ROUNDS {
        for (at, seconds) in seconds.iter_mut().enumerate() {
            seconds.push(contest.round(at).as_secs_f64());
        }
    }
    let rates: Vec<f64> = seconds.iter().map(|seconds| messages as f64 / median(seconds)).collect();
    for (contender, rate) in contenders.iter().zip(&rates) {
        let differs = contender.differs.unwrap_or_default();
        println!("  {:<34} {:>7.1} M/s  {:>6.1} ns  {differs}", contender.name, rate / 1e6, 1e9 / rate);
    }
    let peers = contenders.iter().zip(&rates).skip(1).filter(|(contender, _)| contender.counts);
    let best = peers.map(|(_, rate)| *rate).max_by(f64::total_cmp);
    (best.map_or("-".to_owned(), |best| format!("{:.2}", rates[0] / best)), 1e9 / rates[0])
}

fn decode_row(flow: &Flow) -> String {
    println!("decode only");
    compete(flow.messages, &mut Decoders::new(flow)).0
}

fn book_row(flow: &Flow, bandwidth: f64) -> String {
    println!("decode and books");
    let mut builders = Builders::new(flow);
    let (ratio, ours_ns) = compete(flow.messages, &mut builders);
    builders.check();
    let bytes = bytes_touched(flow);
    let at_bandwidth = bytes / bandwidth * 1e9;
    println!(
        "  {ours_ns:.1} ns per message; the {bytes:.0} bytes it must touch take {at_bandwidth:.1} ns at bandwidth"
    );
    let (books, counters) = builders.warmed();
    latency(books, flow, counters);
    ratio
}

/// Cache lines of tables that a message must touch, and its own bytes: the order's slot and its level, for an add the
/// side and the place in the ladder too, for a replace both.
fn bytes_touched(flow: &Flow) -> f64 {
    const LINE: u64 = 64;
    let lines = |frame: &[u8]| match frame[0] {
        b'A' | b'F' => 5,
        b'U' => 7,
        b'E' | b'C' | b'X' | b'D' => 2,
        _ => 0,
    };
    let tables: u64 = frames(flow.timed()).map(|frame| LINE * lines(frame)).sum();
    (tables + flow.timed().len() as u64) as f64 / flow.messages as f64
}

/// Times each message alone, and shows what the two clock readings around it cost.
fn latency(books: &mut Books, flow: &Flow, counters: &Counters<FeedCount>) {
    let clock = quanta::Clock::new();
    let (mut updates, mut nothing) = (round_trip_histogram(), round_trip_histogram());
    for frame in frames(flow.timed()) {
        let started = clock.raw();
        if let Ok(message) = Message::decode(frame) {
            books.apply(&message, counters);
        }
        let ended = clock.raw();
        updates.saturating_record(clock.delta_as_nanos(started, ended).max(1));
        let again = clock.raw();
        nothing.saturating_record(clock.delta_as_nanos(ended, again).max(1));
    }
    for (name, histogram) in [("each update alone", updates), ("the clock itself", nothing)] {
        println!("  {} p99.99 {:>7} ns", percentiles(name, &histogram), histogram.value_at_quantile(0.9999));
    }
}
