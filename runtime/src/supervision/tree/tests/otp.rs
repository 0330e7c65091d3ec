//! OTP's supervisor as its documentation and `supervisor.erl` have it: slow and plain. Each supervisor does one thing at a time, and
//! a start or a stop is a call that returns when it is done.

use std::collections::VecDeque;

use super::super::Action;
use crate::{
    supervision::{Restart, Strategy},
    topology::ids::ActorIndex,
};

/// A supervisor as a test declares it.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub strategy: Strategy,
    pub intensity: u32,
    pub period_ns: u64,
    pub children: Vec<Child>,
}

#[derive(Clone, Debug)]
pub(super) enum Child {
    Actor { actor: u32, is_temporary: bool },
    Supervisor(Plan),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pid {
    Alive,
    /// It has exited, and its supervisor has not taken the message yet.
    Exited,
    /// `{restarting, _}`: its start failed, and is to be tried again.
    Restarting,
    Undefined,
    /// A temporary child that has ended.
    Deleted,
}

struct Instance {
    parent: Option<usize>,
    pid: Pid,
    kind: Kind,
}

enum Kind {
    Actor { actor: u32, is_temporary: bool, generation: u16 },
    Supervisor { plan: Plan, children: Vec<usize>, restarts: Vec<u64> },
}

enum Message {
    Exit(usize),
    TryAgain(usize),
}

/// All supervisors and what they did.
pub(super) struct Otp {
    processes: Vec<Instance>,
    mailbox: VecDeque<Message>,
    /// By actor: how many of its next starts fail.
    pub failing_starts: Vec<u32>,
    pub trace: Vec<Action>,
    pub has_shut_down: bool,
    now_ns: u64,
}

impl Otp {
    pub(super) fn new(plan: &Plan, actors: usize) -> Otp {
        let mut otp = Otp {
            processes: Vec::new(),
            mailbox: VecDeque::new(),
            failing_starts: vec![0; actors],
            trace: Vec::new(),
            has_shut_down: false,
            now_ns: 0,
        };
        otp.declare(None, &Child::Supervisor(plan.clone()));
        otp
    }

    fn declare(&mut self, parent: Option<usize>, child: &Child) -> usize {
        let index = self.processes.len();
        let (kind, below) = match child {
            &Child::Actor { actor, is_temporary } => (Kind::Actor { actor, is_temporary, generation: 0 }, &[][..]),
            Child::Supervisor(plan) => {
                (Kind::Supervisor { plan: plan.clone(), children: vec![], restarts: vec![] }, &plan.children[..])
            }
        };
        self.processes.push(Instance { parent, pid: Pid::Alive, kind });
        let declared = below.iter().map(|child| self.declare(Some(index), child)).collect();
        if let Kind::Supervisor { children, .. } = &mut self.processes[index].kind {
            *children = declared;
        }
        index
    }

    /// Actors exit, in this order.
    pub(super) fn exit(&mut self, now_ns: u64, actors: &[u32]) {
        self.now_ns = now_ns;
        for &exits in actors {
            let is_it = |process: &Instance| matches!(process.kind, Kind::Actor { actor, .. } if actor == exits);
            let index = self.processes.iter().position(is_it).unwrap();
            if self.processes[index].pid == Pid::Alive {
                self.processes[index].pid = Pid::Exited;
                self.mailbox.push_back(Message::Exit(index));
            }
        }
        while let Some(message) = self.mailbox.pop_front() {
            match message {
                Message::Exit(child) if self.processes[child].pid == Pid::Exited => self.handle_exit(child),
                Message::TryAgain(child) if self.processes[child].pid == Pid::Restarting => self.do_restart(child),
                // `terminate` has taken the message, or the child runs again.
                _ => {}
            }
            if self.has_shut_down {
                return;
            }
        }
    }

    fn handle_exit(&mut self, child: usize) {
        if let Kind::Actor { is_temporary: true, actor, .. } = self.processes[child].kind {
            self.processes[child].pid = Pid::Deleted;
            self.trace.push(Action::End(ActorIndex::new(actor)));
        } else {
            self.do_restart(child);
        }
    }

    fn do_restart(&mut self, child: usize) {
        let parent = self.processes[child].parent.unwrap();
        let now_ns = self.now_ns;
        let Kind::Supervisor { plan, children, restarts } = &mut self.processes[parent].kind else { unreachable!() };
        restarts.retain(|at_ns| at_ns + plan.period_ns >= now_ns);
        restarts.push(now_ns);
        if restarts.len() > plan.intensity as usize {
            return self.shut_down(parent);
        }
        let children = children.clone();
        let group = match plan.strategy {
            Strategy::OneForOne => vec![child],
            Strategy::RestForOne => children[children.iter().position(|one| *one == child).unwrap()..].to_vec(),
            Strategy::OneForAll => children,
        };
        self.processes[child].pid = Pid::Undefined;
        group.iter().rev().for_each(|&one| self.terminate(one));
        for one in group {
            if !self.start(one) {
                self.processes[one].pid = Pid::Restarting;
                self.mailbox.push_back(Message::TryAgain(one));
                return;
            }
        }
    }

    /// A supervisor ends with the reason `shutdown`.
    fn shut_down(&mut self, supervisor: usize) {
        if self.processes[supervisor].parent.is_none() {
            self.has_shut_down = true;
            return;
        }
        self.terminate(supervisor);
        self.processes[supervisor].pid = Pid::Exited;
        self.mailbox.push_back(Message::Exit(supervisor));
    }

    fn terminate(&mut self, process: usize) {
        let Instance { pid, kind, .. } = &mut self.processes[process];
        let was = *pid;
        if was != Pid::Deleted {
            *pid = Pid::Undefined;
        }
        match kind {
            Kind::Actor { actor, is_temporary, .. } => {
                let actor = ActorIndex::new(*actor);
                if *is_temporary && was != Pid::Deleted {
                    *pid = Pid::Deleted;
                    self.trace.push(Action::End(actor));
                } else if was == Pid::Alive {
                    self.trace.push(Action::Stop(actor));
                }
            }
            Kind::Supervisor { children, .. } if was == Pid::Alive => {
                let children = children.clone();
                children.into_iter().rev().for_each(|child| self.terminate(child));
            }
            Kind::Supervisor { .. } => {}
        }
    }

    /// Starts a process that does not run; false if that fails.
    fn start(&mut self, process: usize) -> bool {
        if self.processes[process].pid == Pid::Deleted {
            // Its edges were given up: unlike in OTP, it does not come back.
            return true;
        }
        match &mut self.processes[process].kind {
            Kind::Actor { actor, generation, .. } => {
                *generation += 1;
                self.trace.push(Action::Start { actor: ActorIndex::new(*actor), generation: *generation });
                let fails = &mut self.failing_starts[*actor as usize];
                if *fails > 0 {
                    *fails -= 1;
                    return false;
                }
            }
            Kind::Supervisor { children, restarts, .. } => {
                restarts.clear();
                let children = children.clone();
                for (at, &child) in children.iter().enumerate() {
                    if !self.start(child) {
                        children[..at].iter().rev().for_each(|&child| self.terminate(child));
                        return false;
                    }
                }
            }
        }
        self.processes[process].pid = Pid::Alive;
        true
    }
}

/// How a child of a plan is declared to a tree.
pub(super) fn restart_of(is_temporary: bool) -> Restart {
    if is_temporary { Restart::Temporary } else { Restart::Permanent }
}
