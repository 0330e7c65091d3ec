//! The scope of a mass cancel, and the kill switch, which has a scope.

use bytemuck::{CheckedBitPattern, NoUninit};

use super::identifier::{AccountId, FirmId, PortId};

/// The ports whose orders are concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// All ports of the venue.
    Everyone,
    /// The ports of a firm's accounts.
    Firm(FirmId),
    /// The ports of an account.
    Account(AccountId),
    /// One port.
    Port(PortId),
}

/// A port, with its account and firm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The port.
    pub port: PortId,
    /// The account that it trades for.
    pub account: AccountId,
    /// The firm that holds the account.
    pub firm: FirmId,
}

impl Scope {
    /// Whether this scope includes a port.
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

/// The engagement or release of a kill switch.
///
/// The venue and each firm, account and port have one. While the switch of a port, its account, its firm or the venue is
/// engaged, the port's new orders are rejected. Engaging a switch also cancels all resting orders in its scope. A command
/// for an unknown firm, account or port does nothing.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, NoUninit, CheckedBitPattern)]
pub struct KillSwitch {
    /// The firm, account or port; 0 for the venue.
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
    /// The engagement or the release of a scope's switch.
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

    /// The scope that it stops.
    #[must_use]
    pub const fn scope(&self) -> Scope {
        match self.level {
            Level::Everyone => Scope::Everyone,
            Level::Firm => Scope::Firm(FirmId(self.id)),
            Level::Account => Scope::Account(AccountId(self.id)),
            Level::Port => Scope::Port(PortId(self.id)),
        }
    }

    /// Whether this engages the switch; false if it releases it.
    #[must_use]
    pub const fn is_engaged(&self) -> bool {
        self.engaged
    }
}
