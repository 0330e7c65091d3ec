//! What must hold whatever arrives, by models that are slow and plain.

use std::collections::{HashMap, HashSet};

use corelane_actors::market_data::{Arbiter, FeedCount, FeedCounters, MessageSink};
use corelane_actors::types::SequenceNumber;
use corelane_codecs::mold::{Packet, SessionName};

use crate::wire::FORGED;

/// Receiver of the sequence.
pub struct Witness {
    counters: FeedCounters,
    /// All messages that have come by a line or from a server.
    arrived: HashMap<(SessionName, u64), HashSet<Vec<u8>>>,
    /// Sessions that all messages delivered since the last `begin` may belong to; all, if there are none.
    sessions: Option<Vec<SessionName>>,
    pub begun: u32,
    last: u64,
    delivered: u64,
    lost_before: u64,
    replayed: u64,
    /// Number of the next message of the sequence when an answer arrives.
    pub expected: u64,
    /// Whether a forged message was delivered, so that the true one differs from it.
    pub has_taken_forged: bool,
    /// Since these times, it is known that there are messages below these ends.
    seen: Vec<(u64, u64)>,
}

impl Witness {
    pub fn new(counters: FeedCounters) -> Self {
        Witness {
            counters,
            arrived: HashMap::new(),
            sessions: None,
            begun: 0,
            last: 0,
            delivered: 0,
            lost_before: 0,
            replayed: 0,
            expected: 1,
            has_taken_forged: false,
            seen: Vec::new(),
        }
    }

    /// Notes the messages of a packet that is about to be passed to the arbiter.
    pub fn arrives(&mut self, packet: &Packet<'_>) {
        for (number, message) in packet.messages().map_while(Result::ok) {
            self.arrived.entry((packet.session, number)).or_default().insert(message.to_vec());
        }
    }

    /// Notes that from now on, it is known that there are messages below `end`.
    pub fn knows(&mut self, end: u64, now_ns: u64) {
        self.seen.push((now_ns, end));
    }

    /// Whether the messages delivered may be those of a session.
    pub fn may_follow(&self, session: SessionName) -> bool {
        self.sessions.as_ref().is_none_or(|sessions| sessions.contains(&session))
    }

    /// Messages of the run that were neither delivered nor are still waited for.
    pub fn skipped(&self, arbiter: &Arbiter) -> u64 {
        arbiter.expected().0 - 1 - self.delivered
    }

    /// What holds after each call.
    pub fn check(&mut self, arbiter: &Arbiter) {
        let skipped = self.skipped(arbiter);
        // A counter wraps if forged ends of sessions claim more numbers than there are.
        let lost = self.counters.feed.get(FeedCount::Lost).wrapping_sub(self.lost_before);
        assert_eq!(skipped, lost, "each message is delivered, counted as lost, or waited for");
        assert!(skipped == 0 || arbiter.is_stale(), "{skipped} messages are lost, and prices are fresh");
    }

    /// For a feed that nobody forges: prices are stale if something is missing for longer than this.
    pub fn check_age(&mut self, arbiter: &Arbiter, now_ns: u64, late_after_ns: u64) {
        self.seen.retain(|&(_, end)| end > arbiter.expected().0);
        let is_late = self.seen.iter().any(|&(since_ns, _)| now_ns - since_ns >= late_after_ns);
        assert!(!is_late || arbiter.is_stale(), "fresh at {now_ns}, and {:?} were seen", self.seen);
    }

    fn belongs(&mut self, number: u64, message: &[u8]) {
        let sessions = self.sessions.get_or_insert_with(|| self.arrived.keys().map(|(session, _)| *session).collect());
        let arrived = &self.arrived;
        sessions.retain(|session| arrived.get(&(*session, number)).is_some_and(|messages| messages.contains(message)));
        assert!(!sessions.is_empty(), "message {number} of no session that has brought those before it");
    }
}

impl MessageSink for Witness {
    fn begin(&mut self) {
        self.begun += 1;
        self.sessions = None;
        (self.last, self.delivered) = (0, 0);
        self.lost_before = self.counters.feed.get(FeedCount::Lost);
        self.seen.clear();
        self.replayed = 0;
    }

    fn message(&mut self, SequenceNumber(number): SequenceNumber, message: &[u8]) {
        assert!(number > self.last, "{number} after {}", self.last);
        self.belongs(number, message);
        self.has_taken_forged |= message.first() == Some(&FORGED);
        self.last = number;
        self.delivered += 1;
    }

    fn replayed(&mut self, message: &[u8]) {
        self.replayed += 1;
        assert!(self.replayed < self.expected, "a replay stays below the sequence");
        self.belongs(self.replayed, message);
    }

    fn replay_ended(&mut self, is_complete: bool) {
        assert!(!is_complete || self.replayed + 1 == self.expected, "a replay reaches the sequence");
    }
}
