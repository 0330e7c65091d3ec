//! Judges the marks of bulkheads and circuit breakers on sequenced requests. What the group does about them is the model's to
//! say; here it is whether a request should have had its mark.
//!
//! A request is marked a little before it is sequenced, so each rule allows for the time in between.

use std::collections::VecDeque;

use corelane_actors::{
    session::SessionCount,
    types::{Command, Mark, PortId},
};
use corelane_config::Config;
use corelane_runtime::telemetry::Counters;

const SECOND_NS: u64 = 1_000_000_000;
/// What is older than this is forgotten: more than a burst lasts and a request is in flight.
const KEPT_NS: u64 = 4 * SECOND_NS;

/// When a request was sequenced, and what is known of then.
#[derive(Clone, Copy, Debug)]
pub(crate) struct When {
    pub time_ns: u64,
    /// How long it may have been since it was marked.
    pub in_flight_ns: u64,
    /// Whether breakers left entry open at some time since then, and whether they shut it.
    pub was_open: bool,
    pub was_shut: bool,
    /// Answers that the session has taken: those of the group, in their order.
    pub taken: u64,
}

/// The marks of a run.
#[derive(Debug)]
pub(crate) struct Marks {
    compartments: Vec<Compartment>,
    /// By port: its compartments.
    of_port: Vec<Vec<usize>>,
    /// By port: the highest number that was used.
    last_ref: Vec<u32>,
    /// Answers that the group gives to what was sequenced.
    answers: u64,
    rate: u64,
    in_flight: u64,
    breaker: u64,
    delay: u64,
}

/// What the ports of a bulkhead have sent.
#[derive(Debug, Default)]
struct Compartment {
    per_second: Option<u64>,
    burst: u64,
    in_flight_max: Option<u64>,
    /// When requests came that took a token, and those that use a number.
    admitted: VecDeque<u64>,
    numbered: VecDeque<u64>,
    /// Requests that are surely unanswered: how many answers come before the first to each.
    unanswered: VecDeque<u64>,
    /// Tokens taken and not come back, in billionths, and the longest that a request was in flight since there was none.
    owed: u64,
    last_ns: u64,
    longest_ns: u64,
}

impl Marks {
    pub(crate) fn new(config: &Config) -> Marks {
        let bulkheads = config.bulkheads();
        let of = |port: usize| {
            let here = bulkheads.iter().enumerate().filter(move |(_, one)| one.ports.contains(&port));
            here.map(|(index, _)| index).collect()
        };
        let compartment = |limits: corelane_config::Bulkhead| Compartment {
            per_second: limits.orders_per_second.map(u64::from),
            burst: limits.burst.or(limits.orders_per_second).unwrap_or_default().into(),
            in_flight_max: limits.in_flight_max.map(u64::from),
            ..Compartment::default()
        };
        Marks {
            of_port: (0..config.ports.len()).map(of).collect(),
            compartments: bulkheads.iter().map(|one| compartment(one.limits)).collect(),
            last_ref: vec![0; config.ports.len()],
            answers: 0,
            rate: 0,
            in_flight: 0,
            breaker: 0,
            delay: 0,
        }
    }

    /// Follows a sequenced input.
    ///
    /// # Errors
    /// A mark that is wrong, or one that is missing.
    pub(crate) fn follow(&mut self, command: &Command, when: When) -> Result<(), String> {
        let (port, mark, user_ref) = match command {
            Command::Enter(enter) => (enter.port, Some(enter.mark), enter.user_ref),
            Command::Replace(replace) => (replace.port, Some(replace.mark), replace.user_ref),
            Command::MassCancel(request) => (request.port, None, request.user_ref),
            Command::EntrySwitch(switch) => (switch.port, None, switch.user_ref),
            _ => return Ok(()),
        };
        self.judge(port, mark, when)?;
        self.note_number(port, user_ref, matches!(command, Command::Enter(_)));
        Ok(())
    }

    fn note_number(&mut self, port: PortId, user_ref: u32, is_order: bool) {
        let last_ref = &mut self.last_ref[port.index()];
        // An order with a number above all others gets an answer: nobody takes it for answered before that.
        if is_order && user_ref > *last_ref {
            self.of_port[port.index()].iter().for_each(|&id| self.compartments[id].unanswered.push_back(self.answers));
        }
        *last_ref = user_ref.max(*last_ref);
    }

    /// Notes that the group answers so much to what was followed last.
    pub(crate) fn answered(&mut self, answers: usize) {
        self.answers += answers as u64;
    }

    /// Judges a request that uses a number: its mark, if it can have one.
    fn judge(&mut self, port: PortId, mark: Option<Mark>, when: When) -> Result<(), String> {
        let Marks { compartments, of_port, rate, in_flight, breaker, delay, .. } = self;
        let ids = &of_port[port.index()];
        ids.iter().for_each(|&id| compartments[id].take_answers(when.taken));
        let wrong = |why: &str| Err(format!("port {port}: {why}"));
        match mark {
            None => {}
            // What is too old when it is sequenced had no mark before.
            Some(Mark::None | Mark::Delay) => {
                *delay += u64::from(mark == Some(Mark::Delay));
                // Each takes its token.
                let full = ids.iter().filter(|&&id| !compartments[id].admits(when)).count();
                if !when.was_open {
                    return wrong("no mark of the breakers that shut entry");
                }
                if full > 0 {
                    return wrong("no mark, and more orders than a bulkhead lets pass");
                }
                if ids.iter().any(|&id| compartments[id].is_full()) {
                    return wrong("no mark, and as many unanswered requests as a bulkhead lets be");
                }
            }
            Some(Mark::Rate) => {
                *rate += 1;
                if !ids.iter().any(|&id| compartments[id].may_lack_tokens(when)) {
                    return wrong("a mark of the rate, which is not used up");
                }
            }
            Some(Mark::InFlight) => {
                *in_flight += 1;
                if !ids.iter().any(|&id| compartments[id].may_be_full(when)) {
                    return wrong("a mark of requests in flight, of which there are fewer");
                }
            }
            Some(Mark::Breaker) => {
                *breaker += 1;
                if !when.was_shut {
                    return wrong("a mark of breakers, which are closed");
                }
            }
        }
        ids.iter().for_each(|&id| note(&mut compartments[id].numbered, when.time_ns));
        Ok(())
    }

    /// Compares the session's counters.
    ///
    /// # Errors
    /// How they differ.
    pub(crate) fn check_end(&self, session: &Counters<SessionCount>) -> Result<(), String> {
        use SessionCount::{
            AccountInFlightMarks, AccountRateMarks, BreakerMarks, FirmInFlightMarks, FirmRateMarks, PortInFlightMarks,
            PortRateMarks, Unanswered,
        };
        let sum = |counts: &[SessionCount]| counts.iter().map(|&count| session.get(count)).sum::<u64>();
        let counted = [
            sum(&[PortRateMarks, AccountRateMarks, FirmRateMarks]),
            sum(&[PortInFlightMarks, AccountInFlightMarks, FirmInFlightMarks]),
            sum(&[BreakerMarks]),
        ];
        let sequenced = [self.rate, self.in_flight, self.breaker];
        if counted != sequenced {
            return Err(format!("counters: marks of rates, in flight and breakers {counted:?}, and not {sequenced:?}"));
        }
        match session.get(Unanswered) {
            0 => Ok(()),
            left => Err(format!("counters: {left} requests are unanswered after the end of the day")),
        }
    }

    /// The kinds of mark that there were.
    pub(crate) fn reached(&self) -> impl Iterator<Item = &'static str> {
        let kinds = [
            ("mark.rate", self.rate),
            ("mark.in-flight", self.in_flight),
            ("mark.breaker", self.breaker),
            ("mark.delay", self.delay),
        ];
        kinds.into_iter().filter(|(_, count)| *count > 0).map(|(name, _)| name)
    }
}

impl Compartment {
    /// Takes a token; false if there cannot have been one.
    fn admits(&mut self, when: When) -> bool {
        let Some(per_second) = self.per_second else { return true };
        note(&mut self.admitted, when.time_ns);
        let back = (when.time_ns - self.last_ns).saturating_mul(per_second);
        self.last_ns = when.time_ns;
        self.owed = self.owed.saturating_sub(back);
        self.longest_ns = if self.owed == 0 { when.in_flight_ns } else { self.longest_ns.max(when.in_flight_ns) };
        self.owed += SECOND_NS;
        self.owed <= (self.burst + 1) * SECOND_NS + self.longest_ns * per_second
    }

    fn take_answers(&mut self, taken: u64) {
        let answered = self.unanswered.partition_point(|&before| before < taken);
        self.unanswered.drain(..answered);
    }

    /// Whether so many requests are surely unanswered that there was no room for another.
    fn is_full(&self) -> bool {
        self.in_flight_max.is_some_and(|most| self.unanswered.len() as u64 >= most)
    }

    /// Whether so many tokens have been taken in the time in which they come back that there may have been none.
    fn may_lack_tokens(&self, when: When) -> bool {
        let since = |per_second: u64| self.burst * SECOND_NS / per_second + when.in_flight_ns;
        self.per_second.is_some_and(|per_second| count(&self.admitted, when.time_ns, since(per_second)) >= self.burst)
    }

    /// Whether so many requests came in the time in which they may be answered that they may have filled it.
    fn may_be_full(&self, when: When) -> bool {
        let within_ns = 2 * when.in_flight_ns;
        self.in_flight_max.is_some_and(|most| count(&self.numbered, when.time_ns, within_ns) >= most)
    }
}

fn note(times_ns: &mut VecDeque<u64>, now_ns: u64) {
    times_ns.push_back(now_ns);
    while times_ns.front().is_some_and(|&first_ns| first_ns + KEPT_NS < now_ns) {
        times_ns.pop_front();
    }
}

/// How many of the times are not longer ago than this.
fn count(times_ns: &VecDeque<u64>, now_ns: u64, ago_ns: u64) -> u64 {
    (times_ns.len() - times_ns.partition_point(|&at_ns| at_ns + ago_ns < now_ns)) as u64
}

#[cfg(test)]
mod tests {
    use corelane_config::Config;

    use super::*;

    fn marks() -> Marks {
        let keys = "[bulkhead.port]\norders_per_second = 100\nburst = 10\nin_flight_max = 4\n";
        let text = format!("{}\n{keys}", corelane_config::VENUE_TOML);
        Marks::new(&Config::parse("venue.toml", &text).unwrap_or_else(|errors| panic!("{errors:?}")))
    }

    #[test]
    fn a_mark_is_wrong_or_missing_by_what_was_sent_before() {
        let at = |ms: u64| When { time_ns: ms * 1_000_000, in_flight_ns: 0, was_open: true, was_shut: false, taken: 0 };
        let shut = |ms: u64| When { was_open: false, was_shut: true, ..at(ms) };
        let [none, rate, in_flight, breaker] = [Mark::None, Mark::Rate, Mark::InFlight, Mark::Breaker].map(Some);
        // What comes before, at the same time each; what is judged, when; and whether it is right.
        let cases = [
            (0, none, at(1), true),
            (0, rate, at(1), false),
            (0, in_flight, at(1), false),
            (0, breaker, at(1), false),
            (0, breaker, shut(1), true),
            (0, none, shut(1), false),
            (9, rate, at(1), false),
            (10, rate, at(1), true),
            (10, rate, at(200), false),
            (11, none, at(1), false),
            (11, none, at(200), true),
            (3, in_flight, at(1), false),
            (4, in_flight, at(1), true),
            (4, in_flight, at(2), false),
        ];
        for (before, mark, when, is_right) in cases {
            let mut marks = marks();
            (0..before).for_each(|_| marks.judge(PortId(0), none, at(1)).unwrap());
            let judged = marks.judge(PortId(0), mark, when);
            assert_eq!(judged.is_ok(), is_right, "{before} before {mark:?}: {judged:?}");
        }
    }

    #[test]
    fn an_order_needs_a_mark_while_as_many_are_unanswered_as_may_be() {
        let when = |taken| When { time_ns: 1_000_000, in_flight_ns: 0, was_open: true, was_shut: false, taken };
        let port = PortId(0);
        // Answers that the session has taken, a mark, and whether it is right.
        let cases = [
            (0, Mark::None, false),
            (0, Mark::Delay, false),
            (0, Mark::InFlight, true),
            (1, Mark::None, true),
            (4, Mark::None, true),
        ];
        for (taken, mark, is_right) in cases {
            let mut marks = marks();
            // Of what is no new number, or no order, nobody knows whether it is answered.
            let sent = [(1, true), (2, true), (2, true), (1, true), (3, false), (4, true), (5, true)];
            for (user_ref, is_order) in sent {
                marks.judge(port, Some(Mark::None), when(0)).unwrap();
                marks.note_number(port, user_ref, is_order);
                marks.answered(usize::from(is_order));
            }
            let judged = marks.judge(port, Some(mark), when(taken));
            assert_eq!(judged.is_ok(), is_right, "{taken} taken, {mark:?}: {judged:?}");
        }
    }
}
