//! ITCH from memory on one core: decoding, and decoding with full order-by-order books, beside what others make.
//!
//! `cargo bench -p corelane-benches --features peers --bench itch [decode|book16|book8000]`
//!
//! All read the same bytes in the same run, in turns; what counts is the median over the rounds. All decoders read the
//! same fields of each message, those that books need; their sums and the books at the end are compared. What the peers
//! do:
//!
//! - itch5: typed views by callback, as ours; lengths are checked, sides are not;
//! - itchy: owned messages from a reader, all fields converted, whether wanted or not;
//! - lunary: a walk from header to header; neither lengths by type nor fields are looked at. Ours beside it is the walk
//!   that looks at the same, and the `ratio` compares with those that give typed messages;
//! - hftbacktest: books with the sum at each price and all orders in a map, fed by itch5: no queue of orders, no count
//!   of them at a price, prices in `f64`. Once with hash maps, once with vectors over the range of prices that the flow
//!   will have, which only a benchmark knows beforehand.
//!
//! Matching engines (orderbook-rs, lobster) are not here: they match what crosses, where a feed's book must not.

mod flow;
#[cfg(feature = "peers")]
mod peers;

use std::{
    env,
    hint::black_box,
    time::{Duration, Instant},
};

use corelane_actors::{
    counters::{CounterName, Counters},
    market_data::{BookLimits, Books, FeedCount},
};
use corelane_benches::{median, percentiles, round_trip_histogram};
use corelane_codecs::{
    binary_file::Frames,
    itch::{Message, Side},
};
use corelane_runtime::{cpu, mem::streamed};
use flow::Flow;

const ROUNDS: usize = 5;
const LEVELS_MAX: usize = 4096;

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

/// One contestant: what it is called, and the seconds of a round.
struct Contestant<'a> {
    name: &'static str,
    /// Whether it does what the ratio compares.
    counts: bool,
    round: Box<dyn FnMut() -> Duration + 'a>,
}

/// Runs the rounds in turns and prints a line for each contestant, the first of which is ours; returns messages per
/// second of ours against the best peer's, or `-` without peers, and the nanoseconds per message of ours.
fn compete(messages: u64, mut contestants: Vec<Contestant<'_>>) -> (String, f64) {
    let mut seconds = vec![Vec::new(); contestants.len()];
    for _ in 0..ROUNDS {
        for (contestant, seconds) in contestants.iter_mut().zip(&mut seconds) {
            seconds.push((contestant.round)().as_secs_f64());
        }
    }
    let rates: Vec<f64> = seconds.iter().map(|seconds| messages as f64 / median(seconds)).collect();
    for (contestant, rate) in contestants.iter().zip(&rates) {
        println!("  {:<34} {:>7.1} M/s  {:>6.1} ns", contestant.name, rate / 1e6, 1e9 / rate);
    }
    let peers = contestants.iter().zip(&rates).skip(1).filter(|(contestant, _)| contestant.counts);
    let best = peers.map(|(_, rate)| *rate).max_by(f64::total_cmp);
    (best.map_or("-".to_owned(), |best| format!("{:.2}", rates[0] / best)), 1e9 / rates[0])
}

fn timed(run: impl FnOnce()) -> Duration {
    let started = Instant::now();
    run();
    started.elapsed()
}

fn frames(bytes: &[u8]) -> impl Iterator<Item = &[u8]> + Clone {
    streamed(Frames::new(bytes).map_while(Result::ok))
}

/// Adds up fields.
fn total<const N: usize>(fields: [u64; N]) -> u64 {
    fields.into_iter().fold(0, u64::wrapping_add)
}

/// Decodes all and adds up what books need of each: the time, and of messages about orders the locate, references, side,
/// shares and price.
fn decode(bytes: &[u8]) -> u64 {
    frames(bytes).filter_map(|frame| Message::decode(frame).ok()).fold(0, |sum, message| {
        let order = match &message {
            Message::AddOrder(add) => total([
                add.order_ref.get(),
                (add.side.get() == Side::Buy).into(),
                add.shares.get().into(),
                add.price.get().raw().into(),
            ]),
            Message::AddOrderMpid(add) => total([
                add.order_ref.get(),
                (add.side.get() == Side::Buy).into(),
                add.shares.get().into(),
                add.price.get().raw().into(),
            ]),
            Message::OrderExecuted(executed) => {
                total([executed.order_ref.get(), executed.executed_shares.get().into()])
            }
            Message::OrderExecutedWithPrice(executed) => {
                total([executed.order_ref.get(), executed.executed_shares.get().into()])
            }
            Message::OrderCancel(cancel) => total([cancel.order_ref.get(), cancel.cancelled_shares.get().into()]),
            Message::OrderDelete(delete) => delete.order_ref.get(),
            Message::OrderReplace(replace) => total([
                replace.original_order_ref.get(),
                replace.new_order_ref.get(),
                replace.shares.get().into(),
                replace.price.get().raw().into(),
            ]),
            _ => return total([sum, message.timestamp_ns()]),
        };
        total([sum, message.stock_locate().into(), message.timestamp_ns(), order])
    })
}

/// The sum of the times, from the headers alone.
#[cfg(feature = "peers")]
fn walk(bytes: &[u8]) -> u64 {
    use corelane_codecs::itch::Header;
    use zerocopy::FromBytes;
    frames(bytes)
        .filter_map(|frame| Header::<0>::ref_from_prefix(frame).ok())
        .fold(0, |sum, (header, _)| sum.wrapping_add(header.timestamp.ns()))
}

fn decode_row(flow: &Flow) -> String {
    let bytes = flow.timed();
    let sum = decode(bytes);
    let contestant = |name, counts, expected, run: fn(&[u8]) -> u64| {
        assert_eq!(run(bytes), expected, "{name}: another sum");
        let round = Box::new(move || timed(|| _ = black_box(run(black_box(bytes)))));
        Contestant { name, counts, round }
    };
    println!("decode only");
    #[allow(unused_mut, reason = "without peers")]
    let mut contestants = vec![contestant("ours, typed views", true, sum, decode)];
    #[cfg(feature = "peers")]
    contestants.extend([
        contestant("itch5, typed views", true, sum, peers::decode_itch5),
        contestant("itchy, owned messages", true, sum, peers::decode_itchy),
        contestant("ours, headers only", false, walk(bytes), walk),
        contestant("lunary, headers only", false, walk(bytes), peers::walk_lunary),
    ]);
    compete(flow.messages, contestants).0
}

/// Applies all messages.
fn build(books: &mut Books, bytes: &[u8], counters: &Counters<FeedCount>) {
    books.ahead_of(frames(bytes), |books, frame| {
        if let Ok(message) = Message::decode(frame) {
            books.apply(&message, counters);
        }
    });
}

fn book_row(flow: &Flow, bandwidth: f64) -> String {
    let limits = BookLimits { orders_max: flow.orders_max, levels_max: LEVELS_MAX };
    let counters = Counters::default();
    let mut books = Books::new(&flow.symbols, limits);
    println!("decode and books");
    #[cfg(feature = "peers")]
    let (mut maps, mut vectors) = (peers::hash_maps(flow), peers::vectors(flow));
    let (ratio, ours_ns) = {
        let ours = || {
            books.clear();
            build(&mut books, &flow.bytes[..flow.warm], &counters);
            timed(|| build(&mut books, flow.timed(), &counters))
        };
        #[allow(unused_mut, reason = "without peers")]
        let mut contestants = vec![Contestant { name: "ours", counts: true, round: Box::new(ours) }];
        #[cfg(feature = "peers")]
        {
            let maps = &mut maps;
            let vectors = &mut vectors;
            let round = Box::new(move || {
                *maps = peers::hash_maps(flow);
                maps.run(&flow.bytes[..flow.warm]);
                timed(|| maps.run(flow.timed()))
            });
            contestants.push(Contestant { name: "itch5 + hftbacktest, hash maps", counts: true, round });
            let round = Box::new(move || {
                *vectors = peers::vectors(flow);
                vectors.run(&flow.bytes[..flow.warm]);
                timed(|| vectors.run(flow.timed()))
            });
            contestants.push(Contestant { name: "itch5 + hftbacktest, known prices", counts: true, round });
        }
        compete(flow.messages, contestants)
    };
    for count in FeedCount::ALL {
        assert_eq!(counters.get(*count), 0, "{count:?}: the flow is valid");
    }
    books.check().unwrap_or_else(|error| panic!("{error}"));
    #[cfg(feature = "peers")]
    {
        maps.check(&books);
        vectors.check(&books);
    }
    let bytes = bytes_touched(flow);
    let at_bandwidth = bytes / bandwidth * 1e9;
    println!(
        "  {ours_ns:.1} ns per message; the {bytes:.0} bytes it must touch take {at_bandwidth:.1} ns at bandwidth"
    );
    latency(&mut books, flow, &counters);
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
    books.clear();
    build(books, &flow.bytes[..flow.warm], counters);
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
