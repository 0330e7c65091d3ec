//! A sequenced actor gives the same output bytes for the same inputs, however they arrive and however fast the outputs are
//! taken; and once it has failed, it takes nothing more.

use crate::support::{AsIs, Log, Note, Play, Replayable, Two, drain, left, note, numbers, out, right, shard, two_cpus};
use corelane_runtime::{
    actor::{Down, SequencedContext, Step},
    edge::port::Port,
    message::{Header, SequenceNumber},
    sequencer::Sequencer,
    simulation::Simulation,
    topology::{ActorIndex, EdgeSpec, ExternalReceiver, ExternalSender, Idle, Topology},
};
use proptest::prelude::*;

/// Folds what it saw into a number that tells every order apart.
fn mix(state: &mut u64, number: u64) -> u64 {
    *state = (*state ^ number).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(17);
    *state
}

/// Answers each input at once on the left, then makes as many steps as its number says, each with an output on both
/// ports. All that it sent before shows in what it sends next.
fn sweeper() -> Replayable<Two, 2> {
    let rest = std::rc::Rc::new(std::cell::Cell::new(note(0)));
    let state = std::rc::Rc::new(std::cell::Cell::new(0));
    let (taken, seen) = (rest.clone(), state.clone());
    let mut actor = Replayable::<Two, 2>::new(move |ctx, note| {
        let mut folded = seen.get();
        ctx.out.left.send(Note { from: mix(&mut folded, note.number ^ ctx.time_ns()), ..note });
        seen.set(folded);
        taken.set(note);
        Step::More
    });
    actor.on_more = Box::new(move |ctx, ()| {
        let mut now = rest.get();
        let mut folded = state.get();
        ctx.out.left.send(now);
        ctx.out.right.send(Note { from: mix(&mut folded, now.number), ..now });
        state.set(folded);
        now.number = now.number.saturating_sub(1);
        rest.set(now);
        if now.number > 0 { Step::More } else { Step::Done }
    });
    actor
}

struct World {
    simulation: Simulation,
    sender: ExternalSender<Note>,
    receivers: [ExternalReceiver<Note>; 2],
}

/// A sequencer before the sweeper, whose edges out take `outlet` messages.
fn world(outlet: usize) -> World {
    let mut topology = Topology::new();
    let shard = shard(&mut topology, "only", two_cpus()[0], Idle::Spin);
    let sequencer = topology.actor(shard, "sequencer", || Sequencer::new(AsIs));
    let sweeper = topology.sequenced(shard, "sweeper", sweeper);
    let sender = topology.external_sender("in", sequencer, EdgeSpec::backpressure(1024));
    topology.leave_open(sequencer, |out| &mut out.record);
    topology.connect(sequencer, |out| &mut out.group, sweeper, EdgeSpec::backpressure(8));
    let receivers = [
        topology.external_receiver(sweeper, left, EdgeSpec::backpressure(outlet)),
        topology.external_receiver(sweeper, right, EdgeSpec::backpressure(outlet)),
    ];
    World { simulation: topology.simulate().unwrap(), sender, receivers }
}

type Outputs = [Vec<(Header, Note)>; 2];

/// Everything at once, with room for all outputs.
fn in_one_go(inputs: &[u64]) -> Outputs {
    let mut world = world(1 << 14);
    inputs.iter().for_each(|&number| world.sender.send(note(number)).unwrap());
    world.simulation.run_until_idle();
    world.receivers.each_mut().map(taken)
}

fn taken(receiver: &mut ExternalReceiver<Note>) -> Vec<(Header, Note)> {
    std::iter::from_fn(|| receiver.receive()).map(|envelope| (envelope.header, envelope.body)).collect()
}

/// Inputs and outputs a few at a time, as `pace` says.
fn bit_by_bit(inputs: &[u64], outlet: usize, pace: &[(usize, usize, usize)]) -> Outputs {
    let mut world = world(outlet);
    let mut waiting = inputs.iter();
    let mut outputs: Outputs = Default::default();
    let mut idle = 0;
    for &(arrive, take_one, take_other) in pace.iter().cycle() {
        waiting.by_ref().take(arrive).for_each(|&number| world.sender.send(note(number)).unwrap());
        let mut work = world.simulation.turn();
        for ((receiver, outputs), count) in world.receivers.iter_mut().zip(&mut outputs).zip([take_one, take_other]) {
            let before = outputs.len();
            outputs
                .extend((0..count).map_while(|_| receiver.receive()).map(|envelope| (envelope.header, envelope.body)));
            work += outputs.len() - before;
        }
        idle = if work > 0 || waiting.len() > 0 { 0 } else { idle + 1 };
        if idle > pace.len() {
            return outputs;
        }
    }
    unreachable!("a pace has at least one step");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn outputs_depend_on_the_inputs_alone(
        inputs in prop::collection::vec(1..12u64, 1..40),
        outlet in 4..9usize,
        mut pace in prop::collection::vec((0..4usize, 0..3usize, 0..3usize), 1..12),
    ) {
        pace.push((1, 1, 1));
        let expected = in_one_go(&inputs);
        prop_assert_eq!(expected[0].len() as u64, inputs.iter().sum::<u64>() + inputs.len() as u64);
        prop_assert_eq!(expected[1].len() as u64, inputs.iter().sum::<u64>());
        prop_assert_eq!(bit_by_bit(&inputs, outlet, &pace), expected);
    }
}

#[test]
fn an_input_is_done_before_the_next_is_taken() {
    let mut topology = Topology::new();
    let shard = shard(&mut topology, "only", two_cpus()[0], Idle::Spin);
    let sequencer = topology.actor(shard, "sequencer", || Sequencer::new(AsIs));
    let log = Log::new();
    let seen = log.clone();
    let actor = topology.sequenced(shard, "actor", move || {
        let more = seen.clone();
        let mut actor = Replayable::<(), 0>::new(move |ctx, note| {
            seen.push((note.number, ctx.header().sequence.0));
            Step::More
        });
        let mut steps = 0;
        actor.on_more = Box::new(move |ctx, ()| {
            steps += 1;
            more.push((1000, ctx.header().sequence.0));
            if steps % 3 == 0 { Step::Done } else { Step::More }
        });
        actor
    });
    let mut sender = topology.external_sender("in", sequencer, EdgeSpec::backpressure(64));
    topology.leave_open(sequencer, |out| &mut out.record);
    topology.connect(sequencer, |out| &mut out.group, actor, EdgeSpec::backpressure(64));
    let mut simulation = topology.simulate().unwrap();
    (1..=3).for_each(|number| sender.send(note(number)).unwrap());
    simulation.run_until_idle();
    let expected: Vec<_> = (1..=3).flat_map(|n| [(n, n), (1000, n), (1000, n), (1000, n)]).collect();
    assert_eq!(log.entries(), expected);
}

/// In which step of input 3 the actor below panics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fails {
    AtStart,
    OnMessage,
    /// After more steps than one poll makes.
    OnMore,
}

const STEPS: u64 = 600;

struct Failing {
    simulation: Simulation,
    sender: ExternalSender<Note>,
    receiver: ExternalReceiver<Note>,
    /// What a neighbour, and the sequenced actor behind the same sequencer, were told.
    downs: Log<Down>,
    index: ActorIndex,
}

/// A sequencer on its own shard, behind it an actor that fails at input 3, and behind that a neighbour.
fn failing(fails: Fails) -> Failing {
    let mut topology = Topology::new();
    let [one, two] = two_cpus();
    let ingress = shard(&mut topology, "ingress", one, Idle::Park);
    let core = shard(&mut topology, "core", two, Idle::Park);
    let sequencer = topology.actor(ingress, "sequencer", || Sequencer::new(AsIs));
    let actor = topology.sequenced(core, "actor", move || {
        let panics = |ctx: &mut SequencedContext<'_, Port<Note>>| {
            ctx.out.send(note(333));
            panic!("as the test wants")
        };
        let mut actor = Replayable::<Port<Note>, 1>::new(move |ctx, note| {
            if note.number == 3 && fails == Fails::OnMessage {
                panics(ctx);
            }
            ctx.out.send(note);
            if note.number == 3 { Step::More } else { Step::Done }
        });
        let mut steps = 0;
        actor.on_more = Box::new(move |ctx, ()| {
            steps += 1;
            if steps == STEPS {
                panics(ctx);
            }
            Step::More
        });
        actor.on_start = Box::new(move |_, ()| assert!(fails != Fails::AtStart, "as the test wants"));
        actor
    });
    let downs = Log::new();
    let told = downs.clone();
    let neighbour = topology.actor(core, "neighbour", move || {
        let mut actor = Play::<Port<Note>, 1>::relay();
        actor.on_down = Box::new(move |ctx, down| {
            told.push(down);
            ctx.out.send(note(1_000_000 + down.sequence.0));
        });
        actor
    });
    let sender = topology.external_sender("in", sequencer, EdgeSpec::backpressure(64));
    topology.leave_open(sequencer, |out| &mut out.record);
    topology.connect(sequencer, |out| &mut out.group, actor, EdgeSpec::backpressure(4));
    topology.connect(actor, out, neighbour, EdgeSpec::backpressure(4));
    let receiver = topology.external_receiver(neighbour, out, EdgeSpec::backpressure(256));
    Failing { index: actor.into(), simulation: topology.simulate().unwrap(), sender, receiver, downs }
}

#[test]
fn its_last_step_is_taken_back_and_it_takes_nothing_more() {
    for (fails, whole) in [(Fails::OnMessage, &[1, 2][..]), (Fails::OnMore, &[1, 2, 3])] {
        let Failing { mut simulation, mut sender, mut receiver, downs, index } = failing(fails);
        (1..=50).for_each(|number| sender.send(note(number)).unwrap());
        simulation.run_until_idle();
        // 4 to 50 were taken off the edge, so that nobody waits.
        assert_eq!(numbers(&drain(&mut receiver)), [whole, &[1_000_003]].concat(), "{fails:?}");
        assert_eq!(downs.entries(), [Down { actor: index, sequence: SequenceNumber(3), generation: 0 }], "{fails:?}");
        let [failure] = simulation.failures() else { panic!("{fails:?}: {:?}", simulation.failures()) };
        assert_eq!((failure.actor, failure.header.sequence), (index, SequenceNumber(3)), "{fails:?}");
        (1..=64).for_each(|number| sender.send(note(number)).unwrap());
        simulation.run_until_idle();
        assert!(sender.send(note(1)).is_ok(), "{fails:?}: the edges before the dead actor are empty");
        assert_eq!(drain(&mut receiver), [], "{fails:?}");
    }
}

#[test]
fn one_that_fails_as_it_starts_is_reported_without_any_input() {
    let Failing { mut simulation, mut sender, mut receiver, downs, index } = failing(Fails::AtStart);
    simulation.run_until_idle();
    assert_eq!(simulation.failures().len(), 1);
    assert_eq!(downs.entries(), [Down { actor: index, sequence: SequenceNumber::NONE, generation: 0 }]);
    assert_eq!(numbers(&drain(&mut receiver)), [1_000_000]);
    sender.send(note(1)).unwrap();
    simulation.run_until_idle();
    assert_eq!(drain(&mut receiver), []);
}

#[test]
fn a_neighbour_that_fails_as_it_starts_leaves_it_as_it_is() {
    let mut topology = Topology::new();
    let shard = shard(&mut topology, "only", two_cpus()[0], Idle::Spin);
    topology.actor(shard, "neighbour", || {
        let mut actor = Play::<(), 0>::new(|_, _| Step::Done);
        actor.on_start = Box::new(|_, ()| panic!("as the test wants"));
        actor
    });
    let sequencer = topology.actor(shard, "sequencer", || Sequencer::new(AsIs));
    let actor = topology.sequenced(shard, "actor", Replayable::<Port<Note>, 1>::relay);
    let mut sender = topology.external_sender("in", sequencer, EdgeSpec::backpressure(8));
    topology.leave_open(sequencer, |out| &mut out.record);
    topology.connect(sequencer, |out| &mut out.group, actor, EdgeSpec::backpressure(4));
    let mut receiver = topology.external_receiver(actor, out, EdgeSpec::backpressure(8));
    let mut simulation = topology.simulate().unwrap();
    (1..=3).for_each(|number| sender.send(note(number)).unwrap());
    simulation.run_until_idle();
    assert_eq!(numbers(&drain(&mut receiver)), [1, 2, 3]);
    assert_eq!(simulation.failures().len(), 1);
}

#[test]
fn what_it_sends_as_it_starts_needs_no_input_to_arrive() {
    let mut topology = Topology::new();
    let shard = shard(&mut topology, "only", two_cpus()[0], Idle::Spin);
    let sequencer = topology.actor(shard, "sequencer", || Sequencer::new(AsIs));
    let actor = topology.sequenced(shard, "actor", || {
        let mut actor = Replayable::<Port<Note>, 1>::relay();
        actor.on_start = Box::new(|ctx, ()| ctx.out.send(note(5)));
        actor
    });
    let _sender = topology.external_sender("in", sequencer, EdgeSpec::backpressure(4));
    topology.leave_open(sequencer, |out| &mut out.record);
    topology.connect(sequencer, |out| &mut out.group, actor, EdgeSpec::backpressure(4));
    let mut receiver = topology.external_receiver(actor, out, EdgeSpec::backpressure(4));
    let mut simulation = topology.simulate().unwrap();
    simulation.run_until_idle();
    assert_eq!(numbers(&drain(&mut receiver)), [5]);
}
