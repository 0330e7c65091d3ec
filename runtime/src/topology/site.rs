//! Where a shard's actors are built: the shared pieces that their ports and inlets need.

use std::{any::Any, cell::Cell, cell::RefCell, collections::HashMap, rc::Rc};

use crate::{
    edge::bind::{Touched, Waiting},
    edge::queue::{LocalQueue, Queue},
    message::Message,
    shard::time::ShardEnv,
    telemetry::TimingSlots,
};

pub(crate) struct Site {
    pub env: Rc<ShardEnv>,
    /// Where the timings are of the actor that is being built.
    pub timings: TimingSlots,
    /// By shard: the mark that an edge to it was filled, for those shards that may park.
    touched: Vec<Option<Touched>>,
    /// By actor: the mark that something waits for it.
    waiting: HashMap<u32, Waiting>,
    queues: HashMap<u32, Box<dyn Any>>,
}

impl Site {
    pub(crate) fn new(env: Rc<ShardEnv>, parks: &[bool]) -> Self {
        let touched = parks.iter().map(|parks| parks.then(|| Rc::new(Cell::new(false)))).collect();
        Site { env, timings: TimingSlots::default(), touched, waiting: HashMap::new(), queues: HashMap::new() }
    }

    pub(crate) fn touched(&self, shard: u32) -> Option<Touched> {
        self.touched[shard as usize].clone()
    }

    /// The mark that something waits for an actor; made by whoever asks first.
    pub(crate) fn waiting(&mut self, actor: u32) -> Waiting {
        self.waiting.entry(actor).or_default().clone()
    }

    /// The queue of an edge within the shard, made by whichever end asks first.
    pub(crate) fn local_queue<M: Message>(&mut self, edge: u32, capacity: usize) -> LocalQueue<M> {
        let queue = self
            .queues
            .entry(edge)
            .or_insert_with(|| Box::new(LocalQueue::<M>::new(RefCell::new(Queue::with_capacity(capacity)))));
        queue.downcast_ref::<LocalQueue<M>>().expect("both ends of an edge have one message type").clone()
    }
}
