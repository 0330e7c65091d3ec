//! The vocabulary of the trading actors: what they say to each other, and what they are configured with.
//!
//! Everyone may import this module; it imports no actor.

mod command;
mod config;
mod event;
mod identifier;
mod limits;
mod order;
mod reference;
mod reply;

pub use self::{
    command::{Cancel, Command, Enter, KillSwitch, MarketEvent, Replace, SequencerIn, SessionChange},
    config::{GroupConfig, GroupConfigError, Instrument},
    event::{Event, Outcome},
    identifier::{AccountSlot, Locate, OrderSlot},
    limits::{Limits, WithoutReference},
    order::{Exposure, NewOrder, Side},
    reference::{Reference, ReferenceUpdate},
    reply::{Publication, Reply},
};
