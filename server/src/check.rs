//! `corelane check`: prints a topology without starting it, and the proof that it cannot deadlock.

use std::path::Path;

use comfy_table::Table;
use corelane_config::Config;
use corelane_console::{Exit, Output};
use corelane_runtime::{cpu, edge::port::Overflow, topology::Idle, topology::check::Checked};
use corelane_venue::{declare, reorder_bytes, replay_bytes, retransmission_bytes};
use miette::miette;

use crate::tables::table;

/// Checks the topology in the file `path` and prints it.
///
/// # Errors
/// All faults found.
pub(crate) fn check(path: &Path, out: &mut Output) -> miette::Result<Exit> {
    let config = Config::load(path)?;
    let declared = declare(&config, &cpu::allowed_cpus())?;
    let checked = declared.topology.check().map_err(|errors| miette!("the topology is faulty:\n{errors}"))?;
    out.say(format_args!(
        "{}: venue {:?}, {} sessions, {} instruments",
        path.display(),
        config.venue.name,
        config.ports.len(),
        config.instruments.len()
    ))?;
    out.say(format_args!("\n{}", shards(&checked)))?;
    out.say(format_args!("housekeeping on CPU {}", declared.placement.housekeeping_cpu))?;
    out.say(format_args!("\n{}", edges(&checked)))?;
    out.say(format_args!("\n{}", proof(&checked)))?;
    out.say(format_args!("\n{}", memory(&config, &checked)))?;
    Ok(Exit::Done)
}

fn shards(checked: &Checked) -> Table {
    let mut table = table(["shard", "CPU", "idle", "endpoints", "actors, in polling order"]);
    for shard in &checked.shards {
        let idle = match shard.idle {
            Idle::Spin => "spin",
            Idle::Backoff => "backoff",
            Idle::Park => "park",
        };
        let (cpu, endpoints) = (shard.cpu.to_string(), shard.endpoints.to_string());
        table.add_row([&shard.name, &cpu, idle, &endpoints, &shard.actors.join(", ")].map(String::from));
    }
    table
}

fn edges(checked: &Checked) -> Table {
    let mut table = table(["edge", "to", "kind", "capacity", "slot", "KiB", "when full"]);
    for edge in &checked.edges {
        let kind = if edge.crosses { "ring" } else { "queue" };
        let full = match edge.overflow {
            Overflow::Backpressure => "backpressure",
            Overflow::DropNewest => "drop newest",
            Overflow::Conflate => "conflate",
        };
        let (capacity, slot) = (edge.capacity.to_string(), edge.slot_bytes.to_string());
        let kib = edge.bytes().div_ceil(1024).to_string();
        table.add_row([&edge.from, &edge.to, kind, &capacity, &slot, &kib, full].map(String::from));
    }
    table
}

fn proof(checked: &Checked) -> String {
    let mut lines =
        vec!["No deadlock. A step waits only for room in its actor's outgoing edges, and never for these:".to_owned()];
    for edge in &checked.edges {
        if let Some(why) = edge.never_waits {
            lines.push(format!("  {} -> {}: {why}", edge.from, edge.to));
        }
    }
    lines.push("Without them the graph has no cycle; each of these actors waits only for those before it:".to_owned());
    lines.push(format!("  {}", checked.drain_order.join(", ")));
    lines.join("\n")
}

/// The memory by purpose. Pages are committed on first use.
fn memory(config: &Config, checked: &Checked) -> Table {
    let mib = |bytes: usize| format!("{:.1}", bytes as f64 / f64::from(1 << 20));
    let net = &config.net;
    let mut table = table(["memory", "MiB at most"]);
    table.add_row(["edges".to_owned(), mib(checked.edges.iter().map(|edge| edge.bytes()).sum())]);
    let receive = net.receive_buffers * net.receive_buffer_bytes;
    table.add_row(["receive buffers".to_owned(), mib(receive)]);
    table
        .add_row(["send buffers".to_owned(), mib(net.connections_max * (net.send_buffer_bytes + net.max_frame_bytes))]);
    table.add_row(["replay logs of the sessions".to_owned(), mib(replay_bytes(config))]);
    if config.feeds.inbound.is_some() {
        table.add_row(["feed in: reorder buffer behind gaps".to_owned(), mib(reorder_bytes(config))]);
    }
    if config.feeds.outbound.is_some() {
        table.add_row(["feed out: messages kept for retransmission".to_owned(), mib(retransmission_bytes(config))]);
    }
    table
}
