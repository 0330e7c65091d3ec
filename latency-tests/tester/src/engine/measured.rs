//! What a load has shown, and whether it counts.

use hdrhistogram::Histogram;

use super::kernel_times::KernelTimes;
use crate::grouped::grouped;
use crate::jitter::Gaps;

/// Share of the asked rate that must be achieved.
pub const ACHIEVED_SHARE: f64 = 0.98;

/// What was measured. Counts are of requests, and of the whole run, unless they say otherwise.
#[derive(Clone, Debug)]
pub struct Measured {
    /// From intended send time to first answer, in nanoseconds, after the warm-up.
    pub intended: Histogram<u64>,
    /// The same from the time at which the request was handed to the socket.
    pub send: Histogram<u64>,
    /// From intended send time to being handed to the socket, of the same requests: what the tester was late.
    pub late: Histogram<u64>,
    /// The same way by the kernel's times; absent if they were not wanted, or not given.
    pub kernel_times: Option<KernelTimes>,
    /// The rate that was asked for.
    pub asked_per_s: f64,
    /// Completed requests of the measured time, per second until the last of them was completed.
    pub achieved_per_s: f64,
    /// Sent.
    pub sent: u64,
    /// Answered at least once.
    pub answered: u64,
    /// Sent, and rightly without any answer.
    pub silent: u64,
    /// Due, and not sent before the time was over.
    pub unsent: u64,
    /// Messages that should have come and did not.
    pub missing: u64,
    /// Connections that the server closed or that failed.
    pub drops: u64,
    /// Everything else that was wrong, in words; the first of them.
    pub faults: Vec<String>,
    /// Bytes written to sockets.
    pub bytes_sent: u64,
    /// Bytes read from sockets.
    pub bytes_received: u64,
    /// What the tester's own loop missed while it ran.
    pub loop_gaps: Gaps,
}

impl Measured {
    /// Why the figures do not count; empty if they do.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = self.faults.clone();
        let mut say = |wrong: bool, text: String| {
            if wrong {
                problems.push(text);
            }
        };
        let count = |count: u64, of: &str| format!("{} {of}", grouped(count));
        say(self.drops > 0, count(self.drops, "connections lost"));
        say(self.missing > 0, count(self.missing, "answers missing"));
        say(self.unsent > 0, count(self.unsent, "requests were due and could not be sent"));
        say(self.intended.is_empty(), "nothing was measured".to_owned());
        say(
            self.achieved_per_s < ACHIEVED_SHARE * self.asked_per_s,
            format!("{:.0}/s achieved of {:.0}/s asked: lower the rate", self.achieved_per_s, self.asked_per_s),
        );
        problems
    }
}
