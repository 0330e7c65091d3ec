//! A venue as a library: [`declare`] turns a configuration into a topology of actors, [`Declared`] opens senders and
//! receivers to it, and [`Venue`] runs it.
//!
//! The command line, the benchmarks and the latency harness run the same venue through this crate.

#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod convert;
mod declare;
mod error;
mod fault_points;
mod feeds;
mod host;
mod incidents;
mod memory;
mod operator;
mod order_flow;
mod permits;
mod placement;
mod running;
mod simulated;
mod supervision;

pub use corelane_actors::engine::BookMemory;
pub use declare::{Declared, VenueCounters, declare};
pub use error::VenueError;
pub use fault_points::{AfterPanic, FAULT_POINTS, fault_points};
pub use host::Descriptors;
pub use incidents::{IncidentDirectory, IncidentInput, IncidentRecord, StoredIncident};
pub use memory::{check_address_space, level_memory, memory_limit, spare_address_space, table_bytes};
pub use operator::{Answer, DayIsOver, Request, SocketError};
pub use order_flow::{driver_config, group_config};
pub use placement::{Placement, place};
pub use running::{Stopped, Venue, check_day};
pub use simulated::{SimulatedDesk, SimulatedVenue};
