//! Our group and the generator's own books come to the same from the same commands.

use corelane_benches::engine::{self, Commands, Op, Round, commands::RESTING, group::Group, matching::MatchingAlone};
use corelane_runtime::cpu;

const COMMANDS: usize = 20_000;

#[test]
fn ours_do_what_the_generator_expects_and_answer_every_command() {
    let cpu = cpu::allowed_cpus()[0];
    let ours: [fn(usize, &Commands, f64) -> Round; 3] = [
        |cpu, commands, rate| engine::run(|| Group::new(commands), cpu, commands, rate),
        |cpu, commands, rate| engine::run(|| Group::with_sequencer(commands), cpu, commands, rate),
        |cpu, commands, rate| engine::run(|| MatchingAlone::new(commands), cpu, commands, rate),
    ];
    for (seed, rate_per_s) in [(1, f64::INFINITY), (2, 200_000.0)] {
        let commands = Commands::new(seed, COMMANDS, RESTING);
        for run in ours {
            let seen = run(cpu, &commands, rate_per_s);
            assert_eq!(seen.totals, commands.totals());
            assert_eq!(seen.latency.len(), COMMANDS as u64);
        }
    }
}

#[test]
fn the_seed_alone_decides_and_every_kind_of_command_comes() {
    let ops = |seed| {
        let commands = Commands::new(seed, COMMANDS, RESTING);
        (0..commands.len()).map(|place| *commands.at(place)).collect::<Vec<Op>>()
    };
    assert_eq!(ops(1), ops(1));
    assert_ne!(ops(1), ops(2));
    let commands = Commands::new(1, COMMANDS, RESTING);
    let measured = (commands.opening()..commands.len()).map(|place| commands.at(place));
    let cancels = measured.filter(|op| matches!(op, Op::Cancel { .. })).count();
    assert!((COMMANDS / 4..COMMANDS / 2).contains(&cancels), "{cancels} cancels");
    assert!(commands.totals().trades > COMMANDS as u64 / 10, "{:?}", commands.totals());
}
