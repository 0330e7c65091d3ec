//! Edges that keep only the newest message of each key.

use crate::support::{Log, Note, note, options, shard, two_cpus, until};
use bytemuck::{Pod, Zeroable};
use corelane_runtime::{
    actor::{Actor, Context, SequencedActor, SequencedContext, Step},
    edge::port::Port,
    message::{Keyed, Message},
    sequencer::{Origin, Sequencer, SequencerPolicy},
    telemetry::ShardCount,
    topology::check::TopologyError,
    topology::{ActorId, EdgeSpec, ExternalSender, Idle, ShardId, Topology},
};

/// A price of an instrument.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
struct Price {
    instrument: u64,
    price: u64,
}

impl Message for Price {
    fn kind(&self) -> u16 {
        9
    }
}

impl Keyed for Price {
    fn key(&self) -> usize {
        self.instrument as usize
    }
}

/// Makes a price of each note: the instrument is `from`, the price `number`.
struct Pricer;

impl Actor for Pricer {
    type In = Note;
    type Out = Port<Price>;
    const OUTPUTS_MAX: usize = 1;

    fn on_message(&mut self, ctx: &mut Context<'_, Port<Price>>, note: &Note) -> Step {
        ctx.out.send(Price { instrument: note.from, price: note.number });
        Step::Done
    }
}

struct Watcher(Log<Price>);

impl Actor for Watcher {
    type In = Price;
    type Out = ();
    const OUTPUTS_MAX: usize = 1;

    fn on_message(&mut self, ctx: &mut Context<'_, ()>, price: &Price) -> Step {
        assert_eq!(ctx.header().kind, 9, "the header travels with the message");
        self.0.push(*price);
        Step::Done
    }
}

fn out(out: &mut Port<Price>) -> &mut Port<Price> {
    out
}

fn price(instrument: u64, price: u64) -> Note {
    Note { from: instrument, ..note(price) }
}

/// Two shards, on a CPU each if there are two.
fn near_and_far(topology: &mut Topology) -> [ShardId; 2] {
    let [first, second] = two_cpus();
    [shard(topology, "near", first, Idle::Park), shard(topology, "far", second, Idle::Park)]
}

/// A pricer on `far` whose prices of so many instruments a watcher on `near` reads, and what goes in and was seen.
fn watched(
    topology: &mut Topology,
    [near, far]: [ShardId; 2],
    instruments: usize,
) -> (ActorId<Pricer>, ExternalSender<Note>, Log<Price>) {
    let seen = Log::new();
    let log = seen.clone();
    let watcher = topology.actor(near, "watcher", move || Watcher(log));
    let pricer = topology.actor(far, "pricer", || Pricer);
    let sender = topology.external_sender("in", pricer, EdgeSpec::backpressure(1024));
    topology.conflate(pricer, out, watcher, instruments);
    (pricer, sender, seen)
}

#[test]
fn a_reader_sees_the_newest_of_each_key_and_the_rest_is_counted() {
    let mut topology = Topology::new();
    let shards = near_and_far(&mut topology);
    let (_, mut sender, seen) = watched(&mut topology, shards, 100);
    let mut simulation = topology.simulate().unwrap();
    for (instrument, value) in [(99, 1), (7, 2), (99, 3), (0, 4), (7, 5), (99, 6)] {
        sender.send(price(instrument, value)).unwrap();
    }
    simulation.run_until_idle();
    let newest = [(0, 4), (7, 5), (99, 6)].map(|(instrument, price)| Price { instrument, price });
    let mut found = seen.entries();
    found.sort_unstable_by_key(|price| price.instrument);
    assert_eq!(found, newest);
    sender.send(price(7, 8)).unwrap();
    simulation.run_until_idle();
    assert_eq!(seen.entries()[3..], [Price { instrument: 7, price: 8 }]);
    assert!(simulation.failures().is_empty());
}

#[test]
fn a_receiver_outside_reads_the_newest_of_each_key() {
    let mut topology = Topology::new();
    let shard = shard(&mut topology, "only", two_cpus()[0], Idle::Park);
    let pricer = topology.actor(shard, "pricer", || Pricer);
    let mut sender = topology.external_sender("in", pricer, EdgeSpec::backpressure(64));
    let mut receiver = topology.conflated_receiver(pricer, out, 100);
    let mut simulation = topology.simulate().unwrap();
    assert!(receiver.receive().is_none());
    for (instrument, value) in [(99, 1), (7, 2), (99, 3), (7, 4), (99, 5)] {
        sender.send(price(instrument, value)).unwrap();
    }
    simulation.run_until_idle();
    let mut found: Vec<_> = std::iter::from_fn(|| receiver.receive()).collect();
    found.sort_unstable_by_key(|envelope| envelope.body.instrument);
    assert!(found.iter().all(|envelope| envelope.header.kind == 9), "the header travels with the message");
    let found: Vec<_> = found.iter().map(|envelope| envelope.body).collect();
    assert_eq!(found, [(7, 4), (99, 5)].map(|(instrument, price)| Price { instrument, price }));
    assert_eq!(receiver.conflated(), 3);
}

#[test]
fn a_key_beyond_the_edge_fails_who_sends_it() {
    let mut topology = Topology::new();
    let shard = shard(&mut topology, "only", two_cpus()[0], Idle::Park);
    let (pricer, mut sender, seen) = watched(&mut topology, [shard; 2], 2);
    let mut simulation = topology.simulate().unwrap();
    sender.send(price(1, 1)).unwrap();
    sender.send(price(2, 2)).unwrap();
    sender.send(price(0, 3)).unwrap();
    simulation.run_until_idle();
    assert_eq!(seen.entries(), [Price { instrument: 1, price: 1 }]);
    let failures = simulation.failures();
    assert_eq!((failures.len(), failures[0].actor), (1, pricer.into()));
}

/// A sequenced input is a price.
struct Priced;

impl SequencerPolicy for Priced {
    type In = Price;
    type Out = Price;
    fn sequence(&mut self, input: &Price, _: Origin, emit: impl FnOnce(Price)) {
        emit(*input);
    }
}

struct SequencedWatcher;

impl SequencedActor for SequencedWatcher {
    type In = Price;
    type Out = ();
    const OUTPUTS_MAX: usize = 0;
    fn on_message(&mut self, _: &mut SequencedContext<'_, ()>, _: &Price) -> Step {
        Step::Done
    }
}

// R7
#[test]
fn a_sequenced_actor_cannot_have_one_as_input_but_the_sequencer_can() {
    let mut topology = Topology::new();
    let shard = shard(&mut topology, "only", two_cpus()[0], Idle::Park);
    let pricer = topology.actor(shard, "pricer", || Pricer);
    let sequencer = topology.actor(shard, "sequencer", || Sequencer::new(Priced));
    let watcher = topology.sequenced(shard, "watcher", || SequencedWatcher);
    let _injector = topology.external_sender("in", pricer, EdgeSpec::backpressure(64));
    topology.conflate(pricer, out, sequencer, 100);
    topology.leave_open(sequencer, |out| &mut out.record);
    topology.conflate(sequencer, |out| &mut out.group, watcher, 100);
    let errors = topology.check().unwrap_err().0;
    let (actor, edge) = ("watcher".to_owned(), "sequencer.group".to_owned());
    assert_eq!(errors, [TopologyError::SequencedLossy { actor, edge }]);
}

#[test]
fn a_sleeping_reader_is_woken_and_never_misses_the_last_value() {
    const INSTRUMENTS: u64 = 300;
    const ROUNDS: u64 = 2_000;
    const SINGLES: u64 = 20;
    let mut topology = Topology::new();
    let shards = near_and_far(&mut topology);
    let (_, mut sender, seen) = watched(&mut topology, shards, INSTRUMENTS as usize);
    let running = topology.start(options()).unwrap();
    let notes =
        (1..=ROUNDS).flat_map(|round| (0..3).map(move |step| price((round * 7 + step * 100) % INSTRUMENTS, round)));
    crate::support::send_all(&mut sender, notes);
    until("the last price", || seen.entries().iter().rev().any(|seen| seen.price == ROUNDS));
    // One change at a time, each after the reader has had time to fall asleep.
    for single in 1..=SINGLES {
        std::thread::sleep(std::time::Duration::from_millis(5));
        let change = Price { instrument: 5, price: ROUNDS + single };
        sender.send(price(change.instrument, change.price)).unwrap();
        until("a single price", || seen.entries().contains(&change));
    }
    let outcome = running.stop();
    assert!(outcome.drained && outcome.status.failures.is_empty());
    let entries = seen.entries();
    let mut newest = vec![0; INSTRUMENTS as usize];
    for entry in &entries {
        assert!(entry.price > newest[entry.key()], "instrument {} goes back", entry.instrument);
        newest[entry.key()] = entry.price;
    }
    for round in 1..=ROUNDS {
        (0..3).for_each(|step| assert!(newest[((round * 7 + step * 100) % INSTRUMENTS) as usize] >= round));
    }
    let counted = |counter: ShardCount| outcome.status.shards[0].count(counter);
    assert_eq!(entries.len() as u64 + counted(ShardCount::Conflated), 3 * ROUNDS + SINGLES, "each is seen or counted");
    assert!(counted(ShardCount::Parks) > 0, "the reader never slept");
}

#[test]
fn a_receiver_outside_knows_that_no_more_comes() {
    let mut topology = Topology::new();
    let shard = shard(&mut topology, "ends", two_cpus()[0], Idle::Park);
    let pricer = topology.actor(shard, "pricer", || Pricer);
    let mut sender = topology.external_sender("in", pricer, EdgeSpec::backpressure(8));
    let mut receiver = topology.conflated_receiver(pricer, out, 8);
    let running = topology.start(options()).unwrap();
    assert!(!receiver.is_closed(), "its actor runs");
    sender.send(price(3, 5)).unwrap();
    assert!(running.stop().is_clean());
    assert!(!receiver.is_closed(), "something waits in it");
    assert_eq!(receiver.receive().map(|envelope| envelope.body), Some(Price { instrument: 3, price: 5 }));
    assert!(receiver.is_closed());
}
