//! The capacities and rules of the net driver, the session actor and the matching group, from the configuration.

use corelane_actors::{
    session::{Compartment, Credentials, Level, SessionConfig, replay_log_bytes},
    types::{
        AccountConfig, AccountId, FirmConfig, FirmId, GroupConfig, Instrument, LevelLimits, Limits, Notional,
        PortConfig, PortId, Quantity, WithoutReference,
    },
};
use corelane_codecs::{ouch, price::Price, soup};
use corelane_config::{
    Bulkhead, BulkheadLevel, CANCELED_BYTES, Config, EXECUTED_BYTES, IN_FLIGHT_PER_PORT_MAX, MemberAccount,
    MemberBulkhead, REPLY_LOG_SPARE_BYTES,
};
use corelane_runtime::{net::DriverConfig, resilience::Rate};

use crate::{
    convert::{alpha, nanos, symbols},
    error::VenueError,
};

// What the configuration sets aside suffices for the session.
const _: () = assert!(REPLY_LOG_SPARE_BYTES >= corelane_actors::session::REPLY_LOG_SPARE_BYTES);
const _: () = assert!(CANCELED_BYTES == soup::HEADER_LEN + size_of::<ouch::Canceled>());
const _: () = assert!(EXECUTED_BYTES == soup::HEADER_LEN + size_of::<ouch::Executed>());

/// The memory of the sessions' replay logs, in bytes.
pub(crate) fn replay_bytes(config: &Config) -> usize {
    config.ports.len() * replay_log_bytes(config.order_entry.reply_log_bytes)
}

/// The capacities of the network driver of each shard that has one.
#[must_use]
pub fn driver_config(config: &Config) -> DriverConfig {
    // All numbers fit, because the schema limits their ranges.
    DriverConfig {
        receive_buffers: config.net.receive_buffers as u16,
        receive_buffer_bytes: config.net.receive_buffer_bytes as u32,
        send_buffer_bytes: config.net.send_buffer_bytes as u32,
        connections_max: config.net.connections_max as u32,
        submission_entries: config.net.submission_entries as u32,
        max_frame_bytes: config.net.max_frame_bytes as u32,
        sends_by_call: config.net.sends_by_call as u16,
    }
}

pub(crate) fn session_config(config: &Config) -> Result<SessionConfig, VenueError> {
    let ports = config
        .ports
        .iter()
        .map(|port| {
            Ok(Credentials { user: alpha("user", &port.user)?, password: alpha("password", port.password.expose())? })
        })
        .collect::<Result<_, VenueError>>()?;
    let order_entry = &config.order_entry;
    Ok(SessionConfig {
        login_timeout_ns: nanos(order_entry.login_timeout_ms),
        client_timeout_ns: nanos(order_entry.client_timeout_ms),
        heartbeat_ns: nanos(order_entry.heartbeat_ms),
        reply_log_bytes: order_entry.reply_log_bytes,
        open_orders_per_port_max: order_entry.open_orders_per_port_max,
        in_flight_max: IN_FLIGHT_PER_PORT_MAX as usize,
        compartments: compartments(config),
        connections_max: config.net.connections_max,
        connections_per_address_max: order_entry.connections_per_address_max,
        unreadable_per_minute_max: order_entry.unreadable_per_minute_max,
        unsent_bytes_max: order_entry.unsent_bytes_max(&config.net),
        ..SessionConfig::new(alpha("session", &config.venue.session)?, ports, symbols(config)?)
    })
}

/// The compartments of order entry: all bulkheads with a limit.
fn compartments(config: &Config) -> Vec<Compartment> {
    let compartment = |one: MemberBulkhead| {
        let Bulkhead { orders_per_second, burst, in_flight_max } = one.limits;
        Compartment {
            level: match one.level {
                BulkheadLevel::Port => Level::Port,
                BulkheadLevel::Account => Level::Account,
                BulkheadLevel::Firm => Level::Firm,
            },
            rate: orders_per_second.map(|orders| Rate::per_second(orders, burst.unwrap_or(orders))),
            in_flight_max,
            ports: one.ports.into_iter().map(PortId::from_index).collect(),
        }
    };
    config.bulkheads().into_iter().map(compartment).collect()
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
                tick: Price::from_raw(instrument.tick.ten_thousandths()),
                lot: Quantity(instrument.lot),
                reference_price: instrument
                    .reference_price
                    .map_or(Price::ZERO, |price| Price::from_raw(price.ten_thousandths())),
            })
        })
        .collect::<Result<_, VenueError>>()?;
    let members = config.members();
    let ports = config.ports.iter().zip(&members.account_of_port).map(|(port, &account)| PortConfig {
        account: AccountId::from_index(account),
        limits: level_limits(&port.limits),
    });
    let ports = ports.collect();
    let account = |account: &MemberAccount| AccountConfig {
        firm: FirmId::from_index(account.firm),
        limits: level_limits(&account.limits),
    };
    let accounts = members.accounts.iter().map(account).collect();
    let firms = members
        .firms
        .iter()
        .map(|firm| {
            // Names are ASCII; the wire has room for the first four characters.
            let mpid = alpha("firm", firm.name.get(..4).unwrap_or(&firm.name))?;
            Ok(FirmConfig { mpid, limits: level_limits(&firm.limits) })
        })
        .collect::<Result<_, VenueError>>()?;
    Ok(GroupConfig {
        ports,
        accounts,
        firms,
        instruments,
        orders_max: config.matching.orders_max as u32,
        levels_max: config.matching.levels_max as u32,
        open_orders_per_port_max: config.order_entry.open_orders_per_port_max as u32,
        cancel_on_disconnect: config.order_entry.cancel_on_disconnect,
        opens_at_start: false,
        pause_ns: config.delay_protection.as_ref().map_or(0, |protection| nanos(protection.pause_ms)),
        quote_width_parts_per_million: config.risk.quote_width_percent.parts_per_million(),
        limits: Limits {
            quantity_max: Quantity(config.risk.quantity_max),
            notional_max: Notional(config.risk.notional_max.ten_thousandths()),
            collar_parts_per_million: config.risk.collar_percent.parts_per_million(),
            without_reference: without_reference(config.risk.collar_without_reference),
        },
    })
}

fn level_limits(limits: &corelane_config::LevelLimits) -> LevelLimits {
    LevelLimits {
        quantity_max: limits.quantity_max.map(Quantity),
        notional_max: limits.notional_max.map(|most| Notional(most.ten_thousandths())),
        collar_parts_per_million: limits.collar_percent.map(|most| most.parts_per_million()),
        without_reference: limits.collar_without_reference.map(without_reference),
    }
}

fn without_reference(word: corelane_config::WithoutReference) -> WithoutReference {
    match word {
        corelane_config::WithoutReference::Accept => WithoutReference::Accept,
        corelane_config::WithoutReference::Reject => WithoutReference::Reject,
    }
}
