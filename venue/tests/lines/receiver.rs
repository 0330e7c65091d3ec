//! The market-data actor on a shard of its own, on real sockets, with its books to be read at the end.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use corelane_actors::{
    market_data::{
        ArbitrationConfig, BookEvent, BookLimits, Books, FeedCount, FeedCounters, FeedLine, GapFillConfig, Level,
        LineCount, MarketData, MarketDataConfig, MarketDataIn, MarketDataOut, RecoveryCount, TopOfBook,
    },
    telemetry::FeedTiming,
    types::{Locate, Reference, SequencerIn},
};
use corelane_codecs::{binary_file::Frames, itch::Message, text::Symbol};
use corelane_runtime::{
    actor::{Actor, Context, NetActor, Step},
    cpu::allowed_cpus,
    lifecycle::Running,
    net::{Datagram, EndpointId, EndpointSpec, UdpSpec},
    resilience::{Permits, RetryPolicy},
    telemetry::TimingSet,
    topology::{ConflatedReceiver, EdgeSpec, ExternalReceiver, Topology},
};
use corelane_test_support::{
    shards::{options, parking},
    wait::PATIENCE,
};

use crate::place::Place;

const MS: u64 = 1_000_000;

/// Bids and asks of every instrument, best first.
pub(crate) type Depth = Vec<(Vec<Level>, Vec<Level>)>;

/// The books after the last message of a file, built straight from it.
pub(crate) fn books_of(file: &[u8], symbols: &[Symbol]) -> Books {
    let mut books = Books::new(symbols, limits());
    let counters = FeedCounters::default();
    for message in Frames::new(file) {
        if let Ok(message) = Message::decode(message.unwrap()) {
            books.apply(&message, &counters.feed);
        }
    }
    books
}

/// What [`books_of`] a file hold.
pub(crate) fn depth_of(file: &[u8], symbols: &[Symbol]) -> Depth {
    depth(&books_of(file, symbols), symbols.len())
}

/// The symbols that a file's directory names, in its order.
pub(crate) fn symbols_of(file: &[u8]) -> Vec<Symbol> {
    let directory = |message: &[u8]| match Message::decode(message) {
        Ok(Message::StockDirectory(directory)) => Some(directory.stock),
        _ => None,
    };
    Frames::new(file).filter_map(|message| directory(message.unwrap())).collect()
}

pub(crate) fn depth(books: &Books, instruments: usize) -> Depth {
    let levels = |locate| {
        let (bids, asks) = books.levels(locate);
        (bids.collect(), asks.collect())
    };
    Locate::first(instruments).map(levels).collect()
}

pub(crate) fn limits() -> BookLimits {
    BookLimits { orders_max: 200_000, levels_max: 4096 }
}

/// The real actor; when it is stopped, it leaves its books behind.
struct Watched {
    actor: MarketData,
    instruments: usize,
    left: Arc<Mutex<Option<Depth>>>,
}

type Ctx<'a> = Context<'a, MarketDataOut>;

impl Actor for Watched {
    type In = MarketDataIn;
    type Out = MarketDataOut;
    const OUTPUTS_MAX: usize = MarketData::OUTPUTS_MAX;
    const TIMERS_MAX: usize = MarketData::TIMERS_MAX;
    const TIMINGS: TimingSet = MarketData::TIMINGS;

    fn on_start(&mut self, ctx: &mut Ctx<'_>) {
        self.actor.on_start(ctx);
    }

    fn on_message(&mut self, ctx: &mut Ctx<'_>, message: &MarketDataIn) -> Step {
        self.actor.on_message(ctx, message)
    }

    fn on_timer(&mut self, ctx: &mut Ctx<'_>, token: u64) {
        self.actor.on_timer(ctx, token);
    }

    fn on_batch_end(&mut self, ctx: &mut Ctx<'_>) {
        self.actor.on_batch_end(ctx);
    }

    fn on_stop(&mut self, _: &mut Ctx<'_>) {
        *self.left.lock().unwrap() = Some(depth(self.actor.books(), self.instruments));
    }
}

impl NetActor for Watched {
    fn on_datagram(&mut self, ctx: &mut Ctx<'_>, endpoint: EndpointId, datagram: &Datagram<'_>) {
        self.actor.on_datagram(ctx, endpoint, datagram);
    }
}

pub(crate) fn config(symbols: Vec<Symbol>, servers: Vec<SocketAddr>) -> MarketDataConfig {
    MarketDataConfig {
        symbols,
        limits: limits(),
        arbitration: ArbitrationConfig {
            session: None,
            silent_after_ns: 3000 * MS,
            reorder_messages_max: 4096,
            wait_ns: MS,
            gap_messages_max: 10_000_000,
            behind_after_ns: 10 * MS,
            gap_fill: GapFillConfig {
                servers: servers.len(),
                // The machine may be busy with others for a while.
                retry: RetryPolicy::constant(100, 50 * MS),
                messages_max: 32,
                requests_max: 16,
            },
            permits: Permits::new(50),
        },
        has_line_b: true,
        servers,
    }
}

/// A running actor.
pub(crate) struct Receiver {
    running: Running,
    counters: FeedCounters,
    references: ExternalReceiver<SequencerIn>,
    pub tops: ConflatedReceiver<TopOfBook>,
    pub events: ExternalReceiver<BookEvent>,
    known: BTreeMap<Locate, Reference>,
    instruments: usize,
    left: Arc<Mutex<Option<Depth>>>,
}

impl Receiver {
    /// Starts it on the two lines of `place`.
    pub(crate) fn start(place: &Place, config: MarketDataConfig) -> Receiver {
        let mut topology = Topology::new();
        let shard = parking(&mut topology, "feed", *allowed_cpus().last().unwrap());
        let line = |to| UdpSpec { socket_receive_bytes: Some(4 << 20), kernel_times: true, ..UdpSpec::receiver(to) };
        let mut endpoints = vec![line(place.line_a()), line(place.line_b())];
        if !config.servers.is_empty() {
            endpoints.push(UdpSpec::peer("127.0.0.1:0".parse().unwrap()));
        }
        let endpoints = endpoints.into_iter().map(EndpointSpec::Udp).collect();
        let (counters, left) = (FeedCounters::default(), Arc::new(Mutex::new(None)));
        let (instruments, its_counters, its_left) = (config.symbols.len(), counters.clone(), left.clone());
        let actor = topology.net_actor(shard, "feed", endpoints, move |endpoints| Watched {
            instruments,
            actor: MarketData::new(config, endpoints, its_counters),
            left: its_left,
        });
        let references = topology.external_receiver(actor, |out| &mut out.references, EdgeSpec::backpressure(1024));
        let tops = topology.conflated_receiver(actor, |out| &mut out.tops, instruments + 1);
        let events = topology.external_receiver(actor, |out| &mut out.events, EdgeSpec::drop_newest(1 << 16));
        topology.leave_open(actor, |out| &mut out.depth);
        let running = topology.start(options()).unwrap_or_else(|error| panic!("{error}"));
        Receiver { running, counters, references, tops, events, known: BTreeMap::new(), instruments, left }
    }

    /// Waits until `condition` holds of it.
    #[track_caller]
    pub(crate) fn eventually(&mut self, what: &str, mut condition: impl FnMut(&Receiver) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            self.read();
            if condition(self) {
                return;
            }
            assert!(Instant::now() < deadline, "not within {PATIENCE:?}: {what}; {}", self.report());
            std::thread::sleep(Duration::from_micros(300));
        }
    }

    /// Waits until so many messages were taken.
    #[track_caller]
    pub(crate) fn takes(&mut self, messages: u64) {
        self.eventually("all messages are taken", |receiver| receiver.feed(FeedCount::Messages) >= messages);
    }

    /// How many batches were timed.
    pub(crate) fn timed(&self, timing: FeedTiming) -> u64 {
        self.running.status().timing(timing).map_or(0, |times| times.len())
    }

    fn read(&mut self) {
        while let Some(envelope) = self.references.receive() {
            let SequencerIn::Reference(update) = envelope.body else { panic!("a feed orders nothing") };
            if update.locate != Locate::NONE {
                self.known.insert(update.locate, update.reference);
            }
        }
    }

    /// Whether the sequencer has been told that every price may be wrong.
    pub(crate) fn is_all_stale(&self) -> bool {
        self.known.len() == self.instruments && self.known.values().all(|reference| reference.stale == 1)
    }

    /// Whether the sequencer has been told prices, and that none of them is wrong.
    pub(crate) fn is_all_fresh(&self) -> bool {
        !self.known.is_empty() && self.known.values().all(|reference| reference.stale == 0)
    }

    pub(crate) fn feed(&self, count: FeedCount) -> u64 {
        self.counters.feed.get(count)
    }

    pub(crate) fn line(&self, line: FeedLine, count: LineCount) -> u64 {
        self.counters.line(line).get(count)
    }

    pub(crate) fn recovery(&self, count: RecoveryCount) -> u64 {
        self.counters.recovery.get(count)
    }

    /// Everything it counts, for the message of a failed test.
    pub(crate) fn report(&self) -> String {
        let [a, b] = &self.counters.lines;
        let lines = [a, b].map(|line| line.iter().collect::<Vec<_>>());
        let feed: Vec<_> = self.counters.feed.iter().filter(|(_, value)| *value > 0).collect();
        format!("{feed:?} {lines:?} {:?}", self.counters.recovery.iter().collect::<Vec<_>>())
    }

    /// Stops it; returns its books.
    pub(crate) fn stop(self) -> Depth {
        let Receiver { running, mut references, left, .. } = self;
        let reader = std::thread::spawn(move || {
            // Somebody reads until the actor has gone, or it could not finish.
            while left.lock().unwrap().is_none() {
                while references.receive().is_some() {}
                std::thread::sleep(Duration::from_millis(1));
            }
            left.lock().unwrap().take().unwrap()
        });
        let outcome = running.stop();
        assert_eq!(outcome.status.failures, [], "the actor failed");
        reader.join().unwrap()
    }
}
