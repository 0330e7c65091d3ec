//! The capacities and rules of the net driver, the session actor and the matching group, from the configuration.

use corelane_actors::{
    group::{GroupConfig, Instrument},
    risk::{Limits, WithoutReference},
    session::{Account, SessionConfig, replay_log_bytes},
};
use corelane_config::Config;
use corelane_runtime::net::DriverConfig;

use crate::{
    convert::{alpha, nanos, symbols},
    error::VenueError,
};

/// The memory of the sessions' replay logs, in bytes.
pub fn replay_bytes(config: &Config) -> usize {
    config.sessions.len() * replay_log_bytes(config.order_entry.messages_per_session_max)
}

pub(crate) fn driver_config(config: &Config) -> DriverConfig {
    // All numbers fit, because the schema limits their ranges.
    DriverConfig {
        receive_buffers: config.net.receive_buffers as u16,
        receive_buffer_bytes: config.net.receive_buffer_bytes as u32,
        send_buffer_bytes: config.net.send_buffer_bytes as u32,
        connections_max: config.net.connections_max as u32,
        submission_entries: config.net.submission_entries as u32,
        max_frame_bytes: config.net.max_frame_bytes as u32,
        sends_by_call: config.net.sends_by_call as u16,
        ..DriverConfig::default()
    }
}

pub(crate) fn session_config(config: &Config) -> Result<SessionConfig, VenueError> {
    let accounts = config
        .sessions
        .iter()
        .map(|session| {
            Ok(Account {
                user: alpha("user", &session.user)?,
                password: alpha("password", session.password.expose())?,
                name: alpha("account", session.account())?,
            })
        })
        .collect::<Result<_, VenueError>>()?;
    let order_entry = &config.order_entry;
    Ok(SessionConfig {
        login_timeout_ns: nanos(order_entry.login_timeout_ms),
        client_timeout_ns: nanos(order_entry.client_timeout_ms),
        heartbeat_ns: nanos(order_entry.heartbeat_ms),
        messages_per_session_max: order_entry.messages_per_session_max,
        open_orders_per_session_max: order_entry.open_orders_per_session_max,
        connections_max: config.net.connections_max,
        unsent_bytes_max: config.net.send_buffer_bytes,
        ..SessionConfig::new(alpha("session", &config.venue.session)?, accounts, symbols(config)?)
    })
}

/// The configuration of the matching group of `config`. A replay of its recorded stream needs the same one.
///
/// # Errors
/// [`VenueError::Text`] for a symbol that does not fit its wire field.
pub fn group_config(config: &Config) -> Result<GroupConfig, VenueError> {
    let instruments = config
        .instruments
        .iter()
        .map(|instrument| {
            Ok(Instrument {
                symbol: alpha("symbol", &instrument.symbol)?,
                tick: instrument.tick.ten_thousandths(),
                lot: instrument.lot,
                reference_price: instrument.reference_price.map_or(0, |price| price.ten_thousandths()),
            })
        })
        .collect::<Result<_, VenueError>>()?;
    Ok(GroupConfig {
        accounts: config.sessions.len() as u32,
        instruments,
        orders_max: config.matching.orders_max as u32,
        levels_max: config.matching.levels_max as u32,
        open_orders_per_account_max: config.order_entry.open_orders_per_session_max as u32,
        messages_per_account_max: config.order_entry.messages_per_session_max as u64,
        cancel_on_disconnect: config.order_entry.cancel_on_disconnect,
        opens_at_start: true,
        limits: Limits {
            quantity_max: config.risk.quantity_max,
            notional_max: config.risk.notional_max.ten_thousandths(),
            collar_parts_per_million: config.risk.collar_percent.parts_per_million(),
            without_reference: match config.risk.collar_without_reference {
                corelane_config::WithoutReference::Accept => WithoutReference::Accept,
                corelane_config::WithoutReference::Reject => WithoutReference::Reject,
            },
        },
    })
}
