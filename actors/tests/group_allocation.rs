//! The group allocates nothing after its tables are made. This test has its own binary, because it replaces the
//! allocator.

mod group_support;

use corelane_actors::types::{Command, Enter, Quantity, Replace, Scope, SequencerIn};
use corelane_test_support::allocator::{CountingAllocator, calls_within};
use group_support::{
    Edges, Outputs, Venue, cancel, config, disconnect, enter, kill, kill_port, log_in, market, replace,
};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

/// A day in which every table fills, empties and is compacted: sweeps, replaces, cancels, mass cancels, rejects.
fn day() -> Vec<SequencerIn> {
    let mut commands = vec![market(b'O'), market(b'S'), market(b'Q')];
    let mut number = [0; 3];
    for round in 0..400_u32 {
        for port in 0..3_u32 {
            let mut next = || {
                number[port as usize] += 1 + round % 2;
                number[port as usize]
            };
            let side = if (round + port) % 2 == 0 { b'B' } else { b'S' };
            let price = 99_000 + 100 * u64::from((round * 7 + port * 3) % 20);
            let (first, second) = (next(), next());
            commands.push(Command::Enter(enter(port, first, side, 100, price)));
            commands.push(Command::Replace(Replace { ..replace(port, first, second, 150, price + 100) }));
            commands.push(Command::Enter(Enter { time_in_force: b'3', ..enter(port, next(), b'S', 500, 99_000) }));
            commands.push(Command::Enter(Enter { quantity: Quantity::ZERO, ..enter(port, next(), b'S', 500, 99_000) }));
            commands.push(cancel(port, second, u32::from(round % 3 == 0) * 70));
        }
        commands.extend(match round % 50 {
            20 => vec![kill_port(1, true), kill_port(1, false)],
            30 => vec![log_in(2, round), disconnect(2, round)],
            40 => vec![kill(Scope::Everyone, true), kill(Scope::Everyone, false)],
            _ => vec![],
        });
    }
    commands.extend([market(b'M'), market(b'E'), market(b'C')]);
    commands.into_iter().map(SequencerIn::Command).collect()
}

#[test]
fn nothing_is_allocated_after_start() {
    let requests = day();
    let mut venue = Venue::with_edges(config(), Edges { input: 8, replies: 512, publications: 512 });
    let mut outputs = Outputs { replies: Vec::with_capacity(1 << 16), publications: Vec::with_capacity(1 << 16) };
    // The first turn may still allocate.
    venue.sim.turn();
    let calls = calls_within(|| {
        for request in &requests {
            venue.send(*request, &mut outputs);
            venue.settle(&mut outputs);
        }
    });
    assert!(outputs.replies.len() > 5_000 && outputs.publications.len() > 3_000);
    assert_eq!(calls, 0, "on the way of {} replies", outputs.replies.len());
    assert_ne!(calls_within(|| drop(day())), 0, "the counter counts");
}
