//! Instructions of one message at each stage, counted by callgrind: the same whatever else the machine does.
//!
//! `corelane-latency budget` compares them with `benches/budget.toml`. By themselves:
//! `cargo bench -p corelane-benches --bench instructions`, which needs valgrind and `gungraun-runner` of the version in
//! the root `Cargo.toml`.
//!
//! Each function works on [`MESSAGES`](stages::MESSAGES) messages. Actors run in the runtime's simulation: the same cells
//! and edges on one thread; the edges in and out are in the count. What a function needs is made before it, and what it
//! did is checked after it; neither is counted.

mod stages;

use gungraun::prelude::*;
use stages::{Feed, Requests, Stage};

// From actor to actor within a shard, one message under way.
#[library_benchmark]
#[bench::run(args = (stages::hop()), teardown = Stage::check)]
fn hop(stage: Stage) -> Stage {
    stage.run()
}

// ITCH messages of a day's mix, to typed views.
#[library_benchmark]
#[bench::run(args = (stages::feed()), teardown = Feed::check_decoded)]
fn decode_itch(feed: Feed) -> Feed {
    feed.decode()
}

// Enter, replace and cancel in turns, to typed views.
#[library_benchmark]
#[bench::run(args = (stages::requests()), teardown = Requests::check)]
fn decode_ouch(requests: Requests) -> Requests {
    requests.decode()
}

// An order that rests, through the whole group: order entry, risk, matching, its answer and its publication.
#[library_benchmark]
#[bench::run(args = (stages::group_add()), teardown = Stage::check)]
fn group_add(stage: Stage) -> Stage {
    stage.run()
}

// An order that takes one that rests, through the whole group, with both sides' answers.
#[library_benchmark]
#[bench::run(args = (stages::group_execute()), teardown = Stage::check)]
fn group_execute(stage: Stage) -> Stage {
    stage.run()
}

// A cancel of a resting order, through the whole group.
#[library_benchmark]
#[bench::run(args = (stages::group_cancel()), teardown = Stage::check)]
fn group_cancel(stage: Stage) -> Stage {
    stage.run()
}

// A replace of a resting order, through the whole group.
#[library_benchmark]
#[bench::run(args = (stages::group_replace()), teardown = Stage::check)]
fn group_replace(stage: Stage) -> Stage {
    stage.run()
}

// ITCH messages of a day's mix, decoded and applied to full books of 16 instruments.
#[library_benchmark]
#[bench::run(args = (stages::feed()), teardown = Feed::check_applied)]
fn book_update(feed: Feed) -> Feed {
    feed.apply()
}

library_benchmark_group!(
    name = stages_of_a_message,
    benchmarks = [hop, decode_itch, decode_ouch, group_add, group_execute, group_cancel, group_replace, book_update]
);
main!(library_benchmark_groups = stages_of_a_message);
