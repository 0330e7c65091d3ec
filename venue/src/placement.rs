//! The placement of shards on CPUs, and their idle strategies.

use std::collections::BTreeMap;

use corelane_config::{Config, Cpu};
use corelane_runtime::topology::Idle;

/// The CPUs of all shards and of housekeeping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placement {
    /// The CPU and idle strategy of each configured shard, in the order of the configuration.
    pub shards: Vec<(usize, Idle)>,
    /// The CPU of housekeeping.
    pub housekeeping_cpu: usize,
}

/// Places the shards of `config` on the `allowed` CPUs: first those with a CPU number, then each `auto` shard on the
/// least used CPU. Housekeeping gets an unused CPU, or else that of the last shard. A shard with the idle strategy
/// `auto` spins if it has its CPU to itself, and parks if it shares it with another shard or with housekeeping.
#[must_use]
pub fn place(config: &Config, allowed: &[usize]) -> Placement {
    let mut users: BTreeMap<usize, usize> = allowed.iter().map(|&cpu| (cpu, 0)).collect();
    let numbered = |cpu: &Cpu| match cpu {
        Cpu::Number(cpu) => Some(*cpu),
        Cpu::Auto => None,
    };
    for cpu in config.shards.iter().filter_map(|shard| numbered(&shard.cpu)) {
        *users.entry(cpu).or_default() += 1;
    }
    let housekeeping_asked = numbered(&config.placement.housekeeping_cpu);
    let take_least_used = |users: &mut BTreeMap<usize, usize>| {
        let free = allowed.iter().copied().filter(|cpu| Some(*cpu) != housekeeping_asked);
        let cpu = free.min_by_key(|cpu| (users[cpu], *cpu)).or(allowed.first().copied()).unwrap_or(0);
        *users.entry(cpu).or_default() += 1;
        cpu
    };
    let cpus: Vec<usize> =
        config.shards.iter().map(|shard| numbered(&shard.cpu).unwrap_or_else(|| take_least_used(&mut users))).collect();
    let housekeeping_cpu = housekeeping_asked.unwrap_or_else(|| {
        let unused = allowed.iter().copied().find(|cpu| users[cpu] == 0);
        unused.or(cpus.last().copied()).unwrap_or(0)
    });
    let idle = |index: usize| match config.shards[index].idle {
        corelane_config::Idle::Spin => Idle::Spin,
        corelane_config::Idle::Backoff => Idle::Backoff,
        corelane_config::Idle::Park => Idle::Park,
        corelane_config::Idle::Auto if users[&cpus[index]] == 1 && cpus[index] != housekeeping_cpu => Idle::Spin,
        corelane_config::Idle::Auto => Idle::Park,
    };
    let shards = (0..cpus.len()).map(|index| (cpus[index], idle(index))).collect();
    Placement { shards, housekeeping_cpu }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(shards: &str, housekeeping: &str) -> Config {
        let head = corelane_config::VENUE_TOML;
        let shards_at = head.find("\n[[shards]]").unwrap();
        let placement_at = head.find("\n[placement]").unwrap();
        let edges_at = head.find("\n[edges]").unwrap();
        let first = shards.split('"').nth(1).unwrap();
        let last = shards.rsplit("name = \"").next().unwrap().split('"').next().unwrap();
        let placement = format!(
            "[placement]\ningress = \"{first}\"\ncore = \"{last}\"\npublisher = \"{last}\"\nhousekeeping_cpu = {housekeeping}\n"
        );
        assert!(shards_at < placement_at);
        let text = format!("{}\n{shards}\n{placement}\n{}", &head[..shards_at], &head[edges_at..]);
        Config::parse("test.toml", &text).unwrap_or_else(|errors| panic!("{}", errors.plain()))
    }

    #[test]
    fn shards_get_cpus_of_their_own_while_there_are_some() {
        let one = "[[shards]]\nname = \"a\"\n";
        let two = "[[shards]]\nname = \"a\"\n[[shards]]\nname = \"b\"\n";
        /// Shards, housekeeping's CPU, allowed CPUs; CPU and idle strategy of each shard, housekeeping's CPU.
        type Case<'a> = (&'a str, &'a str, &'a [usize], Vec<(usize, Idle)>, usize);
        let cases: [Case<'_>; 6] = [
            (one, "\"auto\"", &[0], vec![(0, Idle::Park)], 0),
            (one, "\"auto\"", &[0, 1], vec![(0, Idle::Spin)], 1),
            (one, "0", &[0, 1], vec![(1, Idle::Spin)], 0),
            (two, "\"auto\"", &[0, 1], vec![(0, Idle::Spin), (1, Idle::Park)], 1),
            (two, "\"auto\"", &[4, 5, 6], vec![(4, Idle::Spin), (5, Idle::Spin)], 6),
            (two, "\"auto\"", &[3], vec![(3, Idle::Park), (3, Idle::Park)], 3),
        ];
        for (shards, housekeeping, allowed, expected, housekeeping_cpu) in cases {
            let placement = place(&config(shards, housekeeping), allowed);
            assert_eq!(placement, Placement { shards: expected, housekeeping_cpu }, "{shards} on {allowed:?}");
        }
    }
}
