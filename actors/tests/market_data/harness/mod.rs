//! A market-data actor in the simulator, between a feed and a sequencer that the test plays.
#![allow(dead_code, reason = "each test file uses a part of it")]

mod watched;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use corelane_actors::{
    market_data::{
        ArbitrationConfig, BookEvent, BookLimits, DepthAnswer, FeedCount, FeedCounters, GapFillConfig, MarketData,
        MarketDataConfig, MarketDataIn, MarketDataOut, TopOfBook,
    },
    types::{Locate, Reference, SequencerIn},
};
use corelane_codecs::{
    IntoBytes,
    itch::{AddOrder, Header, OrderDelete, Side, StockDirectory},
    mold::PacketBuilder,
    price::Price4,
    text::{Alpha, Symbol},
};
use corelane_runtime::{
    net::{EndpointId, EndpointSpec, UdpSpec},
    resilience::{Permits, RetryPolicy},
    simulation::{SimNet, Simulation},
    supervision::{Strategy, SupervisorSpec},
    topology::{ConflatedReceiver, EdgeSpec, ExternalReceiver, ExternalSender, Topology},
};
use corelane_test_support::shards::simulated;
pub(crate) use watched::Shown;
use watched::{POISON, Watched};

pub(crate) const MS: u64 = 1_000_000;
/// Events that may wait for their reader.
pub(crate) const EVENTS: usize = 1024;

pub(crate) fn symbol(name: &str) -> Symbol {
    Alpha::new(name).unwrap()
}

pub(crate) struct Feed {
    pub sim: Simulation,
    pub net: SimNet,
    pub references: ExternalReceiver<SequencerIn>,
    pub tops: ConflatedReceiver<TopOfBook>,
    pub requests: ExternalSender<MarketDataIn>,
    pub depth: ExternalReceiver<DepthAnswer>,
    pub events: ExternalReceiver<BookEvent>,
    pub stats: FeedCounters,
    shown: Arc<Mutex<Shown>>,
    now_ns: u64,
    pub session: &'static str,
    /// The last reference by our locate.
    pub known: BTreeMap<Locate, Reference>,
    /// How often the actor said that it begins.
    pub begins: usize,
}

pub(crate) fn config() -> MarketDataConfig {
    MarketDataConfig {
        symbols: vec![symbol("AAPL"), symbol("MSFT")],
        limits: BookLimits { orders_max: 100, levels_max: 50 },
        arbitration: arbitration(),
        has_line_b: false,
        servers: Vec::new(),
    }
}

/// One line and nobody to ask.
pub(crate) fn arbitration() -> ArbitrationConfig {
    ArbitrationConfig {
        session: None,
        silent_after_ns: 3000 * MS,
        reorder_messages_max: 64,
        wait_ns: MS,
        gap_messages_max: 1_000_000,
        behind_after_ns: 10 * MS,
        gap_fill: GapFillConfig {
            servers: 0,
            retry: RetryPolicy::constant(3, 20 * MS),
            messages_max: 8,
            requests_max: 4,
        },
        permits: Permits::new(50),
    }
}

/// Both lines, and two retransmission servers.
pub(crate) fn both_lines() -> MarketDataConfig {
    let servers = vec!["10.0.0.1:1".parse().unwrap(), "10.0.0.2:1".parse().unwrap()];
    let arbitration = arbitration();
    let gap_fill = GapFillConfig { servers: 2, ..arbitration.gap_fill };
    MarketDataConfig {
        arbitration: ArbitrationConfig { gap_fill, ..arbitration },
        has_line_b: true,
        servers,
        ..config()
    }
}

impl Feed {
    pub(crate) fn new(config: MarketDataConfig) -> Self {
        Feed::with_edge(config, 1024)
    }

    pub(crate) fn with_edge(config: MarketDataConfig, capacity: usize) -> Self {
        let mut topology = Topology::new();
        let shard = simulated(&mut topology, "ingress");
        let instruments = config.symbols.len();
        let endpoint = || EndpointSpec::Udp(UdpSpec::peer("127.0.0.1:0".parse().unwrap()));
        let endpoints = 1 + usize::from(config.has_line_b) + usize::from(!config.servers.is_empty());
        let endpoints = (0..endpoints).map(|_| endpoint()).collect();
        let stats = FeedCounters::default();
        let shown = Arc::<Mutex<Shown>>::default();
        let (its_counters, its_shown) = (stats.clone(), shown.clone());
        let build = move |ids: &[EndpointId]| Watched {
            actor: MarketData::new(config.clone(), ids, its_counters.clone()),
            instruments,
            shown: its_shown.clone(),
        };
        let actor = topology.net_actor(shard, "feed", endpoints, build.clone());
        let feeds = topology.supervisor(SupervisorSpec::new("feeds", Strategy::OneForOne));
        topology.supervise(feeds, actor, build);
        let references = topology.external_receiver(
            actor,
            |out: &mut MarketDataOut| &mut out.references,
            EdgeSpec::backpressure(capacity),
        );
        let tops = topology.conflated_receiver(actor, |out| &mut out.tops, instruments + 1);
        let requests = topology.external_sender("depth", actor, EdgeSpec::backpressure(16));
        let depth = topology.external_receiver(actor, |out| &mut out.depth, EdgeSpec::drop_newest(256));
        let events = topology.external_receiver(actor, |out| &mut out.events, EdgeSpec::drop_newest(EVENTS));
        let sim = topology.simulate().unwrap();
        let net = sim.net(shard);
        let mut feed = Feed {
            sim,
            net,
            references,
            tops,
            requests,
            depth,
            events,
            stats,
            shown,
            now_ns: 0,
            session: "FEED",
            known: BTreeMap::new(),
            begins: 0,
        };
        feed.advance(1000 * MS);
        assert_eq!((feed.new_references(), feed.begins), (vec![], 1));
        feed
    }

    pub(crate) fn advance(&mut self, by_ns: u64) {
        self.now_ns += by_ns;
        self.sim.set_time_ns(self.now_ns);
        self.sim.run_until_idle();
    }

    pub(crate) fn datagram(&mut self, bytes: &[u8]) {
        self.datagram_on(0, "127.0.0.1:5000", bytes);
    }

    /// A datagram comes in that the actor fails on.
    pub(crate) fn fail(&mut self) {
        self.datagram(POISON);
        self.sim.run_until_idle();
    }

    /// A datagram comes in on endpoint number `endpoint`.
    pub(crate) fn datagram_on(&mut self, endpoint: u32, from: &str, bytes: &[u8]) {
        self.net.datagram(EndpointId(endpoint), from.parse().unwrap(), bytes);
    }

    /// A packet comes in; nothing runs yet.
    pub(crate) fn queue(&mut self, sequence: u64, messages: &[Vec<u8>]) {
        let bytes = packet(self.session, sequence, messages);
        self.datagram(&bytes);
    }

    pub(crate) fn packet(&mut self, sequence: u64, messages: &[Vec<u8>]) {
        self.queue(sequence, messages);
        self.sim.run_until_idle();
    }

    /// The references that the sequencer received since the last call: locate, bid, ask, stale.
    pub(crate) fn new_references(&mut self) -> Vec<(u16, u64, u64, bool)> {
        let mut references = Vec::new();
        while let Some(envelope) = self.references.receive() {
            let SequencerIn::Reference(update) = envelope.body else { panic!("a feed orders nothing") };
            if update.locate == Locate::NONE {
                self.begins += 1;
                continue;
            }
            self.known.insert(update.locate, update.reference);
            let Reference { bid, ask, stale, .. } = update.reference;
            references.push((update.locate.0, bid.raw(), ask.raw(), stale == 1));
        }
        references.sort_unstable();
        references
    }

    /// The state of instruments and of the market after the last batch.
    pub(crate) fn shown(&self) -> Shown {
        self.shown.lock().unwrap().clone()
    }

    pub(crate) fn count(&self, count: FeedCount) -> u64 {
        self.stats.feed.get(count)
    }
}

pub(crate) fn packet(session: &str, sequence: u64, messages: &[Vec<u8>]) -> Vec<u8> {
    let mut buffer = [0; 1400];
    let session = Alpha::new(session).unwrap();
    let mut packet = PacketBuilder::new(&mut buffer, session, sequence, 1400).unwrap();
    messages.iter().for_each(|message| assert!(packet.push(message)));
    packet.finish().to_vec()
}

pub(crate) fn add(feed_locate: u16, stock: &str, order_ref: u64, side: Side, price: u32, shares: u32) -> Vec<u8> {
    let add = AddOrder {
        header: Header::new(feed_locate, 0, 0),
        order_ref: order_ref.into(),
        side: side.into(),
        shares: shares.into(),
        stock: symbol(stock),
        price: Price4::from_raw(price).into(),
    };
    add.as_bytes().to_vec()
}

pub(crate) fn bid(order_ref: u64, price: u32) -> Vec<u8> {
    add(7, "AAPL", order_ref, Side::Buy, price, 100)
}

pub(crate) fn delete(feed_locate: u16, order_ref: u64) -> Vec<u8> {
    let header = Header::new(feed_locate, 0, 0);
    OrderDelete { header, order_ref: order_ref.into() }.as_bytes().to_vec()
}

pub(crate) fn directory(feed_locate: u16, stock: &str) -> Vec<u8> {
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
