//! The measurements of a load, and their validity.

use hdrhistogram::Histogram;

use super::kernel_times::KernelTimes;
use crate::grouped::grouped;
use crate::jitter::Gaps;

/// The share of the requested rate that must be achieved.
pub const ACHIEVED_SHARE: f64 = 0.98;

/// The measurements of a run. Unless stated otherwise, numbers count requests of the whole run.
#[derive(Clone, Debug)]
pub struct Measured {
    /// The latency from the intended send time to the first answer, in nanoseconds, after the warm-up.
    pub intended: Histogram<u64>,
    /// The latency from the time at which the request was passed to the socket, likewise.
    pub send: Histogram<u64>,
    /// The tester's delay, from the intended send time until the request was passed to the socket, for the same
    /// requests.
    pub late: Histogram<u64>,
    /// The breakdown by the kernel's timestamps; `None` if they were not requested or not available.
    pub kernel_times: Option<KernelTimes>,
    /// The requested rate, in requests per second.
    pub asked_per_s: f64,
    /// The achieved rate: completed requests of the measured time per second, up to the completion of the last.
    pub achieved_per_s: f64,
    /// Requests sent.
    pub sent: u64,
    /// Requests answered at least once.
    pub answered: u64,
    /// Requests sent that correctly got no answer.
    pub silent: u64,
    /// Requests due that were not sent before the end of the run.
    pub unsent: u64,
    /// Expected messages that did not arrive.
    pub missing: u64,
    /// Connections that failed or that the server closed.
    pub drops: u64,
    /// Descriptions of the first other faults.
    pub faults: Vec<String>,
    /// The number of bytes written to sockets.
    pub bytes_sent: u64,
    /// The number of bytes read from sockets.
    pub bytes_received: u64,
    /// The gaps of the tester's own loop during the run.
    pub loop_gaps: Gaps,
}

impl Measured {
    /// The reasons why the figures are invalid; empty if they are valid.
    #[must_use]
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
