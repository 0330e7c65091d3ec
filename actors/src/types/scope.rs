//! Whose orders something concerns, and the kill switch, which has a scope.

use bytemuck::{CheckedBitPattern, NoUninit};

use super::identifier::{AccountId, FirmId, PortId};

/// Whose orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Those of all ports.
    Everyone,
    /// Those of a firm's ports.
    Firm(FirmId),
    /// Those of an account's ports.
    Account(AccountId),
    /// Those of one port.
    Port(PortId),
}

/// A port, and to whom it belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The port.
    pub port: PortId,
    /// Its account.
    pub account: AccountId,
    /// The account's firm.
    pub firm: FirmId,
}

impl Scope {
    /// Whether the port is in this scope.
    #[inline]
    #[must_use]
    pub fn covers(self, owner: &Owner) -> bool {
        match self {
            Scope::Everyone => true,
            Scope::Firm(firm) => owner.firm == firm,
            Scope::Account(account) => owner.account == account,
            Scope::Port(port) => owner.port == port,
        }
    }
}

/// A turn of a kill switch. Each firm, account and port has one, and so has the venue; a port is stopped while any of its own is
/// engaged: its new orders are rejected. Engaging one cancels what rests in its scope. One of an unknown firm, account or port does
/// nothing.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, NoUninit, CheckedBitPattern)]
pub struct KillSwitch {
    /// Which firm, account or port; zero for everyone.
    id: u32,
    level: Level,
    engaged: bool,
    reserved: [u8; 2],
}

/// The kind of a [`Scope`].
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, NoUninit, CheckedBitPattern)]
enum Level {
    Everyone = 1,
    Firm = 2,
    Account = 3,
    Port = 4,
}

impl KillSwitch {
    /// Engages the switch of a scope, or releases it.
    #[must_use]
    pub const fn new(scope: Scope, engaged: bool) -> KillSwitch {
        let (level, id) = match scope {
            Scope::Everyone => (Level::Everyone, 0),
            Scope::Firm(FirmId(id)) => (Level::Firm, id),
            Scope::Account(AccountId(id)) => (Level::Account, id),
            Scope::Port(PortId(id)) => (Level::Port, id),
        };
        KillSwitch { id, level, engaged, reserved: [0; 2] }
    }

    /// Whom it stops.
    #[must_use]
    pub const fn scope(&self) -> Scope {
        match self.level {
            Level::Everyone => Scope::Everyone,
            Level::Firm => Scope::Firm(FirmId(self.id)),
            Level::Account => Scope::Account(AccountId(self.id)),
            Level::Port => Scope::Port(PortId(self.id)),
        }
    }

    /// Whether it is engaged, not released.
    #[must_use]
    pub const fn is_engaged(&self) -> bool {
        self.engaged
    }
}
