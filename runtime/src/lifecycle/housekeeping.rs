//! The housekeeping thread: runs the supervisor, and ends and joins the shards' threads whatever happens.

use std::{mem, ops::ControlFlow};

use super::{END_DEADLINE, fault::RuntimeFault, housekeeping_watch::Ends, stages, supervise::Supervisor};
use crate::{
    cpu,
    shard::panics::{catch, mark_runtime_thread},
    supervision::pulse::Doing,
};

/// A shard's name and its thread.
pub(super) type ShardThread = (String, glommio::ExecutorJoinHandle<()>);

/// Looks after the shards until the stop, then stops them; returns whether everything in flight was finished.
/// `_ends` is dropped last, after all that the supervisor holds.
pub(super) fn run(_ends: Ends, mut supervisor: Supervisor, threads: Vec<ShardThread>) -> bool {
    mark_runtime_thread();
    let looked_after = catch(|| {
        if let Some(error) = supervisor.options.housekeeping_cpu.and_then(|cpu| cpu::pin_current_thread(cpu).err()) {
            supervisor.log(|| tracing::warn!(%error, "housekeeping runs on any CPU"));
        }
        supervisor.look_after();
    });
    if looked_after.is_err() {
        // The program ends its business all the same, if it can: a panic is no reason to leave orders without their last word.
        supervisor.halt_for_own_panic();
        if catch(|| supervisor.look_after()).is_err() {
            supervisor.is_ending = true;
            supervisor.note_own_panic();
        }
    }
    let drained = catch(|| supervisor.stop_in_order()).unwrap_or_else(|_| {
        supervisor.note_own_panic();
        false
    });
    supervisor.advance(stages::EXIT);
    let began = supervisor.time.passed();
    let deadline = began + END_DEADLINE;
    // What panicked was an event's, which is taken.
    while catch(|| supervisor.wait_for_ends(deadline)).is_err() {
        supervisor.note_own_panic();
    }
    let seconds = (supervisor.time.passed() - began).min(END_DEADLINE).as_secs();
    for (index, (shard, thread)) in threads.into_iter().enumerate() {
        if !supervisor.has_ended(index) {
            let actor = supervisor.last_called(index);
            let fault = RuntimeFault::ShardHangs { shard, seconds, actor };
            supervisor.note_of(index, fault, "its thread was left behind");
        } else if let Err(error) = thread.join() {
            supervisor.log(|| tracing::error!(shard, %error, "the shard's executor ended badly"));
        }
    }
    // What the shards handed over last.
    let last = catch(|| {
        supervisor.relay();
        supervisor.gather();
    });
    if last.is_err() {
        supervisor.note_own_panic();
    }
    // They are the program's, and so is what they hold.
    let chore = mem::replace(&mut supervisor.chore, Box::new(|_| ControlFlow::Break(())));
    let_go(&mut supervisor, chore);
    while let Some(build_next) = supervisor.crew.take_builder() {
        let_go(&mut supervisor, build_next);
    }
    supervisor.hand_over_incidents();
    let taker = supervisor.incidents.take_last();
    let_go(&mut supervisor, taker);
    drained
}

/// Drops something; a panic in that is recorded, and no reason to leave the rest undone.
fn let_go<T>(supervisor: &mut Supervisor, held: T) {
    let dropped = catch(|| supervisor.pulse.during(Doing::LettingGo, || drop(held)));
    if dropped.is_err() {
        supervisor.note_own_panic();
    }
}
