//! What a step is held to: bounds of its outputs, admission, `More`, headers, fairness. All in simulation.

use crate::support::{AsIs, Log, Note, Play, Two, drain, left, note, numbers, out, right, send_all, shard, two_cpus};
use corelane_runtime::{
    actor::{Actor, Context, Step},
    edge::port::Port,
    message::{Envelope, Header, SequenceNumber},
    sequencer::Sequencer,
    simulation::Simulation,
    topology::{EdgeSpec, ExternalReceiver, ExternalSender, Idle, Refused, ShardId, Topology},
};

type One<const K: usize> = Play<Port<Note>, K>;

fn topology() -> (Topology, ShardId) {
    let mut topology = Topology::new();
    let shard = shard(&mut topology, "only", two_cpus()[0], Idle::Spin);
    (topology, shard)
}

/// An actor with an sender before it and a receiver behind it.
fn alone<const K: usize>(
    actor: impl FnOnce() -> One<K> + Send + 'static,
    edge: EdgeSpec,
) -> (Simulation, ExternalSender<Note>, ExternalReceiver<Note>) {
    let (mut topology, shard) = topology();
    let actor = topology.actor(shard, "actor", actor);
    let sender = topology.external_sender("in", actor, EdgeSpec::backpressure(256));
    let receiver = topology.external_receiver(actor, out, edge);
    (topology.simulate().unwrap(), sender, receiver)
}

#[test]
fn a_full_edge_holds_its_producer_and_lets_it_go() {
    let (mut simulation, mut sender, mut receiver) = alone(One::<1>::relay, EdgeSpec::backpressure(2));
    (1..=5).for_each(|n| sender.send(note(n)).unwrap());
    for expected in [&[1, 2][..], &[3, 4], &[5], &[]] {
        simulation.run_until_idle();
        assert_eq!(numbers(&drain(&mut receiver)), expected);
    }
}

#[test]
fn an_edge_that_drops_its_newest_drops_no_other_and_never_holds() {
    let (mut simulation, mut sender, mut receiver) = alone(One::<1>::relay, EdgeSpec::drop_newest(3));
    (1..=7).for_each(|n| sender.send(note(n)).unwrap());
    simulation.run_until_idle();
    assert_eq!(numbers(&drain(&mut receiver)), [1, 2, 3]);
    (8..=9).for_each(|n| sender.send(note(n)).unwrap());
    simulation.run_until_idle();
    assert_eq!(numbers(&drain(&mut receiver)), [8, 9]);
    assert!(simulation.failures().is_empty());
}

/// An actor that breaks its word at message 3 fails there; what it sent before is delivered, of message 3 nothing.
fn fails_at_three(
    mut simulation: Simulation,
    mut sender: ExternalSender<Note>,
    mut receiver: ExternalReceiver<Note>,
    case: &str,
) {
    (1..=4).for_each(|n| sender.send(note(n)).unwrap());
    simulation.run_until_idle();
    assert_eq!(numbers(&drain(&mut receiver)), [1, 2], "{case}");
    assert_eq!(simulation.failures().len(), 1, "{case}");
    assert_eq!(simulation.failures()[0].header.kind, 7, "{case}");
    assert_eq!(sender.send(note(5)), Err(Refused::Closed(note(5))), "{case}");
    simulation.run_until_idle();
    assert_eq!(drain(&mut receiver), [], "{case}");
}

/// Sends a message once, but number 3 as often as told.
fn repeats_three<const K: usize>(times: usize) -> One<K> {
    One::new(move |ctx, note| {
        (0..if note.number == 3 { times } else { 1 }).for_each(|_| ctx.out.send(note));
        Step::Done
    })
}

#[test]
fn more_than_outputs_max_fails_the_actor() {
    for edge in [EdgeSpec::backpressure(64), EdgeSpec::backpressure(64).in_flight(16)] {
        let (simulation, sender, receiver) = alone(|| repeats_three::<2>(3), edge);
        fails_at_three(simulation, sender, receiver, &format!("{edge:?}"));
    }
}

#[test]
fn an_edge_that_drops_takes_any_number_from_a_step_and_drops_what_does_not_fit() {
    for (times, expected) in [(7, 7), (8, 8), (9, 8), (500, 8)] {
        let (mut simulation, mut sender, mut receiver) =
            alone(move || repeats_three::<2>(times), EdgeSpec::drop_newest(8));
        sender.send(note(3)).unwrap();
        simulation.run_until_idle();
        assert_eq!(numbers(&drain(&mut receiver)), vec![3; expected]);
        sender.send(note(4)).unwrap();
        simulation.run_until_idle();
        assert_eq!(numbers(&drain(&mut receiver)), [4], "it goes on after {times}");
        assert!(simulation.failures().is_empty());
    }
}

#[test]
fn more_than_may_be_in_flight_fails_the_actor_at_the_input_that_did_it() {
    // Room for 2 in flight and two steps: the fifth message has none.
    let (mut simulation, mut sender, mut receiver) = alone(One::<1>::relay, EdgeSpec::backpressure(4).in_flight(2));
    (1..=6).for_each(|n| sender.send(note(n)).unwrap());
    simulation.run_until_idle();
    assert_eq!(numbers(&drain(&mut receiver)), [1, 2, 3, 4]);
    assert_eq!(simulation.failures().len(), 1);
}

#[test]
fn an_admission_edge_takes_from_callbacks_and_refuses_an_answer() {
    let actor = || {
        let mut actor = One::<1>::new(|ctx, note| {
            match note.number {
                3 => ctx.out.send(note),
                number => assert!(ctx.set_timer(0, number).is_ok()),
            }
            Step::Done
        });
        actor.on_timer = Box::new(|ctx, token| ctx.out.send(note(token)));
        actor
    };
    let (mut simulation, mut sender, mut receiver) = alone(actor, EdgeSpec::backpressure(8).admission());
    (1..=2).for_each(|n| sender.send(note(n)).unwrap());
    simulation.run_until_idle();
    simulation.set_time_ns(1_000_000);
    simulation.run_until_idle();
    assert_eq!(numbers(&drain(&mut receiver)), [1, 2]);
    sender.send(note(3)).unwrap();
    simulation.run_until_idle();
    assert_eq!(drain(&mut receiver), []);
    assert_eq!(simulation.failures().len(), 1);
}

#[test]
fn a_timer_waits_for_what_another_left_waiting_and_answers_flow() {
    let (mut topology, shard) = topology();
    let fired = Log::new();
    let log = fired.clone();
    let actor = topology.actor(shard, "actor", move || {
        let mut actor = Play::<Two, 1>::new(|ctx, note| {
            ctx.out.right.send(note);
            Step::Done
        });
        actor.on_start = Box::new(|ctx, ()| (0..8).for_each(|n| assert!(ctx.set_timer(0, n).is_ok())));
        actor.on_timer = Box::new(move |ctx, token| {
            log.push(token);
            ctx.out.left.send(note(token));
        });
        actor
    });
    let mut sender = topology.external_sender("in", actor, EdgeSpec::backpressure(64));
    let mut admitted = topology.external_receiver(actor, left, EdgeSpec::backpressure(3).admission());
    let mut answers = topology.external_receiver(actor, right, EdgeSpec::backpressure(64));
    let mut simulation = topology.simulate().unwrap();
    simulation.set_time_ns(1_000_000);
    (0..40).for_each(|n| sender.send(note(n)).unwrap());
    simulation.run_until_idle();
    assert_eq!(drain(&mut answers).len(), 40);
    // Three fit the edge, and what the fourth sends waits in the port.
    assert_eq!(fired.len(), 4);
    let mut seen = Vec::new();
    for _ in 0..8 {
        seen.extend(numbers(&drain(&mut admitted)));
        simulation.run_until_idle();
    }
    assert_eq!(seen, (0..8).collect::<Vec<_>>());
}

/// Hooks that cannot be put off send without room. What they leave waiting is bounded, also where no step waits for it.
// R8
#[test]
fn an_actor_that_leaves_ever_more_waiting_for_room_fails() {
    for asks_for_room in [false, true] {
        let (mut topology, shard) = topology();
        let actor = topology.actor(shard, "actor", move || {
            let mut actor = Play::<Two, 1>::new(|ctx, note| {
                ctx.out.left.send(note);
                Step::Done
            });
            actor.on_batch_end = Box::new(move |ctx, ()| {
                if !asks_for_room || ctx.out.right.room() > 0 {
                    ctx.out.right.send(note(9));
                }
            });
            actor
        });
        let held = topology.actor(shard, "held", One::<1>::relay);
        let mut sender = topology.external_sender("in", actor, EdgeSpec::backpressure(8));
        let mut answers = topology.external_receiver(actor, left, EdgeSpec::backpressure(8));
        topology.connect(actor, right, held, EdgeSpec::backpressure(2).admission());
        let mut receiver = topology.external_receiver(held, out, EdgeSpec::backpressure(2));
        let mut simulation = topology.simulate().unwrap();
        let mut answered = 0;
        for number in 0..10_000 {
            if sender.send(note(number)).is_err() {
                break;
            }
            simulation.run_until_idle();
            answered += drain(&mut answers).len();
        }
        let mut kept = 0;
        loop {
            let taken = drain(&mut receiver).len();
            if taken == 0 {
                break;
            }
            kept += taken;
            simulation.run_until_idle();
        }
        if asks_for_room {
            assert_eq!((answered, simulation.failures()), (10_000, &[][..]));
            assert!(kept <= 2 + 2, "{kept}");
        } else {
            let [failure] = simulation.failures() else { panic!("{:?}", simulation.failures()) };
            assert!(failure.message.as_str().contains("waiting for it: ask Port::room"), "{}", failure.message);
            assert!(kept <= 2 + 2 + 65, "two edges of two and what 65 steps may send, and {kept} were kept");
        }
    }
}

#[test]
fn the_next_input_waits_until_a_long_one_is_done() {
    let log = Log::new();
    let (steps, more) = (log.clone(), log.clone());
    let actor = move || {
        let left_over = std::rc::Rc::new(std::cell::Cell::new(0));
        let left = left_over.clone();
        let mut actor = One::<1>::new(move |ctx, note| {
            steps.push((note.number, 0));
            ctx.out.send(note);
            left_over.set(note.number);
            if note.number > 0 { Step::More } else { Step::Done }
        });
        actor.on_more = Box::new(move |ctx, ()| {
            left.set(left.get() - 1);
            more.push((ctx.header().kind.into(), left.get()));
            ctx.out.send(note(100 + left.get()));
            if left.get() > 0 { Step::More } else { Step::Done }
        });
        actor
    };
    // With room for two, the input takes many cycles.
    let (mut simulation, mut sender, mut receiver) = alone(actor, EdgeSpec::backpressure(2));
    [3, 0, 1].into_iter().for_each(|n| sender.send(note(n)).unwrap());
    let mut sent = Vec::new();
    for _ in 0..10 {
        simulation.run_until_idle();
        sent.extend(numbers(&drain(&mut receiver)));
    }
    assert_eq!(sent, [3, 102, 101, 100, 0, 1, 100]);
    assert_eq!(log.entries(), [(3, 0), (7, 2), (7, 1), (7, 0), (0, 0), (1, 0), (7, 0)]);
}

#[test]
fn a_long_input_leaves_its_neighbours_their_turns() {
    let (mut topology, shard) = topology();
    let endless = topology.actor(shard, "endless", || {
        let mut actor = One::<1>::new(|_, _| Step::More);
        actor.on_more = Box::new(|_, ()| Step::More);
        actor
    });
    let relay = topology.actor(shard, "relay", One::<1>::relay);
    topology.leave_open(endless, out);
    let mut to_endless = topology.external_sender("a", endless, EdgeSpec::backpressure(8));
    let mut to_relay = topology.external_sender("b", relay, EdgeSpec::backpressure(8));
    let mut receiver = topology.external_receiver(relay, out, EdgeSpec::backpressure(8));
    let mut simulation = topology.simulate().unwrap();
    to_endless.send(note(1)).unwrap();
    to_relay.send(note(2)).unwrap();
    assert!(simulation.turn() < 1000);
    assert_eq!(numbers(&drain(&mut receiver)), [2]);
}

#[test]
fn a_timer_still_fires_under_inputs_that_never_end_a_batch() {
    // Each input takes one step more, and there is always another.
    let actor = || {
        let mut actor = One::<1>::new(|_, _| Step::More);
        actor.on_start = Box::new(|ctx, ()| assert!(ctx.set_timer(0, 9).is_ok()));
        actor.on_timer = Box::new(|ctx, token| ctx.out.send(note(token)));
        actor
    };
    let (mut simulation, mut sender, mut receiver) = alone(actor, EdgeSpec::backpressure(2));
    (0..200).for_each(|n| sender.send(note(n)).unwrap());
    simulation.turn();
    simulation.set_time_ns(1_000_000);
    simulation.turn();
    assert_eq!(numbers(&drain(&mut receiver)), [9]);
}

#[test]
fn an_input_that_waits_is_tried_once_a_turn_and_is_no_work() {
    let tries = Log::new();
    let log = tries.clone();
    let actor = move || {
        let mut actor = One::<1>::new(|_, _| Step::Wait);
        actor.on_more = Box::new(move |ctx, ()| {
            log.push(0);
            if log.len() < 10 {
                return Step::Wait;
            }
            ctx.out.send(note(9));
            Step::Done
        });
        actor
    };
    let (mut simulation, mut sender, mut receiver) = alone(actor, EdgeSpec::backpressure(4));
    sender.send(note(1)).unwrap();
    sender.send(note(2)).unwrap();
    assert!(simulation.turn() > 0);
    let before = tries.len();
    for _ in before..9 {
        assert_eq!(simulation.turn(), 0);
    }
    assert_eq!((tries.len(), drain(&mut receiver)), (9, vec![]));
    simulation.run_until_idle();
    // The second input came after the first was done.
    assert_eq!(numbers(&drain(&mut receiver)), [9, 9]);
}

#[test]
fn no_producer_keeps_the_others_out() {
    // Where the bound comes from: the budget of a poll (a wide outlet) or the room behind (a narrow one).
    for (outlet, inlet) in [(1024, 512), (2, 512), (3, 2)] {
        let (mut topology, shard) = topology();
        let consumer = topology.actor(shard, "consumer", One::<1>::relay);
        let mut senders: Vec<_> = (0..4)
            .map(|n| topology.external_sender(&format!("in {n}"), consumer, EdgeSpec::backpressure(inlet)))
            .collect();
        let mut receiver = topology.external_receiver(consumer, out, EdgeSpec::backpressure(outlet));
        let mut simulation = topology.simulate().unwrap();
        let mut served = [0u64; 4];
        for cycle in 0..200 {
            // Producers 0 and 3 flood; 1 and 2 send one message now and then.
            for flooding in [0, 3] {
                while senders[flooding].send(Note { from: flooding as u64, ..note(0) }).is_ok() {}
            }
            if cycle % 20 == 0 {
                for quiet in [1, 2] {
                    senders[quiet].send(Note { from: quiet as u64, ..note(cycle) }).unwrap();
                }
            }
            simulation.turn();
            for note in drain(&mut receiver) {
                served[note.from as usize] += 1;
            }
        }
        assert_eq!(served[1..3], [10, 10], "outlet {outlet}");
        let (least, most) = (served[0].min(served[3]), served[0].max(served[3]));
        assert!(least * 2 >= most, "outlet {outlet}: {served:?}");
    }
}

#[test]
fn headers_come_from_the_input_and_count_its_outputs_per_edge() {
    let (mut topology, shard) = topology();
    let sequencer = topology.actor(shard, "sequencer", || Sequencer::new(AsIs));
    let actor = topology.actor(shard, "actor", || {
        let mut actor = Play::<Two, 2>::new(|ctx, note| {
            ctx.out.left.send(note);
            ctx.out.right.send(note);
            ctx.out.left.send(note);
            if note.number == 2 { Step::More } else { Step::Done }
        });
        actor.on_more = Box::new(|ctx, ()| {
            ctx.out.left.send(note(99));
            Step::Done
        });
        // Comes between the steps of input 2, and must not make its count begin anew.
        actor.on_batch_end = Box::new(|ctx, ()| ctx.out.left.send(note(50)));
        actor
    });
    let mut sender = topology.external_sender("in", sequencer, EdgeSpec::backpressure(16));
    topology.connect(sequencer, |out| &mut out.group, actor, EdgeSpec::backpressure(16));
    topology.leave_open(sequencer, |out| &mut out.record);
    let mut lefts = topology.external_receiver(actor, left, EdgeSpec::backpressure(5));
    let mut rights = topology.external_receiver(actor, right, EdgeSpec::backpressure(64));
    let mut simulation = topology.simulate().unwrap();
    let (mut left_headers, mut right_headers) = (Vec::new(), Vec::new());
    for number in 1..=3 {
        simulation.set_time_ns(1000 * number);
        sender.send(note(number)).unwrap();
        for _ in 0..4 {
            simulation.turn();
            left_headers.extend(std::iter::from_fn(|| lefts.receive()).map(|envelope| envelope.header));
        }
        right_headers.extend(std::iter::from_fn(|| rights.receive()).map(|envelope| envelope.header));
    }
    let of_inputs: Vec<_> = left_headers
        .iter()
        .filter(|header| !header.sequence.is_none())
        .map(|header| (header.sequence.0, header.index, header.time_ns, header.kind))
        .collect();
    let expected: Vec<_> = [(1, 0), (1, 1), (2, 0), (2, 1), (2, 2), (3, 0), (3, 1)]
        .map(|(sequence, index)| (sequence, index, 1000 * sequence, 7))
        .to_vec();
    assert_eq!(of_inputs, expected);
    assert!(left_headers.iter().filter(|header| header.sequence.is_none()).all(|header| header.index == 0));
    let rights: Vec<_> = right_headers.iter().map(|header| (header.sequence.0, header.index)).collect();
    assert_eq!(rights, [(1, 0), (2, 0), (3, 0)]);
}

#[test]
fn sequences_have_no_gap_and_time_never_goes_back() {
    let (mut topology, shard) = topology();
    let sequencer = topology.actor(shard, "sequencer", || Sequencer::new(AsIs));
    let mut sender = topology.external_sender("in", sequencer, EdgeSpec::backpressure(16));
    topology.leave_open(sequencer, |out| &mut out.record);
    let mut receiver = topology.external_receiver(sequencer, |out| &mut out.group, EdgeSpec::backpressure(64));
    let mut simulation = topology.simulate().unwrap();
    for time_ns in [500, 700, 300, 100, 700, 900] {
        simulation.set_time_ns(time_ns);
        sender.send(note(time_ns)).unwrap();
        simulation.run_until_idle();
    }
    let stamps: Vec<_> = std::iter::from_fn(|| receiver.receive())
        .map(|envelope| (envelope.header.sequence.0, envelope.header.time_ns))
        .collect();
    assert_eq!(stamps, [(1, 500), (2, 700), (3, 700), (4, 700), (5, 700), (6, 900)]);
}

#[test]
fn what_callbacks_send_without_room_waits_and_keeps_its_place() {
    // A batch end after each cycle sends one message, whether there is room or not.
    let actor = || {
        let mut actor = One::<1>::relay();
        actor.on_batch_end = Box::new(|ctx, ()| ctx.out.send(note(1000)));
        actor
    };
    let (mut simulation, mut sender, mut receiver) = alone(actor, EdgeSpec::backpressure(2));
    (1..=4).for_each(|n| sender.send(note(n)).unwrap());
    let mut sent = Vec::new();
    for _ in 0..20 {
        simulation.turn();
        sent.extend(receiver.receive().map(|envelope| envelope.body.number));
    }
    let inputs: Vec<_> = sent.iter().filter(|&&number| number < 1000).copied().collect();
    assert_eq!(inputs, [1, 2, 3, 4]);
    assert!(sent.iter().filter(|&&number| number == 1000).count() >= 2, "{sent:?}");
    assert!(simulation.failures().is_empty());
}

#[test]
fn ports_left_open_take_any_number_and_hold_nobody() {
    let (mut topology, shard) = topology();
    let actor = topology.actor(shard, "actor", || {
        Play::<Two, 1>::new(|ctx, note| {
            ctx.out.left.send(note);
            ctx.out.right.send(note);
            Step::Done
        })
    });
    let mut sender = topology.external_sender("in", actor, EdgeSpec::backpressure(256));
    topology.leave_open(actor, left);
    let mut receiver = topology.external_receiver(actor, right, EdgeSpec::backpressure(256));
    let mut simulation = topology.simulate().unwrap();
    (0..200).for_each(|n| sender.send(note(n)).unwrap());
    simulation.run_until_idle();
    assert_eq!(drain(&mut receiver).len(), 200);
}

/// Takes messages, and writes down which it saw coming at each.
struct Seer {
    seen: Log<(u64, Vec<u64>)>,
    coming: Vec<u64>,
}

impl Actor for Seer {
    type In = Note;
    type Out = ();
    const OUTPUTS_MAX: usize = 0;

    fn prefetch(&mut self, coming: &[Envelope<Note>]) {
        self.coming = coming.iter().map(|envelope| envelope.body.number).collect();
    }

    fn on_message(&mut self, _ctx: &mut Context<'_, ()>, note: &Note) -> Step {
        self.seen.push((note.number, std::mem::take(&mut self.coming)));
        Step::Done
    }
}

#[test]
fn an_actor_sees_what_waits_behind_each_message_before_it_takes_it() {
    let (mut topology, shard) = topology();
    let seen = Log::new();
    let told = seen.clone();
    let seer = topology.actor(shard, "seer", move || Seer { seen: told, coming: Vec::new() });
    let mut sender = topology.external_sender("in", seer, EdgeSpec::backpressure(4));
    let mut simulation = topology.simulate().unwrap();
    send_all(&mut sender, [1, 2, 3].map(note));
    simulation.run_until_idle();
    // Around the end of the ring: a run at a time.
    send_all(&mut sender, [4, 5, 6].map(note));
    simulation.run_until_idle();
    let expected = [(1, vec![2, 3]), (2, vec![3]), (3, vec![]), (4, vec![]), (5, vec![6]), (6, vec![])];
    assert_eq!(seen.entries(), expected);
}

/// Passes messages on, and fails as it looks ahead with the first of those behind it that is 7.
struct Shy;

impl Actor for Shy {
    type In = Note;
    type Out = Port<Note>;
    const OUTPUTS_MAX: usize = 1;

    fn prefetch(&mut self, coming: &[Envelope<Note>]) {
        assert!(coming.first().is_none_or(|envelope| envelope.body.number != 7));
    }

    fn on_message(&mut self, ctx: &mut Context<'_, Port<Note>>, note: &Note) -> Step {
        ctx.out.send(*note);
        Step::Done
    }
}

#[test]
fn an_actor_that_fails_as_it_looks_ahead_fails_on_the_message_before_it() {
    for before in [&[][..], &[1], &[1, 2, 3]] {
        for is_apart in [false, true] {
            let (mut topology, shard) = topology();
            let shy = topology.actor(shard, "shy", || Shy);
            let mut sender = topology.external_sender("in", shy, EdgeSpec::backpressure(8));
            let mut receiver = topology.external_receiver(shy, out, EdgeSpec::backpressure(8));
            let mut simulation = topology.simulate().unwrap();
            let mut send = |number| {
                let header = Header { sequence: SequenceNumber(number), ..Header::default() };
                sender.batch().send_as(header, note(number)).unwrap();
            };
            before.iter().copied().for_each(&mut send);
            if is_apart {
                simulation.run_until_idle();
            }
            [6, 7, 8].into_iter().for_each(&mut send);
            simulation.run_until_idle();
            // What steps before it sent is there, whether or not it was shown before.
            assert_eq!(numbers(&drain(&mut receiver)), before);
            let failed: Vec<_> = simulation.failures().iter().map(|failure| failure.header.sequence.0).collect();
            assert_eq!(failed, [6]);
        }
    }
}
