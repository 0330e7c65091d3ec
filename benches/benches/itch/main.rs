mod flow;
use corelane_actors::{
    counters::{CounterName, Counters},
    market_data::{BookLimits, Books, FeedCount},
};
use corelane_codecs::{
    binary_file::{Frame, frame},
    itch::Message,
};
use flow::Flow;
use std::{hint::black_box, time::Instant};

fn each<'a>(mut bytes: &'a [u8], mut f: impl FnMut(Message<'a>)) {
    while let Some((Frame::Message(m), n)) = frame(bytes) {
        if let Ok(m) = Message::decode(m) {
            f(m);
        }
        bytes = &bytes[n..];
    }
}

fn ahead(bytes: &[u8], d1: usize, d2: usize, books: &mut Books, counters: &Counters<FeedCount>) {
    let mut a = bytes;
    let mut b = bytes;
    let mut c = bytes;
    for _ in 0..d1 {
        if let Some((Frame::Message(m), n)) = frame(a) {
            books.hint_order(m);
            a = &a[n..];
        }
    }
    for _ in 0..d2 {
        if let Some((Frame::Message(m), n)) = frame(b) {
            books.hint_level(m);
            b = &b[n..];
        }
    }
    while let Some((Frame::Message(m), n)) = frame(c) {
        if d1 > 0 {
            if let Some((Frame::Message(m), n)) = frame(a) {
                books.hint_order(m);
                a = &a[n..];
            }
        }
        if d2 > 0 {
            if let Some((Frame::Message(m), n)) = frame(b) {
                books.hint_level(m);
                b = &b[n..];
            }
        }
        if let Ok(m) = Message::decode(m) {
            books.apply(&m, counters);
        }
        c = &c[n..];
    }
}

fn main() {
    let core = core_affinity::get_core_ids().unwrap()[1];
    core_affinity::set_for_current(core);
    let all = std::env::args().any(|a| a == "all");
    let flows = if all { vec![flow::sixteen(), flow::eight_thousand()] } else { vec![flow::sixteen()] };
    for flow in flows {
        run(&flow);
    }
}

fn run(flow: &Flow) {
    println!(
        "{}: {} messages, {} MB, {} orders max",
        flow.name,
        flow.messages,
        flow.bytes.len() >> 20,
        flow.orders_max
    );
    let t = Instant::now();
    let mut sum = 0;
    each(&flow.bytes[flow.warm..], |m| sum += m.timestamp_ns() ^ m.kind() as u64);
    let s = t.elapsed().as_secs_f64();
    println!("decode {:.1} M/s {:.2} ns", flow.messages as f64 / s / 1e6, s * 1e9 / flow.messages as f64);
    black_box(sum);
    let counters = Counters::default();
    let mut books = Books::new(&flow.symbols, BookLimits { orders_max: flow.orders_max, levels_max: 4096 });
    for _ in 0..3 {
        books.clear();
        each(&flow.bytes[..flow.warm], |m| {
            books.apply(&m, &counters);
        });
        let mut v = Vec::new();
        each(&flow.bytes[flow.warm..], |m| v.push(m));
        let t = Instant::now();
        for m in &v {
            books.apply(m, &counters);
        }
        let s = t.elapsed().as_secs_f64();
        println!("predecoded {:.1} M/s {:.2} ns", flow.messages as f64 / s / 1e6, s * 1e9 / flow.messages as f64);
    }
    for (d1, d2) in [(0, 0), (0, 0), (8, 0), (16, 0), (32, 0), (16, 8), (24, 12), (32, 16)] {
        books.clear();
        each(&flow.bytes[..flow.warm], |m| {
            books.apply(&m, &counters);
        });
        let t = Instant::now();
        ahead(&flow.bytes[flow.warm..], d1, d2, &mut books, &counters);
        let s = t.elapsed().as_secs_f64();
        println!(
            "{d1} {d2} books {:.1} M/s {:.2} ns; live {}",
            flow.messages as f64 / s / 1e6,
            s * 1e9 / flow.messages as f64,
            books.orders_len()
        );
    }
    for c in FeedCount::ALL {
        if counters.get(*c) > 0 {
            println!("{c:?} {}", counters.get(*c));
        }
    }
}
