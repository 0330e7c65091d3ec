//! The engine: one sequenced actor, and the state machines that it calls.
//!
//! [`order`], [`risk`] and [`matching`] know the vocabulary (`types`) and not each other; `group` knows all three.

mod counts;
mod group;
pub mod matching;
pub mod order;
pub mod risk;

pub use self::{
    counts::GroupCount,
    group::{Group, GroupOut, wire_group},
    matching::BookMemory,
};
