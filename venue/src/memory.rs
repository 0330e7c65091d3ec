//! The memory of the actors' tables, by purpose.

use corelane_actors::{engine::Group, market_data::Books};
use corelane_config::Config;

use crate::{
    error::VenueError,
    feeds::{market_data_config, retransmission_bytes},
    order_flow::{group_config, replay_bytes, session_config},
};

/// The tables of the venue's actors and their memory, in bytes.
///
/// # Errors
/// [`VenueError::Text`] for a text that does not fit its wire field.
pub fn table_bytes(config: &Config) -> Result<Vec<(&'static str, usize)>, VenueError> {
    let (orders, books) = Group::bytes(&group_config(config)?);
    let mut tables = vec![
        ("replay logs of the sessions", replay_bytes(config)),
        ("users' numbers in the sessions", session_config(config)?.number_bytes()),
        ("open orders and users' numbers in the group", orders),
        ("books of the group", books),
    ];
    if let Some(feed) = &config.feeds.inbound {
        let market_data = market_data_config(config, feed)?;
        let books = Books::bytes(market_data.symbols.len(), market_data.limits);
        tables.push(("feed in: books", books));
        if !market_data.servers.is_empty() {
            tables.push(("feed in: books built from a replay", books));
        }
        tables.push(("feed in: messages that wait their turn", market_data.arbitration.buffer_bytes()));
    }
    if config.feeds.outbound.is_some() {
        tables.push(("feed out: messages kept for retransmission", retransmission_bytes(config)));
    }
    Ok(tables)
}
