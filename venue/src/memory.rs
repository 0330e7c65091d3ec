//! The memory of the actors' tables, by purpose, and what the host gives.

use std::{fs, path::Path};

use corelane_actors::{engine::Group, market_data::Books};
use corelane_config::Config;
use rustix::process::{Resource, getrlimit};

use crate::{
    error::VenueError,
    feeds::{market_data_config, retransmission_bytes},
    order_flow::{group_config, replay_bytes, session_config},
};

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
        let market_data = market_data_config(config, feed)?;
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

/// The most memory that this process may have, in bytes, and what limits it: the least of its address space, the limits of its
/// cgroups, and the host's memory. `None` if the system tells none of them.
#[must_use]
pub fn memory_limit() -> Option<(u64, &'static str)> {
    let address_space = getrlimit(Resource::As).current.map(|bytes| (bytes, "RLIMIT_AS, `ulimit -v`"));
    let cgroup = cgroup_limit().map(|bytes| (bytes, "the limit of its cgroup"));
    let host = fs::read_to_string("/proc/meminfo").ok().and_then(|text| {
        let kib = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?.trim().strip_suffix("kB")?.trim();
        Some((kib.parse::<u64>().ok()? * 1024, "the host's memory"))
    });
    [address_space, cgroup, host].into_iter().flatten().min_by_key(|(bytes, _)| *bytes)
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
