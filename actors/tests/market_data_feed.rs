//! The feed handler on a network that loses, repeats and cuts: what the sequencer is told, and when it is stale.

use std::collections::BTreeMap;

use corelane_actors::{
    counters::Counters,
    market_data::{BookLimits, FeedCount, MarketData, MarketDataConfig, MarketDataOut},
    messages::{Locate, Reference, SequencerIn},
};
use corelane_codecs::{
    IntoBytes,
    itch::{
        AddOrder, Header, OrderCancel, OrderDelete, OrderExecuted, OrderReplace, Side,
        StockDirectory,
    },
    mold::{self, PacketBuilder},
    price::Price4,
    text::{Alpha, Symbol},
};
use corelane_runtime::{
    cpu,
    net::{DriverConfig, EndpointId, EndpointSpec, UdpSpec},
    sim::{SimNet, Simulation},
    topology::{EdgeSpec, Idle, ShardSpec, Tap, Topology},
};
use proptest::prelude::*;

const MS: u64 = 1_000_000;

fn symbol(name: &str) -> Symbol {
    Alpha::new(name).unwrap()
}

struct Feed {
    sim: Simulation,
    net: SimNet,
    references: Tap<SequencerIn>,
    stats: Counters<FeedCount>,
    now_ns: u64,
    session: &'static str,
    /// By our locate: the last reference.
    known: BTreeMap<Locate, Reference>,
}

fn config() -> MarketDataConfig {
    MarketDataConfig {
        symbols: vec![symbol("AAPL"), symbol("MSFT")],
        session: None,
        limits: BookLimits {
            orders_max: 100,
            levels_max: 50,
        },
        stale_after_ns: 3000 * MS,
    }
}

impl Feed {
    fn new(config: MarketDataConfig) -> Self {
        Feed::with_edge(config, 1024)
    }

    fn with_edge(config: MarketDataConfig, capacity: usize) -> Self {
        let mut topology = Topology::new();
        let shard = topology.shard(ShardSpec {
            name: "ingress".into(),
            cpu: cpu::allowed_cpus()[0],
            idle: Idle::Spin,
            net: DriverConfig::default(),
        });
        let endpoint = EndpointSpec::Udp(UdpSpec::receiver("127.0.0.1:0".parse().unwrap()));
        let actor = MarketData::new(config);
        let stats = actor.stats();
        let actor = topology.net_actor(shard, "feed", vec![endpoint], move |_| actor);
        let references = topology.tap(
            actor,
            |out: &mut MarketDataOut| &mut out.references,
            EdgeSpec::hold(capacity),
        );
        let sim = topology.simulate().unwrap();
        let net = sim.net(shard);
        let mut feed = Feed {
            sim,
            net,
            references,
            stats,
            now_ns: 0,
            session: "FEED",
            known: BTreeMap::new(),
        };
        feed.advance(1000 * MS);
        feed
    }

    fn advance(&mut self, by_ns: u64) {
        self.now_ns += by_ns;
        self.sim.set_time_ns(self.now_ns);
        self.sim.settle();
    }

    fn datagram(&mut self, bytes: &[u8]) {
        let from = "127.0.0.1:5000".parse().unwrap();
        self.net.datagram(EndpointId(0), from, bytes);
    }

    /// A packet comes in; nothing runs yet.
    fn queue(&mut self, sequence: u64, messages: &[Vec<u8>]) {
        let bytes = packet(self.session, sequence, messages);
        self.datagram(&bytes);
    }

    fn packet(&mut self, sequence: u64, messages: &[Vec<u8>]) {
        self.queue(sequence, messages);
        self.sim.settle();
    }

    /// What the sequencer was told since: locate, bid, ask, stale.
    fn told(&mut self) -> Vec<(Locate, u64, u64, bool)> {
        let mut told = Vec::new();
        while let Some(envelope) = self.references.receive() {
            let SequencerIn::Reference(update) = envelope.body else {
                panic!("a feed orders nothing")
            };
            self.known.insert(update.locate, update.reference);
            let Reference {
                bid, ask, stale, ..
            } = update.reference;
            told.push((update.locate, bid, ask, stale == 1));
        }
        told.sort_unstable();
        told
    }

    fn count(&self, count: FeedCount) -> u64 {
        self.stats.get(count)
    }
}

fn packet(session: &str, sequence: u64, messages: &[Vec<u8>]) -> Vec<u8> {
    let mut buffer = [0; 1400];
    let session = Alpha::new(session).unwrap();
    let mut packet = PacketBuilder::new(&mut buffer, session, sequence, 1400).unwrap();
    messages
        .iter()
        .for_each(|message| assert!(packet.push(message)));
    packet.finish().to_vec()
}

fn add(
    feed_locate: u16,
    stock: &str,
    order_ref: u64,
    side: Side,
    price: u32,
    shares: u32,
) -> Vec<u8> {
    let add = AddOrder {
        header: Header::new(feed_locate, 0, 0),
        order_ref: order_ref.into(),
        side,
        shares: shares.into(),
        stock: symbol(stock),
        price: Price4::from_raw(price).into(),
    };
    add.as_bytes().to_vec()
}

fn bid(order_ref: u64, price: u32) -> Vec<u8> {
    add(7, "AAPL", order_ref, Side::Buy, price, 100)
}

fn delete(feed_locate: u16, order_ref: u64) -> Vec<u8> {
    let header = Header::new(feed_locate, 0, 0);
    OrderDelete {
        header,
        order_ref: order_ref.into(),
    }
    .as_bytes()
    .to_vec()
}

fn directory(feed_locate: u16, stock: &str) -> Vec<u8> {
    let directory = StockDirectory {
        header: Header::new(feed_locate, 0, 0),
        stock: symbol(stock),
        market_category: b'Q',
        financial_status: b'N',
        round_lot_size: 100.into(),
        round_lots_only: b'N',
        issue_classification: b'C',
        issue_sub_type: Alpha::BLANK,
        authenticity: b'P',
        short_sale_threshold: b'N',
        ipo_flag: b'N',
        luld_tier: b'1',
        etp_flag: b'N',
        etp_leverage: 0.into(),
        inverse: b'N',
    };
    directory.as_bytes().to_vec()
}

#[test]
fn the_best_prices_of_our_instruments_reach_the_sequencer_once_per_batch() {
    let mut feed = Feed::new(config());
    feed.packet(
        1,
        &[
            bid(1, 100),
            bid(2, 110),
            add(7, "AAPL", 3, Side::Sell, 120, 5),
        ],
    );
    assert_eq!(feed.told(), [(1, 110, 120, false)]);
    assert_eq!(feed.known[&1].feed_sequence, 3);
    feed.packet(4, &[bid(4, 105)]);
    assert_eq!(feed.told(), [], "the best did not change");
    feed.packet(5, &[delete(7, 2)]);
    assert_eq!(feed.told(), [(1, 105, 120, false)]);
    feed.packet(6, &[delete(7, 4), delete(7, 1), delete(7, 3)]);
    assert_eq!(feed.told(), [(1, 0, 0, false)]);
}

#[test]
fn the_feeds_locates_are_mapped_by_directory_or_by_adds_and_other_symbols_ignored() {
    let mut feed = Feed::new(config());
    feed.packet(1, &[directory(30, "MSFT"), directory(31, "IBM")]);
    let adds = [
        add(30, "MSFT", 1, Side::Buy, 10, 1),
        add(31, "IBM", 2, Side::Buy, 20, 1),
        add(40, "AAPL", 3, Side::Buy, 30, 1),
        add(41, "TSLA", 4, Side::Buy, 40, 1),
    ];
    feed.packet(3, &adds);
    assert_eq!(feed.told(), [(1, 30, 0, false), (2, 10, 0, false)]);
    // Orders of what we ignore are not even looked for.
    feed.packet(7, &[delete(31, 2), delete(41, 4)]);
    assert_eq!(feed.count(FeedCount::UnknownOrders), 0);
    feed.packet(9, &[delete(30, 99), delete(77, 99)]);
    assert_eq!(feed.count(FeedCount::UnknownOrders), 2);
    assert_eq!(feed.told(), []);
}

#[test]
fn messages_seen_before_are_dropped_also_in_part() {
    let mut feed = Feed::new(config());
    let messages: Vec<_> = (1..=6)
        .map(|order_ref| bid(order_ref, 100 + order_ref as u32))
        .collect();
    feed.packet(1, &messages[..3]);
    feed.packet(1, &messages[..3]);
    feed.packet(2, &messages[1..5]);
    feed.packet(3, &messages[2..3]);
    feed.packet(6, &messages[5..]);
    assert_eq!(feed.count(FeedCount::Messages), 6);
    assert_eq!(feed.count(FeedCount::Duplicates), 3 + 2 + 1);
    assert_eq!(
        (
            feed.count(FeedCount::Gaps),
            feed.count(FeedCount::DuplicateOrders)
        ),
        (0, 0)
    );
    assert_eq!(feed.told().last(), Some(&(1, 106, 0, false)));
}

#[test]
fn a_gap_makes_every_reference_stale_until_the_feed_begins_a_new_session() {
    let heartbeat = |session: &str, next| {
        let mut bytes = [0; mold::HEADER_LEN];
        mold::heartbeat(&mut bytes, Alpha::new(session).unwrap(), next).unwrap();
        bytes.to_vec()
    };
    let gaps: [(&str, Vec<u8>); 3] = [
        ("a message is missing", packet("FEED", 3, &[bid(2, 90)])),
        ("a heartbeat is ahead", heartbeat("FEED", 3)),
        ("a packet was cut", packet("FEED", 4, &[])),
    ];
    for (name, gap) in gaps {
        let mut feed = Feed::new(config());
        feed.packet(1, &[bid(1, 100)]);
        assert_eq!(feed.told(), [(1, 100, 0, false)]);
        feed.datagram(&gap);
        feed.sim.settle();
        assert_eq!(feed.told(), [(1, 100, 0, true), (2, 0, 0, true)], "{name}");
        assert_eq!(feed.count(FeedCount::Gaps), 1, "{name}");
        assert!(feed.count(FeedCount::Lost) > 0, "{name}");
        // It goes on, still stale.
        feed.packet(5, &[bid(5, 200)]);
        assert_eq!(feed.told(), [(1, 200, 0, true)], "{name}");
        // Another session is not believed while this one lives.
        feed.session = "NEXT";
        feed.packet(1, &[bid(1, 50)]);
        assert_eq!(
            (feed.told(), feed.count(FeedCount::ForeignSession)),
            (vec![], 1),
            "{name}"
        );
        let mut end = [0; mold::HEADER_LEN];
        mold::end_of_session(&mut end, Alpha::new("FEED").unwrap(), 6).unwrap();
        feed.datagram(&end);
        feed.packet(1, &[bid(1, 50)]);
        assert_eq!(feed.told(), [(1, 50, 0, false), (2, 0, 0, false)], "{name}");
    }
}

#[test]
fn a_late_start_is_a_gap() {
    let mut feed = Feed::new(config());
    feed.packet(100, &[bid(1, 100)]);
    assert_eq!(feed.told(), [(1, 100, 0, true), (2, 0, 0, true)]);
    assert_eq!(feed.count(FeedCount::Lost), 99);
}

#[test]
fn silence_is_stale_and_any_packet_of_the_session_ends_it() {
    let mut feed = Feed::new(config());
    feed.packet(1, &[bid(1, 100)]);
    assert_eq!(feed.told(), [(1, 100, 0, false)]);
    for _ in 0..5 {
        feed.advance(2000 * MS);
        feed.packet(2, &[]);
        assert_eq!(feed.told(), [], "heartbeats keep it fresh");
    }
    // Packets of others do not.
    feed.advance(2900 * MS);
    feed.session = "OTHER";
    feed.packet(2, &[]);
    feed.session = "FEED";
    assert_eq!(feed.told(), []);
    feed.advance(200 * MS);
    assert_eq!(feed.told(), [(1, 100, 0, true), (2, 0, 0, true)]);
    feed.packet(2, &[]);
    assert_eq!(feed.told(), [(1, 100, 0, false), (2, 0, 0, false)]);
    feed.advance(3100 * MS);
    assert_eq!(feed.told(), [(1, 100, 0, true), (2, 0, 0, true)]);
    assert_eq!(feed.count(FeedCount::Silences), 2);
    // A feed that was restarted without an end is followed after its silence.
    feed.session = "AGAIN";
    feed.packet(1, &[bid(1, 7)]);
    assert_eq!(feed.told(), [(1, 7, 0, false), (2, 0, 0, false)]);
}

#[test]
fn a_configured_session_is_the_only_one() {
    let mut feed = Feed::new(MarketDataConfig {
        session: Some(Alpha::new("FEED").unwrap()),
        ..config()
    });
    feed.session = "OTHER";
    feed.packet(1, &[bid(1, 100)]);
    feed.advance(10_000 * MS);
    feed.packet(1, &[bid(1, 100)]);
    assert_eq!(feed.told(), []);
    feed.session = "FEED";
    feed.packet(1, &[bid(1, 100)]);
    assert_eq!(feed.told(), [(1, 100, 0, false)]);
}

#[test]
fn a_book_without_place_for_an_order_is_stale_and_its_neighbours_are_not() {
    let by_levels = |limits: &mut BookLimits| limits.levels_max = 3;
    let by_orders = |limits: &mut BookLimits| limits.orders_max = 3;
    for shrink in [by_levels, by_orders] as [fn(&mut BookLimits); 2] {
        let mut config = config();
        shrink(&mut config.limits);
        let mut feed = Feed::new(config);
        feed.packet(1, &[bid(1, 101), bid(2, 102), bid(3, 103)]);
        assert_eq!(feed.told(), [(1, 103, 0, false)]);
        feed.packet(4, &[bid(4, 104)]);
        assert_eq!(feed.told(), [(1, 103, 0, true)]);
        assert_eq!(feed.count(FeedCount::Overflows), 1);
        feed.packet(
            5,
            &[
                delete(7, 4),
                delete(7, 3),
                add(8, "MSFT", 9, Side::Sell, 50, 1),
            ],
        );
        assert_eq!(feed.told(), [(1, 102, 0, true), (2, 0, 50, false)]);
        assert_eq!(feed.count(FeedCount::UnknownOrders), 1);
    }
}

#[test]
fn references_that_find_no_room_wait_and_the_newest_is_told() {
    let mut many = config();
    let names: Vec<String> = (0..300).map(|number| format!("S{number}")).collect();
    many.symbols = names.iter().map(|name| symbol(name)).collect();
    many.limits.orders_max = 1000;
    let mut feed = Feed::with_edge(many, 128);
    let mut sequence = 1;
    for price in [10, 20] {
        for chunk in (0_u16..300).collect::<Vec<_>>().chunks(30) {
            let order = |&number: &u16| {
                let order_ref = u64::from(number) + 1000 * u64::from(price);
                add(
                    number + 1,
                    &names[usize::from(number)],
                    order_ref,
                    Side::Buy,
                    price,
                    1,
                )
            };
            let messages: Vec<_> = chunk.iter().map(order).collect();
            feed.packet(sequence, &messages);
            sequence += messages.len() as u64;
        }
    }
    for _ in 0..50 {
        feed.told();
        feed.advance(2 * MS);
    }
    let bids: Vec<_> = feed.known.values().map(|reference| reference.bid).collect();
    assert_eq!(bids, vec![20; 300]);
    assert!(
        feed.count(FeedCount::References) < 600,
        "old prices were passed over"
    );
}

/// A message of the generated day; numbers are taken modulo what there is.
#[derive(Clone, Debug)]
enum Act {
    Add {
        ours: bool,
        buy: bool,
        price: u32,
        shares: u32,
    },
    Reduce {
        order: usize,
        shares: u32,
        cancel: bool,
    },
    Delete {
        order: usize,
    },
    Replace {
        order: usize,
        price: u32,
        shares: u32,
    },
    Noise(Vec<u8>),
}

fn act() -> impl Strategy<Value = Act> {
    let price = || 100_u32..112;
    let shares = || 1_u32..200;
    prop_oneof![
        5 => (prop::bool::weighted(0.8), any::<bool>(), price(), shares())
            .prop_map(|(ours, buy, price, shares)| Act::Add { ours, buy, price, shares }),
        3 => (any::<usize>(), shares(), any::<bool>())
            .prop_map(|(order, shares, cancel)| Act::Reduce { order, shares, cancel }),
        1 => any::<usize>().prop_map(|order| Act::Delete { order }),
        2 => (any::<usize>(), price(), shares())
            .prop_map(|(order, price, shares)| Act::Replace { order, price, shares }),
        1 => prop::collection::vec(any::<u8>(), 0..50).prop_map(Act::Noise),
    ]
}

#[derive(Clone, Copy)]
struct Resting {
    ours: bool,
    buy: bool,
    price: u32,
    shares: u32,
}

/// The messages of a day, and the best bid and ask at its end by looking through all orders.
fn day(acts: &[Act]) -> (Vec<Vec<u8>>, u64, u64) {
    let mut orders: BTreeMap<u64, Resting> = BTreeMap::new();
    let mut messages = Vec::new();
    for (order_ref, act) in (1..).zip(acts) {
        let pick = |order: usize| {
            (!orders.is_empty()).then(|| *orders.keys().nth(order % orders.len()).unwrap())
        };
        let header = |ours| if ours { 7 } else { 8 };
        match act {
            &Act::Add {
                ours,
                buy,
                price,
                shares,
            } => {
                let side = if buy { Side::Buy } else { Side::Sell };
                let stock = if ours { "AAPL" } else { "IBM" };
                messages.push(add(header(ours), stock, order_ref, side, price, shares));
                orders.insert(
                    order_ref,
                    Resting {
                        ours,
                        buy,
                        price,
                        shares,
                    },
                );
            }
            &Act::Reduce {
                order,
                shares,
                cancel,
            } => {
                let Some(order_ref) = pick(order) else {
                    continue;
                };
                let resting = orders.get_mut(&order_ref).unwrap();
                let shares = shares.min(resting.shares);
                let locate = header(resting.ours);
                messages.push(if cancel {
                    let header = Header::new(locate, 0, 0);
                    OrderCancel {
                        header,
                        order_ref: order_ref.into(),
                        cancelled_shares: shares.into(),
                    }
                    .as_bytes()
                    .to_vec()
                } else {
                    let header = Header::new(locate, 0, 0);
                    let (order_ref, executed_shares) = (order_ref.into(), shares.into());
                    OrderExecuted {
                        header,
                        order_ref,
                        executed_shares,
                        match_number: 1.into(),
                    }
                    .as_bytes()
                    .to_vec()
                });
                resting.shares -= shares;
                if resting.shares == 0 {
                    orders.remove(&order_ref);
                }
            }
            &Act::Delete { order } => {
                let Some(order_ref) = pick(order) else {
                    continue;
                };
                let resting = orders.remove(&order_ref).unwrap();
                messages.push(delete(header(resting.ours), order_ref));
            }
            &Act::Replace {
                order,
                price,
                shares,
            } => {
                let Some(original) = pick(order) else {
                    continue;
                };
                let resting = orders.remove(&original).unwrap();
                let replace = OrderReplace {
                    header: Header::new(header(resting.ours), 0, 0),
                    original_order_ref: original.into(),
                    new_order_ref: order_ref.into(),
                    shares: shares.into(),
                    price: Price4::from_raw(price).into(),
                };
                messages.push(replace.as_bytes().to_vec());
                orders.insert(
                    order_ref,
                    Resting {
                        price,
                        shares,
                        ..resting
                    },
                );
            }
            // Too short for anything that changes a book but by chance; then its first byte is changed.
            Act::Noise(bytes) => {
                let mut bytes = bytes.clone();
                bytes.iter_mut().take(1).for_each(|kind| *kind |= 0x80);
                messages.push(bytes);
            }
        }
    }
    let best = |buy| {
        let ours = orders
            .values()
            .filter(move |order| order.ours && order.buy == buy);
        ours.map(|order| u64::from(order.price))
    };
    (
        messages,
        best(true).max().unwrap_or(0),
        best(false).min().unwrap_or(0),
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// Packets of any size, each step going back by some messages: repeats, overlaps, no loss.
    #[test]
    fn repeats_and_overlaps_change_nothing(
        acts in prop::collection::vec(act(), 1..90),
        steps in prop::collection::vec((1_usize..8, 0_usize..6), 40..60)
    ) {
        let (messages, best_bid, best_ask) = day(&acts);
        let mut feed = Feed::new(config());
        let (mut at, mut reached) = (0, 0);
        for (length, back) in steps.iter().cycle() {
            if reached == messages.len() {
                break;
            }
            let end = (at + length).min(messages.len());
            feed.packet(at as u64 + 1, &messages[at..end]);
            reached = reached.max(end);
            // Back from what has been reached, so that nothing is skipped and it goes on.
            at = if end < reached { reached } else { reached.saturating_sub(back % length.max(&1)) };
        }
        feed.told();
        let known = feed.known.get(&1).copied().unwrap_or_default();
        prop_assert_eq!((known.bid, known.ask, known.stale), (best_bid, best_ask, 0));
        prop_assert_eq!(feed.count(FeedCount::Gaps), 0);
    }

    /// Some packets are lost, some come twice, some are cut: nothing fails, and what may be wrong is stale.
    #[test]
    fn losses_make_the_references_stale_and_break_nothing(
        acts in prop::collection::vec(act(), 10..90),
        fates in prop::collection::vec(0_u8..6, 90),
        cut in 20_usize..60
    ) {
        let (messages, ..) = day(&acts);
        let mut feed = Feed::new(config());
        let mut reached = 0;
        let mut is_lossy = false;
        for (index, chunk) in messages.chunks(3).enumerate() {
            let mut bytes = packet("FEED", index as u64 * 3 + 1, chunk);
            match fates[index] {
                0 => { is_lossy = true; continue }
                1 => feed.datagram(&bytes.clone()),
                2 if bytes.len() > cut => { bytes.truncate(cut); is_lossy = true }
                _ => {}
            }
            feed.datagram(&bytes);
            feed.sim.settle();
            reached = index as u64 * 3 + 1 + chunk.len() as u64;
        }
        // The last message's number shows what was lost at the end.
        let end = messages.len() as u64 + 1;
        feed.packet(end.max(reached), &[]);
        feed.told();
        prop_assert!(feed.sim.failures().is_empty());
        if is_lossy && !messages.is_empty() {
            prop_assert_eq!(feed.known[&1].stale, 1);
            prop_assert!(feed.count(FeedCount::Gaps) > 0);
        } else {
            prop_assert_eq!(feed.count(FeedCount::Gaps), 0);
        }
    }

    #[test]
    fn any_datagram_is_survived(datagrams in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..20)) {
        let mut feed = Feed::new(config());
        for bytes in &datagrams {
            feed.datagram(bytes);
        }
        feed.sim.settle();
        prop_assert!(feed.sim.failures().is_empty());
    }
}
