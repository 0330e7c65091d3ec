//! Counters of a session actor.

use corelane_runtime::net::CloseReason;

corelane_runtime::metrics! {
    /// Counters of a session actor: ends of connections by reason, log-ins, requests and answers.
    pub enum SessionCount {
        /// Ended: the client closed it.
        Peer,
        /// Ended: the client sent bytes that are not SoupBinTCP packets.
        BadFrame,
        /// Ended: the socket failed.
        Socket,
        /// Ended: no slot was free.
        TooMany,
        /// Ended: it had not logged in when a newer connection needed its place.
        MadeRoom,
        /// Ended: the client logged out.
        Logout,
        /// Ended: no log-in in time.
        LoginTimeout,
        /// Ended: no heartbeat in time.
        ClientTimeout,
        /// Ended: wrong user or password.
        NotAuthorized,
        /// Ended: the log-in requested another session, or a future sequence number.
        SessionUnavailable,
        /// Ended: the log-in requested a message that is no longer kept.
        NotKept,
        /// Ended: a request, or too many other packets, before a log-in.
        NotLoggedIn,
        /// Ended: a second log-in on the same connection.
        LoggedInAlready,
        /// Ended: a packet of unknown type, or one that breaks the rules of its type.
        BadPacket,
        /// Ended: too many unreadable requests in a minute.
        Unreadable,
        /// Ended: the client did not read its answers.
        SlowReader,
        /// Ended: the same user logged in again elsewhere.
        Superseded,
        /// Ended: the venue stopped.
        Shutdown,
        /// Log-ins accepted.
        LogIns,
        /// Requests forwarded.
        Requests,
        /// Malformed requests whose number is readable, which are rejected.
        MalformedRequests,
        /// Requests in good packets that get no answer because they cannot be read.
        UnreadableRequests,
        /// Requests about an order in a channel of numbers where the venue takes none: enters and replaces are rejected, cancels
        /// and modifies have no effect.
        OtherChannels,
        /// Times that a request waited for room on the edge or for answers.
        Holds,
        /// Requests marked: the rate of the port was used up.
        PortRateMarks,
        /// Requests marked: the rate of the account was used up.
        AccountRateMarks,
        /// Requests marked: the rate of the firm was used up.
        FirmRateMarks,
        /// Requests marked: the port had too many unanswered ones.
        PortInFlightMarks,
        /// Requests marked: the account had too many unanswered ones.
        AccountInFlightMarks,
        /// Requests marked: the firm had too many unanswered ones.
        FirmInFlightMarks,
        /// Requests marked: a circuit breaker was open.
        BreakerMarks,
        /// Requests that use an order number and are not answered now; a state, not a total.
        Unanswered,
        /// Answers appended to a port's log.
        Answers,
        /// Bytes of answers that waited in the logs of connected clients when the stop ended their connections.
        UnsentAtStopBytes,
    }
}

impl SessionCount {
    /// The counter of a connection that the driver closed.
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

    /// Whether a connection that ends for this reason ends for a fault, of which the log should tell.
    pub(super) fn is_fault(self) -> bool {
        matches!(
            self,
            SessionCount::BadFrame
                | SessionCount::Socket
                | SessionCount::ClientTimeout
                | SessionCount::LoggedInAlready
                | SessionCount::BadPacket
                | SessionCount::Unreadable
                | SessionCount::SlowReader
                | SessionCount::Superseded
        )
    }

    /// The driver's reason for closing a connection.
    pub(super) fn close_reason(self) -> CloseReason {
        match self {
            SessionCount::SlowReader => CloseReason::SlowReader,
            SessionCount::TooMany | SessionCount::MadeRoom => CloseReason::TooMany,
            SessionCount::Shutdown => CloseReason::Shutdown,
            _ => CloseReason::Local,
        }
    }
}
