//! Judges the marks of bulkheads and circuit breakers on sequenced requests. What the group does about them is the model's to
//! say; here it is whether a request should have had its mark.
//!
//! A request is marked after it was sent and before it is sequenced, in the order of being sequenced, so each rule allows for the
//! time in between.

use std::collections::VecDeque;

use corelane_actors::{
    session::SessionCount,
    types::{Command, Mark, PortId, Reply},
};
use corelane_config::Config;
use corelane_runtime::telemetry::Counters;

const SECOND_NS: u64 = 1_000_000_000;
/// What is older than this is forgotten: more than a burst lasts and a request is under way.
const KEPT_NS: u64 = 4 * SECOND_NS;

/// When a request was sequenced, and what is known of then.
#[derive(Clone, Copy, Debug)]
pub(crate) struct When {
    pub time_ns: u64,
    /// When it was sent, which is before it was marked, and how many answers of the group the session had taken.
    pub sent_ns: u64,
    pub taken_when_sent: u64,
    /// Whether breakers left entry open at some time since it may have been marked, and whether they shut it.
    pub was_open: bool,
    pub was_shut: bool,
    /// Answers that the session has taken: those of the group, in their order.
    pub taken: u64,
}

/// The marks of a run.
#[derive(Debug)]
pub(crate) struct Marks {
    compartments: Vec<Compartment>,
    ports: Vec<Port>,
    /// Answers that the group gives to what was sequenced.
    answers: u64,
    /// The port and the number of what was followed last, if it uses one.
    last: Option<(PortId, u32)>,
    /// What was marked until now was marked before what is to come: see [`When::sent_ns`] and [`When::taken_when_sent`].
    marked_ns: u64,
    taken: u64,
    rate: u64,
    in_flight: u64,
    breaker: u64,
    delay: u64,
}

/// What a port has sent.
#[derive(Debug, Default)]
struct Port {
    compartments: Vec<usize>,
    /// The highest number that was used.
    last_ref: u32,
    /// Requests that use a number, and how many of them are surely not unanswered any more: an answer shows that all before it
    /// are answered or will never be.
    numbered: u64,
    settled: u64,
    /// What `settled` will be, by how many answers the session has taken.
    settles: VecDeque<(u64, u64)>,
}

/// What the ports of a bulkhead have sent.
#[derive(Debug, Default)]
struct Compartment {
    per_second: Option<u64>,
    burst: u64,
    in_flight_max: Option<u64>,
    ports: Vec<usize>,
    /// When requests were sequenced that took a token.
    admitted: VecDeque<u64>,
    /// Requests that are surely unanswered: how many answers come before the first to each.
    unanswered: VecDeque<u64>,
    /// Requests that took a token since one of them, and the tokens that had come back before it was sent, in billionths: of all
    /// requests, the one with the most.
    most: u128,
}

impl Marks {
    pub(crate) fn new(config: &Config) -> Marks {
        let bulkheads = config.bulkheads();
        let port = |port: usize| {
            let here = bulkheads.iter().enumerate().filter(move |(_, one)| one.ports.contains(&port));
            Port { compartments: here.map(|(index, _)| index).collect(), ..Port::default() }
        };
        let compartment = |limits: corelane_config::Bulkhead, ports: &[usize]| Compartment {
            ports: ports.to_vec(),
            per_second: limits.orders_per_second.map(u64::from),
            burst: limits.burst.or(limits.orders_per_second).unwrap_or_default().into(),
            in_flight_max: limits.in_flight_max.map(u64::from),
            ..Compartment::default()
        };
        Marks {
            ports: (0..config.ports.len()).map(port).collect(),
            compartments: bulkheads.iter().map(|one| compartment(one.limits, &one.ports)).collect(),
            answers: 0,
            last: None,
            marked_ns: 0,
            taken: 0,
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
        self.last = None;
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
        let Port { compartments, last_ref, numbered, .. } = &mut self.ports[port.index()];
        // An order with a number above all others gets an answer: nobody takes it for answered before that.
        if is_order && user_ref > *last_ref {
            compartments.iter().for_each(|&id| self.compartments[id].unanswered.push_back(self.answers));
        }
        *last_ref = user_ref.max(*last_ref);
        *numbered += 1;
        self.last = Some((port, user_ref));
    }

    /// Notes what the group answers to what was followed last.
    pub(crate) fn answered(&mut self, replies: &[Reply]) {
        self.answers += replies.len() as u64;
        let Some((port, user_ref)) = self.last else { return };
        if replies.iter().any(|reply| (reply.port, reply.user_ref) == (port, user_ref)) {
            let Port { numbered, settles, .. } = &mut self.ports[port.index()];
            settles.push_back((self.answers, *numbered));
        }
    }

    /// Judges a request that uses a number: its mark, if it can have one.
    fn judge(&mut self, port: PortId, mark: Option<Mark>, when: When) -> Result<(), String> {
        let Marks { compartments, ports, rate, in_flight, breaker, delay, .. } = self;
        self.marked_ns = self.marked_ns.max(when.sent_ns);
        self.taken = self.taken.max(when.taken_when_sent);
        let marked_ns = self.marked_ns.min(when.time_ns);
        ports.iter_mut().for_each(|port| port.settle(self.taken));
        let ids = &ports[port.index()].compartments;
        ids.iter().for_each(|&id| compartments[id].take_answers(when.taken));
        let wrong = |why: &str| Err(format!("port {port}: {why}"));
        match mark {
            None => {}
            // What is too old when it is sequenced had no mark before.
            Some(Mark::None | Mark::Delay) => {
                *delay += u64::from(mark == Some(Mark::Delay));
                // Each takes its token.
                let full = ids.iter().filter(|&&id| !compartments[id].admits(marked_ns, when.time_ns)).count();
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
                if !ids.iter().any(|&id| compartments[id].may_lack_tokens(marked_ns)) {
                    return wrong("a mark of the rate, which is not used up");
                }
            }
            Some(Mark::InFlight) => {
                *in_flight += 1;
                if !ids.iter().any(|&id| compartments[id].may_be_full(ports)) {
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

impl Port {
    /// The session has taken so many answers.
    fn settle(&mut self, taken: u64) {
        while let Some((_, numbered)) = self.settles.pop_front_if(|(answers, _)| *answers <= taken) {
            self.settled = numbered;
        }
    }

    /// The most requests that may be unanswered.
    fn unanswered_max(&self) -> u64 {
        self.numbered - self.settled
    }
}

impl Compartment {
    /// Takes a token between two times, in nanoseconds; false if there cannot have been one.
    fn admits(&mut self, from_ns: u64, to_ns: u64) -> bool {
        let Some(per_second) = self.per_second else { return true };
        note(&mut self.admitted, to_ns);
        let back_by = |ns: u64| u128::from(ns) * u128::from(per_second);
        let token = u128::from(SECOND_NS);
        self.most = self.most.max(back_by(from_ns)) + token;
        self.most <= back_by(to_ns) + u128::from(self.burst) * token
    }

    fn take_answers(&mut self, taken: u64) {
        let answered = self.unanswered.partition_point(|&before| before < taken);
        self.unanswered.drain(..answered);
    }

    /// Whether so many requests are surely unanswered that there was no room for another.
    fn is_full(&self) -> bool {
        self.in_flight_max.is_some_and(|most| self.unanswered.len() as u64 >= most)
    }

    /// Whether so many tokens have been taken in the time in which they come back that there may have been none since a time.
    fn may_lack_tokens(&self, from_ns: u64) -> bool {
        let Some(per_second) = self.per_second else { return false };
        let since_ns = from_ns.saturating_sub(self.burst * SECOND_NS / per_second);
        let taken = self.admitted.len() - self.admitted.partition_point(|&at_ns| at_ns < since_ns);
        taken as u64 >= self.burst
    }

    /// Whether so many requests may be unanswered that they fill it.
    fn may_be_full(&self, ports: &[Port]) -> bool {
        let unanswered = || self.ports.iter().map(|&port| ports[port].unanswered_max()).sum::<u64>();
        self.in_flight_max.is_some_and(|most| unanswered() >= most)
    }
}

fn note(times_ns: &mut VecDeque<u64>, now_ns: u64) {
    times_ns.push_back(now_ns);
    while times_ns.front().is_some_and(|&first_ns| first_ns + KEPT_NS < now_ns) {
        times_ns.pop_front();
    }
}

#[cfg(test)]
mod tests {
    use corelane_actors::types::Quantity;
    use corelane_config::Config;
    use corelane_runtime::message::SequenceNumber;

    use super::*;

    fn marks() -> Marks {
        let keys = "[bulkhead.port]\norders_per_second = 100\nburst = 10\nin_flight_max = 4\n";
        let text = format!("{}\n{keys}", corelane_config::VENUE_TOML);
        Marks::new(&Config::parse("venue.toml", &text).unwrap_or_else(|errors| panic!("{errors:?}")))
    }

    /// No answer is taken, and no breaker open.
    fn at(sent_ns: u64, time_ns: u64) -> When {
        When { time_ns, sent_ns, taken_when_sent: 0, was_open: true, was_shut: false, taken: 0 }
    }

    #[test]
    fn a_mark_is_wrong_or_missing_by_what_was_sent_before() {
        let at = |ms: u64| at(ms * 1_000_000, ms * 1_000_000);
        let sent = |ms: u64, sequenced_ms: u64| self::at(ms * 1_000_000, sequenced_ms * 1_000_000);
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
            (10, none, at(1), false),
            (10, none, at(10), false),
            (10, none, at(11), true),
            // Until it was sequenced, one may have come back; and before it was sent, none had.
            (10, none, sent(1, 11), true),
            (10, rate, sent(1, 200), true),
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
        let when = |taken| When { taken, taken_when_sent: taken, ..at(1_000_000, 1_000_000) };
        let port = PortId(0);
        // Answers that the session has taken, a mark, and whether it is right.
        let cases = [
            (0, Mark::None, false),
            (0, Mark::Delay, false),
            (0, Mark::InFlight, true),
            (1, Mark::None, true),
            (4, Mark::None, true),
            // A number that is used again, and what is no order, may be unanswered.
            (3, Mark::InFlight, true),
            (4, Mark::InFlight, false),
            (6, Mark::InFlight, false),
        ];
        for (taken, mark, is_right) in cases {
            let mut marks = marks();
            // Of what is no new number, or no order, nobody knows whether it is answered.
            let sent = [(1, true), (2, true), (2, true), (1, true), (3, false), (4, true), (5, true)];
            for (user_ref, is_order) in sent {
                marks.judge(port, Some(Mark::None), when(0)).unwrap();
                marks.note_number(port, user_ref, is_order);
                let reply = Reply {
                    number: SequenceNumber(0),
                    port,
                    user_ref,
                    leaves_qty: Quantity::ZERO,
                    replaced_user_ref: 0,
                    length: 0,
                    bytes: [0; 71],
                };
                marks.answered(if is_order { std::slice::from_ref(&reply) } else { &[] });
            }
            let judged = marks.judge(port, Some(mark), when(taken));
            assert_eq!(judged.is_ok(), is_right, "{taken} taken, {mark:?}: {judged:?}");
        }
    }
}
