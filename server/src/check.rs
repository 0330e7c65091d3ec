//! `corelane check`: prints a topology without starting it, and the proof that it cannot deadlock.

use std::path::Path;

use corelane_config::{Bulkhead, Config, DelayProtection, Incidents, Permits, Supervision, Watches};
use corelane_console::{Exit, Output, Table};
use corelane_runtime::{
    cpu,
    edge::port::Overflow,
    supervision::{Escalation, Restart, SupervisorSpec},
    topology::{Idle, check::Checked},
};
use corelane_venue::{
    BookMemory, Descriptors, check_address_space, check_day, declare, driver_config, level_memory, memory_limit,
    table_bytes,
};
use miette::miette;

use crate::{incidents::incidents_directory, run::admin_socket};

/// The time between two heartbeats of a client by SoupBinTCP, in milliseconds.
const CLIENT_HEARTBEAT_MS: u64 = 1000;

/// Checks the topology in the file `path` and prints it.
///
/// # Errors
/// All faults found.
pub(crate) fn check(path: &Path, out: &mut Output) -> miette::Result<Exit> {
    let config = Config::load(path)?;
    check_address_space(&config)?;
    let mut declared = declare(&config, &cpu::allowed_cpus())?;
    if let Some(directory) = incidents_directory(path, &config) {
        declared.record_incidents(&directory);
    }
    let checked = declared.topology.check().map_err(|errors| miette!("the topology is faulty:\n{errors}"))?;
    let descriptors = declared.check_host(&config, admin_socket(path, &config).as_deref())?;
    out.text(format_args!(
        "{}: venue {:?}, {} ports, {} instruments",
        path.display(),
        config.venue.name,
        config.ports.len(),
        config.instruments.len()
    ))?;
    out.say("")?;
    out.table(&shards(&checked))?;
    out.say(format_args!("housekeeping on CPU {}\n", declared.placement.housekeeping_cpu))?;
    out.table(&edges(&checked))?;
    out.text(format_args!("\n{}\n", proof(&checked)))?;
    out.table(&supervisors(&checked))?;
    let Supervision { watchdog_ms, housekeeping_watchdog_ms, .. } = config.supervision;
    out.text(format_args!(
        "the venue ends at once if a shard makes no turn for {watchdog_ms} ms, or housekeeping for {housekeeping_watchdog_ms} ms\n"
    ))?;
    if let Some(bulkheads) = bulkheads(&config) {
        out.table(&bulkheads)?;
        out.say("")?;
    }
    if !config.breakers.is_empty() {
        out.table(&breakers(&config))?;
        out.say("")?;
    }
    if let Some(protection) = &config.delay_protection {
        let DelayProtection { max_age_ms, pause_ms } = protection;
        out.text(format_args!(
            "requests older than {max_age_ms} ms are rejected, and their instruments paused for {pause_ms} ms\n"
        ))?;
    }
    let Permits { fetch, venue, storage, analytics } = config.bulkhead.permits;
    out.text(format_args!("permits: fetch {fetch}, venue {venue}, storage {storage}, analytics {analytics}\n"))?;
    out.text(format_args!("{}\n", incidents(path, &config)))?;
    let memory = memory(&checked, &config)?;
    let needed: usize = memory.iter().map(|(_, bytes)| bytes).sum();
    out.table(&memory_table(memory, needed))?;
    out.text(format_args!("\n{}\n", books(&config)?))?;
    out.table(&open_files(&descriptors))?;
    let mut exit = Exit::Done;
    let client_timeout_ms = config.order_entry.client_timeout_ms;
    if client_timeout_ms <= CLIENT_HEARTBEAT_MS {
        exit = out.damaged(&miette!(
            help = "make it several seconds; 15000 is usual",
            "`order_entry.client_timeout_ms` is {client_timeout_ms}, but clients send a heartbeat once a second \
             (SoupBinTCP): quiet ones would be dropped"
        ));
    }
    // It may be for tomorrow.
    if let Err(over) = check_day(&config) {
        exit = out.damaged(&miette!("{over}"));
    }
    if let Some((limit, what)) = memory_limit().filter(|(limit, _)| needed as u64 > *limit) {
        exit = out.damaged(&miette!(
            help = "lower the bounds of the largest tables, or raise the limit",
            "the venue may need {:.1} MiB of memory, but this process may have {:.1} MiB ({what}): it would start, and end when \
             its tables fill",
            mib(needed as f64),
            mib(limit as f64)
        ));
    }
    Ok(exit)
}

fn shards(checked: &Checked) -> Table {
    let mut table = Table::new(["shard", "CPU", "idle", "endpoints", "actors, in polling order"], 1);
    for shard in &checked.shards {
        let idle = match shard.idle {
            Idle::Spin => "spin",
            Idle::Backoff => "backoff",
            Idle::Park => "park",
        };
        let (cpu, endpoints) = (shard.cpu.to_string(), shard.endpoints.to_string());
        table.add([&shard.name, &cpu, idle, &endpoints, &shard.actors.join(", ")].map(String::from));
    }
    table
}

fn edges(checked: &Checked) -> Table {
    let mut table = Table::new(["edge", "to", "kind", "capacity", "slot", "KiB", "when full"], 2);
    for edge in &checked.edges {
        let kind = if edge.crosses { "ring" } else { "queue" };
        let full = match edge.overflow {
            Overflow::Backpressure => "backpressure",
            Overflow::DropNewest => "drop newest",
            Overflow::Conflate => "conflate",
            Overflow::Prioritize => "prioritize",
        };
        let (capacity, slot) = (edge.capacity.to_string(), edge.slot_bytes.to_string());
        let kib = edge.bytes().div_ceil(1024).to_string();
        table.add([&edge.from, &edge.to, kind, &capacity, &slot, &kib, full].map(String::from));
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

fn supervisors(checked: &Checked) -> Table {
    let mut table = Table::new(["supervisor", "actors", "restarts", "then"], 1);
    for supervisor in &checked.supervisors {
        let SupervisorSpec { name, intensity, period, escalation, .. } = &supervisor.spec;
        let is_restarted = supervisor.actors.iter().any(|(_, restart)| *restart == Restart::Permanent);
        let restarts = if is_restarted { format!("{intensity} in {period:?}") } else { "none".to_owned() };
        let then = match escalation {
            Escalation::Parent => supervisor.above.as_deref().unwrap_or_default(),
            Escalation::Halt => "the venue halts in order",
            Escalation::Exit => "the venue ends at once",
        };
        let actors: Vec<&str> = supervisor.actors.iter().map(|(actor, _)| actor.as_str()).collect();
        table.add([name.clone(), actors.join(", "), restarts, then.to_owned()]);
    }
    table
}

/// How much ports, accounts and firms may send and have unanswered, if that is limited.
fn bulkheads(config: &Config) -> Option<Table> {
    let bulkheads = config.bulkheads();
    let mut table = Table::new(["bulkhead", "of", "orders/s", "burst", "in flight"], 2).with_figures();
    for one in &bulkheads {
        let Bulkhead { orders_per_second, burst, in_flight_max } = one.limits;
        let limits = [orders_per_second, burst.or(orders_per_second), in_flight_max];
        let [rate, burst, in_flight] = limits.map(|most| most.map_or("any".to_owned(), |most| most.to_string()));
        table.add([one.level.to_string(), one.name.clone(), rate, burst, in_flight]);
    }
    (!bulkheads.is_empty()).then_some(table)
}

/// What opens each circuit breaker, and what follows.
fn breakers(config: &Config) -> Table {
    let mut table = Table::new(["breaker", "watches", "opens at", "of the last", "open"], 1);
    for one in &config.breakers {
        let opens_at = match one.watches {
            Watches::Answers | Watches::Housekeeping => format!("{} slower than {} ms", one.slow_percent, one.slow_ms),
            Watches::Feed | Watches::Publisher | Watches::Log | Watches::Edge => {
                format!("{} failed", one.failure_percent)
            }
        };
        let window = match one.window_samples {
            Some(samples) => format!("{samples} samples"),
            None => format!("{} ms", one.window_ms),
        };
        let window = format!("{window}, {} samples at least", one.samples_min);
        let open = format!("{} ms, then {} trials", one.open_ms, one.trials);
        table.add([one.name.clone(), one.watched(), opens_at, window, open]);
    }
    table
}

/// Where records of failures go.
fn incidents(path: &Path, config: &Config) -> String {
    match incidents_directory(path, config).zip(config.incidents.as_ref()) {
        None => "no records of failures: there is no [incidents]".to_owned(),
        Some((directory, Incidents { records_max, record_bytes_max, .. })) => format!(
            "records of failures in {}: at most {records_max}, of {} KiB each",
            directory.display(),
            record_bytes_max.div_ceil(1024)
        ),
    }
}

/// The memory by purpose, in bytes at most. Pages are committed on first use.
fn memory(checked: &Checked, config: &Config) -> miette::Result<Vec<(&'static str, usize)>> {
    let edges = checked.edges.iter().map(|edge| edge.bytes()).sum();
    let drivers = checked.shards.iter().filter(|shard| shard.endpoints > 0 || shard.idle == Idle::Park).count();
    let mut rows = vec![("edges", edges), ("network buffers", drivers * driver_config(config).bytes())];
    rows.extend(table_bytes(config)?);
    Ok(rows)
}

fn memory_table(rows: Vec<(&str, usize)>, sum: usize) -> Table {
    let mut table = Table::new(["memory", "MiB at most"], 1).with_figures();
    for (what, bytes) in rows.into_iter().chain([("in all", sum)]) {
        table.add([what.to_owned(), format!("{:.1}", mib(bytes as f64))]);
    }
    table
}

/// What the group's books take for each instrument, window of prices and level.
fn books(config: &Config) -> miette::Result<String> {
    let BookMemory { instrument_bytes, windows, window_bytes, level_bytes } = level_memory(config)?;
    let sides = 2 * config.instruments.len();
    let all = if windows < sides { "those that trade; the others search" } else { "all" };
    Ok(format!(
        "books of the group: {instrument_bytes} bytes for each of {} instruments, {window_bytes} bytes for each of {windows} \
         windows of prices, {level_bytes} bytes for each of {} price levels; of {sides} sides, {all} have a window",
        config.instruments.len(),
        config.matching.levels_max
    ))
}

fn mib(bytes: f64) -> f64 {
    bytes / f64::from(1 << 20)
}

/// The file descriptors by purpose.
fn open_files(descriptors: &Descriptors) -> Table {
    let mut table = Table::new(["open files", "at most"], 1).with_figures();
    for (what, count) in descriptors.parts.iter().filter(|(_, count)| *count > 0) {
        table.add([(*what).to_owned(), count.to_string()]);
    }
    table.add(["in all".to_owned(), descriptors.total().to_string()]);
    table
}
