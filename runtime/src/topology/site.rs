//! Where a shard's actors are built: the shared pieces that their ports and inlets need.

use std::{any::Any, cell::Cell, cell::RefCell, collections::HashMap, rc::Rc};

use crate::{
    edge::port::{LocalQueue, Notice, Touched, Waiting},
    edge::queue::Queue,
    message::Message,
    shard::agenda::{Agenda, Agendas, Turn},
    shard::time::ShardEnv,
};

/// What a shard polls as one.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum UnitKey {
    Actor(u32),
    Group(u32),
}

pub(crate) struct Site {
    pub env: Rc<ShardEnv>,
    /// By shard: the mark that an edge to it was filled, for those shards that may park.
    touched: Vec<Option<Touched>>,
    /// By edge: the turn that each of its messages gives, if it runs between two members of one group.
    turns: Vec<Option<Turn>>,
    /// By actor: the group it is in.
    groups: Vec<Option<u32>>,
    /// By group.
    agendas: Vec<Agenda>,
    /// The marks that something waits for a unit.
    waiting: HashMap<UnitKey, Waiting>,
    queues: HashMap<u32, Box<dyn Any>>,
}

impl Site {
    pub fn new(env: Rc<ShardEnv>, parks: &[bool], groups: Vec<Option<u32>>, agendas: &Agendas) -> Self {
        let touched = parks.iter().map(|parks| parks.then(|| Rc::new(Cell::new(false)))).collect();
        let turns = agendas.turns.clone();
        let agendas = agendas.turns_max.iter().map(|&turns_max| Agenda::with_capacity(turns_max)).collect();
        Site { env, touched, turns, groups, agendas, waiting: HashMap::new(), queues: HashMap::new() }
    }

    pub fn touched(&self, shard: u32) -> Option<Touched> {
        self.touched[shard as usize].clone()
    }

    /// Whether an edge runs between two members of one group.
    pub fn is_internal(&self, edge: u32) -> bool {
        self.turns[edge as usize].is_some()
    }

    pub fn agenda(&self, group: u32) -> Agenda {
        self.agendas[group as usize].clone()
    }

    /// How the consumer of an edge within the shard learns of a message.
    pub fn notice(&mut self, edge: u32, to: u32) -> Notice {
        match (self.turns[edge as usize], self.groups[to as usize]) {
            (Some(turn), Some(group)) => Notice::Member(self.agenda(group), turn),
            _ => Notice::Unit(self.waiting(to)),
        }
    }

    /// The mark that something waits for an actor, or for the group that it is in; made by whoever asks first.
    pub fn waiting(&mut self, actor: u32) -> Waiting {
        let unit = self.groups[actor as usize].map_or(UnitKey::Actor(actor), UnitKey::Group);
        self.waiting.entry(unit).or_default().clone()
    }

    /// The queue of an edge within the shard, made by whichever end asks first.
    pub fn local_queue<M: Message>(&mut self, edge: u32, capacity: usize) -> LocalQueue<M> {
        let queue = self
            .queues
            .entry(edge)
            .or_insert_with(|| Box::new(LocalQueue::<M>::new(RefCell::new(Queue::with_capacity(capacity)))));
        queue.downcast_ref::<LocalQueue<M>>().expect("both ends of an edge have one message type").clone()
    }
}
