//! The vocabulary of the trading actors: their messages, identifiers and configuration.
//!
//! Every actor may import this module; it imports none of them.

mod command;
mod config;
mod event;
mod identifier;
mod limits;
mod mark;
mod notional;
mod order;
mod quantity;
mod reference;
mod reply;
mod scope;

pub use corelane_runtime::message::SequenceNumber;

pub(crate) use self::{command::CHANNELS, reply::length_byte};
pub use self::{
    command::{
        AccountQuery, Cancel, Command, Enter, EntrySwitch, MarketEvent, MassCancel, Modify, OtherChannel, Replace,
        SequencerIn, SessionChange,
    },
    config::{AccountConfig, FirmConfig, GroupConfig, GroupConfigError, Instrument, PortConfig, separate_members},
    event::{Event, Outcome},
    identifier::{AccountId, FirmId, Locate, OrderSlot, PortId},
    limits::{LevelLimits, Limits, WithoutReference},
    mark::Mark,
    notional::Notional,
    order::{Exposure, Increase, NewOrder, Side},
    quantity::Quantity,
    reference::{BookPrices, Reference, ReferenceUpdate},
    reply::{Publication, Reply},
    scope::{KillSwitch, Owner, Scope},
};
