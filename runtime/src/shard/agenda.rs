//! What a group has still to do: one turn for each message that waits for a member.

use std::{cell::RefCell, rc::Rc};

use crate::{
    edge::queue::Queue,
    topology::{End, Topology},
};

/// What a member is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// Take the first message of this inlet.
    Message(u32),
    /// Go on with the input that it has.
    More,
}

/// A step that a member of a group is to make: the index of the member above, what it is to do below.
///
/// One word, so that it is read just as it was written: two that are written apart and read as one stall the processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Turn(u64);

impl Turn {
    const MORE: u32 = u32::MAX;

    #[inline]
    pub fn new(member: u32, what: What) -> Turn {
        let what = match what {
            What::Message(inlet) => inlet,
            What::More => Turn::MORE,
        };
        Turn(u64::from(member) << 32 | u64::from(what))
    }

    #[inline]
    pub fn member(self) -> u32 {
        (self.0 >> 32) as u32
    }

    #[inline]
    pub fn what(self) -> What {
        match self.0 as u32 {
            Turn::MORE => What::More,
            inlet => What::Message(inlet),
        }
    }
}

/// The turns of a group, in their order.
///
/// It has room for one per message that the edges within the group hold, and one per member that goes on, so it is never
/// full.
#[derive(Clone, Debug)]
pub(crate) struct Agenda(Rc<RefCell<Queue<Turn>>>);

impl Agenda {
    pub fn with_capacity(turns_max: usize) -> Agenda {
        Agenda(Rc::new(RefCell::new(Queue::with_capacity(turns_max))))
    }

    #[inline]
    pub fn len(&self) -> usize {
        self.0.borrow().len()
    }

    /// Puts a turn behind the others.
    #[inline]
    pub fn push(&self, turn: Turn) {
        let has_room = self.0.borrow_mut().push(turn);
        assert!(has_room, "it is never full");
    }

    /// Takes the first.
    #[inline]
    pub fn pop(&self) -> Option<Turn> {
        self.0.borrow_mut().pop()
    }

    /// Puts a turn before the others: the one that was popped last.
    pub fn put_back(&self, turn: Turn) {
        self.0.borrow_mut().put_back(turn);
    }

    /// Forgets all: a failed step's messages are taken back, and their turns are not.
    pub fn clear(&self) {
        let mut turns = self.0.borrow_mut();
        let all = turns.len();
        turns.advance(all);
    }
}

/// What a topology's groups need to know before they are built.
#[derive(Clone, Debug)]
pub(crate) struct Agendas {
    /// By edge: the turn that each of its messages gives, if it runs between two members of one group.
    pub turns: Vec<Option<Turn>>,
    /// By group: turns that wait at once, at most.
    pub turns_max: Vec<usize>,
    /// By group: what its first member does to take the sequenced input.
    pub inputs: Vec<What>,
}

impl Topology {
    pub(crate) fn agendas(&self) -> Agendas {
        let mut turns = vec![None; self.edges.len()];
        let mut turns_max: Vec<usize> = self.groups.iter().map(|group| group.members.len()).collect();
        let mut inputs = vec![What::Message(0); self.groups.len()];
        let mut inlets = vec![0; self.actors.len()];
        for (edge, turn) in self.edges.iter().zip(&mut turns) {
            let End::Actor(to) = edge.to else { continue };
            // An actor has its inlets in the order in which their edges were declared.
            let what = What::Message(inlets[to as usize]);
            inlets[to as usize] += 1;
            let Some(group) = self.actors[to as usize].group.map(|group| group as usize) else { continue };
            if self.is_internal(edge) {
                let member = self.groups[group].members.binary_search(&to).expect("members are sorted") as u32;
                *turn = Some(Turn::new(member, what));
                turns_max[group] += edge.spec.capacity;
            } else {
                inputs[group] = what;
            }
        }
        Agendas { turns, turns_max, inputs }
    }
}
