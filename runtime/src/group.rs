//! A group: a deterministic pipeline of actors with one sequenced input.
//!
//! The members are polled in a fixed order until none has anything left to do; only then is the next input let in.
//! Each runs until nothing waits for it or an edge inside the group is full, and only then the next; a full edge out
//! of the group, or the end of the budget, stops the group where it stands. What a member sees therefore depends on
//! the inputs and their order alone, not on when they came or how fast the outputs were taken, and the same inputs
//! give the same output bytes. For that, members have no timers and no end of batch, and a member's failure
//! is the failure of the group: half a pipeline's state is worth nothing.

use std::rc::Rc;

use crate::{
    actor::Down,
    cell::{BATCH_MAX, Fault, Hosted, Polled, Scope, Traffic},
    net::{Net, NetHandler},
    port::Waiting,
    time::ShardEnv,
};

/// Steps that a group runs per poll: a long input (a sweep, a mass cancel) goes on in the next one.
const STEPS_MAX: usize = 4 * BATCH_MAX;

/// One actor of a group.
pub(crate) struct Member {
    pub hosted: Box<dyn Hosted>,
    /// Set by the ports that lead to it and by the group itself while it is not quiet.
    pub waiting: Waiting,
}

pub(crate) struct Group {
    /// The first member takes the sequenced input.
    members: Vec<Member>,
    env: Rc<ShardEnv>,
    /// Nothing waits for any member.
    settled: bool,
    /// While not settled: the member whose turn it is, and whether one has run in this round.
    turn: usize,
    ran: bool,
    failure: Option<(usize, Fault)>,
    failed: bool,
}

impl Group {
    pub fn new(members: Vec<Member>, env: Rc<ShardEnv>) -> Self {
        // What the members send when they start waits for the first poll.
        Group { members, env, settled: false, turn: 0, ran: false, failure: None, failed: false }
    }

    /// Polls the members for what they send each other until they are quiet, held back by a full edge out of the
    /// group, or `budget` is used up; returns how many steps ran.
    #[inline]
    fn settle(&mut self, budget: usize, net: &mut dyn Net) -> usize {
        let mut steps = 0;
        while steps < budget {
            let Some(member) = self.members.get_mut(self.turn) else {
                self.turn = 0;
                if std::mem::take(&mut self.ran) {
                    continue;
                }
                self.settled = !self.members.iter().any(|member| member.waiting.get());
                break;
            };
            if !member.waiting.get() {
                self.turn += 1;
                continue;
            }
            let polled = member.hosted.poll(Scope::Internal, budget - steps, net);
            member.waiting.set(!polled.is_quiet);
            steps += polled.steps;
            self.ran |= polled.steps > 0;
            if self.failed() || polled.is_held_outside {
                break;
            }
            if polled.is_quiet || polled.steps == 0 {
                self.turn += 1;
            }
        }
        steps
    }

    /// Looks whether a member has failed, which fails all.
    #[inline]
    fn failed(&mut self) -> bool {
        if self.env.alarm.get() && !self.failed {
            self.note_failure();
        }
        self.failed
    }

    #[cold]
    fn note_failure(&mut self) {
        for index in 0..self.members.len() {
            if let Some((_, fault)) = self.members[index].hosted.take_failure() {
                self.failure.get_or_insert((index, fault));
                self.failed = true;
            }
        }
        if self.failed {
            self.members.iter_mut().for_each(|member| member.hosted.fail());
        }
    }
}

impl Hosted for Group {
    fn start(&mut self, net: &mut dyn Net) {
        for member in &mut self.members {
            member.hosted.start(net);
            member.waiting.set(true);
        }
        self.failed();
    }

    #[inline]
    fn poll(&mut self, _scope: Scope, budget: usize, net: &mut dyn Net) -> Polled {
        if self.failed {
            let steps = self.members.iter_mut().map(|member| member.hosted.poll(Scope::All, budget, net).steps).sum();
            return Polled { steps, is_quiet: false, is_unfinished: false, is_held_outside: false };
        }
        let (mut steps, mut inputs, mut is_quiet) = (0, 0, false);
        loop {
            if !self.settled {
                steps += self.settle(STEPS_MAX - steps, net);
            }
            if !self.settled || self.failed || inputs == budget || steps == STEPS_MAX {
                break;
            }
            let first = &mut self.members[0];
            let polled = first.hosted.poll(Scope::External, 1, net);
            if polled.steps == 0 {
                is_quiet = polled.is_quiet;
                break;
            }
            first.waiting.set(polled.is_unfinished);
            inputs += 1;
            steps += 1;
            self.settled = false;
            if self.failed() {
                break;
            }
        }
        Polled { steps, is_quiet, is_unfinished: !self.settled, is_held_outside: false }
    }

    fn is_quiet(&self) -> bool {
        self.members.iter().all(|member| member.hosted.is_quiet())
    }

    fn end_batch(&mut self, _net: &mut dyn Net) {}

    fn down(&mut self, _down: Down, _net: &mut dyn Net) {}

    fn stop(&mut self, _net: &mut dyn Net) {}

    fn fail(&mut self) {
        self.members.iter_mut().for_each(|member| member.hosted.fail());
        self.failed = true;
    }

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
        self.members.iter_mut().map(|member| member.hosted.traffic()).fold(Traffic::default(), Traffic::plus)
    }
}
