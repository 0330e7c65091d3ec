//! A group: a deterministic pipeline of actors with one sequenced input.
//!
//! The messages that its members send each other are taken one by one, in the order in which they were sent; only when
//! none is left is the next input let in. A member whose step waits (for room in an edge within the group, or for the
//! end of its own earlier input) gets its turn again behind the others. A full edge out of the group, or the end of the
//! budget, stops the group where it stands. What a member sees therefore depends on the inputs and their order alone, not
//! on when they came or how fast the outputs were taken, and the same inputs give the same output bytes. For that, members
//! have no timers and no end of batch, and a member's failure is the failure of the group: half a pipeline's state is
//! worth nothing.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    rc::Rc,
};

use crate::{
    actor::Down,
    net::{Net, NetHandler},
    shard::agenda::{Agenda, Turn, What},
    shard::cell::{BATCH_MAX, Fault, Hosted, Member, Polled, Stepped, Traffic},
    shard::time::ShardEnv,
};

/// Steps that a group runs per poll: a long input (a sweep, a mass cancel) goes on in the next one.
const STEPS_MAX: usize = 4 * BATCH_MAX;

pub(crate) struct Group {
    /// The first member takes the sequenced input.
    members: Vec<Box<dyn Member>>,
    agenda: Agenda,
    /// The first member's, to take the sequenced input.
    input: Turn,
    /// Index of the member whose step runs, or was the last.
    stepping: u32,
    env: Rc<ShardEnv>,
    /// Members may have sent, as they started, what found no room.
    starting: bool,
    failure: Option<(usize, Fault)>,
    failed: bool,
}

/// Where a group stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    /// Nothing is left of the last input.
    Settled,
    /// Something is, and it waits for room or for the next poll.
    Held,
}

impl Group {
    pub fn new(members: Vec<Box<dyn Member>>, agenda: Agenda, input: What, env: Rc<ShardEnv>) -> Self {
        let input = Turn::new(0, input);
        // What the members send when they start waits for the first poll.
        Group { members, agenda, input, stepping: 0, env, starting: true, failure: None, failed: false }
    }

    /// Gives the members their turns until none is left, the group is held back by a full edge out of it, or `steps`
    /// has come to [`STEPS_MAX`].
    #[inline]
    fn settle(&mut self, steps: &mut usize, net: &mut dyn Net) -> Progress {
        let mut waiting = 0;
        while let Some(turn) = self.agenda.pop() {
            if *steps >= STEPS_MAX {
                self.agenda.put_back(turn);
                return Progress::Held;
            }
            match self.step(turn, net) {
                Stepped::Done => {}
                Stepped::ToMore => self.agenda.push(Turn::new(turn.member(), What::More)),
                Stepped::Waits if waiting <= self.agenda.len() => {
                    waiting += 1;
                    self.agenda.push(turn);
                    continue;
                }
                Stepped::Waits | Stepped::HeldOutside => {
                    self.agenda.put_back(turn);
                    return Progress::Held;
                }
                Stepped::Empty => unreachable!("there is a turn for each message"),
            }
            waiting = 0;
            *steps += 1;
        }
        Progress::Settled
    }

    #[inline]
    fn step(&mut self, turn: Turn, net: &mut dyn Net) -> Stepped {
        self.stepping = turn.member();
        self.members[turn.member() as usize].step(turn.what(), net)
    }

    /// Takes up to `budget` inputs, each when nothing is left of the one before.
    #[inline]
    fn take_inputs(&mut self, budget: usize, steps: &mut usize, net: &mut dyn Net) -> Progress {
        for _ in 0..budget {
            if self.settle(steps, net) == Progress::Held || self.starting {
                return Progress::Held;
            }
            match self.step(self.input, net) {
                Stepped::Done => {}
                Stepped::ToMore => self.agenda.push(Turn::new(self.input.member(), What::More)),
                Stepped::Empty => return Progress::Settled,
                Stepped::Waits | Stepped::HeldOutside => return Progress::Held,
            }
            *steps += 1;
        }
        // The last input is not put off without need.
        self.settle(steps, net);
        Progress::Held
    }

    /// Looks for a member that has failed, which fails all.
    #[cold]
    fn note_failure(&mut self) {
        let members = self.members.iter_mut().enumerate();
        let mut failures = members.filter_map(|(index, member)| Some((index, member.take_failure()?.1)));
        let first = failures.next();
        failures.for_each(drop);
        if first.is_none() {
            return;
        }
        self.failure = first;
        self.failed = true;
        self.members.iter_mut().for_each(|member| member.fail());
        self.agenda.clear();
    }
}

/// The members as one unit of their shard.
pub(crate) fn hosted(
    mut members: Vec<Box<dyn Member>>,
    agenda: Agenda,
    input: What,
    env: Rc<ShardEnv>,
) -> Box<dyn Hosted> {
    match members.pop() {
        Some(only) if members.is_empty() => Box::new(Alone(only)),
        last => {
            members.extend(last);
            Box::new(Group::new(members, agenda, input, env))
        }
    }
}

/// A group of one: it has its inputs in their order anyway, and nothing within the group to wait for.
struct Alone(Box<dyn Member>);

impl Hosted for Alone {
    fn start(&mut self, net: &mut dyn Net) {
        self.0.start(net);
    }
    #[inline]
    fn poll(&mut self, budget: usize, net: &mut dyn Net) -> Polled {
        self.0.poll(budget, net)
    }
    fn is_quiet(&self) -> bool {
        self.0.is_quiet()
    }
    fn end_batch(&mut self, _net: &mut dyn Net) {}
    fn down(&mut self, _down: Down, _net: &mut dyn Net) {}
    fn stop(&mut self, _net: &mut dyn Net) {}
    fn take_failure(&mut self) -> Option<(usize, Fault)> {
        self.0.take_failure()
    }
    fn next_timer_ns(&self) -> Option<u64> {
        None
    }
    fn net_handler(&mut self) -> Option<&mut dyn NetHandler> {
        None
    }
    fn traffic(&mut self) -> Traffic {
        self.0.traffic()
    }
}

impl Hosted for Group {
    fn start(&mut self, net: &mut dyn Net) {
        self.members.iter_mut().for_each(|member| member.start(net));
        // The alarm is the whole shard's: it may be for somebody else.
        if self.env.alarm.get() {
            self.note_failure();
        }
    }

    #[inline]
    fn poll(&mut self, budget: usize, net: &mut dyn Net) -> Polled {
        if self.failed {
            let steps = self.members.iter_mut().map(|member| member.poll(budget, net).steps).sum();
            return Polled { steps, is_quiet: false };
        }
        if self.starting {
            self.starting = false;
            for member in &mut self.members {
                self.starting |= !member.unload();
            }
        }
        let mut steps = 0;
        // Once for all steps of the poll: which of them failed is known.
        let run = AssertUnwindSafe(|| self.take_inputs(budget, &mut steps, net));
        match catch_unwind(run) {
            Ok(progress) => Polled { steps, is_quiet: progress == Progress::Settled },
            Err(_) => {
                self.members[self.stepping as usize].fail_on_step();
                self.note_failure();
                Polled { steps: steps + 1, is_quiet: false }
            }
        }
    }

    fn is_quiet(&self) -> bool {
        self.members.iter().all(|member| member.is_quiet())
    }

    fn end_batch(&mut self, _net: &mut dyn Net) {}

    fn down(&mut self, _down: Down, _net: &mut dyn Net) {}

    fn stop(&mut self, _net: &mut dyn Net) {}

    fn take_failure(&mut self) -> Option<(usize, Fault)> {
        self.failure.take()
    }

    fn next_timer_ns(&self) -> Option<u64> {
        None
    }

    fn net_handler(&mut self) -> Option<&mut dyn NetHandler> {
        None
    }

    fn traffic(&mut self) -> Traffic {
        self.members.iter_mut().map(|member| member.traffic()).fold(Traffic::default(), Traffic::plus)
    }
}
