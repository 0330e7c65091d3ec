//! Two lines and retransmission against the obvious: the messages 1, 2, 3 …, whatever the network does to them.

use std::collections::{BTreeMap, BTreeSet};

use corelane_actors::market_data::{
    Arbiter, ArbitrationConfig, Asked, FeedCount, FeedCounters, GapFillConfig, Line, LineCount, RecoveryCount, Sink,
};
use corelane_codecs::{
    mold::{HEADER_LEN, Packet, PacketBuilder, Session, end_of_session, heartbeat},
    text::Alpha,
};
use proptest::prelude::*;

const MS: u64 = 1_000_000;

fn session(name: &str) -> Session {
    Alpha::new(name).unwrap()
}

fn config() -> ArbitrationConfig {
    ArbitrationConfig {
        session: None,
        silent_after_ns: 3000 * MS,
        reorder_messages_max: 128,
        wait_ns: MS,
        gap_messages_max: 100_000,
        behind_after_ns: 10 * MS,
        gap_fill: GapFillConfig { servers: 2, timeout_ns: 20 * MS, attempts_max: 5, messages_max: 8, requests_max: 4 },
    }
}

/// The text of a message tells its number.
fn text(sequence: u64) -> Vec<u8> {
    format!("message {sequence}").into_bytes()
}

/// A packet of the messages `first..end` of a session.
fn packet(name: &str, first: u64, end: u64) -> Vec<u8> {
    let mut buffer = vec![0; 4000];
    let mut packet = PacketBuilder::new(&mut buffer, session(name), first, 4000).unwrap();
    (first..end).for_each(|sequence| assert!(packet.push(&text(sequence))));
    packet.finish().to_vec()
}

fn beat(name: &str, next: u64) -> Vec<u8> {
    let mut bytes = [0; HEADER_LEN];
    heartbeat(&mut bytes, session(name), next).unwrap();
    bytes.to_vec()
}

fn end(name: &str, next: u64) -> Vec<u8> {
    let mut bytes = [0; HEADER_LEN];
    end_of_session(&mut bytes, session(name), next).unwrap();
    bytes.to_vec()
}

/// Numbers delivered since the session began; each text is checked.
#[derive(Default)]
struct Delivered {
    numbers: Vec<u64>,
    sessions: u32,
}

impl Sink for Delivered {
    fn begin(&mut self) {
        self.numbers.clear();
        self.sessions += 1;
    }

    fn message(&mut self, sequence: u64, message: &[u8]) {
        assert_eq!(message, text(sequence), "{sequence}");
        assert!(self.numbers.last().is_none_or(|&last| last < sequence), "{sequence} after {:?}", self.numbers.last());
        self.numbers.push(sequence);
    }
}

/// An arbiter, what it delivered, and a clock.
struct Feed {
    arbiter: Arbiter,
    counters: FeedCounters,
    sink: Delivered,
    now_ns: u64,
}

impl Feed {
    fn new(config: ArbitrationConfig) -> Self {
        let counters = FeedCounters::default();
        Feed { arbiter: Arbiter::new(config, counters.clone()), counters, sink: Delivered::default(), now_ns: 5 * MS }
    }

    fn line(&mut self, line: Line, bytes: &[u8]) {
        let packet = Packet::decode(bytes).unwrap();
        self.arbiter.on_line(line, &packet, self.now_ns, &mut self.sink);
    }

    fn answer(&mut self, server: usize, bytes: &[u8]) {
        let packet = Packet::decode(bytes).unwrap();
        self.arbiter.on_answer(server, &packet, self.now_ns, &mut self.sink);
    }

    /// Time goes on to `by_ns` from now; on the way the arbiter is called when it wants to be, and `network` carries
    /// its requests: it is given each and returns what comes back at once.
    fn advance(&mut self, by_ns: u64, mut network: impl FnMut(Asked) -> Option<(usize, Vec<u8>)>) {
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
        panic!("the arbiter does not come to rest");
    }

    fn count(&self, count: FeedCount) -> u64 {
        self.counters.feed.get(count)
    }

    fn recovery(&self, count: RecoveryCount) -> u64 {
        self.counters.recovery.get(count)
    }

    fn line_count(&self, line: Line, count: LineCount) -> u64 {
        self.counters.line(line).get(count)
    }

    #[track_caller]
    fn has_all_until(&self, end: u64) {
        assert!(self.sink.numbers.iter().copied().eq(1..end), "{:?}", self.sink.numbers);
        assert_eq!(self.arbiter.expected(), end);
    }
}

/// A server that has every message of the session and answers as many as asked for, but 3 at most.
fn honest(asked: Asked) -> Option<(usize, Vec<u8>)> {
    let first = asked.request.sequence;
    let count = u64::from(asked.request.count.min(3));
    Some((asked.server, packet("DAY", first, first + count)))
}

fn nobody(_: Asked) -> Option<(usize, Vec<u8>)> {
    None
}

#[test]
fn the_first_copy_wins_whichever_line_brings_it() {
    let mut feed = Feed::new(config());
    feed.line(Line::A, &packet("DAY", 1, 4));
    feed.line(Line::B, &packet("DAY", 1, 6));
    feed.line(Line::A, &packet("DAY", 4, 5));
    feed.line(Line::A, &packet("DAY", 3, 8));
    feed.line(Line::B, &packet("DAY", 6, 8));
    feed.has_all_until(8);
    let counts = |line| {
        [LineCount::Packets, LineCount::FirstCopies, LineCount::Duplicates].map(|count| feed.line_count(line, count))
    };
    assert_eq!(counts(Line::A), [3, 3 + 2, 1 + 3]);
    assert_eq!(counts(Line::B), [2, 2, 3 + 2]);
    assert_eq!(feed.line_count(Line::A, LineCount::Gaps) + feed.line_count(Line::B, LineCount::Gaps), 0);
    assert!(!feed.arbiter.is_stale());
}

#[test]
fn the_other_line_fills_a_gap_before_anybody_is_asked() {
    let mut feed = Feed::new(config());
    feed.line(Line::A, &packet("DAY", 1, 3));
    feed.line(Line::A, &packet("DAY", 5, 9));
    feed.has_all_until(3);
    feed.advance(MS / 2, nobody);
    feed.line(Line::B, &packet("DAY", 1, 6));
    feed.has_all_until(9);
    feed.advance(100 * MS, |asked| panic!("{asked:?}"));
    assert!(!feed.arbiter.is_stale());
    assert_eq!((feed.line_count(Line::A, LineCount::Gaps), feed.line_count(Line::A, LineCount::Missed)), (1, 2));
    assert_eq!((feed.count(FeedCount::Gaps), feed.recovery(RecoveryCount::Requests)), (0, 0));
}

#[test]
fn what_no_line_brings_is_asked_for_in_small_parts() {
    let mut feed = Feed::new(config());
    feed.line(Line::A, &packet("DAY", 1, 3));
    feed.line(Line::B, &packet("DAY", 23, 25));
    feed.line(Line::A, &packet("DAY", 10, 12));
    let mut ranges = Vec::new();
    feed.advance(5 * MS, |asked| {
        ranges.push((asked.request.sequence, asked.request.count, asked.server, asked.is_repeat));
        honest(asked)
    });
    feed.has_all_until(25);
    // The first of 3..10, which is cut off at what is there; answers bring three each, the rest is asked for again.
    assert_eq!(ranges[0], (3, 7, 0, false));
    assert!(ranges.iter().all(|&(first, count, ..)| count <= 8 && !(first..first + u64::from(count)).contains(&10)));
    assert_eq!((feed.recovery(RecoveryCount::Recovered), feed.count(FeedCount::Gaps)), (7 + 11, 0));
    assert!(!feed.arbiter.is_stale());
}

#[test]
fn a_server_that_is_dead_is_passed_over() {
    let mut feed = Feed::new(config());
    feed.line(Line::A, &packet("DAY", 1, 3));
    feed.line(Line::A, &packet("DAY", 60, 61));
    let mut asked_of = [0, 0];
    feed.advance(200 * MS, |asked| {
        asked_of[asked.server] += 1;
        if asked.server == 0 { None } else { honest(asked) }
    });
    feed.has_all_until(61);
    assert!(!feed.arbiter.is_stale());
    assert_eq!(asked_of[0], 4, "as many as may be in flight, once");
    assert_eq!(feed.recovery(RecoveryCount::Repeats), 4);
    // It was late meanwhile.
    assert_eq!(feed.recovery(RecoveryCount::TimesBehind), 1);
}

#[test]
fn a_server_that_lies_is_not_believed_and_the_other_one_is_asked() {
    let lies: [fn(u64) -> Vec<u8>; 6] = [
        |first| packet("OTHER", first, first + 3),
        |first| packet("DAY", first + 1000, first + 1003),
        |_| packet("DAY", 1, 3),
        |first| beat("DAY", first),
        |_| beat("DAY", u64::MAX),
        |_| end("DAY", 5),
    ];
    for (index, lie) in lies.iter().enumerate() {
        let mut feed = Feed::new(config());
        feed.line(Line::A, &packet("DAY", 1, 3));
        feed.line(Line::A, &packet("DAY", 8, 9));
        feed.advance(
            200 * MS,
            |asked| {
                if asked.server == 0 { Some((0, lie(asked.request.sequence))) } else { honest(asked) }
            },
        );
        feed.has_all_until(9);
        assert!(!feed.arbiter.is_stale(), "lie {index}");
        let refused = feed.recovery(RecoveryCount::Refused) + feed.recovery(RecoveryCount::Late);
        assert_eq!((refused, feed.count(FeedCount::Lost)), (1, 0), "lie {index}");
        // Unasked, it is not believed either.
        feed.answer(0, &packet("DAY", 9, 20));
        feed.has_all_until(9);
        assert_eq!(feed.recovery(RecoveryCount::Refused) + feed.recovery(RecoveryCount::Late), 2, "lie {index}");
    }
}

#[test]
fn an_answer_that_says_more_than_was_asked_is_taken_as_far_as_it_was() {
    let mut feed = Feed::new(config());
    feed.line(Line::A, &packet("DAY", 1, 3));
    feed.line(Line::A, &packet("DAY", 5, 6));
    feed.advance(2 * MS, |asked| Some((0, packet("DAY", asked.request.sequence, 50))));
    feed.has_all_until(6);
}

#[test]
fn a_gap_that_nobody_can_fill_is_lost_and_said_so_until_the_next_session() {
    for servers in [0, 1, 2] {
        let mut config = config();
        config.gap_fill.servers = servers;
        let mut feed = Feed::new(config);
        feed.line(Line::A, &packet("DAY", 1, 3));
        feed.line(Line::A, &packet("DAY", 40, 41));
        feed.line(Line::B, &packet("DAY", 50, 52));
        feed.advance(500 * MS, nobody);
        assert_eq!(feed.sink.numbers, [1, 2, 40, 50, 51], "{servers} servers");
        assert_eq!((feed.count(FeedCount::Gaps), feed.count(FeedCount::Lost)), (2, 37 + 9));
        assert!(feed.arbiter.is_stale());
        // Bounded: each range so often, and no more of them than may be in flight.
        assert!(feed.recovery(RecoveryCount::Requests) <= 2 * 4 * 5, "{}", feed.recovery(RecoveryCount::Requests));
        assert_eq!(feed.recovery(RecoveryCount::Requests) == 0, servers == 0);
        // It goes on, and what was declared lost is not taken back.
        feed.line(Line::B, &packet("DAY", 30, 53));
        assert_eq!(feed.sink.numbers.last(), Some(&52));
        assert!(feed.arbiter.is_stale());
        feed.line(Line::A, &end("DAY", 53));
        feed.line(Line::A, &packet("NEXT", 1, 3));
        feed.has_all_until(3);
        assert!(!feed.arbiter.is_stale(), "the next session puts it right");
    }
}

#[test]
fn a_session_that_is_joined_late_is_replayed_from_its_first_message() {
    let mut feed = Feed::new(config());
    feed.line(Line::A, &packet("DAY", 5001, 5004));
    assert!(feed.arbiter.is_stale());
    feed.advance(50 * MS, honest);
    feed.has_all_until(5004);
    assert!(!feed.arbiter.is_stale(), "it has caught up");
    // Those that came live meanwhile and found no place were asked for too.
    assert!(feed.recovery(RecoveryCount::Unbuffered) > 0);
    assert_eq!(feed.count(FeedCount::Lost), 0);

    // What is longer than may be asked for is lost at once.
    let mut feed = Feed::new(ArbitrationConfig { gap_messages_max: 5000 - 1, ..config() });
    feed.line(Line::A, &packet("DAY", 5001, 5004));
    feed.advance(50 * MS, |asked| panic!("{asked:?}"));
    assert_eq!(feed.sink.numbers, [5001, 5002, 5003]);
    assert_eq!(feed.count(FeedCount::Lost), 5000);
    assert!(feed.arbiter.is_stale());
}

#[test]
fn a_heartbeat_shows_what_was_lost_last() {
    for last in [beat("DAY", 6), end("DAY", 6)] {
        let mut feed = Feed::new(config());
        feed.line(Line::A, &packet("DAY", 1, 3));
        feed.line(Line::B, &last);
        feed.advance(5 * MS, honest);
        feed.has_all_until(6);
    }
}

#[test]
fn one_dead_line_costs_nothing_and_both_are_silence() {
    let mut feed = Feed::new(config());
    feed.line(Line::B, &packet("DAY", 1, 2));
    for first in 1..8 {
        feed.line(Line::A, &packet("DAY", first, first + 1));
        feed.advance(1000 * MS, nobody);
        assert!(!feed.arbiter.is_stale());
    }
    assert_eq!([Line::A, Line::B].map(|line| feed.line_count(line, LineCount::Silences)), [0, 1]);
    feed.advance(2500 * MS, nobody);
    assert!(feed.arbiter.is_stale());
    assert_eq!((feed.line_count(Line::A, LineCount::Silences), feed.count(FeedCount::Silences)), (1, 1));
    // They come back, having lost what was sent meanwhile: it is recovered.
    feed.line(Line::B, &packet("DAY", 100, 101));
    feed.advance(MS / 2, nobody);
    assert!(!feed.arbiter.is_stale(), "the gap may still be filled in time");
    feed.advance(5 * MS, honest);
    feed.has_all_until(101);
    assert!(!feed.arbiter.is_stale());
}

#[test]
fn a_line_that_lags_brings_duplicates_also_across_a_new_session() {
    let mut feed = Feed::new(config());
    for first in 1..200 {
        feed.line(Line::A, &packet("DAY", first, first + 1));
        if first > 50 {
            feed.line(Line::B, &packet("DAY", first - 50, first - 49));
        }
        feed.advance(MS, |asked| panic!("{asked:?}"));
    }
    assert_eq!(feed.line_count(Line::B, LineCount::Duplicates), 149);
    assert_eq!(feed.line_count(Line::B, LineCount::FirstCopies), 0);
    feed.line(Line::A, &end("DAY", 200));
    assert!(feed.arbiter.is_stale(), "prices of a session that is over");
    feed.line(Line::A, &packet("NEXT", 1, 4));
    assert!(!feed.arbiter.is_stale());
    // The lagging line still ends the old session; it must not bring it back, also when the new one is over.
    feed.line(Line::B, &packet("DAY", 150, 200));
    feed.line(Line::B, &end("DAY", 200));
    feed.line(Line::A, &end("NEXT", 4));
    feed.line(Line::B, &packet("DAY", 150, 200));
    feed.has_all_until(4);
    assert_eq!((feed.sink.sessions, feed.count(FeedCount::ForeignSession)), (2, 3));
    feed.line(Line::B, &packet("NEXT", 1, 4));
    feed.line(Line::B, &packet("THIRD", 1, 2));
    assert_eq!(feed.sink.sessions, 3);
}

#[test]
fn what_is_missing_when_a_session_ends_is_lost_with_it() {
    let mut feed = Feed::new(config());
    feed.line(Line::A, &packet("DAY", 1, 3));
    feed.line(Line::A, &packet("DAY", 5, 6));
    feed.line(Line::A, &end("DAY", 8));
    feed.line(Line::A, &packet("NEXT", 1, 2));
    feed.has_all_until(2);
    assert_eq!((feed.count(FeedCount::Gaps), feed.count(FeedCount::Lost)), (1, 4));
    assert!(!feed.arbiter.is_stale());
}

#[test]
fn sequence_numbers_are_good_to_their_last_one() {
    // A session whose last number is the last there is; its next would overflow, which the codec refuses.
    const LAST: u64 = u64::MAX - 1;
    let mut feed = Feed::new(ArbitrationConfig { gap_messages_max: u64::MAX, ..config() });
    feed.line(Line::A, &packet("DAY", 1, 2));
    assert!(Packet::decode(&packet("DAY", u64::MAX, u64::MAX)).is_ok(), "a heartbeat");
    // All of it is missing, and 8 servers' worth of time would not suffice.
    feed.line(Line::A, &packet("DAY", LAST - 2, LAST));
    feed.advance(500 * MS, nobody);
    feed.line(Line::B, &packet("DAY", LAST, u64::MAX));
    assert_eq!(feed.arbiter.expected(), u64::MAX);
    feed.line(Line::A, &beat("DAY", u64::MAX));
    feed.line(Line::A, &end("DAY", u64::MAX));
    feed.advance(500 * MS, nobody);
    // What was too far ahead of the gap for the buffer went with it.
    assert_eq!(feed.sink.numbers, [1, LAST]);
    assert_eq!(feed.count(FeedCount::Lost), LAST - 2);

    // Joined near the end: the gap is longer than may be asked for.
    let mut feed = Feed::new(config());
    feed.line(Line::A, &packet("DAY", LAST - 20, LAST - 10));
    feed.line(Line::B, &packet("DAY", LAST - 5, u64::MAX));
    feed.advance(50 * MS, honest);
    assert_eq!(feed.arbiter.expected(), u64::MAX);
    assert_eq!(feed.sink.numbers, (LAST - 20..=LAST).collect::<Vec<_>>());

    // A full packet: 65,534 messages of no bytes, and one more is the end of the session.
    let mut feed = Feed::new(config());
    let mut full = beat("DAY", 1);
    full[18..].copy_from_slice(&0xfffe_u16.to_be_bytes());
    full.extend(vec![0; 2 * 0xfffe]);
    struct Count(u64);
    impl Sink for Count {
        fn begin(&mut self) {}
        fn message(&mut self, _: u64, message: &[u8]) {
            assert!(message.is_empty());
            self.0 += 1;
        }
    }
    let mut count = Count(0);
    feed.arbiter.on_line(Line::A, &Packet::decode(&full).unwrap(), MS, &mut count);
    assert_eq!((count.0, feed.arbiter.expected()), (0xfffe, 0xffff));
}

#[test]
fn a_message_too_long_for_the_buffer_is_had_in_order() {
    let long = vec![7; 1000];
    let mut buffer = vec![0; 2000];
    let mut builder = PacketBuilder::new(&mut buffer, session("DAY"), 3, 2000).unwrap();
    assert!(builder.push(&long) && builder.push(b"4"));
    let bytes = builder.finish().to_vec();
    struct Lengths(Vec<usize>);
    impl Sink for Lengths {
        fn begin(&mut self) {}
        fn message(&mut self, _: u64, message: &[u8]) {
            self.0.push(message.len());
        }
    }
    let mut lengths = Lengths(Vec::new());
    let counters = FeedCounters::default();
    let mut arbiter = Arbiter::new(config(), counters.clone());
    arbiter.on_line(Line::A, &Packet::decode(&packet("DAY", 1, 2)).unwrap(), MS, &mut lengths);
    arbiter.on_line(Line::A, &Packet::decode(&bytes).unwrap(), MS, &mut lengths);
    assert_eq!(counters.recovery.get(RecoveryCount::Unbuffered), 1);
    arbiter.on_time(3 * MS, &mut lengths);
    while let Some(asked) = arbiter.next_request(3 * MS) {
        let answer = if asked.request.sequence == 3 { bytes.clone() } else { packet("DAY", 2, 3) };
        arbiter.on_answer(0, &Packet::decode(&answer).unwrap(), 3 * MS, &mut lengths);
    }
    assert_eq!(lengths.0, [9, 9, 1000, 1]);
}

/// What happens to one packet on one line.
#[derive(Clone, Copy, Debug)]
struct Fate {
    lost: bool,
    twice: bool,
    delay_ms: u64,
}

fn fate() -> impl Strategy<Value = Fate> {
    let delay = prop_oneof![6 => Just(0), 2 => 0_u64..5, 1 => 0_u64..40];
    (prop::bool::weighted(0.3), prop::bool::weighted(0.2), delay).prop_map(|(lost, twice, delay_ms)| Fate {
        lost,
        twice,
        delay_ms,
    })
}

/// What happens to one request: which of the messages come back and when, or nothing.
#[derive(Clone, Copy, Debug)]
struct ServerFate {
    lost: bool,
    delay_ms: u64,
    messages_max: u16,
}

fn server_fate() -> impl Strategy<Value = ServerFate> {
    (prop::bool::weighted(0.2), 0_u64..30, 1_u16..10).prop_map(|(lost, delay_ms, messages_max)| ServerFate {
        lost,
        delay_ms,
        messages_max,
    })
}

/// Arrivals by time and order: what comes, from a line or a server.
type Network = BTreeMap<(u64, u64), (Result<Line, usize>, Vec<u8>)>;

/// Sends `messages` messages in packets of the given lengths over each line, one packet each 2 ms; returns all arrivals
/// and the numbers that no line brings.
fn send(messages: u64, lines: &[(Vec<u64>, Vec<Fate>, u64); 2]) -> (Network, BTreeSet<u64>) {
    let (mut network, mut missing) = (Network::new(), (1..=messages).collect::<BTreeSet<_>>());
    let mut order = 0;
    for (line, (lengths, fates, skew_ms)) in Line::BOTH.into_iter().zip(lines) {
        let (mut first, mut sent_ms) = (1, 10 + skew_ms);
        for (length, fate) in lengths.iter().cycle().zip(fates.iter().cycle()) {
            if first > messages {
                break;
            }
            let last = (first + length).min(messages + 1);
            for _ in 0..if fate.lost { 0 } else { 1 + u32::from(fate.twice) } {
                order += 1;
                network.insert((sent_ms + fate.delay_ms, order), (Ok(line), packet("DAY", first, last)));
                missing.retain(|number| !(first..last).contains(number));
            }
            (first, sent_ms) = (last, sent_ms + 2);
        }
        // The end is told and told again.
        for repeat in 0..3 {
            order += 1;
            network.insert((sent_ms + 50 + repeat, order), (Ok(line), end("DAY", messages + 1)));
        }
    }
    (network, missing)
}

/// Carries everything through a feed whose requests meet the given fates, and lets it come to rest.
fn run(feed: &mut Feed, mut network: Network, server_fates: &[ServerFate]) {
    let mut fates = server_fates.iter().cycle();
    let mut order = 1 << 32;
    let mut rests = 0;
    while rests < 4000 {
        let now_ms = feed.now_ns / MS;
        let mut answers = Vec::new();
        feed.advance(MS, |asked| {
            let fate = fates.next()?;
            if !fate.lost {
                let first = asked.request.sequence;
                let count = u64::from(asked.request.count.min(fate.messages_max));
                answers.push((now_ms + 1 + fate.delay_ms, asked.server, packet("DAY", first, first + count)));
            }
            None
        });
        for (at_ms, server, bytes) in answers {
            order += 1;
            network.insert((at_ms, order), (Err(server), bytes));
        }
        while let Some(entry) = network.first_entry().filter(|entry| entry.key().0 <= feed.now_ns / MS) {
            match entry.remove() {
                (Ok(line), bytes) => feed.line(line, &bytes),
                (Err(server), bytes) => feed.answer(server, &bytes),
            }
        }
        rests = if network.is_empty() { rests + 1 } else { 0 };
    }
}

fn lines(messages: u64) -> impl Strategy<Value = [(Vec<u64>, Vec<Fate>, u64); 2]> {
    let line = move || {
        let lengths = prop::collection::vec(1_u64..12, 1..20);
        (lengths, prop::collection::vec(fate(), messages as usize), prop_oneof![Just(0), 0_u64..60])
    };
    (line(), line()).prop_map(|(a, b)| [a, b])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// With a server that answers in the end, whatever the lines do: exactly 1, 2, 3 …
    #[test]
    fn with_a_server_all_messages_come_once_and_in_order(
        messages in 1_u64..400,
        lines in lines(200),
        server_fates in prop::collection::vec(server_fate(), 50),
        window in prop_oneof![Just(64_usize), Just(128), Just(512)]
    ) {
        let mut config = ArbitrationConfig { reorder_messages_max: window, ..config() };
        config.gap_fill.attempts_max = 1000;
        let mut feed = Feed::new(config);
        let (network, missing) = send(messages, &lines);
        run(&mut feed, network, &server_fates);
        feed.has_all_until(messages + 1);
        prop_assert_eq!((feed.count(FeedCount::Gaps), feed.count(FeedCount::Lost)), (0, 0));
        prop_assert!(feed.recovery(RecoveryCount::Recovered) >= missing.len() as u64);
        let first_copies: u64 = Line::BOTH.iter().map(|&line| feed.line_count(line, LineCount::FirstCopies)).sum();
        prop_assert_eq!(first_copies + feed.recovery(RecoveryCount::Recovered), messages);
    }

    /// With nobody to ask: in order, each once, and what is not delivered is counted as lost. Nothing is lost that a
    /// line brought in time.
    #[test]
    fn without_a_server_every_message_is_delivered_or_counted(messages in 1_u64..400, lines in lines(200)) {
        let mut config = ArbitrationConfig { wait_ns: 1500 * MS, reorder_messages_max: 1024, ..config() };
        config.gap_fill.servers = 0;
        let mut feed = Feed::new(config);
        let (network, missing) = send(messages, &lines);
        run(&mut feed, network, &[]);
        let expected: Vec<u64> = (1..=messages).filter(|number| !missing.contains(number)).collect();
        prop_assert_eq!(&feed.sink.numbers, &expected);
        prop_assert_eq!(feed.count(FeedCount::Lost), missing.len() as u64);
        prop_assert_eq!(feed.count(FeedCount::Gaps) > 0, !missing.is_empty());
        prop_assert_eq!(feed.arbiter.expected(), messages + 1);
    }

    /// Whatever comes from lines and servers, in any order: no number twice or out of order, no panic, bounded requests.
    #[test]
    fn anything_is_survived(
        datagrams in prop::collection::vec((0_u8..4, any::<bool>(), -5_i64..300, 0_u16..20, any::<u16>(), any::<u64>()), 1..200)
    ) {
        let mut feed = Feed::new(config());
        for (source, wild, near, count, cut, far) in datagrams {
            let first = if wild { far } else { feed.arbiter.expected().saturating_add_signed(near) };
            let last = first.saturating_add(count.into());
            let name = if wild && far % 3 == 0 { "OTHER" } else { "DAY" };
            let mut bytes = if far % 7 == 0 { end(name, first) } else { packet(name, first, last) };
            if wild {
                bytes.truncate(HEADER_LEN.max(usize::from(cut) % bytes.len()));
            }
            match source {
                0 => feed.line(Line::A, &bytes),
                1 => feed.line(Line::B, &bytes),
                server => feed.answer(usize::from(server) - 2, &bytes),
            }
            let mut requests = 0;
            feed.advance(far % (5 * MS), |asked| {
                requests += 1;
                assert!(requests < 1000 && asked.request.count > 0);
                None
            });
        }
    }
}
