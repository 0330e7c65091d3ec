//! Others beside ours, in turns on the same two CPUs: channels, rings and actor frameworks from thread to thread, and the
//! same venue on tokio over the same sockets.
//!
//! `cargo bench -p corelane-benches --features peers --bench peers`, or with `--features aeron`, which has Aeron's IPC too
//!
//! Every round gives one ratio per peer, and the medians of the rounds are what counts: the figures themselves are the
//! machine's. Every message and every answer is checked.

use std::time::Duration;

use comfy_table::{CellAlignment, Table, presets::NOTHING};
use corelane_benches::{
    median,
    peers::{self, Kind, Seen, tokio_venue},
    two_cpus,
    wire::{Run, pacing},
};
use corelane_tester::script::Mix;

const ROUNDS: usize = 5;
const HOP_ROUND: Duration = Duration::from_millis(120);
const WIRE_ROUND: Duration = Duration::from_millis(1000);
const WARMUP: Duration = Duration::from_millis(300);
const RATE_PER_S: f64 = 25_000.0;
const SESSIONS: usize = 8;

fn main() {
    let Some(cpus) = two_cpus("peers") else { return };
    println!("peers: {ROUNDS} rounds on CPUs {} and {}, slots of 64 bytes", cpus[0], cpus[1]);
    let hops: Vec<Vec<Seen>> = (1..=ROUNDS)
        .map(|round| {
            println!("round {round} of messages");
            peers::round(cpus, HOP_ROUND)
        })
        .collect();
    println!("round trips and one way, medians of the rounds (least to most)\n{}", hop_table(&hops));
    let wires: Vec<tokio_venue::Round> = (1..=ROUNDS as u64)
        .map(|round| {
            println!("round {round} of orders");
            let pacing = pacing(cpus[1], RATE_PER_S, WARMUP, WIRE_ROUND);
            tokio_venue::round(cpus[0], SESSIONS, round, Mix::default(), &pacing)
        })
        .collect();
    let ours = wire_row("ours", &wires, |round| &round.ours);
    let channels = wire_row("tokio with channels", &wires, |round| &round.channels);
    let single = wire_row("tokio on one spinning thread", &wires, |round| &round.single_threaded);
    let mut table = table(["order to acknowledgement", "p50 µs", "p99 µs", "p50 over ours"]);
    table.add_rows([ours.cells, channels.cells, single.cells]);
    println!("{SESSIONS} sessions, {RATE_PER_S}/s, full mix, publishing\n{table}");
    let lead = peers::lead(&hops);
    println!("closest: {} in round trips, {} in throughput", lead.hop.1, lead.throughput.1);
    println!("single-threaded tokio p50={:.2}", single.ratio);
    println!("ratio tokio p50={:.2}", channels.ratio);
    println!("ratio peers hop={:.2} throughput={:.2}", lead.hop.0, lead.throughput.0);
}

fn hop_table(rounds: &[Vec<Seen>]) -> Table {
    let head = ["", "kind", "p50 ns", "p99 ns", "over ours", "M messages/s", "ours over it"];
    let mut table = table(head);
    for (at, Seen { peer, .. }) in rounds[0].iter().enumerate() {
        let over = |figure: &dyn Fn(&Seen, &Seen) -> f64| -> Vec<f64> {
            rounds.iter().map(|round| figure(&round[0], &round[at])).collect()
        };
        let kind = match peer.kind {
            Kind::Ours => "",
            Kind::Channel => "channel",
            Kind::RawRing => "baseline",
            Kind::Actors => "actors",
        };
        table.add_row([
            peer.name.to_owned(),
            kind.to_owned(),
            spread(&over(&|_, one| one.p50_ns()), 0),
            format!("{:.0}", median(&over(&|_, one| one.round_trips.value_at_quantile(0.99) as f64))),
            format!("{:.2}", median(&over(&|ours, one| one.p50_ns() / ours.p50_ns()))),
            spread(&over(&|_, one| one.per_s / 1e6), 1),
            format!("{:.2}", median(&over(&|ours, one| ours.per_s / one.per_s))),
        ]);
    }
    table
}

struct WireRow {
    cells: Vec<String>,
    /// Median of the rounds' ratios of p50 over ours.
    ratio: f64,
}

fn wire_row(name: &str, rounds: &[tokio_venue::Round], run: fn(&tokio_venue::Round) -> &Run) -> WireRow {
    let us = |quantile| -> Vec<f64> { rounds.iter().map(|round| run(round).at(quantile) / 1000.0).collect() };
    let ratios: Vec<f64> = rounds.iter().map(|round| run(round).at(0.5) / round.ours.at(0.5)).collect();
    let cells = vec![name.to_owned(), spread(&us(0.5), 1), spread(&us(0.99), 1), spread(&ratios, 2)];
    WireRow { cells, ratio: median(&ratios) }
}

/// Median, least and most.
fn spread(figures: &[f64], decimals: usize) -> String {
    let least = figures.iter().copied().fold(f64::INFINITY, f64::min);
    let most = figures.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    format!("{:.decimals$} ({least:.decimals$} to {most:.decimals$})", median(figures))
}

fn table<const N: usize>(head: [&str; N]) -> Table {
    let mut table = Table::new();
    table.load_preset(NOTHING).set_header(head);
    table.column_iter_mut().skip(1).for_each(|column| column.set_cell_alignment(CellAlignment::Right));
    table
}
