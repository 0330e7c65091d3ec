//! A venue in simulation: the declared topology, the operator's desk, and what a simulator needs to play their surroundings.

use std::{
    fmt,
    ops::ControlFlow,
    sync::mpsc,
    time::{Duration, Instant},
};

use corelane_actors::session::EntryGate;
use corelane_config::Config;
use corelane_runtime::{
    lifecycle::StartError,
    simulation::{Simulation, Socket},
};

use crate::{
    declare::{Declared, VenueCounters},
    error::VenueError,
    operator::{Answer, Asked, Day, Desk, Parts, Request},
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
    /// The operator's desk.
    pub desk: SimulatedDesk,
    /// The counters of the actors.
    pub counters: VenueCounters,
}

impl fmt::Debug for SimulatedVenue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimulatedVenue").field("simulation", &self.simulation).finish_non_exhaustive()
    }
}

/// The operator's desk of a simulated venue. It is that of a running one; the caller gives it its turns, as housekeeping does
/// every 20 ms or so.
#[derive(Debug)]
pub struct SimulatedDesk {
    desk: Desk,
    asked: mpsc::Sender<Asked>,
    gate: EntryGate,
    /// The simulated time at the start, and what stands for it.
    start_ns: u64,
    start: Instant,
}

impl SimulatedDesk {
    /// Does what is due at `now_ns`. `Break` when the venue halts by itself and its day is ended, as far as it can be.
    pub fn turn(&mut self, simulation: &Simulation, now_ns: u64) -> ControlFlow<()> {
        let at = self.start + Duration::from_nanos(now_ns.saturating_sub(self.start_ns));
        self.desk.turn(&simulation.status(), at)
    }

    /// Asks for something. The answer comes with one of the next turns.
    #[must_use]
    pub fn ask(&self, request: Request) -> mpsc::Receiver<Answer> {
        let (answer, waiting) = mpsc::channel();
        // The desk lives as long as this.
        let _ = self.asked.send((request, answer));
        waiting
    }

    /// What it waits for, in words; none if the group has done all that it was given.
    #[must_use]
    pub fn waits_for(&self) -> Option<String> {
        self.desk.waits_for()
    }

    /// Whether a circuit breaker is open.
    #[must_use]
    pub fn is_entry_shut(&self) -> bool {
        self.gate.is_shut()
    }
}

impl Declared {
    /// Builds the venue of `config` on this thread, for a simulation that begins at `start_ns` after midnight.
    ///
    /// # Errors
    /// [`VenueError::Start`] for the faults that a check of the topology finds, [`VenueError::Day`] for a day that has ended.
    pub fn simulate(self, config: &Config, start_ns: u64) -> Result<SimulatedVenue, VenueError> {
        let Declared { topology, control, session, counters, permits, gate, market_data, publisher, .. } = self;
        let faulty = |errors| VenueError::Start { error: Box::new(StartError::from(errors)), key: None };
        let simulation = topology.simulate().map_err(faulty)?;
        let (now, start) = (Duration::from_nanos(start_ns), Instant::now());
        let (asked, waiting) = mpsc::channel();
        let parts = Parts {
            control,
            counters: counters.clone(),
            permits,
            gate: gate.clone(),
            day: Day::new(config, now)?,
            now,
            at: start,
            socket: None,
            asked: waiting,
            progress: Default::default(),
        };
        Ok(SimulatedVenue {
            order_entry: simulation.sockets(session)[0],
            feed_in: market_data.map_or_else(Vec::new, |actor| simulation.sockets(actor).to_vec()),
            feed_out: publisher.map_or_else(Vec::new, |actor| simulation.sockets(actor).to_vec()),
            simulation,
            desk: SimulatedDesk { desk: Desk::new(config, parts), asked, gate, start_ns, start },
            counters,
        })
    }
}
