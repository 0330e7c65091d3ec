//! Lock-free primitives of the Corelane runtime.
//!
//! A leaf crate: it depends on nothing, allocates only when a primitive is created, takes no lock, makes no
//! system call and contains no `unsafe`. Each primitive has one writer per word, or says why it does not.
//!
//! | module | what crosses threads | writer → readers |
//! |---|---|---|
//! | [`wake`] | "I am about to sleep" and "wake up" | one sleeper, many producers |
//! | [`seqlock`] | a few words that belong together | one → many |
//! | [`conflate`] | the newest value of each of many keys | one → one |
//! | [`stage`] | the life cycle, progress, and whether anything is in flight | coordinator ↔ shards |
//!
//! # How the memory orderings are held
//!
//! Every ordering stronger than `Relaxed` carries a name (`order!("stage_advance", Release)`). `cargo xtask
//! loom` runs each primitive's protocol through every interleaving (within a preemption bound) and every stale
//! value the memory model allows; `cargo xtask mutants` weakens the named orderings one at a time and requires
//! that a model fails. An ordering whose weakening no model notices is either untested or unnecessary, and not
//! kept.

#![deny(missing_docs)]
#![forbid(unsafe_code)]

mod atomic;
pub mod conflate;
pub mod seqlock;
pub mod stage;
pub mod wake;
