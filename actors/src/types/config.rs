//! The configuration of a group.

use corelane_codecs::{
    ouch::MAX_QUANTITY,
    price::Price,
    text::{Mpid, Symbol},
};

use super::{
    identifier::{AccountId, FirmId, PortId},
    limits::{LevelLimits, Limits},
    quantity::Quantity,
    scope::Owner,
};

/// An instrument that is traded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instrument {
    /// Its symbol.
    pub symbol: Symbol,
    /// Price step; orders at other prices are rejected.
    pub tick: Price,
    /// Quantity step; orders of other quantities are rejected.
    pub lot: Quantity,
    /// The reference price while neither the feed, nor the own book, nor a trade gives one; zero means none.
    pub reference_price: Price,
}

/// A port of the group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortConfig {
    /// The account that its orders are booked to.
    pub account: AccountId,
    /// Limits on each order that it sends.
    pub limits: LevelLimits,
}

/// An account of the group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccountConfig {
    /// The firm that holds it.
    pub firm: FirmId,
    /// Limits on each order that is booked to it.
    pub limits: LevelLimits,
}

/// A firm of the group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FirmConfig {
    /// The firm of its orders, unless the client names another one (option `Firm`).
    pub mpid: Mpid,
    /// Limits on each order that is booked to its accounts.
    pub limits: LevelLimits,
}

/// The given number of ports, each with its own account and firm, and without limits on any level. The firms are called
/// `0000`, `0001` and so on.
#[must_use]
pub fn separate_members(ports: usize) -> (Vec<PortConfig>, Vec<AccountConfig>, Vec<FirmConfig>) {
    let limits = LevelLimits::default();
    (
        (0..ports).map(|port| PortConfig { account: AccountId::from_index(port), limits }).collect(),
        (0..ports).map(|account| AccountConfig { firm: FirmId::from_index(account), limits }).collect(),
        (0..ports).map(|firm| FirmConfig { mpid: digits(firm), limits }).collect(),
    )
}

#[expect(clippy::cast_possible_truncation, reason = "a digit")]
fn digits(number: usize) -> Mpid {
    Mpid::from_bytes([1000, 100, 10, 1].map(|place| b'0' + (number / place % 10) as u8))
}

/// The configuration of a group. All tables are allocated once, for these sizes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupConfig {
    /// The ports, which send orders.
    pub ports: Vec<PortConfig>,
    /// The accounts that orders are booked to.
    pub accounts: Vec<AccountConfig>,
    /// The firms that hold the accounts.
    pub firms: Vec<FirmConfig>,
    /// The instruments in the order of their locate codes, from 1.
    pub instruments: Vec<Instrument>,
    /// The most orders open at once, over all ports and instruments.
    pub orders_max: u32,
    /// The most price levels with resting orders at once, over all instruments.
    pub levels_max: u32,
    /// The most open orders of one port.
    pub open_orders_per_port_max: u32,
    /// Whether a port's orders are cancelled when its client disconnects.
    pub cancel_on_disconnect: bool,
    /// Whether orders are accepted before the first market event.
    pub opens_at_start: bool,
    /// How long an instrument takes no new orders after an input about it that came too late, in nanoseconds; 0 for no pause.
    pub pause_ns: u64,
    /// How far apart a bid and an ask may be, in millionths of their mean, so that the mean is a reference price.
    pub quote_width_parts_per_million: u32,
    /// The venue's limits on every order.
    pub limits: Limits,
}

/// A contradiction in the configuration of a group.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GroupConfigError {
    /// A size or bound is outside its range.
    #[error("{setting} is {value}; it must be {least} to {most}")]
    OutOfRange {
        /// Name of the setting.
        setting: &'static str,
        /// Its value.
        value: u64,
        /// Least value.
        least: u64,
        /// Largest value.
        most: u64,
    },
    /// A port's account or an account's firm is not configured.
    #[error("{what} {index} belongs to {owner}, but only {count} are configured, numbered from 0")]
    UnknownOwner {
        /// "port" or "account".
        what: &'static str,
        /// Its index in the configuration.
        index: usize,
        /// The account or firm that it belongs to.
        owner: String,
        /// The number of configured accounts or firms.
        count: usize,
    },
}

impl GroupConfig {
    /// Each port with its account and firm.
    pub fn owners(&self) -> impl Iterator<Item = Owner> + '_ {
        self.ports.iter().enumerate().map(|(index, port)| {
            let firm = self.accounts[port.account.index()].firm;
            Owner { port: PortId::from_index(index), account: port.account, firm }
        })
    }

    /// The limits of each port: the lowest of the venue's, its firm's, its account's and its own.
    pub fn port_limits(&self) -> impl Iterator<Item = Limits> + '_ {
        self.owners().map(|Owner { port, account, firm }| {
            let firm = self.limits.least(&self.firms[firm.index()].limits);
            firm.least(&self.accounts[account.index()].limits).least(&self.ports[port.index()].limits)
        })
    }

    /// Checks the bounds.
    ///
    /// # Errors
    /// The first setting that is out of its bounds.
    pub fn check(&self) -> Result<(), GroupConfigError> {
        // Slots and index-linked lists use the upper half of the 32-bit range for marks.
        const TABLE_MAX: u64 = 1 << 30;
        let open_orders = self.open_orders_per_port_max;
        let ranges = [
            ("ports", self.ports.len() as u64, 1, 1 << 20),
            ("accounts", self.accounts.len() as u64, 1, 1 << 20),
            ("firms", self.firms.len() as u64, 1, 1 << 20),
            ("instruments", self.instruments.len() as u64, 1, u64::from(u16::MAX) - 1),
            ("orders_max", self.orders_max.into(), 1, TABLE_MAX),
            ("levels_max", self.levels_max.into(), 1, TABLE_MAX),
            ("open_orders_per_port_max", open_orders.into(), 1, TABLE_MAX),
            ("limits.quantity_max", self.limits.quantity_max.0.into(), 1, MAX_QUANTITY.into()),
        ];
        let steps = self.instruments.iter().flat_map(|instrument| {
            let lot_max = u64::from(MAX_QUANTITY);
            [("tick", instrument.tick.raw(), 1, u64::from(u32::MAX)), ("lot", instrument.lot.0.into(), 1, lot_max)]
        });
        let levels = self.firms.iter().map(|firm| &firm.limits);
        let levels = levels.chain(self.accounts.iter().map(|account| &account.limits));
        let levels = levels.chain(self.ports.iter().map(|port| &port.limits));
        let quantities = levels
            .filter_map(|limits| Some(("limits.quantity_max", limits.quantity_max?.0.into(), 1, MAX_QUANTITY.into())));
        for (setting, value, least, most) in ranges.into_iter().chain(steps).chain(quantities) {
            if !(least..=most).contains(&value) {
                return Err(GroupConfigError::OutOfRange { setting, value, least, most });
            }
        }
        for (index, PortConfig { account, .. }) in self.ports.iter().enumerate() {
            let (what, owner, count) = ("port", format!("account {account}"), self.accounts.len());
            if account.index() >= count {
                return Err(GroupConfigError::UnknownOwner { what, index, owner, count });
            }
        }
        for (index, AccountConfig { firm, .. }) in self.accounts.iter().enumerate() {
            let (what, owner, count) = ("account", format!("firm {firm}"), self.firms.len());
            if firm.index() >= count {
                return Err(GroupConfigError::UnknownOwner { what, index, owner, count });
            }
        }
        Ok(())
    }
}
