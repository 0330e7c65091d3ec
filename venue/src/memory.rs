//! The memory of the actors' tables, by purpose, and what the host gives.

use std::{fs, path::Path};

use corelane_actors::{
    engine::{BookMemory, Group},
    market_data::Books,
};
use corelane_config::Config;
use corelane_runtime::mem;
use rustix::process::{Resource, getrlimit};

use crate::{
    error::VenueError,
    feeds::{market_data_config, retransmission_bytes},
    order_flow::{driver_config, group_config, replay_bytes, session_config},
    permits::WorkPermits,
};

/// Address space of the program itself, in bytes at most.
const PROGRAM_BYTES: usize = 64 << 20;
/// Address space of a thread, in bytes: its stack with what guards it.
const THREAD_BYTES: usize = (2 << 20) + (64 << 10);
/// Threads beside the shards: housekeeping, what watches it, its last words, the log and standard output.
const OTHER_THREADS: usize = 5;
/// Bytes of a message on an edge between the roles.
const SLOT_BYTES: usize = 128;

/// Lets the process do with less address space if that is limited: its threads share the allocator's memory, where each would have
/// 64 MiB reserved for it. Call it before threads start. A venue allocates at its start and in its control paths only, so that
/// threads do not wait for each other.
pub fn spare_address_space() {
    if getrlimit(Resource::As).current.is_some() {
        mem::share_one_arena();
    }
}

/// Checks that this process may have the address space that the venue of `config` takes at its start, used or not. Call it before
/// [`declare`](crate::declare): an allocation that fails aborts the process.
///
/// # Errors
/// [`VenueError::AddressSpace`], or [`VenueError::Text`] for a text that does not fit its wire field.
pub fn check_address_space(config: &Config) -> Result<(), VenueError> {
    let Some(limit) = getrlimit(Resource::As).current else { return Ok(()) };
    spare_address_space();
    let needed = address_space_bytes(config)?;
    match needed as u64 > limit {
        true => Err(VenueError::AddressSpace { needed_kib: needed.div_ceil(1024) as u64, limit_kib: limit / 1024 }),
        false => Ok(()),
    }
}

/// The address space that the venue takes at its start, in bytes at most, if its threads share the allocator's memory.
fn address_space_bytes(config: &Config) -> Result<usize, VenueError> {
    let tables: usize = table_bytes(config)?.iter().map(|(_, bytes)| bytes).sum();
    let edges = &config.edges;
    let messages = edges.ingress_capacity
        + edges.group_capacity
        + edges.replies_capacity
        + edges.publications_capacity
        + edges.references_capacity;
    let shards = config.shards.len();
    // Each shard has a thread for blocking calls beside it.
    let threads = OTHER_THREADS + 2 * shards;
    Ok(tables + messages * SLOT_BYTES + shards * driver_config(config).bytes() + threads * THREAD_BYTES + PROGRAM_BYTES)
}

/// The tables of the venue's actors and their memory, in bytes.
///
/// # Errors
/// [`VenueError::Text`] for a text that does not fit its wire field.
pub fn table_bytes(config: &Config) -> Result<Vec<(&'static str, usize)>, VenueError> {
    let (orders, books) = Group::bytes(&group_config(config)?);
    let mut tables = vec![
        ("replay logs of the sessions", replay_bytes(config)),
        ("users' numbers in the sessions", session_config(config)?.number_bytes()),
        ("open orders and users' numbers in the group", orders),
        ("books of the group", books),
    ];
    if let Some(feed) = &config.feeds.inbound {
        let market_data = market_data_config(config, feed, &WorkPermits::new(config))?;
        let books = Books::bytes(market_data.symbols.len(), market_data.limits);
        tables.push(("feed in: books", books));
        if !market_data.servers.is_empty() {
            tables.push(("feed in: books built from a replay", books));
        }
        tables.push(("feed in: messages that wait their turn", market_data.arbitration.buffer_bytes()));
    }
    if config.feeds.outbound.is_some() {
        tables.push(("feed out: messages kept for retransmission", retransmission_bytes(config)));
    }
    Ok(tables)
}

/// The memory of the price levels in the group's books, by instrument, window and level.
///
/// # Errors
/// [`VenueError::Text`] for a text that does not fit its wire field.
pub fn level_memory(config: &Config) -> Result<BookMemory, VenueError> {
    Ok(Group::level_memory(&group_config(config)?))
}

/// The most memory that this process may have, in bytes, and what limits it: the least of the limits of its cgroups and the
/// host's memory. `None` if the system tells neither.
#[must_use]
pub fn memory_limit() -> Option<(u64, &'static str)> {
    let cgroup = cgroup_limit().map(|bytes| (bytes, "the limit of its cgroup"));
    let host = fs::read_to_string("/proc/meminfo").ok().and_then(|text| {
        let kib = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?.trim().strip_suffix("kB")?.trim();
        Some((kib.parse::<u64>().ok()? * 1024, "the host's memory"))
    });
    [cgroup, host].into_iter().flatten().min_by_key(|(bytes, _)| *bytes)
}

/// The least limit of the process's cgroup and those above it, of either version.
fn cgroup_limit() -> Option<u64> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    let limits = groups.lines().flat_map(|line| {
        let (root, file, path) = match line.splitn(3, ':').collect::<Vec<_>>()[..] {
            [_, "", path] => ("/sys/fs/cgroup", "memory.max", path),
            [_, "memory", path] => ("/sys/fs/cgroup/memory", "memory.limit_in_bytes", path),
            _ => return Vec::new(),
        };
        let groups = Path::new(path).ancestors().filter_map(|group| group.strip_prefix("/").ok());
        groups.map(|group| Path::new(root).join(group).join(file)).collect()
    });
    limits.filter_map(|file| fs::read_to_string(file).ok()?.trim().parse().ok()).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What threads take beside their stacks is what they allocate, and that is in the tables.
    #[test]
    fn a_thread_is_counted_with_its_stack_alone() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config/venue-4cpu.toml");
        let config = Config::load(path).unwrap_or_else(|errors| panic!("{}", errors.plain()));
        let tables: usize = table_bytes(&config).unwrap().iter().map(|(_, bytes)| bytes).sum();
        let rings = config.shards.len() * driver_config(&config).bytes();
        let rest = address_space_bytes(&config).unwrap() - tables - rings;
        assert!(config.shards.len() > 1 && rest < 2 * PROGRAM_BYTES, "{} MiB", rest >> 20);
    }
}
