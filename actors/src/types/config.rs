//! What a group is made for.

use corelane_codecs::{ouch::MAX_QUANTITY, text::Symbol};

use super::limits::Limits;

/// Something that is traded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instrument {
    /// Its symbol.
    pub symbol: Symbol,
    /// Price step, four implied decimals: orders at other prices are refused.
    pub tick: u64,
    /// Quantity step: orders of other quantities are refused.
    pub lot: u32,
    /// What the collar starts from until the feed gives a price, four implied decimals; 0 is none.
    pub reference_price: u64,
}

/// What a group is made for. All its tables are allocated once, for this.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupConfig {
    /// Accounts; slots are 0 and up.
    pub accounts: u32,
    /// The instruments in the order of their locate codes, from 1.
    pub instruments: Vec<Instrument>,
    /// Orders open at once, over all accounts and instruments.
    pub orders_max: u32,
    /// Prices with resting orders at once, over all instruments.
    pub levels_max: u32,
    /// Open orders of one account.
    pub open_orders_per_account_max: u32,
    /// Messages to one account in the day.
    pub messages_per_account_max: u64,
    /// Whether an account's orders are cancelled when its client goes.
    pub cancel_on_disconnect: bool,
    /// Whether orders are taken before the first market event.
    pub opens_at_start: bool,
    /// Limits on every order.
    pub limits: Limits,
}

/// Why a group cannot be made as configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
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
    /// The last eighth of an account's messages cannot answer for all its open orders.
    #[error(
        "messages_per_account_max is {messages}; with {open_orders} open orders per account it must be at least \
         {least}, so that the eighth of it that is kept back can answer for them: raise it, or lower \
         open_orders_per_account_max"
    )]
    TooFewMessages {
        /// Configured messages.
        messages: u64,
        /// Configured open orders.
        open_orders: u32,
        /// Least messages.
        least: u64,
    },
}

impl GroupConfig {
    /// The least [`messages_per_account_max`](GroupConfig::messages_per_account_max) that can answer for this many open
    /// orders: from seven eighths of it on no order is let in, and the last eighth must answer for all open orders and for
    /// some executions of the last order let in.
    pub const fn messages_least(open_orders_per_account_max: u32) -> u64 {
        8 * (open_orders_per_account_max as u64 + 8)
    }

    /// Checks the bounds.
    ///
    /// # Errors
    /// The first setting that is out of its bounds.
    pub fn check(&self) -> Result<(), GroupConfigError> {
        // Slots and index-linked lists use the upper half of 32 bits for their own marks.
        const TABLE_MAX: u64 = 1 << 30;
        let open_orders = self.open_orders_per_account_max;
        let ranges = [
            ("accounts", u64::from(self.accounts), 1, 1 << 20),
            ("instruments", self.instruments.len() as u64, 1, u64::from(u16::MAX)),
            ("orders_max", self.orders_max.into(), 1, TABLE_MAX),
            ("levels_max", self.levels_max.into(), 1, TABLE_MAX),
            ("open_orders_per_account_max", open_orders.into(), 1, TABLE_MAX),
            ("limits.quantity_max", self.limits.quantity_max.into(), 1, MAX_QUANTITY.into()),
        ];
        let steps = self.instruments.iter().flat_map(|instrument| {
            let lot_max = u64::from(MAX_QUANTITY);
            [("tick", instrument.tick, 1, u64::from(u32::MAX)), ("lot", instrument.lot.into(), 1, lot_max)]
        });
        for (setting, value, least, most) in ranges.into_iter().chain(steps) {
            if !(least..=most).contains(&value) {
                return Err(GroupConfigError::OutOfRange { setting, value, least, most });
            }
        }
        let (messages, least) = (self.messages_per_account_max, GroupConfig::messages_least(open_orders));
        if messages < least {
            return Err(GroupConfigError::TooFewMessages { messages, open_orders, least });
        }
        Ok(())
    }
}
