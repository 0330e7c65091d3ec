//! The TOML schema of a Corelane venue: one file describes its shards, ports, limits, instruments and feeds.
//!
//! [`Config::parse`] returns plain typed values, or every mistake in the file at once:
//!
//! ```text
#![doc = include_str!("../tests/five_errors.txt")]
//! ```
//!
//! The types in this crate are the only source: `venue.schema.json` (for completion in editors) and `REFERENCE.md` are
//! generated from them, and every file is checked against that same schema. Another crate can check its own TOML in the
//! same way with [`document::parse`].

#![deny(missing_docs)]

mod addresses;
mod breaker;
mod bulkhead;
mod checks;
mod defaults;
mod delay;
pub mod document;
mod errors;
mod expectation;
mod feeds;
mod limits;
mod members;
mod reference;
mod schema;
mod shown;
mod values;

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

pub use breaker::{Breaker, BreakerStart, Edge, Watches};
pub use bulkhead::{BulkheadLevel, MemberBulkhead};
pub use checks::LOG_INS_MIN;
pub use delay::DelayProtection;
pub use errors::{ConfigError, ConfigErrors, ErrorKind};
pub use feeds::{FeedIn, FeedOut, Feeds, LineB, Recovery, Retransmission};
pub use limits::{Bulkhead, Bulkheads, IN_FLIGHT_PER_PORT_MAX, LevelLimits, Permits, WithoutReference};
pub use members::{MemberAccount, MemberFirm, Members};
pub use schema::{
    Account, Admin, CANCELED_BYTES, Config, Day, EXECUTED_BYTES, Edges, Firm, Idle, Incidents, Instrument, Matching,
    Net, OrderEntry, Placement, Port, REPLY_LOG_SPARE_BYTES, Risk, Shard, Supervision, Venue,
};
pub use values::{Cpu, Password, Percent, Price, PriceError, TimeOfDay};

/// The shipped `config/venue.toml`, which `corelane demo` runs.
pub const VENUE_TOML: &str = include_str!("../venue.toml");

/// Bytes of the longest file that is read: the largest topology that the schema allows has a tenth of that.
const FILE_BYTES_MAX: u64 = 64 << 20;

impl Config {
    /// Parses a topology; `name` is the file's name in messages.
    ///
    /// # Errors
    /// Every mistake in the text, each with its line, column and remedy.
    pub fn parse(name: &str, text: &str) -> Result<Config, ConfigErrors> {
        let (config, locations) = document::parse::<Config>(name, text, checks::check)?;
        Ok(Config { locations, ..config })
    }

    /// Reads a topology from a file.
    ///
    /// # Errors
    /// Those of [`Config::parse`], or an unreadable file.
    pub fn load(path: impl AsRef<Path>) -> Result<Config, ConfigErrors> {
        let path = path.as_ref();
        let name = path.display().to_string();
        match read(path) {
            Ok(text) => Self::parse(&name, &text),
            Err(error) => Err(ConfigErrors::unreadable(name, &error)),
        }
    }

    /// The line and column, from 1, of a key such as `risk.collar_percent` or `shards[1].cpu` in the file that this was
    /// read from; `None` if the file lacks the key, so that its default applies.
    #[must_use]
    pub fn locate(&self, path: &str) -> Option<(usize, usize)> {
        self.locations.get(path)
    }
}

/// Reads a file. One that never ends, such as a device, would take all memory of the host.
fn read(path: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    File::open(path)?.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it has more than 64 MiB"));
    }
    String::from_utf8(bytes).map_err(|error| {
        let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = 1 + valid.iter().filter(|byte| **byte == b'\n').count();
        io::Error::new(io::ErrorKind::InvalidData, format!("line {line} is no UTF-8 text"))
    })
}
