//! State of the order entry actor.

use corelane_runtime::{actor::Context, telemetry::Counters};

use super::{
    config::{SessionConfig, SessionConfigError},
    counts::SessionCount,
    request::SymbolLocates,
    state::{AccountState, Connection},
};
use crate::messages::{AccountSlot, SequencerIn};

/// Memory of all replay logs together that is touched at the start; beyond it, the first answer on a page waits for the
/// kernel to find one.
const TOUCHED_BYTES_MAX: usize = 256 << 20;

/// Answers timed per batch: as many as one turn of the shard lets in.
pub(super) const TIMED_MAX: usize = 256;

corelane_runtime::ports! {
    /// Where requests go.
    pub struct SessionOut {
        /// The sequencer. An admission edge: no answer waits for it.
        requests: SequencerIn,
    }
}

/// What is known of the group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum GroupState {
    Up,
    /// It has failed, and its last answers may still be on the edge.
    Draining,
    /// It has failed, and its orders are answered for.
    Down,
}

/// The order entry actor, see the [module](super).
pub struct Session {
    pub(super) config: SessionConfig,
    pub(super) locates: SymbolLocates,
    pub(super) accounts: Vec<AccountState>,
    pub(super) connections: Vec<Connection>,
    pub(super) counters: Counters<SessionCount>,
    pub(super) group: GroupState,
    /// Accounts whose log-in state the group has to hear of.
    pub(super) unannounced: Vec<AccountSlot>,
    /// Accounts with answers to send at the end of the batch.
    pub(super) dirty: Vec<AccountSlot>,
    /// Accounts and ingress ticks of the answers of this batch.
    pub(super) timed: Vec<(AccountSlot, u64)>,
    pub(super) wake_is_set: bool,
    pub(super) answers_in_cycle: usize,
    pub(super) timers_in_cycle: usize,
}

impl Session {
    /// A session actor for these accounts. Its tables are allocated here.
    ///
    /// # Errors
    /// [`SessionConfigError`] for sizes out of range and for users or symbols that are there twice.
    pub fn new(config: SessionConfig) -> Result<Self, SessionConfigError> {
        config.check()?;
        let locates = SymbolLocates::new(&config.symbols)
            .map_err(|index| SessionConfigError::Symbol { symbol: config.symbols[index] })?;
        let mut accounts: Vec<_> = config.accounts.iter().map(|_| AccountState::new(&config)).collect();
        let share = TOUCHED_BYTES_MAX / accounts.len().max(1);
        accounts.iter_mut().for_each(|account| account.log.touch(share));
        Ok(Session {
            locates,
            accounts,
            connections: vec![Connection::FREE; config.connections_max],
            counters: Counters::default(),
            group: GroupState::Up,
            unannounced: Vec::with_capacity(config.accounts.len()),
            dirty: Vec::with_capacity(config.accounts.len()),
            timed: Vec::with_capacity(TIMED_MAX),
            wake_is_set: false,
            answers_in_cycle: 0,
            timers_in_cycle: 0,
            config,
        })
    }

    /// What it counts, to be read from anywhere while it runs.
    pub fn stats(&self) -> Counters<SessionCount> {
        self.counters.clone()
    }
}

pub(super) type Ctx<'a> = Context<'a, SessionOut>;
