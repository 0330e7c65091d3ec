//! A connection of a simulated shard: what its socket holds.

use crate::net::{CloseReason, ConnId, EndpointId};

/// Where a connection is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// The actor asked for it, and it has not come about.
    Connecting,
    /// It carries bytes.
    Open,
    /// The actor has closed it, and has not been told of its end.
    Closing,
    /// Its actor knows that it is over.
    Closed,
}

/// What follows the bytes that have been received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// The peer has ended its side.
    HalfClose,
    /// The peer is gone.
    Gone(CloseReason),
}

/// A connection. It is kept when it is closed, so that a test can still read what was sent.
pub(super) struct Connection {
    pub id: ConnId,
    pub endpoint: EndpointId,
    pub phase: Phase,
    /// Whether a [`World`](super::World) carries its bytes, with delay and within bounds. Else a test plays its peer.
    pub is_linked: bool,
    /// Whether it counts against the connections that the shard accepts.
    pub is_accepted: bool,
    /// The bytes received, and how many of them have been taken.
    pub input: Vec<u8>,
    pub taken_bytes: usize,
    /// The beginning of a frame whose rest has not come.
    pub tail: Vec<u8>,
    pub tail_bytes: usize,
    /// The actor has answered the last frame with [`Flow::Hold`](crate::net::Flow::Hold).
    pub is_held: bool,
    pub ending: Option<Ending>,
    /// The actor has been told that the peer ended its side.
    pub half_close_is_told: bool,
    /// What the actor has sent and nobody has taken yet.
    pub sent: Vec<u8>,
    /// A send was refused, so the actor is told when there is room.
    pub is_refused: bool,
    pub closed_by_actor: Option<CloseReason>,
    /// The end can be told: nothing more is to be sent, or it is not waited for.
    pub close_is_due: bool,
    /// Its actor was replaced, and the next one does not know it.
    pub is_orphaned: bool,
    pub is_ready: bool,
    pub is_touched: bool,
}

impl Connection {
    pub(super) fn new(id: ConnId, endpoint: EndpointId, phase: Phase) -> Connection {
        Connection {
            id,
            endpoint,
            phase,
            is_linked: false,
            is_accepted: false,
            input: Vec::new(),
            taken_bytes: 0,
            tail: Vec::new(),
            tail_bytes: 0,
            is_held: false,
            ending: None,
            half_close_is_told: false,
            sent: Vec::new(),
            is_refused: false,
            closed_by_actor: None,
            close_is_due: false,
            is_orphaned: false,
            is_ready: false,
            is_touched: false,
        }
    }

    /// Whether what the actor sends goes anywhere.
    pub(super) fn takes_bytes(&self) -> bool {
        self.phase == Phase::Open
    }

    pub(super) fn unread_bytes(&self) -> usize {
        self.input.len() - self.taken_bytes
    }

    /// Whether the end that the peer has made can reach the actor: all that came before has been taken.
    pub(super) fn has_ended(&self) -> Option<Ending> {
        self.ending.filter(|_| self.unread_bytes() == 0)
    }
}
