//! The topology: shards, actors and edges, declared in code, checked as a whole, then started or simulated.
//!
//! A declaration builds nothing: an actor's factory runs on its shard's thread, so that what the actor allocates is local
//! to that shard and need not be `Send`.
//!
//! - `spec` and `graph` are the declarations as plain values. `declare` and `connect` write them; nothing else does.
//! - [`check`] reads them and builds nothing. It refuses what cannot run, and proves that full edges cannot deadlock. A new
//!   kind of edge, or a new way for a step to wait, must be added to that proof first.
//! - `plan` turns them into one plan per shard, and `site` is where a plan's ports and inlets meet when it is built.
//!
//! Only the external senders and receivers (`outside`) run while messages move. The room knows neither threads nor the network's driver: `lifecycle` starts the
//! plans, `simulation` builds them on one thread.
//!
//! ```
//! use corelane_runtime::{prelude::*, topology::check::TopologyError};
//! # #[derive(Clone, Copy)]
//! # struct Word(u64);
//! # impl Message for Word {}
//! # struct Relay;
//! # impl Actor for Relay {
//! #     type In = Word;
//! #     type Out = Port<Word>;
//! #     const OUTPUTS_MAX: usize = 1;
//! #     fn on_message(&mut self, ctx: &mut Context<'_, Self::Out>, word: &Word) -> Step {
//! #         ctx.out.send(*word);
//! #         Step::Done
//! #     }
//! # }
//! let mut topology = Topology::new();
//! let shard = topology.shard(ShardSpec::new("shard", allowed_cpus()[0]));
//! let [one, two] = ["one", "two"].map(|name| topology.actor(shard, name, || Relay));
//! topology.connect(one, |out| out, two, EdgeSpec::backpressure(64));
//! topology.connect(two, |out| out, one, EdgeSpec::backpressure(64));
//! // When both edges are full, each actor waits for the other: the check refuses that before it runs.
//! let errors = topology.check().unwrap_err();
//! assert!(matches!(errors.0[..], [TopologyError::Deadlock { .. }]), "{errors}");
//! ```

pub mod check;
mod connect;
mod declare;
pub(crate) mod graph;
pub(crate) mod ids;
pub(crate) mod outside;
pub(crate) mod plan;
mod site;
mod spec;

pub use self::graph::Topology;
pub use self::ids::{ActorId, ActorIndex, ShardId};
pub use self::outside::{ConflatedReceiver, ExternalReceiver, ExternalSender, Refused, SenderBatch};
pub use self::spec::{EdgeSpec, Idle, MailboxSpec, ShardSpec};
