//! A running venue: start, addresses, counters, stop.

use std::{net::SocketAddr, time::Duration};

use corelane_actors::{
    market_data::MarketData,
    publisher::Publisher,
    session::{Session, SessionCount},
    types::SequencerIn,
};
use corelane_codecs::itch::Timestamp;
use corelane_config::Config;
use corelane_runtime::{
    clock::{ClockFault, UtcOffset},
    cpu,
    lifecycle::{Outcome, RunOptions, Running, Status},
    telemetry::Counters,
    topology::{ActorId, ExternalSender},
};

use crate::{
    declare::{Declared, VenueCounters, declare},
    error::VenueError,
};

/// The time limit of a stop for draining work in flight.
const DRAIN_DEADLINE: Duration = Duration::from_secs(5);

/// The time of day at which a venue stops that nobody has stopped: a minute, which a stop never needs, before ITCH's 48-bit
/// times end, 78 hours and 11 minutes after midnight. Later messages would carry times of three days before.
const TIME_OF_DAY_MAX: Duration = Duration::from_nanos(Timestamp::MAX_NS - 60_000_000_000);

/// A running venue.
#[derive(Debug)]
pub struct Venue {
    running: Running,
    control: ExternalSender<SequencerIn>,
    session: ActorId<Session>,
    counters: VenueCounters,
    market_data: Option<ActorId<MarketData>>,
    publisher: Option<ActorId<Publisher>>,
}

impl Declared {
    /// Starts a declared venue. `config` is the configuration that it was declared from.
    ///
    /// # Errors
    /// [`VenueError`].
    pub fn start(self, config: &Config) -> Result<Venue, VenueError> {
        let options = RunOptions::default()
            .housekeeping_cpu(self.placement.housekeeping_cpu)
            .utc_offset(UtcOffset::from_seconds(config.venue.utc_offset_minutes * 60)?)
            .drain_deadline(DRAIN_DEADLINE)
            .time_of_day_max(TIME_OF_DAY_MAX);
        let Declared { topology, control, session, counters, market_data, publisher, .. } = self;
        Ok(Venue { running: topology.start(options)?, control, session, counters, market_data, publisher })
    }
}

impl Venue {
    /// Starts the venue of `config` on the CPUs that this process may use.
    ///
    /// # Errors
    /// [`VenueError`].
    pub fn start(config: &Config) -> Result<Self, VenueError> {
        declare(config, &cpu::allowed_cpus())?.start(config)
    }

    /// The address that clients connect to.
    pub fn order_entry(&self) -> SocketAddr {
        self.running.addresses(self.session)[0]
    }

    /// The address that receives line A of the incoming feed, if there is one.
    pub fn feed_in(&self) -> Option<SocketAddr> {
        self.feed_in_addresses().first().copied()
    }

    /// The addresses that receive the lines of the incoming feed, line A first. If there are retransmission servers,
    /// the last address is that of the socket that sends requests.
    pub fn feed_in_addresses(&self) -> &[SocketAddr] {
        self.market_data.map_or(&[], |actor| self.running.addresses(actor))
    }

    /// The address of the outgoing feed's retransmission server, if there is one.
    pub fn retransmission(&self) -> Option<SocketAddr> {
        self.running.addresses(self.publisher?).get(1).copied()
    }

    /// The operator's sender of commands to the sequencer.
    pub fn control(&mut self) -> &mut ExternalSender<SequencerIn> {
        &mut self.control
    }

    /// The current counters of order entry, such as the reasons for closed connections.
    pub fn session_counts(&self) -> &Counters<SessionCount> {
        &self.counters.session
    }

    /// The current counters of the venue's actors.
    pub fn counters(&self) -> &VenueCounters {
        &self.counters
    }

    /// The counters, timings and failures so far.
    pub fn status(&self) -> Status {
        self.running.status()
    }

    /// Whether it still runs. If not, a part failed without which it does not go on: [`Venue::stop`] says which.
    pub fn is_running(&self) -> bool {
        self.running.is_running()
    }

    /// Lets the clock fail, as a test wants it.
    pub fn inject(&self, fault: ClockFault) {
        self.running.inject(fault);
    }

    /// Stops gracefully: accepts no new requests, answers those in flight, and ends every session.
    pub fn stop(self) -> Outcome {
        self.running.stop()
    }
}
