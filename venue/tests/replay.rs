//! Same input, same output bytes: what a venue's sequencer recorded while clients traded over TCP goes through a fresh
//! group in simulation, and every port's stream comes out as its client received it.

mod support;

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use corelane_actors::{
    engine::wire_group,
    record::Record,
    types::{Command, GroupConfig, KillSwitch, PortId, Reply, Scope},
};
use corelane_runtime::{
    cpu,
    simulation::Simulation,
    telemetry::Counters,
    topology::{EdgeSpec, ExternalReceiver, ExternalSender, Topology},
};
use corelane_test_support::shards::simulated;
use corelane_venue::{self as venue, Request};
use support::{Client, Market, Random, SYMBOLS, below_price_of, cancel, enter, price_of, replace};

const USERS: usize = 4;
const REQUESTS: u32 = 600;
const RECORD_CAPACITY: usize = 1 << 16;
/// Length of an OUCH system event.
const SYSTEM_EVENT_BYTES: usize = 10;
const SEED: u64 = 0x0c0f_fee0;

#[test]
fn a_recorded_stream_replayed_gives_the_bytes_that_the_clients_received() {
    let config = support::config();
    let mut declared = venue::declare(&config, &cpu::allowed_cpus()).unwrap();
    let record = Recorder::start(declared.record(RECORD_CAPACITY));
    let venue = declared.start(&config).unwrap_or_else(|error| panic!("{error}"));
    let address = venue.order_entry();
    let mut market = Market::new(venue.feed_in().expect("it listens"));

    println!("seed {SEED:#x}");
    let traders: Vec<_> = (1..=USERS).map(|user| thread::spawn(move || Trader::new(address, user).trade())).collect();
    for engaged in [true, false] {
        (0..100).for_each(|_| market.moves());
        let switch = KillSwitch::new(Scope::Port(PortId(1)), engaged);
        venue.ask(Request::KillSwitch(switch)).expect("the group takes commands");
    }
    let mut traders: Vec<Trader> = traders.into_iter().map(|trader| trader.join().unwrap()).collect();
    // The first marker of each says that its own requests are done, the second that everybody's are.
    traders.iter_mut().for_each(Trader::read_to_a_marker);
    traders.iter_mut().for_each(Trader::read_to_a_marker);
    let received: Vec<Vec<u8>> = traders.into_iter().map(|trader| trader.all_again(address)).collect();
    support::stop(venue);

    let recorded = record.stop();
    let replayed = replay(venue::group_config(&config).unwrap(), &recorded);
    for (account, (received, replayed)) in received.iter().zip(&replayed).enumerate() {
        // A port whose switch is engaged the whole time still gets a reject of 31 bytes for each of some 450 orders.
        assert!(received.len() > 10_000, "account {account}: only {} bytes", received.len());
        // The stop told the end of the day, when the client was gone.
        let heard = &replayed[..replayed.len() - SYSTEM_EVENT_BYTES];
        assert!(received == heard, "account {account}: {}", first_difference(received, heard));
    }
    let is_day_alone = |stream: &Vec<u8>| stream.len() == 2 * SYSTEM_EVENT_BYTES;
    assert!(replayed[USERS..].iter().all(is_day_alone), "only the day's start and end for accounts that sent nothing");
}

fn first_difference(received: &[u8], replayed: &[u8]) -> String {
    let at = received.iter().zip(replayed).position(|(one, other)| one != other);
    format!("{} bytes received, {} replayed, first difference at {at:?}", received.len(), replayed.len())
}

/// A session that trades at random with the others on few symbols.
struct Trader {
    client: Client,
    user: usize,
    next: u32,
    received: Vec<u8>,
}

impl Trader {
    fn new(address: SocketAddr, user: usize) -> Trader {
        Trader { client: Client::log_in(address, user, 1), user, next: 1, received: Vec::new() }
    }

    /// Sends everything and reads nothing yet: it fits the buffers.
    fn trade(mut self) -> Trader {
        let mut random = Random::new(SEED + self.user as u64);
        for _ in 0..REQUESTS {
            let symbol = SYMBOLS[random.index(2)];
            let price = price_of(symbol) + 100 * random.index(10) as u64;
            let quantity = 1 + random.index(200) as u32;
            let old = 1 + random.index(self.next as usize) as u32;
            let bytes = match random.index(20) {
                0 => cancel(old),
                1..=3 => replace(old, self.next, quantity, price),
                4 => enter(self.next, b'B', 999_999, symbol, price, b'0'),
                5 => enter(self.next, b'S', quantity, "NOSUCH", price, b'0'),
                6 => enter(self.next, b'B', quantity, symbol, 3 * price, b'0'),
                7..=9 => enter(self.next, b'B', quantity, symbol, price, b'3'),
                at => enter(self.next, b"BS"[at % 2], quantity, symbol, price, b'0'),
            };
            self.client.send(&bytes);
            self.next += 1;
        }
        self
    }

    /// Reads up to the end of an order that trades with nobody.
    fn read_to_a_marker(&mut self) {
        let marker = self.next + 1_000_000;
        self.next = marker + 1;
        self.client.send(&enter(marker, b'B', 1, SYMBOLS[4], below_price_of(SYMBOLS[4]), b'3'));
        loop {
            let answer = self.client.answer_or_event();
            self.received.extend(&answer.bytes);
            if (answer.kind, answer.user_ref) == (b'C', marker) {
                return;
            }
        }
    }

    /// Logs out, whereby what rests is cancelled, and reads the whole stream again.
    fn all_again(mut self, address: SocketAddr) -> Vec<u8> {
        let before = std::mem::take(&mut self.received);
        let again = Client::log_in(address, self.user, 1);
        std::mem::replace(&mut self.client, again).log_out();
        self.read_to_a_marker();
        assert!(self.received.starts_with(&before), "the same bytes again");
        self.client.log_out();
        self.received
    }
}

/// Keeps the sequenced stream as the bytes of its records.
struct Recorder {
    stop: Arc<AtomicBool>,
    thread: thread::JoinHandle<Vec<u8>>,
}

impl Recorder {
    fn start(mut receiver: ExternalReceiver<Command>) -> Recorder {
        let stop = Arc::new(AtomicBool::new(false));
        let told = stop.clone();
        let thread = thread::spawn(move || {
            let mut bytes = Vec::new();
            loop {
                // Asked first: what was sent before the end is then still read.
                let is_last = told.load(Ordering::Acquire);
                while let Some(envelope) = receiver.receive() {
                    bytes.extend(Record::encode(&envelope.header, &envelope.body).as_bytes());
                }
                if is_last {
                    return bytes;
                }
                thread::yield_now();
            }
        });
        Recorder { stop, thread }
    }

    fn stop(self) -> Vec<u8> {
        self.stop.store(true, Ordering::Release);
        self.thread.join().unwrap()
    }
}

/// The bytes that a fresh group answers to recorded input, by port.
fn replay(config: GroupConfig, recorded: &[u8]) -> Vec<Vec<u8>> {
    let ports = config.ports.len();
    let mut group = Replay::new(config);
    let mut streams = vec![Vec::new(); ports];
    let records = recorded.chunks(size_of::<Record>()).map(|bytes| Record::from_bytes(bytes).unwrap());
    for (number, record) in (1..).zip(records) {
        let (header, command) = record.decode().unwrap();
        assert_eq!(header.sequence.0, number, "the record has a hole");
        let sent = group.inputs.batch().send_as(header, command);
        sent.unwrap_or_else(|_| panic!("the group has taken the one before"));
        group.sim.run_until_idle();
        while let Some(reply) = group.replies.receive() {
            let reply = reply.body;
            streams[reply.port.index()].extend(&reply.bytes[..usize::from(reply.length)]);
        }
    }
    assert_eq!(group.sim.failures(), []);
    streams
}

struct Replay {
    sim: Simulation,
    inputs: ExternalSender<Command>,
    replies: ExternalReceiver<Reply>,
}

impl Replay {
    fn new(config: GroupConfig) -> Replay {
        let mut topology = Topology::new();
        let shard = simulated(&mut topology, "replay");
        let group = wire_group(&mut topology, shard, config, Counters::default()).unwrap();
        let inputs = topology.external_sender("inputs", group, EdgeSpec::backpressure(2));
        // One input can end all orders of a port.
        let replies = topology.external_receiver(group, |out| &mut out.replies, EdgeSpec::backpressure(1 << 16));
        topology.leave_open(group, |out| &mut out.publications);
        let sim = topology.simulate().unwrap_or_else(|errors| panic!("{errors}"));
        Replay { sim, inputs, replies }
    }
}
