//! Where a shard's actors are built: the shared pieces that their ports and inlets need.

use std::{any::Any, cell::Cell, cell::RefCell, collections::HashMap, rc::Rc};

use crate::{
    message::Message,
    port::{LocalQueue, Touched, Waiting},
    queue::Queue,
    time::ShardEnv,
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
    /// By edge: whether it runs between two members of one group.
    internal: Vec<bool>,
    /// By actor: the group it is in.
    groups: Vec<Option<u32>>,
    /// The marks that something waits for a unit, and for a member of a group.
    waiting: HashMap<UnitKey, Waiting>,
    member_waiting: HashMap<u32, Waiting>,
    queues: HashMap<u32, Box<dyn Any>>,
}

impl Site {
    pub fn new(env: Rc<ShardEnv>, parks: &[bool], internal: Vec<bool>, groups: Vec<Option<u32>>) -> Self {
        let touched = parks.iter().map(|parks| parks.then(|| Rc::new(Cell::new(false)))).collect();
        let (waiting, member_waiting) = (HashMap::new(), HashMap::new());
        Site { env, touched, internal, groups, waiting, member_waiting, queues: HashMap::new() }
    }

    pub fn touched(&self, shard: u32) -> Option<Touched> {
        self.touched[shard as usize].clone()
    }

    pub fn is_internal(&self, edge: u32) -> bool {
        self.internal[edge as usize]
    }

    /// The mark that something waits for an actor, or for the group that it is in; made by whoever asks first.
    pub fn waiting(&mut self, actor: u32) -> Waiting {
        let unit = self.groups[actor as usize].map_or(UnitKey::Actor(actor), UnitKey::Group);
        self.waiting.entry(unit).or_default().clone()
    }

    /// The mark that a group's member has something from another member; made by whoever asks first.
    pub fn member_waiting(&mut self, actor: u32) -> Waiting {
        self.member_waiting.entry(actor).or_default().clone()
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
