//! The running venue.

use std::{net::SocketAddr, time::Duration};

use corelane_actors::{
    market_data::MarketData,
    messages::SequencerIn,
    publisher::Publisher,
    session::{Session, SessionCount},
};
use corelane_config::Config;
use corelane_runtime::{
    clock::UtcOffset,
    cpu,
    lifecycle::{Outcome, RunOptions, Running, Status},
    telemetry::Counters,
    topology::{ActorId, ExternalSender},
};

use crate::{
    declare::{Declared, VenueCounters, declare},
    error::VenueError,
};

/// How long a stop waits for what is in flight.
const DRAIN_DEADLINE: Duration = Duration::from_secs(5);

/// A running venue.
pub struct Venue {
    running: Running,
    control: ExternalSender<SequencerIn>,
    session: ActorId<Session>,
    counters: VenueCounters,
    market_data: Option<ActorId<MarketData>>,
    publisher: Option<ActorId<Publisher>>,
}

impl Declared {
    /// Starts the venue; `config` is the one it was declared from.
    ///
    /// # Errors
    /// [`VenueError`].
    pub fn start(self, config: &Config) -> Result<Venue, VenueError> {
        let options = RunOptions::default()
            .housekeeping_cpu(self.placement.housekeeping_cpu)
            .utc_offset(UtcOffset::from_seconds(config.venue.utc_offset_minutes * 60)?)
            .drain_deadline(DRAIN_DEADLINE);
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

    /// Where clients connect.
    pub fn order_entry(&self) -> SocketAddr {
        self.running.addresses(self.session)[0]
    }

    /// Where the incoming feed is expected, if there is one: line A.
    pub fn feed_in(&self) -> Option<SocketAddr> {
        self.feed_in_addresses().first().copied()
    }

    /// Where the lines of the incoming feed are expected, A first, and behind them where requests are sent from if there
    /// are retransmission servers.
    pub fn feed_in_addresses(&self) -> &[SocketAddr] {
        self.market_data.map_or(&[], |actor| self.running.addresses(actor))
    }

    /// Where messages of the outgoing feed are asked for again, if they can be.
    pub fn retransmission(&self) -> Option<SocketAddr> {
        self.running.addresses(self.publisher?).get(1).copied()
    }

    /// The operator's line to the sequencer.
    pub fn control(&mut self) -> &mut ExternalSender<SequencerIn> {
        &mut self.control
    }

    /// Why connections ended, and what else order entry counts, up to now.
    pub fn session_counts(&self) -> &Counters<SessionCount> {
        &self.counters.session
    }

    /// What the venue's actors count, up to now.
    pub fn counters(&self) -> &VenueCounters {
        &self.counters
    }

    /// Figures and failures so far.
    pub fn status(&self) -> Status {
        self.running.status()
    }

    /// Stops in order: no new requests, answers to those in flight, good-bye to every session.
    pub fn stop(self) -> Outcome {
        self.running.stop()
    }
}
