//! After its tables are made, the group allocates nothing. A test binary of its own, because it replaces the
//! allocator.

mod group_support;

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
};

use corelane_actors::messages::{Command, Enter, Replace, SequencerIn};
use group_support::{Edges, Outputs, Venue, cancel, config, disconnect, enter, kill, log_in, market, replace};

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

/// The system's allocator, counting per thread.
struct Counting;

// SAFETY: every call is passed on to the system's allocator unchanged; counting in a const thread-local neither
// allocates nor unwinds.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller keeps the contract of `GlobalAlloc::alloc`.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `GlobalAlloc::dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }
    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller keeps the contract of `GlobalAlloc::realloc`.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// A day in which every table fills, empties and is compacted: sweeps, replaces, cancels, mass cancels, rejects.
fn day() -> Vec<SequencerIn> {
    let mut commands = vec![market(b'O'), market(b'Q')];
    let mut number = [0; 3];
    for round in 0..400_u32 {
        for account in 0..3_u32 {
            let mut next = || {
                number[account as usize] += 1 + round % 2;
                number[account as usize]
            };
            let side = if (round + account) % 2 == 0 { b'B' } else { b'S' };
            let price = 99_000 + 100 * u64::from((round * 7 + account * 3) % 20);
            let (first, second) = (next(), next());
            commands.push(Command::Enter(enter(account, first, side, 100, price)));
            commands.push(Command::Replace(Replace { ..replace(account, first, second, 150, price + 100) }));
            commands.push(Command::Enter(Enter { time_in_force: b'3', ..enter(account, next(), b'S', 500, 99_000) }));
            commands.push(Command::Enter(Enter { quantity: 0, ..enter(account, next(), b'S', 500, 99_000) }));
            commands.push(cancel(account, second, u32::from(round % 3 == 0) * 70));
        }
        commands.extend(match round % 50 {
            20 => vec![kill(1, 1), kill(1, 0)],
            30 => vec![log_in(2, round), disconnect(2, round)],
            40 => vec![kill(u32::MAX, 1), kill(u32::MAX, 0)],
            49 => vec![market(b'M'), market(b'Q')],
            _ => vec![],
        });
    }
    commands.into_iter().map(SequencerIn::Command).collect()
}

#[test]
fn nothing_is_allocated_after_start() {
    let requests = day();
    let mut venue = Venue::with_edges(config(), Edges { input: 8, replies: 512, publications: 512 });
    let mut outputs = Outputs { replies: Vec::with_capacity(1 << 16), publications: Vec::with_capacity(1 << 16) };
    // Starts whatever a first turn starts.
    venue.sim.turn();
    let before = ALLOCATIONS.with(Cell::get);
    for request in requests {
        venue.send(request, &mut outputs);
        venue.settle(&mut outputs);
    }
    let allocations = ALLOCATIONS.with(Cell::get) - before;
    assert!(outputs.replies.len() > 5_000 && outputs.publications.len() > 3_000);
    assert_eq!(allocations, 0, "on the way of {} replies", outputs.replies.len());
    assert_ne!(ALLOCATIONS.with(Cell::get), 0, "the counter counts");
}
