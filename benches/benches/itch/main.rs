mod flow;
use std::{hint::black_box, time::Instant};
use corelane_actors::{counters::Counters, market_data::{BookLimits, Books}};
use corelane_codecs::{binary_file::{Frame, frame}, itch::Message};
use flow::Flow;

fn each(mut bytes: &[u8], mut f: impl FnMut(Message<'_>)) {
    while let Some((Frame::Message(m), n)) = frame(bytes) {
        if let Ok(m) = Message::decode(m) { f(m); }
        bytes = &bytes[n..];
    }
}

fn main() {
    let core = core_affinity::get_core_ids().unwrap()[1];
    core_affinity::set_for_current(core);
    for flow in [flow::sixteen(), flow::eight_thousand()] {
        run(&flow);
    }
}

fn run(flow: &Flow) {
    println!("{}: {} messages, {} MB, {} orders max", flow.name, flow.messages, flow.bytes.len() >> 20, flow.orders_max);
    let t = Instant::now();
    let mut sum = 0;
    each(&flow.bytes[flow.warm..], |m| sum += m.timestamp_ns() ^ m.kind() as u64);
    let s = t.elapsed().as_secs_f64();
    println!("decode {:.1} M/s {:.2} ns", flow.messages as f64 / s / 1e6, s * 1e9 / flow.messages as f64);
    black_box(sum);
    let counters = Counters::default();
    let mut books = Books::new(&flow.symbols, BookLimits { orders_max: flow.orders_max, levels_max: 4096 });
    for _ in 0..5 {
        books.clear();
        each(&flow.bytes[..flow.warm], |m| { books.apply(&m, &counters); });
        let t = Instant::now();
        each(&flow.bytes[flow.warm..], |m| { books.apply(&m, &counters); });
        let s = t.elapsed().as_secs_f64();
        println!("books {:.1} M/s {:.2} ns; live {}", flow.messages as f64 / s / 1e6, s * 1e9 / flow.messages as f64, books.orders_len());
    }
    use corelane_actors::{counters::CounterName, market_data::FeedCount};
    for c in FeedCount::ALL { if counters.get(*c) > 0 { println!("{c:?} {}", counters.get(*c)); } }
}
