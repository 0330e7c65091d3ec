//! The tester's input for a configured venue: credentials, orders of its sessions, and a market of its instruments.

use corelane_codecs::{
    ouch::RejectReason,
    price::{Price, Price4},
    text::{Alpha, AlphaError},
};
use corelane_config::Config;
use corelane_market::DayInstrument;
use thiserror::Error;

use crate::load::Credentials;
use crate::script::{Instrument, Limits, MarketSpec, Mix, PriorityRule, Rules};

/// The distance from the reference price, in percent, that certainly violates the collar, because the market moves by
/// at most 1 %.
const FAR_PERCENT: u32 = 40;

/// The reason why the tester cannot trade a configured instrument.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConfiguredError {
    /// The instrument has no reference price around which to place orders.
    #[error("instrument {symbol} has no reference price; set its reference_price")]
    NoReferencePrice {
        /// The symbol of the instrument.
        symbol: String,
    },
    /// The symbol does not fit its OUCH field.
    #[error("instrument {symbol}: {source}")]
    Symbol {
        /// The symbol.
        symbol: String,
        /// The problem.
        source: AlphaError,
    },
}

/// The credentials of every session.
#[must_use]
pub fn credentials(config: &Config) -> Vec<Credentials> {
    let one = |session: &corelane_config::Port| Credentials {
        user: session.user.clone(),
        password: session.password.expose().to_owned(),
    };
    config.ports.iter().map(one).collect()
}

/// Converts an instrument to that of a script.
///
/// # Errors
/// [`ConfiguredError`] if it has no reference price or its symbol does not fit.
pub fn instrument(instrument: &corelane_config::Instrument) -> Result<Instrument, ConfiguredError> {
    let symbol = &instrument.symbol;
    let no_price = || ConfiguredError::NoReferencePrice { symbol: symbol.clone() };
    Ok(Instrument {
        symbol: Alpha::new(symbol).map_err(|source| ConfiguredError::Symbol { symbol: symbol.clone(), source })?,
        reference_price: price(instrument.reference_price.ok_or_else(no_price)?),
        tick: price(instrument.tick),
        lot: instrument.lot,
    })
}

/// A script in which each session trades one instrument: the first session trades the first instrument, and so on.
///
/// # Errors
/// [`ConfiguredError`] as for [`instrument`].
pub fn script(config: &Config, seed: u64, mix: Mix, open_orders_max: usize) -> Result<MarketSpec, ConfiguredError> {
    let own = config.instruments.iter().zip(&config.ports).map(|(one, _)| Ok(vec![instrument(one)?]));
    Ok(script_of(config, own.collect::<Result<_, _>>()?, seed, mix, open_orders_max))
}

/// A script with one session per entry of `sessions`, the instruments that only it trades, within the limits of the
/// configuration.
pub fn script_of(
    config: &Config,
    sessions: Vec<Vec<Instrument>>,
    seed: u64,
    mix: Mix,
    open_orders_max: usize,
) -> MarketSpec {
    MarketSpec {
        seed,
        sessions,
        limits: Limits {
            quantity_max: config.risk.quantity_max,
            notional_max: price(config.risk.notional_max),
            far_percent: FAR_PERCENT,
        },
        rules: Rules { priority: PriorityRule::AlwaysLost, ..Rules::default() },
        mix,
        open_orders_max,
        first_user_ref: 1,
        overload_reasons: bulkhead_reasons(config),
    }
}

/// The reasons with which the venue rejects an order beyond a bulkhead (`docs/rules.md`); none without bulkheads.
fn bulkhead_reasons(config: &Config) -> Vec<RejectReason> {
    match config.bulkheads().is_empty() {
        true => Vec::new(),
        false => vec![RejectReason::RiskPortMessageRate, RejectReason::Other],
    }
}

/// The instruments of a market to play into the venue: those with a reference price that ITCH can represent.
#[must_use]
pub fn day_instruments(config: &Config) -> Vec<DayInstrument> {
    let price4 = |price: corelane_config::Price| u32::try_from(price.ten_thousandths()).ok().map(Price4::from_raw);
    let one = |instrument: &corelane_config::Instrument| {
        Some(DayInstrument {
            symbol: Alpha::new(&instrument.symbol).ok()?,
            reference_price: price4(instrument.reference_price?)?,
            tick: price4(instrument.tick)?,
        })
    };
    config.instruments.iter().filter_map(one).collect()
}

fn price(price: corelane_config::Price) -> Price {
    Price::from_raw(price.ten_thousandths())
}
