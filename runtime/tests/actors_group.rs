//! A group gives the same output bytes for the same inputs, however they arrive and however fast the outputs are taken;
//! and it fails as a whole.

mod support;

use corelane_runtime::{
    actor::{Context, Down, Step},
    edge::port::Port,
    message::Header,
    ports,
    sequencer::Sequencer,
    simulation::Simulation,
    topology::{ActorId, EdgeSpec, ExternalReceiver, ExternalSender, Idle, Topology},
};
use proptest::prelude::*;
use support::{AsIs, Log, Note, Play, Two, drain, left, note, numbers, out, right, shard, two_cpus};

ports! {
    /// What the middle of the pipeline sends.
    struct Three {
        /// To the last member.
        on: Note,
        /// Back to the first.
        back: Note,
        /// Out of the group.
        outside: Note,
    }
}

/// Folds what it saw into a number that tells every order apart.
fn mix(state: &mut u64, number: u64) -> u64 {
    *state = (*state ^ number).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(17);
    *state
}

struct Pipeline {
    simulation: Simulation,
    sender: ExternalSender<Note>,
    receivers: [ExternalReceiver<Note>; 2],
}

/// Sequencer → splitter → {sweeper, joiner}, sweeper → {joiner, splitter, outside}, joiner → outside: fan-in, feedback
/// and long inputs, with outlets of `outlet` messages.
fn pipeline(outlet: usize) -> Pipeline {
    let mut topology = Topology::new();
    let shard = shard(&mut topology, "only", two_cpus()[0], Idle::Spin);
    let sequencer = topology.actor(shard, "sequencer", || Sequencer::new(AsIs));
    let splitter: ActorId<Play<Two, 2>> = topology.actor(shard, "splitter", || {
        let mut state = 0;
        Play::<Two, 2>::new(move |ctx, note| {
            if note.from == 1 {
                // Feedback: it shows in what comes next.
                mix(&mut state, note.number);
            } else {
                ctx.out.left.send(Note { from: mix(&mut state, note.number), ..note });
                ctx.out.right.send(note);
            }
            Step::Done
        })
    });
    let sweeper: ActorId<Play<Three, 1>> = topology.actor(shard, "sweeper", || {
        let left_over = std::rc::Rc::new(std::cell::Cell::new(note(0)));
        let rest = left_over.clone();
        let mut actor = Play::<Three, 1>::new(move |_, note| {
            left_over.set(note);
            Step::More
        });
        // As many steps as the number says, each with an output on every port.
        actor.on_more = Box::new(move |ctx, ()| {
            let mut now = rest.get();
            ctx.out.on.send(now);
            ctx.out.back.send(Note { from: 1, ..now });
            ctx.out.outside.send(now);
            now.number = now.number.saturating_sub(1);
            rest.set(now);
            if now.number > 0 { Step::More } else { Step::Done }
        });
        actor
    });
    let joiner: ActorId<Play<Port<Note>, 1>> = topology.actor(shard, "joiner", || {
        let mut state = 0;
        Play::<Port<Note>, 1>::new(move |ctx, note| {
            ctx.out.send(Note { from: mix(&mut state, note.number ^ note.from), ..note });
            Step::Done
        })
    });
    topology.group("group", &[splitter.index(), sweeper.index(), joiner.index()]);
    let sender = topology.external_sender("in", sequencer, EdgeSpec::backpressure(1024));
    topology.leave_open(sequencer, |out| &mut out.record);
    topology.connect(sequencer, |out| &mut out.group, splitter, EdgeSpec::backpressure(8));
    topology.connect(splitter, left, sweeper, EdgeSpec::backpressure(4));
    topology.connect(splitter, right, joiner, EdgeSpec::backpressure(4));
    // Smaller than a long input: an edge within the group fills up and holds too.
    topology.connect(sweeper, |out| &mut out.on, joiner, EdgeSpec::backpressure(3));
    topology.connect(sweeper, |out| &mut out.back, splitter, EdgeSpec::backpressure(16).per_input(12));
    let receivers = [
        topology.external_receiver(sweeper, |out: &mut Three| &mut out.outside, EdgeSpec::backpressure(outlet)),
        topology.external_receiver(joiner, out, EdgeSpec::backpressure(outlet)),
    ];
    Pipeline { simulation: topology.simulate().unwrap(), sender, receivers }
}

type Outputs = [Vec<(Header, Note)>; 2];

/// Everything at once, with room for all outputs.
fn in_one_go(inputs: &[u64]) -> Outputs {
    let mut world = pipeline(1 << 14);
    inputs.iter().for_each(|&number| world.sender.send(note(number)).unwrap());
    world.simulation.run_until_idle();
    world.receivers.each_mut().map(taken)
}

fn taken(receiver: &mut ExternalReceiver<Note>) -> Vec<(Header, Note)> {
    std::iter::from_fn(|| receiver.receive()).map(|envelope| (envelope.header, envelope.body)).collect()
}

/// Inputs and outputs a few at a time, as `pace` says.
fn bit_by_bit(inputs: &[u64], outlet: usize, pace: &[(usize, usize, usize)]) -> Outputs {
    let mut world = pipeline(outlet);
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
        outlet in 2..9usize,
        mut pace in prop::collection::vec((0..4usize, 0..3usize, 0..3usize), 1..12),
    ) {
        pace.push((1, 1, 1));
        let expected = in_one_go(&inputs);
        prop_assert_eq!(expected[0].len() as u64, inputs.iter().sum::<u64>());
        prop_assert_eq!(expected[1].len() as u64, inputs.iter().sum::<u64>() + inputs.len() as u64);
        prop_assert_eq!(bit_by_bit(&inputs, outlet, &pace), expected);
    }
}

#[test]
fn one_input_is_settled_before_the_next_comes_in() {
    let mut topology = Topology::new();
    let shard = shard(&mut topology, "only", two_cpus()[0], Idle::Spin);
    let sequencer = topology.actor(shard, "sequencer", || Sequencer::new(AsIs));
    let log = Log::new();
    let seen = log.clone();
    let first = topology.actor(shard, "first", move || {
        Play::<Port<Note>, 1>::new(move |ctx, note| {
            seen.push((note.number, ctx.header().sequence));
            if note.number < 1000 {
                ctx.out.send(note);
            }
            Step::Done
        })
    });
    let second = topology.actor(shard, "second", || {
        Play::<Port<Note>, 2>::new(|ctx, message| {
            ctx.out.send(note(1000 + message.number));
            ctx.out.send(note(2000 + message.number));
            Step::Done
        })
    });
    topology.group("group", &[second.index(), first.index()]);
    let mut sender = topology.external_sender("in", sequencer, EdgeSpec::backpressure(64));
    topology.leave_open(sequencer, |out| &mut out.record);
    topology.connect(sequencer, |out| &mut out.group, first, EdgeSpec::backpressure(64));
    topology.connect(first, out, second, EdgeSpec::backpressure(8).per_input(2));
    topology.connect(second, out, first, EdgeSpec::backpressure(8).per_input(4));
    let mut simulation = topology.simulate().unwrap();
    (1..=3).for_each(|number| sender.send(note(number)).unwrap());
    simulation.run_until_idle();
    let expected: Vec<_> = (1..=3).flat_map(|n| [(n, n), (1000 + n, n), (2000 + n, n)]).collect();
    assert_eq!(log.entries(), expected);
}

/// A group of two behind a sequencer on its own shard, with a neighbour behind it; the second member panics on input 3.
fn failing_group(fails_at_start: bool) -> (Simulation, ExternalSender<Note>, ExternalReceiver<Note>, Log<u32>) {
    let mut topology = Topology::new();
    let [one, two] = two_cpus();
    let ingress = shard(&mut topology, "ingress", one, Idle::Park);
    let core = shard(&mut topology, "core", two, Idle::Park);
    let sequencer = topology.actor(ingress, "sequencer", || Sequencer::new(AsIs));
    let first = topology.actor(core, "first", Play::<Port<Note>, 1>::relay);
    let second = topology.actor(core, "second", move || {
        let mut actor = Play::<Port<Note>, 1>::new(|ctx, note| {
            assert!(note.number != 3, "as the test wants");
            ctx.out.send(note);
            Step::Done
        });
        actor.on_start = Box::new(move |_, ()| assert!(!fails_at_start, "as the test wants"));
        actor
    });
    topology.group("group", &[first.index(), second.index()]);
    let downs = Log::new();
    let told = downs.clone();
    let neighbour = topology.actor(core, "neighbour", move || {
        let mut actor = Play::<Port<Note>, 1>::relay();
        actor.on_down = Box::new(move |ctx, down| {
            told.push(down.actor);
            ctx.out.send(note(1_000_000 + down.sequence));
        });
        actor
    });
    let sender = topology.external_sender("in", sequencer, EdgeSpec::backpressure(64));
    topology.leave_open(sequencer, |out| &mut out.record);
    topology.connect(sequencer, |out| &mut out.group, first, EdgeSpec::backpressure(4));
    topology.connect(first, out, second, EdgeSpec::backpressure(4));
    topology.connect(second, out, neighbour, EdgeSpec::backpressure(4));
    let receiver = topology.external_receiver(neighbour, out, EdgeSpec::backpressure(256));
    assert_eq!(second.index(), 2);
    (topology.simulate().unwrap(), sender, receiver, downs)
}

#[test]
fn a_group_fails_as_a_whole_and_takes_nothing_more() {
    let (mut simulation, mut sender, mut receiver, downs) = failing_group(false);
    (1..=50).for_each(|number| sender.send(note(number)).unwrap());
    simulation.run_until_idle();
    // Input 3 caused nothing, 1 and 2 are whole, and 4 to 50 were taken off the edge, so that nobody waits.
    assert_eq!(numbers(&drain(&mut receiver)), [1, 2, 1_000_003]);
    assert_eq!(downs.entries(), [2]);
    assert_eq!(simulation.failures().len(), 1);
    assert_eq!(simulation.failures()[0].header.sequence, 3);
    (1..=64).for_each(|number| sender.send(note(number)).unwrap());
    simulation.run_until_idle();
    assert!(sender.send(note(1)).is_ok(), "the edges before the dead group are empty");
    assert_eq!(drain(&mut receiver), []);
}

/// Steps of a long input: more than a group makes in one poll.
const LONG: u64 = 600;

/// A group of three in a row, each of which also sends outside what comes. At input 3 the one at `failing` sends to both
/// sides and panics: in the step of the message, or in the last one of a long input.
fn fails_in_a_row(failing: usize, is_long: bool) {
    let case = format!("member {failing}, long: {is_long}");
    let mut topology = Topology::new();
    let shard = shard(&mut topology, "only", two_cpus()[0], Idle::Spin);
    let sequencer = topology.actor(shard, "sequencer", || Sequencer::new(AsIs));
    let panics = move |ctx: &mut Context<'_, Two>| {
        ctx.out.left.send(note(333));
        ctx.out.right.send(note(333));
        panic!("as the test wants")
    };
    let members: [ActorId<Play<Two, 1>>; 3] = [0, 1, 2].map(|at| {
        topology.actor(shard, format!("member {at}"), move || {
            let mut actor = Play::new(move |ctx, note: Note| {
                let fails = at == failing && note.number == 3;
                if fails && !is_long {
                    panics(ctx);
                }
                ctx.out.left.send(note);
                ctx.out.right.send(note);
                if fails { Step::More } else { Step::Done }
            });
            let mut steps = 0;
            actor.on_more = Box::new(move |ctx, ()| {
                steps += 1;
                if steps == LONG {
                    panics(ctx);
                }
                Step::More
            });
            actor
        })
    });
    topology.group("group", &members.map(|member| member.index()));
    let downs = Log::new();
    let told = downs.clone();
    let neighbour = topology.actor(shard, "neighbour", move || {
        let mut actor = Play::<Port<Note>, 1>::relay();
        actor.on_down = Box::new(move |_, down| told.push(down));
        actor
    });
    let mut sender = topology.external_sender("in", sequencer, EdgeSpec::backpressure(8));
    topology.leave_open(sequencer, |out| &mut out.record);
    topology.connect(sequencer, |out| &mut out.group, members[0], EdgeSpec::backpressure(8));
    topology.connect(members[0], left, members[1], EdgeSpec::backpressure(4));
    topology.connect(members[1], left, members[2], EdgeSpec::backpressure(4));
    topology.leave_open(members[2], left);
    topology.connect(members[failing], right, neighbour, EdgeSpec::backpressure(4));
    let mut near = topology.external_receiver(neighbour, out, EdgeSpec::backpressure(16));
    let others = [0, 1, 2].into_iter().filter(|&at| at != failing);
    let mut receivers: Vec<_> =
        others.map(|at| (at, topology.external_receiver(members[at], right, EdgeSpec::backpressure(16)))).collect();
    let mut simulation = topology.simulate().unwrap();
    for number in 1..=5 {
        sender.send(note(number)).unwrap();
        simulation.run_until_idle();
    }
    // What whole steps have sent stays; the step that failed has sent nothing, and nobody makes another.
    let whole: &[u64] = if is_long { &[1, 2, 3] } else { &[1, 2] };
    assert_eq!(numbers(&drain(&mut near)), whole, "{case}");
    for (at, receiver) in &mut receivers {
        let expected = if *at < failing { &[1, 2, 3] } else { whole };
        assert_eq!(numbers(&drain(receiver)), expected, "{case}: of member {at}");
    }
    let [failure] = simulation.failures() else { panic!("{case}: {:?}", simulation.failures()) };
    assert_eq!((failure.actor, failure.header.sequence), (members[failing].index(), 3), "{case}");
    assert_eq!(downs.entries(), [Down { actor: failure.actor, sequence: 3 }], "{case}");
}

#[test]
fn whichever_member_fails_is_named_and_only_its_last_step_is_taken_back() {
    for failing in 0..3 {
        for is_long in [false, true] {
            fails_in_a_row(failing, is_long);
        }
    }
}

#[test]
fn a_member_that_fails_as_it_starts_is_reported_without_any_input() {
    let (mut simulation, mut sender, mut receiver, downs) = failing_group(true);
    simulation.run_until_idle();
    assert_eq!(simulation.failures().len(), 1);
    assert_eq!(downs.entries(), [2]);
    assert_eq!(numbers(&drain(&mut receiver)), [1_000_000]);
    sender.send(note(1)).unwrap();
    simulation.run_until_idle();
    assert_eq!(drain(&mut receiver), []);
}

#[test]
fn who_fails_as_it_starts_outside_of_a_group_leaves_the_group_as_it_is() {
    let mut topology = Topology::new();
    let shard = shard(&mut topology, "only", two_cpus()[0], Idle::Spin);
    topology.actor(shard, "neighbour", || {
        let mut actor = Play::<(), 0>::new(|_, _| Step::Done);
        actor.on_start = Box::new(|_, ()| panic!("as the test wants"));
        actor
    });
    let sequencer = topology.actor(shard, "sequencer", || Sequencer::new(AsIs));
    let member = topology.actor(shard, "member", Play::<Port<Note>, 1>::relay);
    topology.group("group", &[member.index()]);
    let mut sender = topology.external_sender("in", sequencer, EdgeSpec::backpressure(8));
    topology.leave_open(sequencer, |out| &mut out.record);
    topology.connect(sequencer, |out| &mut out.group, member, EdgeSpec::backpressure(4));
    let mut receiver = topology.external_receiver(member, out, EdgeSpec::backpressure(8));
    let mut simulation = topology.simulate().unwrap();
    (1..=3).for_each(|number| sender.send(note(number)).unwrap());
    simulation.run_until_idle();
    assert_eq!(numbers(&drain(&mut receiver)), [1, 2, 3]);
    assert_eq!(simulation.failures().len(), 1);
}

#[test]
fn what_members_send_as_they_start_needs_no_input_to_arrive() {
    let mut topology = Topology::new();
    let shard = shard(&mut topology, "only", two_cpus()[0], Idle::Spin);
    let sequencer = topology.actor(shard, "sequencer", || Sequencer::new(AsIs));
    let first = topology.actor(shard, "first", || {
        let mut actor = Play::<Port<Note>, 1>::relay();
        actor.on_start = Box::new(|ctx, ()| ctx.out.send(note(5)));
        actor
    });
    let second = topology.actor(shard, "second", Play::<Port<Note>, 1>::relay);
    topology.group("group", &[first.index(), second.index()]);
    let _injector = topology.external_sender("in", sequencer, EdgeSpec::backpressure(4));
    topology.leave_open(sequencer, |out| &mut out.record);
    topology.connect(sequencer, |out| &mut out.group, first, EdgeSpec::backpressure(4));
    topology.connect(first, out, second, EdgeSpec::backpressure(4));
    let mut receiver = topology.external_receiver(second, out, EdgeSpec::backpressure(4));
    let mut simulation = topology.simulate().unwrap();
    simulation.run_until_idle();
    assert_eq!(numbers(&drain(&mut receiver)), [5]);
}
