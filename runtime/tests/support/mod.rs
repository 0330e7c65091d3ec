//! What the tests of topologies share: one message, an actor whose hooks are closures, and waiting with an end.
#![allow(dead_code, unused_imports, reason = "each test binary uses its part")]

pub(crate) mod asks;
pub(crate) mod threads;

use std::{
    net::Ipv4Addr,
    sync::{Arc, Mutex},
};

use bytemuck::{Pod, Zeroable};
use corelane_runtime::{
    actor::{Actor, Context, Down, SequencedActor, SequencedContext, Step, Up},
    edge::port::{Outputs, Port},
    lifecycle::Running,
    message::{Keyed, Message, Prioritized, Priority},
    net::{EndpointSpec, FrameError, Framer},
    ports,
    sequencer::{Origin, SequencerPolicy},
    telemetry::ShardCount,
    topology::{ExternalReceiver, Idle, ShardId, ShardSpec, Topology},
};
pub(crate) use corelane_test_support::{
    shards::{options, small_net, two_cpus},
    wait::until,
};

/// The message of all tests. On an edge that conflates, `from` is its key; in a mailbox it is its priority, 0 the most urgent.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
pub(crate) struct Note {
    pub number: u64,
    pub from: u64,
    pub filler: [u64; 2],
}

impl Message for Note {
    fn kind(&self) -> u16 {
        7
    }
}

impl Keyed for Note {
    fn key(&self) -> usize {
        self.from as usize
    }
}

impl Prioritized for Note {
    fn priority(&self) -> Priority {
        Priority::ALL[self.from as usize]
    }
}

pub(crate) fn note(number: u64) -> Note {
    Note { number, ..Note::default() }
}

ports! {
    /// Two ports.
    pub struct Two {
        /// One.
        left: Note,
        /// The other.
        right: Note,
    }
}

type Hook<O, A, R> = Box<dyn FnMut(&mut Context<'_, O>, A) -> R>;

/// An actor with at most `K` outputs per step and port, whose hooks are closures.
pub(crate) struct Play<O: Outputs, const K: usize> {
    on_message: Hook<O, Note, Step>,
    pub on_more: Hook<O, (), Step>,
    pub on_start: Hook<O, (), ()>,
    pub on_timer: Hook<O, u64, ()>,
    pub on_batch_end: Hook<O, (), ()>,
    pub on_down: Hook<O, Down, ()>,
    pub on_up: Hook<O, Up, ()>,
    pub on_stop: Hook<O, (), ()>,
}

impl<O: Outputs, const K: usize> Play<O, K> {
    pub(crate) fn new(on_message: impl FnMut(&mut Context<'_, O>, Note) -> Step + 'static) -> Self {
        Play {
            on_message: Box::new(on_message),
            on_more: Box::new(|_, ()| Step::Done),
            on_start: Box::new(|_, ()| ()),
            on_timer: Box::new(|_, _| ()),
            on_batch_end: Box::new(|_, ()| ()),
            on_down: Box::new(|_, _| ()),
            on_up: Box::new(|_, _| ()),
            on_stop: Box::new(|_, ()| ()),
        }
    }
}

impl<const K: usize> Play<Port<Note>, K> {
    /// Sends on what comes in.
    pub(crate) fn relay() -> Self {
        Play::new(|ctx: &mut Context<'_, Port<Note>>, note| {
            ctx.out.send(note);
            Step::Done
        })
    }
}

impl<O: Outputs, const K: usize> Actor for Play<O, K> {
    type In = Note;
    type Out = O;
    const OUTPUTS_MAX: usize = K;
    const TIMERS_MAX: usize = 8;

    fn on_start(&mut self, ctx: &mut Context<'_, O>) {
        (self.on_start)(ctx, ());
    }
    fn on_message(&mut self, ctx: &mut Context<'_, O>, message: &Note) -> Step {
        (self.on_message)(ctx, *message)
    }
    fn on_more(&mut self, ctx: &mut Context<'_, O>) -> Step {
        (self.on_more)(ctx, ())
    }
    fn on_timer(&mut self, ctx: &mut Context<'_, O>, token: u64) {
        (self.on_timer)(ctx, token);
    }
    fn on_batch_end(&mut self, ctx: &mut Context<'_, O>) {
        (self.on_batch_end)(ctx, ());
    }
    fn on_down(&mut self, ctx: &mut Context<'_, O>, down: Down) {
        (self.on_down)(ctx, down);
    }
    fn on_up(&mut self, ctx: &mut Context<'_, O>, up: Up) {
        (self.on_up)(ctx, up);
    }
    fn on_stop(&mut self, ctx: &mut Context<'_, O>) {
        (self.on_stop)(ctx, ());
    }
}

type SequencedHook<O, A, R> = Box<dyn FnMut(&mut SequencedContext<'_, O>, A) -> R>;

/// A sequenced actor with at most `K` outputs per step and port, whose hooks are closures.
pub(crate) struct Replayable<O: Outputs, const K: usize> {
    on_message: SequencedHook<O, Note, Step>,
    pub on_more: SequencedHook<O, (), Step>,
    pub on_start: SequencedHook<O, (), ()>,
}

impl<O: Outputs, const K: usize> Replayable<O, K> {
    pub(crate) fn new(on_message: impl FnMut(&mut SequencedContext<'_, O>, Note) -> Step + 'static) -> Self {
        Replayable {
            on_message: Box::new(on_message),
            on_more: Box::new(|_, ()| Step::Done),
            on_start: Box::new(|_, ()| ()),
        }
    }
}

impl<const K: usize> Replayable<Port<Note>, K> {
    /// Sends on what comes in.
    pub(crate) fn relay() -> Self {
        Replayable::new(|ctx: &mut SequencedContext<'_, Port<Note>>, note| {
            ctx.out.send(note);
            Step::Done
        })
    }
}

impl<O: Outputs, const K: usize> SequencedActor for Replayable<O, K> {
    type In = Note;
    type Out = O;
    const OUTPUTS_MAX: usize = K;

    fn on_start(&mut self, ctx: &mut SequencedContext<'_, O>) {
        (self.on_start)(ctx, ());
    }
    fn on_message(&mut self, ctx: &mut SequencedContext<'_, O>, message: &Note) -> Step {
        (self.on_message)(ctx, *message)
    }
    fn on_more(&mut self, ctx: &mut SequencedContext<'_, O>) -> Step {
        (self.on_more)(ctx, ())
    }
}

/// The port of an actor that has one.
pub(crate) fn out(out: &mut Port<Note>) -> &mut Port<Note> {
    out
}

pub(crate) fn left(out: &mut Two) -> &mut Port<Note> {
    &mut out.left
}

pub(crate) fn right(out: &mut Two) -> &mut Port<Note> {
    &mut out.right
}

/// A sequenced input is the request itself.
pub(crate) struct AsIs;

impl SequencerPolicy for AsIs {
    type In = Note;
    type Out = Note;
    fn sequence(&mut self, input: &Note, _: Origin, emit: impl FnOnce(Note)) {
        emit(*input);
    }
}

/// Frames of one byte.
pub(crate) struct Bytewise;

impl Framer for Bytewise {
    fn frame_len(&self, bytes: &[u8]) -> Result<Option<usize>, FrameError> {
        Ok((!bytes.is_empty()).then_some(1))
    }
}

/// A listener on loopback for frames of one byte.
pub(crate) fn listen_bytewise() -> EndpointSpec {
    EndpointSpec::Listen { addr: (Ipv4Addr::LOCALHOST, 0).into(), framer: Box::new(Bytewise), backlog: 8 }
}

/// What actors write and the test reads.
#[derive(Clone, Debug)]
pub(crate) struct Log<T>(Arc<Mutex<Vec<T>>>);

impl<T: Clone> Log<T> {
    pub(crate) fn new() -> Self {
        Log(Arc::default())
    }
    pub(crate) fn push(&self, entry: T) {
        self.0.lock().unwrap().push(entry);
    }
    pub(crate) fn entries(&self) -> Vec<T> {
        self.0.lock().unwrap().clone()
    }
    pub(crate) fn len(&self) -> usize {
        self.0.lock().unwrap().len()
    }
}

pub(crate) fn shard(topology: &mut Topology, name: &str, cpu: usize, idle: Idle) -> ShardId {
    topology.shard(ShardSpec::new(name, cpu).idle(idle).net(small_net()))
}

/// The next `count` messages of a receiver.
#[track_caller]
pub(crate) fn receive(receiver: &mut ExternalReceiver<Note>, count: usize) -> Vec<Note> {
    let mut notes = Vec::new();
    until(&format!("{count} messages"), || {
        while let Some(envelope) = receiver.receive() {
            notes.push(envelope.body);
        }
        notes.len() >= count
    });
    notes
}

/// What is in a receiver now.
pub(crate) fn drain(receiver: &mut ExternalReceiver<Note>) -> Vec<Note> {
    std::iter::from_fn(|| receiver.receive()).map(|envelope| envelope.body).collect()
}

pub(crate) fn numbers(notes: &[Note]) -> Vec<u64> {
    notes.iter().map(|note| note.number).collect()
}

/// A counter of a shard, as far as housekeeping knows.
pub(crate) fn counter(running: &Running, shard: usize, counter: ShardCount) -> u64 {
    running.status().shards.get(shard).map_or(0, |shard| shard.count(counter))
}

/// Sends all, waiting for room.
#[track_caller]
pub(crate) fn send_all(
    sender: &mut corelane_runtime::topology::ExternalSender<Note>,
    notes: impl IntoIterator<Item = Note>,
) {
    for note in notes {
        until("room in an sender", || sender.send(note).is_ok());
    }
}
