//! Ours: the sequenced group as in the venue, on a shard whose turns are made one by one.
//!
//! A command goes through order entry, risk and matching; reports come out as encoded OUCH messages and the feed as
//! encoded ITCH messages, each to an actor of the same shard, as sessions and publisher are in the venue. Commands come
//! numbered, as to a core that is behind the ingress shard's sequencer (`config/venue-4cpu.toml`), or the sequencer is on the
//! same CPU (`config/venue.toml`). The shard is a simulated one: it has the same cells and edges, but its thread is the
//! caller's and its time is set.

use std::{
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use corelane_actors::{
    engine::{Group as TradingGroup, wire_group},
    sequencer_policy::ReferencePolicy,
    types::{
        Cancel, Command, Enter, GroupConfig, Instrument, Limits, Locate, Mark, Notional, PortId, Publication, Quantity,
        Reference, Reply, SequencerIn, WithoutReference, separate_members,
    },
};
use corelane_codecs::{
    ouch::{Executed, Liquidity},
    price::Price,
    text::Symbol,
    zerocopy::FromBytes,
};
use corelane_runtime::{
    actor::{Actor, Context, Step},
    message::{Header, SequenceNumber},
    net::DriverConfig,
    sequencer::Sequencer,
    simulation::Simulation,
    telemetry::Counters,
    topology::{ActorId, EdgeSpec, ExternalSender, Idle, ShardId, ShardSpec, Topology},
};

use super::{
    Commands, Engine, Op, Totals,
    commands::{INSTRUMENTS, PRICE, TICK},
};

/// Places of the edges into the group: few, so that they stay in the nearest cache.
pub(super) const CAPACITY: usize = 256;
/// Places of the edges out of the group: room for the most that the 64 steps of a batch send, without which it is cut into
/// small ones. Few are in use, and always the first.
const OUTPUTS: usize = 1024;

/// Takes the reports, and says at the end of a batch what they said where the caller, on the same thread, sees it.
struct Reports {
    progress: Arc<Progress>,
    answered: u64,
    totals: Totals,
}

/// Results from the reports, for the thread that drives the shard.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// Commands with an answer: the place of the last plus one, for they are answered in order.
    pub answered: AtomicU64,
    trades: AtomicU64,
    shares: AtomicU64,
    canceled: AtomicU64,
}

impl Progress {
    /// Overwrites what was said before.
    pub(super) fn store(&self, answered: u64, Totals { trades, shares, canceled }: Totals) {
        self.trades.store(trades, Relaxed);
        self.shares.store(shares, Relaxed);
        self.canceled.store(canceled, Relaxed);
        self.answered.store(answered, Relaxed);
    }

    /// Results of all commands so far.
    pub(super) fn totals(&self) -> Totals {
        let [trades, shares, canceled] = [&self.trades, &self.shares, &self.canceled].map(|count| count.load(Relaxed));
        Totals { trades, shares, canceled }
    }
}

impl Actor for Reports {
    type In = Reply;
    type Out = ();
    const OUTPUTS_MAX: usize = 0;

    #[inline]
    fn on_message(&mut self, ctx: &mut Context<'_, ()>, reply: &Reply) -> Step {
        // Which of the three it is cannot be predicted, and so makes no difference: each is read as if it were an execution.
        let kind = reply.bytes[0];
        assert!(matches!(kind, b'A' | b'C' | b'E'), "no command asks for an answer of the kind {kind}");
        let (executed, _) = Executed::ref_from_prefix(&reply.bytes).expect("a reply has room for every answer");
        let is_trade = u64::from(kind == b'E') & u64::from(executed.liquidity_flag == Liquidity::Added.to_wire());
        self.totals.canceled += u64::from(kind == b'C');
        self.totals.trades += is_trade;
        self.totals.shares += is_trade * u64::from(executed.quantity.get());
        self.answered = ctx.header().sequence.0;
        Step::Done
    }

    fn on_batch_end(&mut self, _ctx: &mut Context<'_, ()>) {
        self.progress.store(self.answered, self.totals);
    }
}

/// Takes the feed.
struct Feed;

impl Actor for Feed {
    type In = Publication;
    type Out = ();
    const OUTPUTS_MAX: usize = 0;

    #[inline]
    fn on_message(&mut self, _ctx: &mut Context<'_, ()>, _message: &Publication) -> Step {
        Step::Done
    }
}

/// Entry point of the commands.
#[derive(Debug)]
enum Input {
    Sequencer(ExternalSender<SequencerIn>),
    Group(ExternalSender<Command>),
}

/// See the [module](self).
#[derive(Debug)]
pub struct Group {
    simulation: Simulation,
    input: Input,
    progress: Arc<Progress>,
    /// Commands sent, and those whose answer was seen.
    sent: u64,
    answered: u64,
}

impl Group {
    /// Empty books, and commands come numbered.
    ///
    /// # Panics
    /// If the topology has faults.
    pub fn new(commands: &Commands) -> Group {
        Group::build(commands, |topology, _, group, _| {
            Input::Group(topology.external_sender("commands", group, EdgeSpec::backpressure(CAPACITY)))
        })
    }

    /// Empty books, and the sequencer is on the same CPU.
    ///
    /// # Panics
    /// If the topology has faults.
    pub fn with_sequencer(commands: &Commands) -> Group {
        Group::build(commands, |topology, shard, group, instruments| {
            let policy = ReferencePolicy::new(instruments, None);
            let sequencer = topology.actor(shard, "sequencer", move || Sequencer::new(policy));
            topology.connect(sequencer, |out| &mut out.group, group, EdgeSpec::backpressure(1024));
            topology.leave_open(sequencer, |out| &mut out.record);
            Input::Sequencer(topology.external_sender("requests", sequencer, EdgeSpec::backpressure(CAPACITY)))
        })
    }

    fn build(
        commands: &Commands,
        input: impl FnOnce(&mut Topology, ShardId, ActorId<TradingGroup>, usize) -> Input,
    ) -> Group {
        let mut topology = Topology::new();
        let net = DriverConfig::default();
        let shard = topology.shard(ShardSpec::new("core", 0).idle(Idle::Spin).net(net));
        let config = config(commands);
        let instruments = config.instruments.len();
        let group =
            wire_group(&mut topology, shard, config, Counters::default()).unwrap_or_else(|error| panic!("{error}"));
        let input = input(&mut topology, shard, group, instruments);
        let progress = Arc::<Progress>::default();
        let reports = Reports { progress: progress.clone(), answered: 0, totals: Totals::default() };
        let reports = topology.actor(shard, "reports", move || reports);
        let feed = topology.actor(shard, "feed", || Feed);
        topology.connect(group, |out| &mut out.replies, reports, EdgeSpec::backpressure(OUTPUTS));
        topology.connect(group, |out| &mut out.publications, feed, EdgeSpec::backpressure(OUTPUTS));
        let simulation = topology.simulate().unwrap_or_else(|errors| panic!("{errors}"));
        Group { simulation, input, progress, sent: 0, answered: 0 }
    }

    /// Runs one turn and calls `done` for the commands answered in it.
    fn turn(&mut self, done: &mut impl FnMut(Range<usize>)) -> usize {
        let worked = self.simulation.turn();
        let answered = self.progress.answered.load(Relaxed);
        if answered > self.answered {
            // Sequences count from 1.
            done(self.answered as usize..answered as usize);
            self.answered = answered;
        }
        worked
    }
}

impl Engine for Group {
    #[inline]
    fn execute(&mut self, commands: &Commands, places: Range<usize>, done: &mut impl FnMut(Range<usize>)) {
        self.sent += places.len() as u64;
        match &mut self.input {
            Input::Sequencer(requests) => {
                let mut batch = requests.batch();
                for place in places {
                    send(commands.at(place), |command| batch.send(SequencerIn::Command(command)).is_ok());
                }
            }
            Input::Group(numbered) => {
                let mut batch = numbered.batch();
                for place in places {
                    let header = Header { sequence: SequenceNumber(place as u64 + 1), ..Header::default() };
                    send(commands.at(place), |command| batch.send_as(header, command).is_ok());
                }
            }
        }
        while self.answered < self.sent {
            self.turn(done);
        }
    }

    fn finish(&mut self, done: &mut impl FnMut(Range<usize>)) -> Totals {
        while self.turn(done) > 0 {}
        assert_eq!(self.simulation.failures(), []);
        self.progress.totals()
    }
}

/// Each kind of command is made where it goes: `put` is compiled into both places.
#[inline(always)]
fn send(op: &Op, put: impl FnOnce(Command) -> bool) {
    let is_sent = match *op {
        Op::Enter { instrument, port, user_ref, side, quantity, price, .. } => put(Command::Enter(Enter {
            port: PortId(port.into()),
            user_ref,
            reference: Reference::default(),
            price: Price::from_raw(price),
            quantity: Quantity(quantity),
            locate: Locate(instrument + 1),
            side: if side.is_buy() { b'B' } else { b'S' },
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
        })),
        Op::Cancel { port, user_ref, .. } => put(Command::Cancel(Cancel {
            port: PortId(port.into()),
            user_ref,
            quantity: Quantity::ZERO,
            reserved: [0; 4],
        })),
    };
    assert!(is_sent, "there is room for a batch");
}

/// Configuration for both ways to drive the group.
pub(super) fn config(commands: &Commands) -> GroupConfig {
    let instrument = |index: usize| Instrument {
        symbol: Symbol::new(&format!("SYM{index}")).expect("a short symbol"),
        tick: Price::from_raw(TICK),
        lot: Quantity(1),
        reference_price: Price::from_raw(PRICE),
    };
    let (ports, accounts, firms) = separate_members(INSTRUMENTS);
    GroupConfig {
        ports,
        accounts,
        firms,
        instruments: (0..INSTRUMENTS).map(instrument).collect(),
        orders_max: commands.live_max(),
        levels_max: 65_536,
        open_orders_per_port_max: commands.live_max(),
        cancel_on_disconnect: true,
        opens_at_start: true,
        pause_ns: 0,
        quote_width_parts_per_million: 50_000,
        limits: Limits {
            quantity_max: Quantity(100_000),
            notional_max: Notional(50_000_000_000),
            collar_parts_per_million: 100_000,
            without_reference: WithoutReference::Accept,
        },
    }
}
