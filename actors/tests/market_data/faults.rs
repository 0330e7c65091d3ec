//! Delivery of the messages 1, 2, 3 … over lines and servers with random faults.

use std::collections::{BTreeMap, BTreeSet};

use crate::arbitration_harness::{Feed, MS, config, end, packet};
use corelane_actors::market_data::{ArbitrationConfig, FeedCount, FeedLine, LineCount, RecoveryCount};
use corelane_codecs::mold::HEADER_LEN;
use proptest::prelude::*;

/// The fate of one packet on one line.
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

/// The fate of one request: the messages that come back and when, or nothing.
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

/// Arrivals from lines and servers, by time and order.
type Network = BTreeMap<(u64, u64), (Result<FeedLine, usize>, Vec<u8>)>;

/// Sends `messages` messages in packets of the given lengths over each line, one packet each 2 ms; returns all arrivals
/// and the numbers that arrive on neither line.
fn send(messages: u64, lines: &[(Vec<u64>, Vec<Fate>, u64); 2]) -> (Network, BTreeSet<u64>) {
    let (mut network, mut missing) = (Network::new(), (1..=messages).collect::<BTreeSet<_>>());
    let mut order = 0;
    for (line, (lengths, fates, skew_ms)) in FeedLine::BOTH.into_iter().zip(lines) {
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
        // The end of the session is sent repeatedly.
        for repeat in 0..3 {
            order += 1;
            network.insert((sent_ms + 50 + repeat, order), (Ok(line), end("DAY", messages + 1)));
        }
    }
    (network, missing)
}

/// Passes all arrivals to a feed whose requests meet the given fates, and runs it until it is idle.
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

    /// With a server that eventually answers, exactly 1, 2, 3 … are delivered, whatever the lines do.
    #[test]
    fn with_a_server_all_messages_come_once_and_in_order(
        messages in 1_u64..400,
        lines in lines(200),
        server_fates in prop::collection::vec(server_fate(), 50),
        window in prop_oneof![Just(64_usize), Just(128), Just(512)]
    ) {
        let mut config = ArbitrationConfig { reorder_messages_max: window, ..config() };
        config.gap_fill.retry.attempts_max = 1000;
        let mut feed = Feed::new(config);
        let (network, missing) = send(messages, &lines);
        run(&mut feed, network, &server_fates);
        feed.has_all_until(messages + 1);
        prop_assert_eq!((feed.count(FeedCount::Gaps), feed.count(FeedCount::Lost)), (0, 0));
        prop_assert!(feed.recovery(RecoveryCount::Recovered) >= missing.len() as u64);
        let first_copies: u64 = FeedLine::BOTH.iter().map(|&line| feed.line_count(line, LineCount::FirstCopies)).sum();
        prop_assert_eq!(first_copies + feed.recovery(RecoveryCount::Recovered), messages);
    }

    /// Without a server, messages are delivered once and in order, and the others are counted as lost. No message that a line
    /// brought in time is lost.
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
        prop_assert_eq!(feed.arbiter.expected().0, messages + 1);
    }

    /// Whatever arrives, in any order: no number is delivered twice or out of order, nothing panics, requests are bounded.
    #[test]
    fn anything_is_survived(
        datagrams in prop::collection::vec((0_u8..4, any::<bool>(), -5_i64..300, 0_u16..20, any::<u16>(), any::<u64>()), 1..200)
    ) {
        let mut feed = Feed::new(config());
        for (source, wild, near, count, cut, far) in datagrams {
            let first = if wild { far } else { feed.arbiter.expected().0.saturating_add_signed(near) };
            let last = first.saturating_add(count.into());
            let name = if wild && far % 3 == 0 { "OTHER" } else { "DAY" };
            let mut bytes = if far % 7 == 0 { end(name, first) } else { packet(name, first, last) };
            if wild {
                bytes.truncate(HEADER_LEN.max(usize::from(cut) % bytes.len()));
            }
            match source {
                0 => feed.line(FeedLine::A, &bytes),
                1 => feed.line(FeedLine::B, &bytes),
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
