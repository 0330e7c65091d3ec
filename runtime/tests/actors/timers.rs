//! Timers of an actor beside its input.

use std::{cell::Cell, rc::Rc};

use crate::support::{Log, Note, Play, Two, drain, left, note, numbers, out, right, shard, two_cpus};
use corelane_runtime::{
    actor::{Actor, Context, Step},
    edge::port::Port,
    topology::{EdgeSpec, Idle, Topology},
};

#[test]
fn a_timer_fires_while_its_actor_waits_for_what_the_timer_brings() {
    let mut topology = Topology::new();
    let shard = shard(&mut topology, "only", two_cpus()[0], Idle::Spin);
    let actor = topology.actor(shard, "paced", || {
        let may_go_on = Rc::new(Cell::new(false));
        let allows = may_go_on.clone();
        let mut actor = Play::<Port<Note>, 1>::new(|_, _| Step::Wait);
        actor.on_start = Box::new(|ctx, ()| assert!(ctx.set_timer(1_000_000, 0).is_ok()));
        actor.on_timer = Box::new(move |_, _| allows.set(true));
        actor.on_more = Box::new(move |ctx, ()| {
            if !may_go_on.get() {
                return Step::Wait;
            }
            ctx.out.send(note(9));
            Step::Done
        });
        actor
    });
    let mut sender = topology.external_sender("in", actor, EdgeSpec::backpressure(8));
    let mut receiver = topology.external_receiver(actor, out, EdgeSpec::backpressure(8));
    let mut simulation = topology.simulate().unwrap();
    sender.send(note(1)).unwrap();
    simulation.run_until_idle();
    assert_eq!(drain(&mut receiver), []);
    simulation.set_time_ns(2_000_000);
    simulation.run_until_idle();
    assert_eq!(numbers(&drain(&mut receiver)), [9]);
}

#[test]
fn a_timer_fires_while_a_long_input_waits_for_room() {
    let mut topology = Topology::new();
    let shard = shard(&mut topology, "only", two_cpus()[0], Idle::Spin);
    let actor = topology.actor(shard, "long", || {
        let mut actor = Play::<Two, 1>::new(|_, _| Step::More);
        actor.on_start = Box::new(|ctx, ()| assert!(ctx.set_timer(1_000_000, 9).is_ok()));
        actor.on_timer = Box::new(|ctx, token| ctx.out.right.send(note(token)));
        actor.on_more = Box::new(|ctx, ()| {
            ctx.out.left.send(note(1));
            Step::More
        });
        actor
    });
    let mut sender = topology.external_sender("in", actor, EdgeSpec::backpressure(8));
    let _full = topology.external_receiver(actor, left, EdgeSpec::backpressure(2));
    let mut beats = topology.external_receiver(actor, right, EdgeSpec::backpressure(2));
    let mut simulation = topology.simulate().unwrap();
    sender.send(note(1)).unwrap();
    simulation.run_until_idle();
    simulation.set_time_ns(2_000_000);
    simulation.run_until_idle();
    assert_eq!(numbers(&drain(&mut beats)), [9]);
}

/// What an actor is called for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Called {
    Timer,
    Message,
}

/// Sets many timers for one time.
struct Beset(Log<Called>);

impl Actor for Beset {
    type In = Note;
    type Out = ();
    const OUTPUTS_MAX: usize = 0;
    const TIMERS_MAX: usize = 1024;

    fn on_start(&mut self, ctx: &mut Context<'_, ()>) {
        (0..1024).for_each(|token| assert!(ctx.set_timer(1_000_000, token).is_ok()));
    }
    fn on_message(&mut self, _: &mut Context<'_, ()>, _: &Note) -> Step {
        self.0.push(Called::Message);
        Step::Done
    }
    fn on_timer(&mut self, _: &mut Context<'_, ()>, _token: u64) {
        self.0.push(Called::Timer);
    }
}

#[test]
fn timers_that_are_due_and_messages_that_wait_go_64_by_64() {
    let mut topology = Topology::new();
    let shard = shard(&mut topology, "only", two_cpus()[0], Idle::Spin);
    let log = Log::new();
    let called = log.clone();
    let actor = topology.actor(shard, "beset", move || Beset(called));
    let mut sender = topology.external_sender("in", actor, EdgeSpec::backpressure(1024));
    let mut simulation = topology.simulate().unwrap();
    simulation.run_until_idle();
    assert_eq!(log.len(), 0);
    (0..1024).for_each(|number| sender.send(note(number)).unwrap());
    simulation.set_time_ns(2_000_000);
    simulation.run_until_idle();
    let in_turn: Vec<Called> = [[Called::Timer; 64], [Called::Message; 64]].concat().repeat(16);
    assert_eq!(log.entries(), in_turn);
}
