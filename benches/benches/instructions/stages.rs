//! What is counted, ready to run.

use corelane_actors::{
    engine::wire_group,
    market_data::{BookLimits, Books, FeedCount},
    types::{
        Cancel, Command, Enter, GroupConfig, Instrument, Limits, Locate, Mark, Notional, PortId, Quantity, Reference,
        Replace, WithoutReference, separate_members,
    },
};
use corelane_benches::hop::Ball;
use corelane_codecs::{
    itch,
    ouch::{Inbound, Side, TimeInForce},
    price::Price,
    text::Symbol,
};
use corelane_market::{Day, DaySpec};
use corelane_runtime::{
    actor::{Actor, Context, Step},
    cpu,
    message::{Header, Message, SequenceNumber},
    net::DriverConfig,
    ports,
    simulation::Simulation,
    telemetry::Counters,
    topology::{EdgeSpec, ExternalReceiver, ExternalSender, Idle, ShardId, ShardSpec, Topology},
};
use corelane_tester::script::Request;

/// Messages of each run: `messages_per_run` of `benches/budget.toml`.
pub(crate) const MESSAGES: u32 = 1000;
/// Prices over which resting orders are spread.
const PRICES: u32 = 10;
/// The lowest of them, in four implied decimals, and the step to the next.
const PRICE: u32 = 100_000;
const TICK: u32 = 100;
/// Room for all that a run sends.
const ROOM: usize = 8 * MESSAGES as usize;
/// Seed of the day, and its size: what builds the books up before those that are counted.
const SEED: u64 = 1;
const INSTRUMENTS: usize = 16;
const OPENING_ORDERS: u64 = 4000;

/// Actors in a simulation, with messages before them.
pub(crate) struct Stage {
    sim: Simulation,
    /// Takes what came out, and counts it.
    outputs: Box<dyn FnMut() -> u64>,
    expected: u64,
}

impl Stage {
    /// Until nothing moves any more.
    pub(crate) fn run(mut self) -> Self {
        self.sim.run_until_idle();
        self
    }

    /// After the run: everything came out.
    pub(crate) fn check(mut self) {
        assert_eq!((self.outputs)(), self.expected);
        assert!(self.sim.failures().is_empty());
    }
}

fn shard(topology: &mut Topology) -> ShardId {
    let (cpu, net) = (cpu::allowed_cpus()[0], DriverConfig::default());
    topology.shard(ShardSpec::new("shard", cpu).idle(Idle::Spin).net(net))
}

fn simulate(topology: Topology) -> Simulation {
    let mut sim = topology.simulate().unwrap_or_else(|errors| panic!("{errors}"));
    // Starts whatever a first turn starts.
    sim.run_until_idle();
    sim
}

fn send<M: Message>(sender: &mut ExternalSender<M>, messages: impl Iterator<Item = M>) {
    messages.for_each(|message| sender.send(message).unwrap_or_else(|_| panic!("the edge has room for all")));
}

fn drain<M: Message>(receiver: &mut ExternalReceiver<M>) -> u64 {
    std::iter::from_fn(|| receiver.receive()).count() as u64
}

ports! {
    /// Where a bouncer sends.
    struct BouncerOut {
        /// To the other one.
        other: Ball,
        /// The last ball.
        last: Ball,
    }
}

struct Bouncer;

impl Actor for Bouncer {
    type In = Ball;
    type Out = BouncerOut;
    const OUTPUTS_MAX: usize = 1;

    fn on_message(&mut self, ctx: &mut Context<'_, BouncerOut>, ball: &Ball) -> Step {
        let next = Ball::new(ball.number + 1);
        if next.number < u64::from(MESSAGES) {
            ctx.out.other.send(next);
        } else {
            ctx.out.last.send(next);
        }
        Step::Done
    }
}

/// Two actors and the first of [`MESSAGES`] balls.
pub(crate) fn hop() -> Stage {
    let mut topology = Topology::new();
    let shard = shard(&mut topology);
    let [one, other] = ["one", "other"].map(|name| topology.actor(shard, name, || Bouncer));
    topology.connect(one, |out| &mut out.other, other, EdgeSpec::backpressure(64).in_flight(1));
    topology.connect(other, |out| &mut out.other, one, EdgeSpec::backpressure(64).in_flight(1));
    let mut lasts =
        [one, other].map(|actor| topology.external_receiver(actor, |out| &mut out.last, EdgeSpec::backpressure(2)));
    let mut first = topology.external_sender("first", one, EdgeSpec::backpressure(1));
    let sim = simulate(topology);
    send(&mut first, [Ball::new(0)].into_iter());
    let outputs =
        Box::new(move || lasts.iter_mut().filter_map(ExternalReceiver::receive).map(|last| last.body.number).sum());
    Stage { sim, outputs, expected: MESSAGES.into() }
}

fn config() -> GroupConfig {
    let symbol = Symbol::new("AAA").expect("three letters are a symbol");
    let (ports, accounts, firms) = separate_members(1);
    GroupConfig {
        ports,
        accounts,
        firms,
        instruments: vec![Instrument {
            symbol,
            tick: Price::from_raw(TICK.into()),
            lot: Quantity(1),
            reference_price: Price::from_raw(PRICE.into()),
        }],
        orders_max: 4 * MESSAGES,
        levels_max: 256,
        open_orders_per_port_max: 4 * MESSAGES,
        cancel_on_disconnect: true,
        opens_at_start: true,
        pause_ns: 0,
        quote_width_parts_per_million: 50_000,
        limits: Limits {
            quantity_max: Quantity(10_000),
            notional_max: Notional(500_000_000),
            collar_parts_per_million: 100_000,
            without_reference: WithoutReference::Reject,
        },
    }
}

/// The whole group with `before` worked off, and `commands` before it: numbered, as a sequencer on another shard sends them.
/// They lead to `expected` answers and publications.
fn group(before: impl Iterator<Item = Command>, commands: impl Iterator<Item = Command>, expected: u32) -> Stage {
    let mut topology = Topology::new();
    let shard = shard(&mut topology);
    let group =
        wire_group(&mut topology, shard, config(), Counters::default()).unwrap_or_else(|error| panic!("{error}"));
    let mut numbered = topology.external_sender("numbered", group, EdgeSpec::backpressure(ROOM));
    let mut replies = topology.external_receiver(group, |out| &mut out.replies, EdgeSpec::backpressure(ROOM));
    let mut publications = topology.external_receiver(group, |out| &mut out.publications, EdgeSpec::backpressure(ROOM));
    let mut sim = simulate(topology);
    let mut outputs = move || drain(&mut replies) + drain(&mut publications);
    let mut sequence = 0;
    let mut send = |commands: &mut dyn Iterator<Item = Command>| {
        let mut batch = numbered.batch();
        for command in commands {
            sequence += 1;
            let sent = batch.send_as(Header { sequence: SequenceNumber(sequence), ..Header::default() }, command);
            sent.unwrap_or_else(|_| panic!("the edge has room for all"));
        }
    };
    send(&mut { before });
    sim.run_until_idle();
    outputs();
    send(&mut { commands });
    Stage { sim, outputs: Box::new(outputs), expected: expected.into() }
}

fn price(raw: u32) -> Price {
    Price::from_raw(raw.into())
}

fn reference() -> Reference {
    Reference { bid: price(PRICE - TICK), ask: price(PRICE), ..Reference::default() }
}

fn enter(user_ref: u32, side: u8, price: u32) -> Command {
    Command::Enter(Enter {
        port: PortId(0),
        user_ref,
        reference: reference(),
        price: self::price(price),
        quantity: Quantity(100),
        locate: Locate(1),
        side,
        time_in_force: b'0',
        display: b'Y',
        capacity: b'P',
        intermarket_sweep: b'N',
        cross: b'N',
        cl_ord_id: *b"              ",
        unsupported: 0,
        firm: *b"    ",
        group: 0,
        mark: Mark::None,
        reserved: [0; 5],
    })
}

/// Orders that rest, by their clients' numbers.
fn resting() -> impl Iterator<Item = Command> {
    (1..=MESSAGES).map(|user_ref| enter(user_ref, b'S', PRICE + TICK * (user_ref % PRICES)))
}

/// Orders on their whole way: checked, accepted, resting, answered and published.
pub(crate) fn group_add() -> Stage {
    group(std::iter::empty(), resting(), 2 * MESSAGES)
}

/// Orders that each take the whole of one that rests: accepted, both executions answered, published.
pub(crate) fn group_execute() -> Stage {
    let taker = |user_ref| enter(MESSAGES + user_ref, b'B', PRICE + TICK * PRICES);
    group(resting(), (1..=MESSAGES).map(taker), 4 * MESSAGES)
}

/// Cancels of resting orders on their whole way.
pub(crate) fn group_cancel() -> Stage {
    let cancel =
        |user_ref| Command::Cancel(Cancel { port: PortId(0), user_ref, quantity: Quantity::ZERO, reserved: [0; 4] });
    group(resting(), (1..=MESSAGES).map(cancel), 2 * MESSAGES)
}

/// Replaces of resting orders by ones that rest one tick higher: answered and published.
pub(crate) fn group_replace() -> Stage {
    let replace = |original_user_ref| {
        Command::Replace(Replace {
            port: PortId(0),
            original_user_ref,
            user_ref: MESSAGES + original_user_ref,
            reference: reference(),
            price: price(PRICE + TICK * (original_user_ref % PRICES + 1)),
            quantity: Quantity(100),
            locate: Locate(1),
            time_in_force: b'0',
            display: b'Y',
            intermarket_sweep: b'N',
            mark: Mark::None,
            cl_ord_id: *b"              ",
            unsupported: 0,
            reserved: [0; 2],
        })
    };
    group(resting(), (1..=MESSAGES).map(replace), 2 * MESSAGES)
}

/// A part of a day, and books as they were before it.
pub(crate) struct Feed {
    messages: Vec<Vec<u8>>,
    books: Books,
    counters: Counters<FeedCount>,
    seen: u64,
}

/// The first trading hours of a made-up day, after its opening.
pub(crate) fn feed() -> Feed {
    let opening = OPENING_ORDERS + 4 * INSTRUMENTS as u64;
    let mut spec = DaySpec::made_up(SEED, INSTRUMENTS, opening + u64::from(MESSAGES));
    spec.opening_orders = OPENING_ORDERS;
    let symbols: Vec<Symbol> = spec.instruments.iter().map(|one| one.symbol).collect();
    let mut day = Day::new(spec).expect("the day can be made");
    let orders_max = OPENING_ORDERS as usize + MESSAGES as usize;
    let mut books = Books::new(&symbols, BookLimits { orders_max, levels_max: 4096 });
    let counters = Counters::default();
    for _ in 0..opening {
        let message = day.next_message().expect("the day is longer than its opening");
        books.apply(&itch::Message::decode(message).expect("the day is ITCH"), &counters);
    }
    let next = |_| day.next_message().expect("the day is long enough").to_vec();
    Feed { messages: (0..MESSAGES).map(next).collect(), books, counters, seen: 0 }
}

impl Feed {
    /// Adds up the times of all.
    pub(crate) fn decode(mut self) -> Self {
        for message in &self.messages {
            if let Ok(message) = itch::Message::decode(message) {
                self.seen = self.seen.wrapping_add(message.timestamp_ns());
            }
        }
        self
    }

    /// Applies all, and counts those that belong to a book of ours.
    pub(crate) fn apply(mut self) -> Self {
        for message in &self.messages {
            if let Ok(message) = itch::Message::decode(message) {
                self.seen += u64::from(self.books.apply(&message, &self.counters).is_some());
            }
        }
        self
    }

    /// The times are those in the messages' bytes.
    pub(crate) fn check_decoded(self) {
        let time = |message: &Vec<u8>| {
            let mut bytes = [0; 8];
            bytes[2..].copy_from_slice(&message[5..11]);
            u64::from_be_bytes(bytes)
        };
        assert_eq!(self.seen, self.messages.iter().map(time).fold(0, u64::wrapping_add));
    }

    /// Most belong to a book, and the books are whole.
    pub(crate) fn check_applied(self) {
        assert!(self.seen > u64::from(MESSAGES) / 2, "{} applied", self.seen);
        self.books.check().unwrap_or_else(|wrong| panic!("{wrong:?}"));
    }
}

/// OUCH requests as they come from clients.
pub(crate) struct Requests {
    bytes: Vec<Vec<u8>>,
    seen: u64,
}

/// Enter, replace and cancel in turns.
pub(crate) fn requests() -> Requests {
    let (symbol, quantity, price) = (config().instruments[0].symbol, 100, Price::from_raw(PRICE.into()));
    let (side, time_in_force) = (Side::Buy, TimeInForce::Day);
    let request = |user_ref: u32| match user_ref % 3 {
        0 => Request::Enter { user_ref, side, quantity, symbol, price, time_in_force },
        1 => Request::Replace { original: user_ref - 1, user_ref, quantity, price },
        _ => Request::Cancel { user_ref, quantity },
    };
    let encoded = |user_ref| {
        let mut bytes = Vec::new();
        request(user_ref).encode(&mut bytes);
        bytes
    };
    Requests { bytes: (0..MESSAGES).map(encoded).collect(), seen: 0 }
}

impl Requests {
    /// Adds up the numbers of all.
    pub(crate) fn decode(mut self) -> Self {
        for bytes in &self.bytes {
            if let Ok(request) = Inbound::decode(bytes) {
                self.seen += u64::from(request.user_ref_num());
            }
        }
        self
    }

    /// Every number was seen.
    pub(crate) fn check(self) {
        assert_eq!(self.seen, (0..u64::from(MESSAGES)).sum::<u64>());
    }
}
