//! Best levels sent to another shard: two real shards, a real socket, and a conflating edge.

use std::{
    net::UdpSocket,
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use crate::harness::{add, config, delete, packet};
use corelane_actors::market_data::{FeedCount, FeedCounters, MarketData, TopOfBook};
use corelane_codecs::itch::Side;
use corelane_runtime::{
    actor::{Actor, Context, Step},
    cpu,
    lifecycle::Running,
    net::{EndpointSpec, UdpSpec},
    telemetry::ShardCount,
    topology::{EdgeSpec, Topology},
};
use corelane_test_support::{
    shards::{options, parking},
    wait::PATIENCE,
};

/// Changes of each instrument's best bid.
const CHANGES: u64 = 5000;
/// The most packets in flight: few enough for the socket's buffer.
const IN_FLIGHT: u64 = 50;

/// Keeps all levels that it receives. Now and then it is so slow that levels are overwritten.
struct Reader(Arc<Mutex<Vec<TopOfBook>>>);

impl Actor for Reader {
    type In = TopOfBook;
    type Out = ();
    const OUTPUTS_MAX: usize = 1;

    fn on_message(&mut self, _: &mut Context<'_, ()>, top: &TopOfBook) -> Step {
        let mut tops = self.0.lock().unwrap();
        tops.push(*top);
        if tops.len().is_multiple_of(100) {
            thread::sleep(Duration::from_millis(1));
        }
        Step::Done
    }
}

#[track_caller]
fn eventually(what: &str, running: &Running, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "not within {PATIENCE:?}: {what}");
        assert_eq!(running.status().failures, [], "{what}");
        thread::yield_now();
    }
}

#[test]
fn a_reader_on_another_shard_ends_with_the_newest_best_levels_and_never_sees_half_of_any() {
    let mut topology = Topology::new();
    let cpus = cpu::allowed_cpus();
    let (feed_cpu, reader_cpu) = (cpus[0], *cpus.last().unwrap());
    let (feed_shard, reader_shard) =
        (parking(&mut topology, "feed", feed_cpu), parking(&mut topology, "reader", reader_cpu));
    let seen = Arc::<Mutex<Vec<TopOfBook>>>::default();
    let counters = FeedCounters::default();
    let (its_seen, its_counters) = (seen.clone(), counters.clone());
    let config = config();
    let instruments = config.symbols.len();
    let line = EndpointSpec::Udp(UdpSpec::receiver("127.0.0.1:0".parse().unwrap()));
    let build = move |ids: &[_]| MarketData::new(config, ids, its_counters);
    let feed = topology.net_actor(feed_shard, "feed", vec![line], build);
    let reader = topology.actor(reader_shard, "reader", move || Reader(its_seen));
    topology.conflate(feed, |out| &mut out.tops, reader, instruments + 1);
    let mut references = topology.external_receiver(feed, |out| &mut out.references, EdgeSpec::backpressure(1024));
    topology.leave_open(feed, |out| &mut out.depth);
    topology.leave_open(feed, |out| &mut out.events);
    let running = topology.start(options()).unwrap_or_else(|error| panic!("{error}"));
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.connect(running.addresses(feed)[0]).unwrap();

    // Change number n gives each instrument one bid, whose price encodes n, in place of the previous bid.
    let mut sequence = 1;
    for change in 1..=CHANGES {
        let mut messages = Vec::new();
        for (at, (feed_locate, stock)) in [(7, "AAPL"), (9, "MSFT")].into_iter().enumerate() {
            let order = |change: u64| 2 * change + at as u64;
            messages.push(add(feed_locate, stock, order(change), Side::Buy, change as u32, change as u32 + 1));
            if change > 1 {
                messages.push(delete(feed_locate, order(change - 1)));
            }
        }
        socket.send(&packet("FEED", sequence, &messages)).unwrap();
        sequence += messages.len() as u64;
        eventually("the feed keeps up", &running, || {
            while references.receive().is_some() {}
            counters.feed.get(FeedCount::Packets) + IN_FLIGHT > change
        });
    }
    let newest = |tops: &[TopOfBook], locate| tops.iter().rfind(|top| top.locate.0 == locate).map(|top| top.bid.price);
    eventually("the newest have come", &running, || {
        let tops = seen.lock().unwrap();
        [1, 2].map(|locate| newest(&tops, locate)) == [Some(CHANGES as u32); 2]
    });
    assert_eq!((counters.feed.get(FeedCount::Gaps), counters.feed.get(FeedCount::Messages)), (0, sequence - 1));
    let tops = std::mem::take(&mut *seen.lock().unwrap());
    for top in &tops {
        let change = u64::from(top.bid.price);
        // The add of the first change has no delete behind it; later changes end with each instrument's delete.
        let last_of_change =
            if change == 1 { u64::from(top.locate.0) } else { 4 * change - 6 + 2 * u64::from(top.locate.0) };
        assert_eq!((top.bid.quantity, top.bid.orders, top.feed_sequence.0), (change + 1, 1, last_of_change), "{top:?}");
        assert_eq!((top.ask.orders, top.stale), (0, 0));
    }
    for locate in [1, 2] {
        assert!(tops.iter().filter(|top| top.locate.0 == locate).is_sorted_by_key(|top| top.feed_sequence));
    }
    let published = counters.feed.get(FeedCount::Tops);
    let outcome = running.stop();
    assert_eq!(outcome.status.failures, []);
    let conflated: u64 = outcome.status.shards.iter().map(|shard| shard.count(ShardCount::Conflated)).sum();
    assert_eq!(tops.len() as u64 + conflated, published, "levels that were not seen were overwritten");
    assert!(conflated > 0, "{published} published");
}
