//! State of the order entry actor.

use std::{collections::VecDeque, fmt};

use corelane_runtime::{actor::Context, message::Message, telemetry::Counters};

use super::{
    bulkhead::{Bulkheads, compartments_by_port},
    config::{SessionConfig, SessionConfigError},
    counts::SessionCount,
    gate::EntryGate,
    log::{BLOCK_BYTES_MAX, PACKET_MAX},
    log_ins::LogIns,
    request::SymbolLocates,
    state::{Connection, PortState},
    strangers::Strangers,
};
use crate::types::{PortId, SequencerIn};

/// Memory of all replay logs together to touch at the start. Beyond it, the first answer on a page waits for a page
/// fault.
const TOUCHED_BYTES_MAX: usize = 256 << 20;

/// Answers to time per batch: as many as one turn of the shard can take.
pub(super) const TIMED_MAX: usize = 256;

/// Bytes that a replay log needs beside those that a client may have yet to read: the answers of a batch and the log's oldest
/// block, which it forgets at once.
pub const REPLY_LOG_SPARE_BYTES: usize = TIMED_MAX * PACKET_MAX + BLOCK_BYTES_MAX;

corelane_runtime::ports! {
    /// Outputs of the session actor.
    pub struct SessionOut {
        /// Requests to the sequencer: an admission edge, on which no answer waits.
        requests: SequencerIn,
        /// Ends of connections, for the log: dropped while nobody reads them.
        ends: ConnectionEnd,
    }
}

/// The end of a port's connection for a fault of its client or of the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionEnd {
    /// The port.
    pub port: PortId,
    /// The reason, one of the counters of ends.
    pub reason: SessionCount,
}

impl Message for ConnectionEnd {
    fn kind(&self) -> u16 {
        1
    }
}

/// The order entry actor, see the [module](super).
pub struct Session {
    pub(super) config: SessionConfig,
    pub(super) locates: SymbolLocates,
    pub(super) log_ins: LogIns,
    pub(super) ports: Vec<PortState>,
    pub(super) connections: Vec<Connection>,
    pub(super) strangers: Strangers,
    /// Ports that have a connection.
    pub(super) logged_in: usize,
    pub(super) bulkheads: Bulkheads,
    pub(super) gate: EntryGate,
    /// Requests of all ports that use an order number and are not answered.
    pub(super) unanswered: u64,
    pub(super) counters: Counters<SessionCount>,
    /// The group or the sequencer has failed: nobody answers requests, so none is taken.
    pub(super) group_is_down: bool,
    /// Ports whose log-in state must be announced to the group.
    pub(super) unannounced: VecDeque<PortId>,
    /// Ports with answers to send at the end of the batch.
    pub(super) dirty: Vec<PortId>,
    /// Ports and ingress ticks of the answers of this batch.
    pub(super) timed: Vec<(PortId, u64)>,
    /// Whether the group has said the end of the day. A stop then ends the clients' sessions; before, it only closes their
    /// connections.
    pub(super) day_is_over: bool,
    pub(super) wake_is_set: bool,
}

/// The state of the group, and the number of ports.
impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("group_is_down", &self.group_is_down)
            .field("ports", &self.ports.len())
            .finish_non_exhaustive()
    }
}

impl Session {
    /// A session actor for these ports. Allocates its tables.
    ///
    /// # Errors
    /// [`SessionConfigError`] if a size is out of range, or a user or a symbol is configured twice.
    pub fn new(config: SessionConfig) -> Result<Self, SessionConfigError> {
        config.check()?;
        let locates = SymbolLocates::new(&config.symbols)
            .map_err(|index| SessionConfigError::Symbol { symbol: config.symbols[index] })?;
        let log_ins =
            LogIns::new(&config.ports).map_err(|index| SessionConfigError::User { user: config.ports[index].user })?;
        let compartments = compartments_by_port(&config);
        let ports = compartments.into_iter().map(|of_port| PortState::new(&config, of_port)).collect();
        Ok(Session {
            locates,
            log_ins,
            ports,
            connections: vec![Connection::FREE; config.connections_max],
            strangers: Strangers::new(config.connections_max, config.connections_per_address_max),
            logged_in: 0,
            bulkheads: Bulkheads::new(&config),
            gate: EntryGate::default(),
            unanswered: 0,
            counters: Counters::default(),
            group_is_down: false,
            unannounced: VecDeque::with_capacity(config.ports.len()),
            dirty: Vec::with_capacity(config.ports.len()),
            timed: Vec::with_capacity(TIMED_MAX),
            day_is_over: false,
            wake_is_set: false,
            config,
        })
    }

    /// Writes to the first pages of its replay logs, so that answering causes no page fault there. For the thread that runs it:
    /// who only declares a venue needs no memory for them.
    #[must_use]
    pub fn touched(mut self) -> Self {
        let share = TOUCHED_BYTES_MAX / self.ports.len().max(1);
        self.ports.iter_mut().for_each(|port| port.log.touch(share));
        self
    }

    /// Its gate, which any thread can shut and open while it runs.
    #[must_use]
    pub fn gate(&self) -> EntryGate {
        self.gate.clone()
    }

    /// Notes that a port that had `before` unanswered requests has `after` now.
    #[inline]
    pub(super) fn note_unanswered(&mut self, port: PortId, before: usize, after: usize) {
        self.unanswered = self.unanswered.wrapping_add((after as u64).wrapping_sub(before as u64));
        self.bulkheads.note(&self.ports[port.index()].compartments, before, after);
    }

    /// Its counters, which any thread can read while it runs.
    #[must_use]
    pub fn stats(&self) -> Counters<SessionCount> {
        self.counters.clone()
    }
}

pub(super) type Ctx<'a> = Context<'a, SessionOut>;
