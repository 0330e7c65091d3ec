//! The feed as its receivers see it: packets, heartbeats and the end of the session. Nothing is lost when the network
//! refuses a packet.

use corelane_actors::{
    publisher::{
        ANSWERS_PER_BATCH_MAX, PAYLOAD_MIN, Publisher, PublisherConfig, PublisherConfigError, PublisherCount,
        PublisherCounters, RetransmissionConfig, RetransmissionCount,
    },
    types::Publication,
};
use corelane_codecs::{
    mold::{Content, HEADER_LEN, Packet, Request},
    text::Alpha,
};
use corelane_runtime::{
    net::{EndpointId, EndpointSpec, UdpSpec},
    simulation::{SentDatagram, SimNet, Simulation},
    topology::{EdgeSpec, ExternalSender, Topology},
};
use corelane_test_support::shards::simulated;
use proptest::prelude::*;

const MS: u64 = 1_000_000;

/// A packet: messages, a heartbeat or the end of the session.
type Received = Result<Vec<Vec<u8>>, Content>;

struct Feed {
    sim: Simulation,
    net: SimNet,
    messages: ExternalSender<Publication>,
    stats: PublisherCounters,
    now_ns: u64,
}

fn config() -> PublisherConfig {
    PublisherConfig {
        session: Alpha::new("FEED").unwrap(),
        payload_max: 200,
        heartbeat_ns: 1000 * MS,
        packets_max: 4,
        retransmission: None,
    }
}

impl Feed {
    fn new(config: PublisherConfig) -> Self {
        let mut topology = Topology::new();
        let shard = simulated(&mut topology, "feed");
        let local = "127.0.0.1:0".parse().unwrap();
        let mut endpoints = vec![EndpointSpec::Udp(UdpSpec::sender(local, local))];
        if config.retransmission.is_some() {
            endpoints.push(EndpointSpec::Udp(UdpSpec::peer(local)));
        }
        let stats = PublisherCounters::default();
        let counters = stats.clone();
        let publisher =
            topology.net_actor(shard, "feed", endpoints, move |ids| Publisher::new(config, ids, counters).unwrap());
        let messages = topology.external_sender("messages", publisher, EdgeSpec::backpressure(16));
        let sim = topology.simulate().unwrap();
        let net = sim.net(shard);
        let mut feed = Feed { sim, net, messages, stats, now_ns: 0 };
        feed.advance(MS);
        feed
    }

    fn advance(&mut self, by_ns: u64) {
        self.now_ns += by_ns;
        self.sim.set_time_ns(self.now_ns);
        for _ in 0..20 {
            self.sim.turn();
        }
    }

    /// Publishes a message; false if the edge has no room.
    fn publish(&mut self, message: &[u8]) -> bool {
        let mut bytes = [0; 50];
        bytes[..message.len()].copy_from_slice(message);
        let length = message.len() as u8;
        self.messages.send(Publication { length, bytes }).is_ok()
    }

    /// The packets sent, each with the number of its first or next message.
    fn received(&mut self) -> Vec<(u64, Received)> {
        let datagrams = self.net.take_datagrams();
        let read = |datagram: &SentDatagram| {
            assert_eq!((datagram.endpoint, datagram.to), (EndpointId(0), None));
            assert!(datagram.payload.len() <= 200);
            let packet = Packet::decode(&datagram.payload).unwrap();
            assert_eq!(packet.session, Alpha::new("FEED").unwrap());
            let messages = packet.messages().map(|message| message.unwrap().1.to_vec());
            let content = match packet.content {
                Content::Messages(_) => Ok(messages.collect()),
                other => Err(other),
            };
            (packet.sequence, content)
        };
        datagrams.iter().map(read).collect()
    }
}

#[test]
fn the_messages_of_a_batch_share_packets_as_far_as_they_fit() {
    let mut feed = Feed::new(config());
    let message = |number: u8| vec![number; 40];
    // A header of 20 bytes, and 42 bytes per message: four fit.
    for number in 1..=10 {
        assert!(feed.publish(&message(number)));
    }
    feed.advance(MS);
    let numbers = |numbers: std::ops::RangeInclusive<u8>| Ok(numbers.map(message).collect());
    let expected = [(1, numbers(1..=4)), (5, numbers(5..=8)), (9, numbers(9..=10))];
    assert_eq!(feed.received(), expected);
    assert!(feed.publish(&message(11)));
    feed.advance(MS);
    assert_eq!(feed.received(), [(11, numbers(11..=11))]);
    assert_eq!(feed.stats.feed.get(PublisherCount::Messages), 11);
    assert_eq!(feed.stats.feed.get(PublisherCount::Packets), 4);
}

#[test]
fn heartbeats_name_the_next_message_in_each_second_of_silence() {
    let mut feed = Feed::new(config());
    feed.advance(1000 * MS);
    assert_eq!(feed.received(), [(1, Err(Content::Heartbeat))]);
    feed.advance(500 * MS);
    assert!(feed.publish(b"message"));
    feed.advance(MS);
    assert_eq!(feed.received().len(), 1);
    feed.advance(900 * MS);
    assert_eq!(feed.received(), []);
    for _ in 0..3 {
        feed.advance(1001 * MS);
        assert_eq!(feed.received(), [(2, Err(Content::Heartbeat))]);
    }
}

#[test]
fn packets_that_the_network_refuses_hold_the_producer_back_and_are_not_lost() {
    let mut feed = Feed::new(config());
    feed.net.set_datagram_room(Some(0));
    let mut accepted = 0_u64;
    for round in 0..100 {
        while feed.publish(&accepted.to_be_bytes()) {
            accepted += 1;
        }
        feed.advance(MS);
        if round < 50 {
            assert_eq!(feed.received(), []);
        }
    }
    // Four packets of one batch each, one full packet (18 messages fit), one message held back, and a full edge.
    assert_eq!(accepted, 4 * 16 + 18 + 1 + 16);
    feed.net.set_datagram_room(Some(1));
    let mut got = Vec::new();
    for _ in 0..100 {
        feed.advance(2 * MS);
        got.extend(feed.received().into_iter().flat_map(|(_, content)| content.unwrap()));
    }
    let expected: Vec<_> = (0..accepted).map(|number| number.to_be_bytes().to_vec()).collect();
    assert_eq!(got, expected);
    assert!(feed.sim.failures().is_empty());
}

/// The system event that ends the messages of a day.
const END_OF_MESSAGES: &[u8] = b"S\0\0\0\0\0\0\0\0\0\0C";

// M3: the end of the session comes once it is over, and stays the last packet.
#[test]
fn the_end_of_messages_is_followed_by_the_end_of_the_session_until_the_stop() {
    let retransmission = Some(RetransmissionConfig { messages_max: 100 });
    let mut feed = Feed::new(PublisherConfig { retransmission, ..config() });
    assert!(feed.publish(b"message") && feed.publish(END_OF_MESSAGES));
    feed.advance(MS);
    let last = vec![b"message".to_vec(), END_OF_MESSAGES.to_vec()];
    let end = (3, Err(Content::EndOfSession));
    assert_eq!(feed.received(), [(1, Ok(last)), end.clone()]);
    for _ in 0..3 {
        feed.advance(1001 * MS);
        assert_eq!(feed.received(), std::slice::from_ref(&end), "in place of heartbeats");
    }
    feed.sim.stop();
    assert_eq!(feed.received(), vec![end; 3]);
    assert_eq!(feed.stats.feed.get(PublisherCount::UnsentAtStop), 0);
    assert_eq!(feed.stats.feed.get(PublisherCount::Ends), 1 + 3 + 3);
}

// M3
#[test]
fn the_end_of_the_session_waits_for_the_packets_before_it() {
    let mut feed = Feed::new(config());
    feed.net.set_datagram_room(Some(0));
    assert!(feed.publish(b"message") && feed.publish(END_OF_MESSAGES));
    (0..20).for_each(|_| feed.advance(100 * MS));
    assert_eq!(feed.received(), []);
    feed.net.set_datagram_room(None);
    (0..3).for_each(|_| feed.advance(2 * MS));
    let received = feed.received();
    assert!(matches!(received[..], [(1, Ok(_)), (3, Err(Content::EndOfSession))]), "{received:?}");
}

// M3
#[test]
fn a_stop_before_the_end_of_messages_sends_what_is_packed_and_says_no_end() {
    let mut feed = Feed::new(config());
    assert!(feed.publish(b"message"));
    feed.advance(MS);
    feed.received();
    feed.sim.stop();
    assert_eq!(feed.received(), []);
    assert_eq!(feed.stats.feed.get(PublisherCount::UnsentAtStop), 0);

    let mut feed = Feed::new(config());
    feed.net.set_datagram_room(Some(0));
    (0..3).for_each(|_| assert!(feed.publish(b"message")));
    feed.advance(MS);
    feed.sim.stop();
    assert_eq!(feed.stats.feed.get(PublisherCount::UnsentAtStop), 3);
}

#[test]
fn sizes_out_of_range_are_refused() {
    let refusal = |config| Publisher::new(config, &[EndpointId(0)], PublisherCounters::default()).err();
    for payload_max in [0, PAYLOAD_MIN - 1, 65_508] {
        let wrong = PublisherConfig { payload_max, ..config() };
        let error = refusal(wrong);
        assert_eq!(error, Some(PublisherConfigError::Payload { payload_max }));
    }
    let wrong = PublisherConfig { packets_max: 0, ..config() };
    assert_eq!(refusal(wrong), Some(PublisherConfigError::NoPackets));
}

/// A feed with a retransmission server that keeps 100 messages, of which `messages` have been published.
fn published(messages: u64) -> Feed {
    let retransmission = Some(RetransmissionConfig { messages_max: 100 });
    let mut feed = Feed::new(PublisherConfig { retransmission, ..config() });
    for number in 1..=messages {
        assert!(feed.publish(&text(number)));
        feed.advance(MS);
    }
    feed.received();
    feed
}

/// A message whose text is its number.
fn text(number: u64) -> Vec<u8> {
    format!("message {number}").into_bytes()
}

impl Feed {
    /// Sends a request from client number `client`.
    fn ask(&mut self, client: u16, session: &str, sequence: u64, count: u16) {
        let mut bytes = [0; HEADER_LEN];
        Request { session: Alpha::new(session).unwrap(), sequence, count }.encode(&mut bytes).unwrap();
        self.net.datagram(EndpointId(1), ([10, 0, 0, 1], client).into(), &bytes);
    }

    /// The answers: client, first number, number of messages. Every message is checked.
    fn answered(&mut self) -> Vec<(u16, u64, u64)> {
        let read = |datagram: SentDatagram| {
            assert_eq!(datagram.endpoint, EndpointId(1));
            assert!(datagram.payload.len() <= 200);
            let packet = Packet::decode(&datagram.payload).unwrap();
            assert_eq!(packet.session, Alpha::new("FEED").unwrap());
            let messages = packet.messages().map(|message| message.unwrap());
            let count = messages.map(|(number, message)| assert_eq!(message, text(number))).count();
            (datagram.to.unwrap().port(), packet.sequence, count as u64)
        };
        self.net.take_datagrams().into_iter().map(read).collect()
    }

    /// The clients of all answers to what waits.
    fn clients_answered(&mut self) -> Vec<u16> {
        let mut clients = Vec::new();
        for _ in 0..100 {
            self.advance(MS / 10);
            clients.extend(self.answered().iter().map(|(client, ..)| *client));
        }
        clients
    }

    fn retransmission(&self, count: RetransmissionCount) -> u64 {
        self.stats.retransmission.get(count)
    }
}

#[test]
fn published_messages_are_retransmitted_on_request_one_packet_at_a_time() {
    let mut feed = published(150);
    feed.ask(1, "FEED", 51, 1);
    feed.ask(2, "FEED", 60, 5);
    // 200 bytes hold a header of 20 bytes and 15 messages of 10 + 2 bytes, or fewer longer ones.
    feed.ask(3, "FEED", 60, u16::MAX);
    feed.ask(3, "FEED", 95, 100);
    feed.ask(4, "FEED", 148, 10);
    feed.advance(MS);
    assert_eq!(feed.answered(), [(1, 51, 1), (2, 60, 5), (3, 60, 15), (4, 148, 3), (3, 95, 14)]);
    assert_eq!(feed.retransmission(RetransmissionCount::Answers), 5);
    assert_eq!(feed.retransmission(RetransmissionCount::Messages), 1 + 5 + 15 + 14 + 3);
}

#[test]
fn requests_for_missing_messages_are_counted_and_not_answered() {
    let mut feed = published(150);
    let cases = [
        ("FEED", 50, 1, RetransmissionCount::TooOld),
        ("FEED", 1, 100, RetransmissionCount::TooOld),
        ("FEED", 151, 1, RetransmissionCount::TooNew),
        ("FEED", u64::MAX, u16::MAX, RetransmissionCount::TooNew),
        ("FEED", 0, 1, RetransmissionCount::Bad),
        ("FEED", 100, 0, RetransmissionCount::Bad),
        ("OTHER", 100, 1, RetransmissionCount::Bad),
    ];
    for (session, sequence, count, counter) in cases {
        let before = feed.retransmission(counter);
        feed.ask(1, session, sequence, count);
        feed.advance(MS);
        assert_eq!(
            (feed.answered(), feed.retransmission(counter)),
            (vec![], before + 1),
            "{session} {sequence} {count}"
        );
    }
    for bytes in [&[][..], &[0; HEADER_LEN - 1], &[b'F'; HEADER_LEN + 1]] {
        feed.net.datagram(EndpointId(1), ([10, 0, 0, 1], 1).into(), bytes);
    }
    feed.advance(MS);
    assert_eq!((feed.answered(), feed.retransmission(RetransmissionCount::Bad)), (vec![], 3 + 3));
    assert_eq!(feed.retransmission(RetransmissionCount::Requests), 10);
    // Before the first message is published there is nothing to request.
    let mut feed = published(0);
    feed.ask(1, "FEED", 1, 1);
    feed.advance(MS);
    assert_eq!((feed.answered(), feed.retransmission(RetransmissionCount::TooNew)), (vec![], 1));
}

#[test]
fn a_flood_of_requests_is_answered_a_few_per_batch_after_publishing() {
    let mut feed = published(100);
    for request in 0..1000 {
        feed.ask(1 + request, "FEED", 5, 10);
    }
    assert!(feed.publish(&text(101)));
    // In the first turn the network has work, so the publisher waits.
    (0..2).for_each(|_| _ = feed.sim.turn());
    let sent = feed.net.take_datagrams();
    assert_eq!(sent[0].endpoint, EndpointId(0), "the feed goes first");
    assert_eq!(sent.len(), 1 + ANSWERS_PER_BATCH_MAX);
    // The requests behind them wait, as many as the queue holds.
    assert_eq!(feed.retransmission(RetransmissionCount::Overflows), 1000 - 256);
    // Meanwhile newer messages overwrite the ones that they request.
    feed.net.set_datagram_room(Some(0));
    (102..=110).for_each(|number| assert!(feed.publish(&text(number))));
    feed.advance(MS);
    feed.net.set_datagram_room(None);
    (0..20).for_each(|_| feed.advance(MS));
    assert!(feed.net.take_datagrams().iter().all(|datagram| datagram.endpoint == EndpointId(0)));
    assert_eq!(feed.retransmission(RetransmissionCount::TooOld), 256 - ANSWERS_PER_BATCH_MAX as u64);

    for request in 0..100 {
        feed.ask(1 + request, "FEED", 12 + u64::from(request) % 50, 1);
    }
    let mut answered = Vec::new();
    for _ in 0..10 {
        feed.advance(MS / 10);
        let sent = feed.answered();
        assert!(sent.len() <= ANSWERS_PER_BATCH_MAX);
        answered.extend(sent);
    }
    let expected: Vec<_> = (0..100).map(|request| (1 + request, 12 + u64::from(request) % 50, 1)).collect();
    assert_eq!(answered, expected, "in order, without any further event");
}

#[test]
fn a_flood_of_one_source_keeps_no_other_from_its_answers() {
    let mut feed = published(100);
    for _ in 0..100 {
        for _ in 0..300 {
            feed.ask(1, "FEED", 5, 10);
        }
        feed.ask(2, "FEED", 7, 1);
        feed.advance(MS / 10);
        assert_eq!(feed.answered().iter().filter(|(client, ..)| *client == 2).count(), 1);
    }
    assert!(feed.retransmission(RetransmissionCount::Overflows) > 100);
    feed.advance(MS);
    feed.answered();
    for (client, requests) in [(1, 4), (2, 2), (3, 1)] {
        (0..requests).for_each(|_| feed.ask(client, "FEED", 5, 1));
    }
    feed.advance(MS);
    let clients: Vec<_> = feed.answered().iter().map(|(client, ..)| *client).collect();
    assert_eq!(clients, [1, 2, 3, 1, 2, 1, 1], "in turn");
}

#[test]
fn requests_of_more_sources_than_may_wait_are_counted_and_not_answered() {
    let mut feed = published(100);
    feed.net.set_datagram_room(Some(0));
    (1..=300).for_each(|client| feed.ask(client, "FEED", 5, 1));
    feed.advance(MS);
    assert_eq!(feed.retransmission(RetransmissionCount::Overflows), 300 - 256);
    feed.net.set_datagram_room(None);
    assert!(feed.clients_answered().into_iter().eq(1..=256));
    // A source is forgotten with its last answer.
    (257..=300).for_each(|client| feed.ask(client, "FEED", 5, 1));
    assert!(feed.clients_answered().into_iter().eq(257..=300));
    assert_eq!(feed.retransmission(RetransmissionCount::Overflows), 300 - 256);
}

#[test]
fn an_answer_that_the_network_refuses_waits() {
    let mut feed = published(100);
    feed.net.set_datagram_room(Some(0));
    feed.ask(1, "FEED", 7, 2);
    feed.advance(MS);
    assert_eq!(feed.answered(), []);
    feed.net.set_datagram_room(None);
    feed.advance(2 * MS);
    assert_eq!(feed.answered(), [(1, 7, 2)]);
}

/// Nobody gets a message by a request before the network has taken it for all subscribers.
#[test]
fn a_message_that_waits_for_the_network_is_not_retransmitted() {
    let mut feed = published(0);
    feed.net.set_datagram_room(Some(1));
    for number in 1..=2 {
        assert!(feed.publish(&text(number)));
        feed.advance(MS);
    }
    feed.ask(1, "FEED", 1, 2);
    feed.advance(2 * MS);
    let sent = |feed: &mut Feed| {
        let datagrams = feed.net.take_datagrams().into_iter();
        datagrams.map(|one| (one.endpoint.0, Packet::decode(&one.payload).unwrap().sequence)).collect::<Vec<_>>()
    };
    assert_eq!(sent(&mut feed), [(0, 1)], "the second packet waits, and the request with it");
    feed.advance(2 * MS);
    assert_eq!(sent(&mut feed), [(0, 2), (1, 1)]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// Each step publishes some messages, lets the network take a number of datagrams, and advances the time.
    #[test]
    fn every_message_arrives_once_in_order_whatever_the_network_takes(
        steps in prop::collection::vec((0_usize..40, 0_usize..4, 1_u64..20), 1..40)
    ) {
        let mut feed = Feed::new(config());
        let (mut accepted, mut got, mut next) = (0_u64, Vec::new(), 1);
        let mut collect = |feed: &mut Feed| {
            for (sequence, content) in feed.received() {
                let Ok(messages) = content else { continue };
                assert_eq!(sequence, next);
                next += messages.len() as u64;
                got.extend(messages);
            }
        };
        for (messages, room, ms) in steps {
            for _ in 0..messages {
                accepted += u64::from(feed.publish(&accepted.to_be_bytes()));
            }
            feed.net.set_datagram_room(Some(room));
            feed.advance(ms * MS);
            collect(&mut feed);
        }
        feed.net.set_datagram_room(None);
        for _ in 0..5 {
            feed.advance(2 * MS);
            collect(&mut feed);
        }
        let expected: Vec<_> = (0..accepted).map(|number| number.to_be_bytes().to_vec()).collect();
        prop_assert_eq!(got, expected);
    }
}

#[test]
fn a_network_that_takes_nothing_lets_the_shard_rest() {
    let mut feed = Feed::new(config());
    feed.net.set_datagram_room(Some(0));
    for round in 0..100_u64 {
        while feed.publish(&round.to_be_bytes()) {}
        feed.advance(MS);
    }
    let work: usize = (0..50).map(|_| feed.sim.turn()).sum();
    assert_eq!(work, 0, "steps in 50 turns in which nothing could be done");
}
