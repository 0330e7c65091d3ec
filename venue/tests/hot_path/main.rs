//! A busy hot shard, after warm-up, allocates nothing and makes no system call but the net driver's.
//!
//! Both are seen from inside the shard's own thread, on a real venue under load over TCP and UDP: an allocator that
//! counts per thread, and a seccomp filter on that thread alone that reports every system call other than
//! `io_uring_enter` and `sendto` and then lets it pass.

mod probe;
#[path = "../support/mod.rs"]
mod support;

use std::{
    iter,
    net::{SocketAddr, UdpSocket},
    time::{Duration, Instant},
};

use corelane_actors::{
    market_data::{BookEvent, DepthAnswer, DepthRequest, FeedCount, MarketDataIn, RecoveryCount, TopOfBook},
    publisher::RetransmissionCount,
    types::Locate,
};
use corelane_config::{Config, Idle, LineB, Retransmission};
use corelane_runtime::{
    cpu,
    telemetry::ShardCount,
    topology::{ConflatedReceiver, EdgeSpec, ExternalReceiver, ExternalSender},
};
use corelane_test_support::allocator::{CountingAllocator, take_watched_calls};
use corelane_venue::{Declared, Venue};
use probe::{Probe, ProbeIn};
use support::{Client, Market, SYMBOLS, cancel, enter, price_of, replace, until};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

/// Pairs of sessions that trade with each other.
const PAIRS: usize = 3;
/// Rounds to warm up: several hand-overs of telemetry and as much of every kind of traffic as later.
const WARM_UP_ROUNDS: usize = 150;
/// What is measured lasts at least this long, for the hand-over of telemetry every 50 ms, and this many rounds.
const WINDOW: Duration = Duration::from_millis(400);
const ROUNDS: usize = 300;
/// The venue misses one packet of market data in so many rounds, and asks for it.
const MISSED_EVERY: usize = 10;

#[test]
fn a_busy_hot_shard_allocates_nothing_and_makes_no_system_call_but_the_drivers() {
    let publications = UdpSocket::bind("127.0.0.1:0").unwrap();
    let mut config = support::config();
    config.shards[0].idle = Idle::Spin;
    support::publish_to(&mut config, &publications);
    let recovery = Recovery::new(&mut config);
    let mut declared = corelane_venue::declare(&config, &cpu::allowed_cpus()).unwrap();
    let mut readers = Readers::of(&mut declared);
    let probe = declared.topology.actor(declared.shards[0], "probe", || Probe);
    let mut probe = declared.topology.external_sender("probe", probe, EdgeSpec::backpressure(16));
    let venue = declared.start(&config).unwrap_or_else(|error| panic!("{error}"));
    let mut market = Market::new(venue.feed_in().expect("it listens"));
    let mut pairs: Vec<Pair> = (0..PAIRS).map(|pair| Pair::log_in(venue.order_entry(), pair)).collect();

    let again = venue.retransmission().expect("it sends again");
    let mut trade =
        |readers: &mut _, rounds, time| trade(&mut pairs, &mut market, &recovery, again, readers, rounds, time);
    trade(&mut readers, WARM_UP_ROUNDS, Duration::ZERO);
    let mut tell = |message| {
        let done = probe::done();
        probe.send(message).unwrap_or_else(|_| panic!("the probe takes messages"));
        until("the probe has done it", || {
            assert_eq!(venue.status().failures, [], "the probe or another actor failed");
            probe::done() > done
        });
    };
    tell(ProbeIn::Watch);
    let watched = probe::watch_system_calls();
    // What is seen when there is something to see.
    tell(ProbeIn::Allocate);
    tell(ProbeIn::CallTheSystem);
    assert_eq!(take_watched_calls(), 2, "one allocation and its end");
    until("the filter reports a call", || probe::take_system_calls() == [libc::SYS_getppid]);

    let messages_before = messages(&venue);
    readers.read = [0; 3];
    let traded = trade(&mut readers, ROUNDS, WINDOW);
    // M7: the replay for a contradicted instrument is built in memory of the start, too.
    market.contradicts();
    recovery.replay(&market.messages);
    until("the replay has ended", || venue.counters().feed_in.feed.get(FeedCount::NotRejoined) == 1);
    let (allocations, system_calls) = (take_watched_calls(), probe::take_system_calls());
    assert_eq!(allocations, 0, "allocations of the shard's thread in {traded} rounds");
    assert_eq!(system_calls, Vec::<i64>::new(), "system calls of the shard's thread in {traded} rounds");
    until("the figures of the window are handed over", || messages(&venue) >= messages_before + 10 * traded as u64);
    published(&publications);
    let [tops, parts, events] = readers.read;
    assert!(tops > 0 && parts > 0 && events > traded, "{:?} read in {traded} rounds", readers.read);
    let counters = venue.counters();
    let recovered = counters.feed_in.recovery.get(RecoveryCount::Recovered) as usize;
    assert!(
        recovered > traded / MISSED_EVERY && counters.feed_in.feed.get(FeedCount::Lost) == 0,
        "{recovered} recovered"
    );
    assert!(counters.feed_out.retransmission.get(RetransmissionCount::Answers) > 0);

    tell(ProbeIn::StopWatching);
    drop(pairs);
    support::stop(venue);
    watched.join().unwrap();
}

fn messages(venue: &Venue) -> u64 {
    venue.status().shards.first().map_or(0, |shard| shard.count(ShardCount::Messages))
}

/// Rounds of all pairs with market data in between, some of which has to be recovered, and requests for the venue's own,
/// while the books are read; at least `rounds`, for at least `time`. Returns their number.
fn trade(
    pairs: &mut [Pair],
    market: &mut Market,
    recovery: &Recovery,
    again: SocketAddr,
    readers: &mut Readers,
    rounds: usize,
    time: Duration,
) -> usize {
    let until = Instant::now() + time;
    let mut done = 0;
    while done < rounds || Instant::now() < until {
        let missed = done.is_multiple_of(MISSED_EVERY).then(|| market.next_moves());
        market.moves();
        recovery.ask_for_the_first(again);
        missed.iter().for_each(|missed| recovery.answer(missed));
        pairs.iter_mut().for_each(Pair::send);
        pairs.iter_mut().for_each(Pair::check);
        readers.read();
        done += 1;
    }
    done
}

/// Who reads the books that the venue keeps of the incoming feed.
struct Readers {
    tops: ConflatedReceiver<TopOfBook>,
    requests: ExternalSender<MarketDataIn>,
    answers: ExternalReceiver<DepthAnswer>,
    events: ExternalReceiver<BookEvent>,
    /// Best levels, parts of depth and events read.
    read: [usize; 3],
}

impl Readers {
    fn of(declared: &mut Declared) -> Readers {
        let tops = declared.tops().expect("there is a feed");
        let (requests, answers) = declared.depth(16).expect("there is a feed");
        Readers { tops, requests, answers, events: declared.events(4096).expect("there is a feed"), read: [0; 3] }
    }

    /// Asks for the depth of every book, and reads what has come.
    fn read(&mut self) {
        for locate in Locate::first(SYMBOLS.len()) {
            // One that finds no room is not asked for.
            let _ = self.requests.send(MarketDataIn::Depth(DepthRequest { request: 1, locate, levels: 10 }));
        }
        self.read[0] += iter::from_fn(|| self.tops.receive()).count();
        self.read[1] += iter::from_fn(|| self.answers.receive()).count();
        self.read[2] += iter::from_fn(|| self.events.receive()).count();
    }
}

/// The venue's feed came out, as data packets of MoldUDP64.
fn published(socket: &UdpSocket) {
    socket.set_read_timeout(Some(support::PATIENCE)).unwrap();
    let mut bytes = [0; 2048];
    let packets = (0..100).map(|_| socket.recv(&mut bytes).map(|_| u16::from_be_bytes([bytes[18], bytes[19]])));
    let messages: usize = packets.map(|count| usize::from(count.expect("the venue publishes"))).sum();
    assert!(messages > 0, "no message in a hundred packets");
}

/// The retransmission server of the incoming feed, and a client of the outgoing one's.
struct Recovery(UdpSocket);

impl Recovery {
    /// With a second line, on which nothing comes.
    fn new(config: &mut Config) -> Recovery {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(support::PATIENCE)).unwrap();
        let SocketAddr::V4(server) = socket.local_addr().unwrap() else { panic!("an IPv4 socket") };
        let any = "127.0.0.1:0".parse().unwrap();
        let feed = config.feeds.inbound.as_mut().expect("the shipped configuration has an incoming feed");
        feed.line_b = Some(LineB { listen: any, interface: None });
        feed.recovery.servers = vec![server];
        feed.recovery.timeout_ms = 20_000;
        let feed = config.feeds.outbound.as_mut().expect("it publishes");
        feed.retransmission =
            Some(Retransmission { listen: any, allow_ephemeral_port: true, messages_max: 4096, linger_ms: 0 });
        Recovery(socket)
    }

    /// Waits for the request for a packet that the venue missed, and sends it.
    fn answer(&self, missed: &[u8]) {
        let mut bytes = [0; 2048];
        loop {
            let (length, from) = self.0.recv_from(&mut bytes).expect("the venue asks for what it missed");
            // What else comes are answers to this socket's own requests.
            if length == 20 && bytes[10..18] == missed[10..18] {
                self.0.send_to(missed, from).unwrap();
                return;
            }
        }
    }

    /// Answers until the venue has asked for all messages from the first on.
    fn replay(&self, all: &[Vec<u8>]) {
        let (mut bytes, mut answered) = ([0; 2048], 0);
        while answered < all.len() {
            let (length, from) = self.0.recv_from(&mut bytes).expect("the venue asks for a replay");
            // What else comes are answers to this socket's own requests.
            if length == 20 && bytes.starts_with(b"MARKET") {
                let sequence = u64::from_be_bytes(bytes[10..18].try_into().unwrap());
                let count = usize::from(u16::from_be_bytes([bytes[18], bytes[19]]));
                let first = sequence as usize - 1;
                self.0.send_to(&support::mold("MARKET", sequence, &all[first..first + count]), from).unwrap();
                answered += count;
            }
        }
    }

    /// Asks the venue for the first message of its feed.
    fn ask_for_the_first(&self, server: SocketAddr) {
        let request = [&b"CORELANE01"[..], &1_u64.to_be_bytes(), &1_u16.to_be_bytes()].concat();
        self.0.send_to(&request, server).unwrap();
    }
}

/// A seller and a buyer of one symbol.
struct Pair {
    seller: Client,
    buyer: Client,
    symbol: &'static str,
    next: u32,
}

impl Pair {
    fn log_in(address: SocketAddr, pair: usize) -> Pair {
        let (seller, buyer) = (1 + 2 * pair, 2 + 2 * pair);
        let [seller, buyer] = [seller, buyer].map(|user| Client::log_in(address, user, 1));
        Pair { seller, buyer, symbol: SYMBOLS[pair], next: 1 }
    }

    /// Four orders rest, one is replaced, one cancelled, and two are bought, at once and by a client each.
    fn send(&mut self) {
        let (first, price) = (self.next, price_of(self.symbol));
        let rest = |user_ref| enter(user_ref, b'S', 100, self.symbol, price, b'0');
        let mut orders: Vec<u8> = (first..first + 4).flat_map(rest).collect();
        orders.extend(replace(first, first + 4, 100, price + 100));
        orders.extend(cancel(first + 1));
        self.seller.send(&orders);
        self.sold_by();
    }

    /// What the seller is told of its own requests, so that the buyer finds the orders in the book.
    fn sold_by(&mut self) {
        let first = self.next;
        let answers = self.seller.answers(6);
        let told: Vec<_> = answers.iter().map(|answer| (answer.kind, answer.user_ref)).collect();
        let accepted = (first..first + 4).map(|user_ref| (b'A', user_ref));
        assert!(told.iter().copied().eq(accepted.chain([(b'U', first + 4), (b'C', first + 1)])), "{told:?}");
        let price = price_of(self.symbol);
        self.buyer.send(&enter(first, b'B', 250, self.symbol, price, b'3'));
        self.buyer.send(&enter(first + 1, b'B', 100, self.symbol, price + 100, b'0'));
    }

    fn check(&mut self) {
        let kinds = |answers: Vec<support::Answer>| answers.iter().map(|answer| answer.kind).collect::<Vec<u8>>();
        assert_eq!(kinds(self.buyer.answers(6)), *b"AEECAE");
        assert_eq!(kinds(self.seller.answers(3)), *b"EEE");
        self.next += 5;
    }
}
