//! What a shard needs of a cell.

use std::{any::Any, rc::Rc};

use crate::{
    actor::{Down, Up},
    edge::step::StepState,
    net::{Net, NetHandler},
    shard::failure::{DeadLetter, Fault},
};

/// Sums for telemetry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Traffic {
    pub received: u64,
    pub sent: u64,
    pub dropped: u64,
    pub conflated: u64,
    pub expired: u64,
    pub holds: u64,
    pub readers_gone: u64,
}

impl Traffic {
    pub(crate) fn plus(self, other: Traffic) -> Traffic {
        Traffic {
            received: self.received + other.received,
            sent: self.sent + other.sent,
            dropped: self.dropped + other.dropped,
            conflated: self.conflated + other.conflated,
            expired: self.expired + other.expired,
            holds: self.holds + other.holds,
            readers_gone: self.readers_gone + other.readers_gone,
        }
    }
}

/// What a poll came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Polled {
    /// Steps that ran, and messages that moved on.
    pub steps: usize,
    /// Something is left for it.
    pub has_more: bool,
}

/// What keeps an actor, or a shard, from sleeping.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rest {
    /// Nothing: it waits for input or a timer.
    Quiet,
    /// It waits for room in an edge, of which nobody tells it.
    WaitsForRoom,
    /// It can go on at once.
    Busy,
}

/// What a shard needs of an actor, with its type erased: once per batch, never per message.
pub(crate) trait Hosted {
    fn start(&mut self, net: &mut dyn Net);
    /// Runs up to `budget` steps.
    fn poll(&mut self, budget: usize, net: &mut dyn Net) -> Polled;
    /// True when nothing waits in the inlets or for room in an edge, and no step is unfinished.
    fn is_quiet(&self) -> bool;
    /// Whether it can go on now, at `now_ns`.
    fn rest(&mut self, now_ns: u64) -> Rest;
    fn end_batch(&mut self, net: &mut dyn Net);
    fn down(&mut self, down: Down, net: &mut dyn Net);
    fn up(&mut self, up: Up, net: &mut dyn Net);
    fn stop(&mut self, net: &mut dyn Net);
    /// How the actor failed; returned once.
    fn take_failure(&mut self) -> Option<Box<Fault>>;
    /// Fails the actor without a step of it, if it runs or waits for its restart.
    fn fail(&mut self, fault: Fault);
    /// Suspends a running actor: its input waits. Returns the input that it has begun.
    fn suspend(&mut self) -> Option<DeadLetter>;
    /// Puts the next generation in the place of a suspended actor, which goes where that one was, and starts it. False if it does
    /// not run then: its start panicked, or nothing was to be replaced.
    fn replace(&mut self, value: &mut (dyn Any + Send), generation: u16, net: &mut dyn Net) -> bool;
    /// Discards the input of an actor that does not run, from now on.
    fn give_up(&mut self);
    /// Drops the actor; returns how that failed.
    fn dispose(self: Box<Self>) -> Option<Fault>;
    /// When its next timer is due; none if it has failed.
    fn next_timer_ns(&self) -> Option<u64>;
    fn net_handler(&mut self) -> Option<&mut dyn NetHandler>;
    /// The step in progress, which the flight recorder looks at.
    fn step(&self) -> Rc<StepState>;
    fn traffic(&mut self) -> Traffic;
}
