//! An arbiter with a clock that tests set, and packets whose messages contain their numbers.
#![allow(dead_code, reason = "each test file uses a part of it")]

use corelane_actors::market_data::{
    Arbiter, ArbitrationConfig, DueRequest, FeedCount, FeedCounters, FeedLine, GapFillConfig, LineCount, MessageSink,
    RecoveryCount,
};
use corelane_codecs::{
    mold::{HEADER_LEN, Packet, PacketBuilder, SessionName, end_of_session, heartbeat},
    text::Alpha,
};
use corelane_runtime::{
    message::SequenceNumber,
    resilience::{Permits, RetryPolicy},
};

pub(crate) const MS: u64 = 1_000_000;

pub(crate) fn session(name: &str) -> SessionName {
    Alpha::new(name).unwrap()
}

pub(crate) fn config() -> ArbitrationConfig {
    ArbitrationConfig {
        session: None,
        silent_after_ns: 3000 * MS,
        reorder_messages_max: 128,
        wait_ns: MS,
        gap_messages_max: 100_000,
        behind_after_ns: 10 * MS,
        gap_fill: GapFillConfig {
            servers: 2,
            retry: RetryPolicy::constant(5, 20 * MS),
            messages_max: 8,
            requests_max: 4,
        },
        permits: Permits::new(50),
    }
}

/// A message whose text is its number.
pub(crate) fn text(sequence: u64) -> Vec<u8> {
    format!("message {sequence}").into_bytes()
}

/// A packet with the messages `first..end` of a session.
pub(crate) fn packet(name: &str, first: u64, end: u64) -> Vec<u8> {
    packet_of(name, first, (first..end).map(text))
}

/// A packet with these messages from `first` on.
pub(crate) fn packet_of(name: &str, first: u64, messages: impl Iterator<Item = Vec<u8>>) -> Vec<u8> {
    let mut buffer = vec![0; 4000];
    let mut packet = PacketBuilder::new(&mut buffer, session(name), first, 4000).unwrap();
    messages.for_each(|message| assert!(packet.push(&message)));
    packet.finish().to_vec()
}

pub(crate) fn beat(name: &str, next: u64) -> Vec<u8> {
    let mut bytes = [0; HEADER_LEN];
    heartbeat(&mut bytes, session(name), next).unwrap();
    bytes.to_vec()
}

pub(crate) fn end(name: &str, next: u64) -> Vec<u8> {
    let mut bytes = [0; HEADER_LEN];
    end_of_session(&mut bytes, session(name), next).unwrap();
    bytes.to_vec()
}

/// Numbers delivered since the session began; each text is checked.
#[derive(Default)]
pub(crate) struct Delivered {
    pub numbers: Vec<u64>,
    pub sessions: u32,
    has_other_texts: bool,
}

impl Delivered {
    /// From now on the texts are those of several runs.
    pub(crate) fn allow_other_texts(&mut self) {
        self.has_other_texts = true;
    }
}

impl MessageSink for Delivered {
    fn begin(&mut self) {
        self.numbers.clear();
        self.sessions += 1;
    }

    fn message(&mut self, SequenceNumber(sequence): SequenceNumber, message: &[u8]) {
        assert!(self.has_other_texts || message == text(sequence), "{sequence}");
        assert!(self.numbers.last().is_none_or(|&last| last < sequence), "{sequence} after {:?}", self.numbers.last());
        self.numbers.push(sequence);
    }
}

/// An arbiter, what it delivered, and a clock.
pub(crate) struct Feed {
    pub arbiter: Arbiter,
    counters: FeedCounters,
    pub sink: Delivered,
    pub now_ns: u64,
}

impl Feed {
    pub(crate) fn new(config: ArbitrationConfig) -> Self {
        let counters = FeedCounters::default();
        Feed { arbiter: Arbiter::new(config, counters.clone()), counters, sink: Delivered::default(), now_ns: 5 * MS }
    }

    pub(crate) fn line(&mut self, line: FeedLine, bytes: &[u8]) {
        let packet = Packet::decode(bytes).unwrap();
        self.arbiter.on_line(line, &packet, self.now_ns, &mut self.sink);
    }

    pub(crate) fn answer(&mut self, server: usize, bytes: &[u8]) {
        let packet = Packet::decode(bytes).unwrap();
        self.arbiter.on_answer(server, &packet, self.now_ns, &mut self.sink);
    }

    /// Advances the clock by `by_ns`, and calls the arbiter at its deadlines on the way. `network` receives each of its
    /// requests and returns the answers that arrive at once.
    pub(crate) fn advance(&mut self, by_ns: u64, mut network: impl FnMut(DueRequest) -> Option<(usize, Vec<u8>)>) {
        let until_ns = self.now_ns + by_ns;
        for _ in 0..1_000_000 {
            while let Some(asked) = self.arbiter.next_request(self.now_ns) {
                if let Some((server, bytes)) = network(asked) {
                    self.answer(server, &bytes);
                }
            }
            match self.arbiter.deadline_ns() {
                Some(deadline_ns) if deadline_ns <= until_ns => {
                    self.now_ns = self.now_ns.max(deadline_ns);
                    self.arbiter.on_time(self.now_ns, &mut self.sink);
                }
                _ => {
                    self.now_ns = until_ns;
                    return;
                }
            }
        }
        panic!("the arbiter never becomes idle");
    }

    pub(crate) fn count(&self, count: FeedCount) -> u64 {
        self.counters.feed.get(count)
    }

    pub(crate) fn recovery(&self, count: RecoveryCount) -> u64 {
        self.counters.recovery.get(count)
    }

    pub(crate) fn line_count(&self, line: FeedLine, count: LineCount) -> u64 {
        self.counters.line(line).get(count)
    }

    #[track_caller]
    pub(crate) fn has_all_until(&self, end: u64) {
        assert!(self.sink.numbers.iter().copied().eq(1..end), "{:?}", self.sink.numbers);
        assert_eq!(self.arbiter.expected().0, end);
    }
}

/// A server that has every message of the session and answers as many as asked for, but 3 at most.
pub(crate) fn honest(asked: DueRequest) -> Option<(usize, Vec<u8>)> {
    let first = asked.request.sequence;
    let count = u64::from(asked.request.count.min(3));
    Some((asked.server, packet("DAY", first, first + count)))
}

pub(crate) fn nobody(_: DueRequest) -> Option<(usize, Vec<u8>)> {
    None
}
