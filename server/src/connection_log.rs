//! The log of connections that end for a fault of their client or of the line.

use corelane_actors::session::{ConnectionEnd, SessionCount};
use corelane_config::Config;
use corelane_runtime::{telemetry::Metric, topology::ExternalReceiver};

/// Logs the ends of connections.
pub(crate) struct ConnectionLog {
    ends: ExternalReceiver<ConnectionEnd>,
    /// The users, by port.
    users: Vec<String>,
    unreadable_max: u32,
}

impl ConnectionLog {
    /// A log of the ends that a venue of `config` reports.
    pub(crate) fn new(ends: ExternalReceiver<ConnectionEnd>, config: &Config) -> ConnectionLog {
        let users = config.ports.iter().map(|port| port.user.clone()).collect();
        ConnectionLog { ends, users, unreadable_max: config.order_entry.unreadable_per_minute_max }
    }

    /// Logs the ends since the last call.
    pub(crate) fn write(&mut self) {
        while let Some(end) = self.ends.receive() {
            let user = self.users.get(end.body.port.index()).map_or("unknown", String::as_str);
            tracing::warn!(user, "order entry: connection ended: {}", reason(end.body.reason, self.unreadable_max));
        }
    }
}

/// The reason in words.
fn reason(reason: SessionCount, unreadable_max: u32) -> String {
    let words = match reason {
        SessionCount::Unreadable => {
            return format!(
                "it sent more than {unreadable_max} unreadable requests in a minute \
                 (order_entry.unreadable_per_minute_max)"
            );
        }
        SessionCount::BadFrame => "it sent bytes that are no SoupBinTCP packets",
        SessionCount::BadPacket => "it sent a packet that SoupBinTCP does not allow",
        SessionCount::LoggedInAlready => "it logged in twice",
        SessionCount::ClientTimeout => "it was silent for too long",
        SessionCount::SlowReader => "it did not read its answers",
        SessionCount::Superseded => "its user logged in again elsewhere",
        SessionCount::Socket => "the socket failed",
        other => other.label(),
    };
    words.to_owned()
}
