//! Counters of a session actor.

use corelane_runtime::net::CloseReason;

corelane_runtime::metrics! {
    /// Why connections ended, and what else a session actor counts.
    pub enum SessionCount {
        /// Ended: the client closed it.
        Peer,
        /// Ended: the bytes were no SoupBinTCP packets.
        BadFrame,
        /// Ended: the socket failed.
        Socket,
        /// Ended: no slot was free.
        TooMany,
        /// Ended: the client logged out.
        Logout,
        /// Ended: no log-in in time.
        LoginTimeout,
        /// Ended: no heartbeat in time.
        ClientTimeout,
        /// Ended: wrong user or password.
        NotAuthorized,
        /// Ended: another session, or a sequence number that is still to come, was asked for.
        SessionUnavailable,
        /// Ended: a packet of another kind than a log-in came first.
        NotLoggedIn,
        /// Ended: a second log-in on the same connection.
        LoggedInAlready,
        /// Ended: a packet of unknown type, or one that breaks the rules of its type.
        BadPacket,
        /// Ended: too many malformed requests.
        Malformed,
        /// Ended: the client did not read its answers.
        SlowReader,
        /// Ended: the same user logged in again elsewhere.
        Superseded,
        /// Ended: the account has used up its sequence of messages.
        SequenceUsedUp,
        /// Ended: the venue stops.
        Shutdown,
        /// Log-ins accepted.
        LogIns,
        /// Requests forwarded.
        Requests,
        /// Malformed requests among good packets.
        MalformedRequests,
        /// Requests of an account that may no longer send any: ignored.
        IgnoredRequests,
        /// Times that a request waited for room or for answers.
        Holds,
        /// Answers put on an account's sequence.
        Answers,
        /// Answers after an account's sequence was full, and so not kept.
        AnswersNotKept,
        /// Answers given for a group that has failed.
        AnswersForGroup,
    }
}

impl SessionCount {
    /// How a connection that the net ended is counted.
    pub(super) fn of_close(reason: CloseReason) -> SessionCount {
        match reason {
            CloseReason::Peer | CloseReason::Local => SessionCount::Peer,
            CloseReason::BadFrame => SessionCount::BadFrame,
            CloseReason::SlowReader => SessionCount::SlowReader,
            CloseReason::Socket => SessionCount::Socket,
            CloseReason::TooMany => SessionCount::TooMany,
            CloseReason::Shutdown => SessionCount::Shutdown,
        }
    }

    /// What the net is told when a connection ends for this reason.
    pub(super) fn close_reason(self) -> CloseReason {
        match self {
            SessionCount::SlowReader => CloseReason::SlowReader,
            SessionCount::TooMany => CloseReason::TooMany,
            SessionCount::Shutdown => CloseReason::Shutdown,
            _ => CloseReason::Local,
        }
    }
}
