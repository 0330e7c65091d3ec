//! What the tests of several crates share. A dev-dependency only: nothing that ships depends on it.
//!
//! | module | for |
//! |---|---|
//! | [`allocator`] | tests that count what a thread allocates |
//! | [`random`] | random walks against a model, from a seed that the test prints |
//! | [`shards`] | shards, networks and run options of tests |
//! | [`streams`] | commands whose output cannot be written |
//! | [`wait`] | waiting for other threads, with an end |

#![deny(missing_docs)]

pub mod allocator;
pub mod random;
pub mod shards;
pub mod streams;
pub mod wait;
