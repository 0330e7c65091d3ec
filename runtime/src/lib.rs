//! Actors on pinned threads, for programs that answer in microseconds: one Linux host, no locks, no allocation while it runs,
//! and a proof that full queues cannot deadlock.
//!
//! # The model
//!
//! A **shard** is a thread pinned to a CPU. It runs one loop, the *duty cycle*: poll the network, deliver messages to the
//! actors that it hosts, fire timers, flush. When idle it spins, backs off or parks ([`topology::Idle`]).
//!
//! An **actor** ([`actor::Actor`]) is a single-threaded state machine with one input type. Everything that it may touch comes
//! through its [`Context`](actor::Context): output ports, timers, the network of its shard, and time. It cannot block: a
//! step that has more to do returns [`Step::More`](actor::Step) and is continued later. If an actor panics, the messages of its
//! last step are discarded, its neighbours are notified, and its supervisor decides whether a new value replaces it and takes the
//! input that has waited ([`supervision`]).
//!
//! A **message** ([`message::Message`]) is a plain value of up to 224 bytes. It is written once, into a slot of the edge,
//! and read there.
//!
//! An **edge** leads from a **port** of one actor to the input of another: a plain queue within a shard, a wait-free ring
//! between shards. A port has one edge, and any number of edges may lead to one actor. An edge has a fixed capacity, and a declared answer to being full
//! ([`topology::EdgeSpec`]): hold the producer back, or drop the newest message. A *conflated* edge keeps the newest value of
//! each key instead ([`Topology::conflate`](topology::Topology::conflate)), and a *mailbox* takes work that is not sequenced by
//! priority ([`Topology::mailbox`](topology::Topology::mailbox)). Threads outside take part by an
//! [`ExternalSender`](topology::ExternalSender) and an [`ExternalReceiver`](topology::ExternalReceiver).
//!
//! A **topology** ([`topology::Topology`]) declares shards, actors and edges. It is checked as a whole before anything runs:
//! [`check`](topology::Topology::check) finds open ports, CPUs that are shared or not allowed, and circles of edges that could
//! fill up and deadlock, and says what to do about each. Then it is [started](topology::Topology::start) on its threads or
//! [simulated](topology::Topology::simulate) on one.
//!
//! A **sequenced actor** ([`actor::SequencedActor`]) sees a single stream of inputs that a [`sequencer`] has numbered and
//! timed, and has neither network nor timers. The same stream gives the same output bytes, on a replica, in a replay of a
//! record and in a simulation.
//!
//! The **network** ([`net`]) is TCP and UDP on raw `io_uring`, one driver per shard. It cuts streams into frames by your rule
//! and hands them to the [`NetActor`](actor::NetActor) that owns the endpoint, borrowed.
//!
//! **Housekeeping** ([`lifecycle`]) is one more thread, which keeps the shards' clock true, gathers their figures
//! ([`telemetry`]), restarts actors that fail and stops everything in order. In a [`simulation`] a test does that, sets the time and
//! plays the network, so that a run is the same each time.
//!
//! For an actor that calls what may fail or be too slow, [`resilience`] has circuit breakers, permits, token buckets and retries.
//!
//! # Start here
//!
//! ```
//! use corelane_runtime::prelude::*;
//!
//! #[derive(Clone, Copy)]
//! struct Number(u64);
//! impl Message for Number {}
//!
//! /// Adds up what it receives and sends the total so far.
//! #[derive(Default)]
//! struct Adder { total: u64 }
//!
//! impl Actor for Adder {
//!     type In = Number;
//!     type Out = Port<Number>;
//!     const OUTPUTS_MAX: usize = 1;
//!
//!     fn on_message(&mut self, ctx: &mut Context<'_, Self::Out>, number: &Number) -> Step {
//!         self.total += number.0;
//!         ctx.out.send(Number(self.total));
//!         Step::Done
//!     }
//! }
//!
//! let mut topology = Topology::new();
//! let shard = topology.shard(ShardSpec::new("first", allowed_cpus()[0]));
//! let adder = topology.actor(shard, "adder", Adder::default);
//! let mut numbers = topology.external_sender("numbers", adder, EdgeSpec::backpressure(8));
//! let mut totals = topology.external_receiver(adder, |out| out, EdgeSpec::backpressure(8));
//! let running = topology.start(RunOptions::default())?;
//! numbers.send(Number(20))?;
//! numbers.send(Number(22))?;
//! assert!(running.stop().drained);
//! assert_eq!(std::iter::from_fn(|| totals.receive()).last().map(|total| total.body.0), Some(42));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # When something fails
//!
//! An actor that panics does not end the program: its edges close ([`ExternalReceiver::is_closed`](topology::ExternalReceiver::is_closed),
//! [`Refused::Closed`](topology::Refused::Closed)), and the others go on. Who waits for a message in a loop looks at `is_closed`
//! too, or waits for ever. Why it failed is in [`Running::status`](lifecycle::Running::status) while it runs, in
//! [`Outcome::problems`](lifecycle::Outcome::problems) after the stop, and for a simulation in
//! [`Simulation::failures`](simulation::Simulation::failures).
//!
//! Housekeeping logs by [`tracing`](https://docs.rs/tracing): failures, restarts, and what the network or the host refused
//! ([`Status::warnings`](lifecycle::Status::warnings)). Without a subscriber it writes failures and refusals to standard error, 64
//! lines at most.
//!
//! `runtime/examples` has a program per concept: `first_actor`, `timer`, `request_reply`, `network_echo`,
//! `sequenced_replay`, `conflated_prices`, `priority_mailbox`, `external_thread`, `supervised`, `simulation`, `simulated_faults`.
//! Each shard locks some memory for its rings; if a start fails because of this, raise the limit as the error says.
#![deny(missing_docs)]
#![deny(clippy::disallowed_methods, clippy::dbg_macro, clippy::print_stderr, clippy::print_stdout)]

pub mod actor;
pub mod clock;
pub mod cpu;
pub mod edge;
pub mod faults;
pub mod lifecycle;
pub mod mem;
pub mod message;
pub mod net;
pub mod prelude;
pub mod resilience;
pub mod sequencer;
pub mod shard;
pub mod simulation;
pub mod supervision;
pub mod telemetry;
pub mod topology;

pub use shard::{
    DeadLetter, FailedInput, Failure, Happened, InputKind, ShardEvent,
    panics::{PanicLocation, PanicMessage},
};
