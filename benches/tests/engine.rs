//! Our group and the generator's own books come to the same from the same commands.

use corelane_benches::engine::{self, Commands, Op, group::Group};
use corelane_runtime::cpu;

const COMMANDS: usize = 20_000;

#[test]
fn the_group_does_what_the_generator_expects_and_answers_every_command() {
    let cpu = cpu::allowed_cpus()[0];
    for (seed, rate_per_s) in [(1, f64::INFINITY), (2, 200_000.0)] {
        let commands = Commands::new(seed, COMMANDS);
        let seen = engine::run(|| Group::new(&commands), cpu, &commands, rate_per_s);
        assert_eq!(seen.totals, commands.totals());
        assert_eq!(seen.latency.len(), COMMANDS as u64);
        assert!(seen.per_s <= rate_per_s);
    }
}

#[test]
fn the_seed_alone_decides_and_every_kind_of_command_comes() {
    let ops = |seed| {
        let commands = Commands::new(seed, COMMANDS);
        (0..commands.len()).map(|place| *commands.at(place)).collect::<Vec<Op>>()
    };
    assert_eq!(ops(1), ops(1));
    assert_ne!(ops(1), ops(2));
    let commands = Commands::new(1, COMMANDS);
    let measured = (commands.opening()..commands.len()).map(|place| commands.at(place));
    let cancels = measured.filter(|op| matches!(op, Op::Cancel { .. })).count();
    assert!((COMMANDS / 4..COMMANDS / 2).contains(&cancels), "{cancels} cancels");
    assert!(commands.totals().trades > COMMANDS as u64 / 10, "{:?}", commands.totals());
}
