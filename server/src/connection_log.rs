//! The log of connections that end for a fault of their client or of the line.

use std::time::{Duration, Instant};

use corelane_actors::session::{ConnectionEnd, SessionCount};
use corelane_config::Config;
use corelane_runtime::{telemetry::Metric, topology::ExternalReceiver};

/// Lines of one user in one span, so that no client can fill the disk; how many more there were is said at the end of it.
const LINES_MAX: u32 = 10;
const SPAN: Duration = Duration::from_secs(60);

/// Logs the ends of connections.
pub(crate) struct ConnectionLog {
    ends: ExternalReceiver<ConnectionEnd>,
    /// By port.
    users: Vec<User>,
    unreadable_max: u32,
}

struct User {
    name: String,
    lines: Lines,
}

impl ConnectionLog {
    /// A log of the ends that a venue of `config` reports.
    pub(crate) fn new(ends: ExternalReceiver<ConnectionEnd>, config: &Config) -> ConnectionLog {
        let users = config.ports.iter().map(|port| User { name: port.user.clone(), lines: Lines::default() }).collect();
        ConnectionLog { ends, users, unreadable_max: config.order_entry.unreadable_per_minute_max }
    }

    /// Logs the ends since the last call.
    pub(crate) fn write(&mut self) {
        let now = Instant::now();
        while let Some(end) = self.ends.receive() {
            let Some(User { name, lines }) = self.users.get_mut(end.body.port.index()) else { continue };
            log_left_out(name, lines.left_out(now));
            if lines.admit(now) {
                tracing::warn!(
                    user = name,
                    "order entry: connection ended: {}",
                    reason(end.body.reason, self.unreadable_max)
                );
            }
        }
        for User { name, lines } in &mut self.users {
            log_left_out(name, lines.left_out(now));
        }
    }
}

/// Says what was left out and is not said yet.
impl Drop for ConnectionLog {
    fn drop(&mut self) {
        for User { name, lines } in &self.users {
            log_left_out(name, lines.more);
        }
    }
}

fn log_left_out(user: &str, more: u64) {
    if more > 0 {
        tracing::warn!(user, "order entry: and {more} more connections ended");
    }
}

/// The lines of one user.
#[derive(Default)]
struct Lines {
    /// When the span began; none before the first line.
    since: Option<Instant>,
    written: u32,
    /// Those that were left out.
    more: u64,
}

impl Lines {
    /// Whether to write one line now. Call [`Lines::left_out`] first.
    fn admit(&mut self, now: Instant) -> bool {
        self.since.get_or_insert(now);
        let admitted = self.written < LINES_MAX;
        self.written += u32::from(admitted);
        self.more += u64::from(!admitted);
        admitted
    }

    /// The number of lines that were left out in a span that is over.
    fn left_out(&mut self, now: Instant) -> u64 {
        if self.since.is_none_or(|since| now.duration_since(since) < SPAN) {
            return 0;
        }
        std::mem::take(self).more
    }
}

/// The reason in words.
fn reason(reason: SessionCount, unreadable_max: u32) -> String {
    let words = match reason {
        SessionCount::Unreadable => {
            return format!(
                "its user sent more than {unreadable_max} unreadable requests in a minute \
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_gets_a_bounded_number_of_lines_and_then_a_count() {
        let start = Instant::now();
        let mut lines = Lines::default();
        for span in 0..3 {
            let now = start + span * SPAN;
            assert_eq!(lines.left_out(now), if span == 0 { 0 } else { 90 });
            assert_eq!((0..100).filter(|_| lines.admit(now)).count(), LINES_MAX as usize);
            assert_eq!(lines.left_out(now + SPAN / 2), 0, "the span is not over");
        }
        assert_eq!(lines.left_out(start + 3 * SPAN), 90);
        assert_eq!(lines.left_out(start + 9 * SPAN), 0, "said once");
        assert!(lines.admit(start + 9 * SPAN));
    }
}
