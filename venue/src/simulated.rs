//! A venue in simulation: the declared topology, and what a simulator needs to play its surroundings.

use std::fmt;

use corelane_actors::types::SequencerIn;
use corelane_runtime::{
    lifecycle::StartError,
    simulation::{Simulation, Socket},
    topology::ExternalSender,
};

use crate::{
    declare::{Declared, VenueCounters},
    error::VenueError,
};

/// A declared venue on one thread, before its first turn.
pub struct SimulatedVenue {
    /// The topology.
    pub simulation: Simulation,
    /// Where clients connect.
    pub order_entry: Socket,
    /// The lines of the incoming feed, line A first, and then the sender of retransmission requests; none without such a feed.
    pub feed_in: Vec<Socket>,
    /// The sender of the outgoing feed, and then its retransmission server; none without such a feed.
    pub feed_out: Vec<Socket>,
    /// The operator's commands.
    pub control: ExternalSender<SequencerIn>,
    /// The counters of the actors.
    pub counters: VenueCounters,
}

impl fmt::Debug for SimulatedVenue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimulatedVenue").field("simulation", &self.simulation).finish_non_exhaustive()
    }
}

impl Declared {
    /// Builds the venue on this thread, for a simulation. The day begins with the operator's first command.
    ///
    /// # Errors
    /// [`VenueError::Start`] for the faults that a check of the topology finds.
    pub fn simulate(self) -> Result<SimulatedVenue, VenueError> {
        let Declared { topology, control, session, counters, market_data, publisher, .. } = self;
        let faulty = |errors| VenueError::Start { error: Box::new(StartError::from(errors)), key: None };
        let simulation = topology.simulate().map_err(faulty)?;
        Ok(SimulatedVenue {
            order_entry: simulation.sockets(session)[0],
            feed_in: market_data.map_or_else(Vec::new, |actor| simulation.sockets(actor).to_vec()),
            feed_out: publisher.map_or_else(Vec::new, |actor| simulation.sockets(actor).to_vec()),
            simulation,
            control,
            counters,
        })
    }
}
