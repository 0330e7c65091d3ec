//! Lock-free primitives of the Corelane runtime.
//!
//! A leaf crate without dependencies and without `unsafe`. It allocates only when a primitive is created, takes no
//! locks and makes no system calls. Each word has one writer, unless the primitive's documentation says why not.
//!
//! | module | what is shared between threads | writer → readers |
//! |---|---|---|
//! | [`wake`] | "I am about to sleep" and "wake up" | one sleeper, many producers |
//! | [`seqlock`] | a few words that belong together | one → many |
//! | [`conflate`] | the newest value of each of many keys | one → one |
//! | [`trail`] | the last of many records | one → many |
//! | [`stage`] | the lifecycle stage, progress, and whether any message is in flight | coordinator ↔ shards |
//!
//! # How the memory orderings are checked
//!
//! Every ordering stronger than `Relaxed` has a name (`order!("stage_advance", Release)`). `cargo xtask loom` runs each
//! primitive's protocol through every interleaving (within a preemption bound) and every stale value that the memory
//! model allows. `cargo xtask mutants` weakens the named orderings one at a time and requires a model to fail each
//! time. If no model fails, the ordering is untested or unnecessary, and must go.

#![deny(missing_docs)]
#![forbid(unsafe_code)]

mod atomic;
pub mod conflate;
pub mod seqlock;
pub mod stage;
pub mod trail;
pub mod wake;
