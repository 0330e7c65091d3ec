//! A group: a deterministic pipeline of actors with one sequenced input.
//!
//! The members are polled in a fixed order until none has anything left to do; only then is the next input let in.
//! What a member sees therefore depends on the inputs and their order alone, not on when they came, and the same
//! inputs give the same output bytes. For that, members have no timers and no end of batch, and a member's failure
//! is the failure of the group: half a pipeline's state is worth nothing.

use std::rc::Rc;

use crate::{
    actor::Down,
    cell::{BATCH_MAX, Fault, Hosted, Scope, Traffic},
    net::{Net, NetHandler},
    time::ShardEnv,
};

pub(crate) struct Group {
    /// The first member takes the sequenced input.
    members: Vec<Box<dyn Hosted>>,
    env: Rc<ShardEnv>,
    /// All members were quiet when last polled, and nothing has come in since.
    settled: bool,
    failure: Option<(usize, Fault)>,
    failed: bool,
}

impl Group {
    pub fn new(members: Vec<Box<dyn Hosted>>, env: Rc<ShardEnv>) -> Self {
        Group { members, env, settled: true, failure: None, failed: false }
    }

    /// Polls the members for what they send each other until they are quiet, or held back by a full edge out of the
    /// group; returns how many steps ran.
    #[inline]
    fn settle(&mut self, net: &mut dyn Net) -> usize {
        let mut steps = 0;
        loop {
            let mut ran = 0;
            for member in &mut self.members {
                ran += member.poll(Scope::Internal, BATCH_MAX, net);
            }
            steps += ran;
            if self.env.alarm.get() {
                self.note_failure();
                return steps;
            }
            if ran == 0 {
                break;
            }
        }
        self.settled = self.members.iter().all(|member| member.is_quiet(Scope::Internal));
        steps
    }

    fn note_failure(&mut self) {
        for index in 0..self.members.len() {
            if let Some((_, fault)) = self.members[index].take_failure() {
                self.failure = Some((index, fault));
                self.failed = true;
                self.members.iter_mut().for_each(|member| member.fail());
            }
        }
    }
}

impl Hosted for Group {
    fn start(&mut self, net: &mut dyn Net) {
        self.members.iter_mut().for_each(|member| member.start(net));
    }

    #[inline]
    fn poll(&mut self, _scope: Scope, budget: usize, net: &mut dyn Net) -> usize {
        if self.failed {
            return self.members.iter_mut().map(|member| member.poll(Scope::All, budget, net)).sum();
        }
        let mut steps = 0;
        for _ in 0..=budget {
            if !self.settled {
                steps += self.settle(net);
            }
            if !self.settled || self.failed {
                break;
            }
            if self.members[0].poll(Scope::External, 1, net) == 0 {
                break;
            }
            steps += 1;
            self.settled = false;
            if self.env.alarm.get() {
                self.note_failure();
                break;
            }
        }
        steps
    }

    fn is_quiet(&self, scope: Scope) -> bool {
        self.members.iter().all(|member| member.is_quiet(scope))
    }

    fn end_batch(&mut self, _net: &mut dyn Net) {}

    fn down(&mut self, _down: Down, _net: &mut dyn Net) {}

    fn stop(&mut self, _net: &mut dyn Net) {}

    fn fail(&mut self) {
        self.members.iter_mut().for_each(|member| member.fail());
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
        self.members.iter_mut().map(|member| member.traffic()).fold(Traffic::default(), Traffic::plus)
    }
}
