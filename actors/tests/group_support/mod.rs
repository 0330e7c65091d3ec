//! A venue's group behind its sequencer, on one thread with a manual clock, and the requests to send to it.
#![allow(dead_code, reason = "each test file uses its part")]

pub(crate) mod streams;

use corelane_actors::{
    engine::{GroupCount, wire_group},
    sequencer_policy::ReferencePolicy,
    types::{
        AccountConfig, AccountId, AccountQuery, Cancel, Command, Enter, EntrySwitch, FirmConfig, FirmId, GroupConfig,
        Instrument, KillSwitch, LevelLimits, Limits, Locate, Mark, MarketEvent, MassCancel, Modify, Notional,
        OtherChannel, PortConfig, PortId, Publication, Quantity, Reference, ReferenceUpdate, Replace, Reply, Scope,
        SequenceNumber, SequencerIn, SessionChange, WithoutReference, separate_members,
    },
};
use corelane_codecs::{
    price::Price,
    text::{Mpid, Symbol},
};
pub(crate) use corelane_model::{Model, Outputs};
use corelane_runtime::{
    message::Envelope,
    sequencer::{Sequencer, SequencerPolicy},
    simulation::Simulation,
    telemetry::Counters,
    topology::{EdgeSpec, ExternalReceiver, ExternalSender, Topology},
};
use corelane_test_support::shards::simulated;

pub(crate) const COLLAR_PPM: u32 = 100_000;
pub(crate) const QUOTE_WIDTH_PPM: u32 = 50_000;
/// How long an instrument is paused: some steps of the random streams.
pub(crate) const PAUSE_NS: u64 = 10_000;

/// Three instruments at 10.00, the last without a reference price, and tables small enough for tests to fill.
pub(crate) fn config() -> GroupConfig {
    let instrument = |symbol, tick, lot, reference_price| Instrument {
        symbol: Symbol::new(symbol).unwrap(),
        tick: Price::from_raw(tick),
        lot: Quantity(lot),
        reference_price: Price::from_raw(reference_price),
    };
    let (ports, accounts, firms) = separate_members(3);
    GroupConfig {
        ports,
        accounts,
        firms,
        instruments: vec![
            instrument("AAA", 100, 1, 100_000),
            instrument("BBB", 100, 10, 100_000),
            instrument("CCC", 100, 1, 0),
        ],
        orders_max: 1024,
        levels_max: 256,
        open_orders_per_port_max: 1000,
        cancel_on_disconnect: true,
        opens_at_start: true,
        pause_ns: PAUSE_NS,
        quote_width_parts_per_million: QUOTE_WIDTH_PPM,
        limits: Limits {
            quantity_max: Quantity(10_000),
            notional_max: Notional(500_000_000),
            collar_parts_per_million: COLLAR_PPM,
            without_reference: WithoutReference::Accept,
        },
    }
}

/// [`config`] with four ports on three accounts of two firms. Each level has the lowest value of one limit.
pub(crate) fn firms_config() -> GroupConfig {
    let limits = LevelLimits::default();
    let port = |account, limits| PortConfig { account: AccountId(account), limits };
    let account = |firm, limits| AccountConfig { firm: FirmId(firm), limits };
    GroupConfig {
        ports: vec![
            port(0, limits),
            port(0, LevelLimits { quantity_max: Some(Quantity(50)), ..limits }),
            port(
                1,
                LevelLimits {
                    collar_parts_per_million: Some(2_000),
                    notional_max: Some(Notional(900_000_000)),
                    ..limits
                },
            ),
            port(2, LevelLimits { quantity_max: Some(Quantity(999_999)), ..limits }),
        ],
        accounts: vec![
            account(0, LevelLimits { notional_max: Some(Notional(5_000_000)), ..limits }),
            account(0, LevelLimits { without_reference: Some(WithoutReference::Reject), ..limits }),
            account(1, LevelLimits { collar_parts_per_million: Some(3_000), ..limits }),
        ],
        firms: vec![
            FirmConfig {
                mpid: Mpid::from_bytes(*b"LIME"),
                limits: LevelLimits { quantity_max: Some(Quantity(70)), ..limits },
            },
            FirmConfig {
                mpid: Mpid::from_bytes(*b"PEAR"),
                limits: LevelLimits { notional_max: Some(Notional(6_000_000)), ..limits },
            },
        ],
        ..config()
    }
}

/// Capacities of the edges around the group.
#[derive(Clone, Copy)]
pub(crate) struct Edges {
    pub input: usize,
    pub replies: usize,
    pub publications: usize,
}

impl Edges {
    pub(crate) const ROOMY: Edges = Edges { input: 256, replies: 1 << 16, publications: 1 << 16 };
    pub(crate) const TIGHT: Edges = Edges { input: 2, replies: 30, publications: 30 };
}

/// The group behind a sequencer with policy `S`.
pub(crate) struct Venue<S: SequencerPolicy<Out = Command> = ReferencePolicy> {
    pub sim: Simulation,
    pub requests: ExternalSender<S::In>,
    pub replies: ExternalReceiver<Reply>,
    pub publications: ExternalReceiver<Publication>,
    pub record: ExternalReceiver<Command>,
    pub counters: Counters<GroupCount>,
}

impl Venue {
    pub(crate) fn new(config: GroupConfig) -> Venue {
        Venue::with_edges(config, Edges::ROOMY)
    }

    pub(crate) fn with_edges(config: GroupConfig, edges: Edges) -> Venue {
        let instruments = config.instruments.len();
        Venue::with_policy(config, edges, ReferencePolicy::new(instruments, None))
    }

    /// Sends one command at `time_ns`; returns all outputs that it causes.
    pub(crate) fn run(&mut self, time_ns: u64, command: Command) -> Outputs {
        let mut outputs = Outputs::default();
        self.sim.set_time_ns(time_ns);
        self.send(SequencerIn::Command(command), &mut outputs);
        self.settle(&mut outputs);
        outputs
    }

    pub(crate) fn reference(&mut self, locate: u16, reference: Reference) {
        self.send(
            SequencerIn::Reference(ReferenceUpdate { locate: Locate(locate), reference }),
            &mut Outputs::default(),
        );
        self.settle(&mut Outputs::default());
    }
}

impl<S: SequencerPolicy<Out = Command> + Send> Venue<S> {
    pub(crate) fn with_policy(config: GroupConfig, edges: Edges, policy: S) -> Venue<S> {
        let mut topology = Topology::new();
        let shard = simulated(&mut topology, "hot");
        let sequencer = topology.actor(shard, "sequencer", move || Sequencer::new(policy));
        let counters = Counters::default();
        let group = wire_group(&mut topology, shard, config, counters.clone()).unwrap();
        let requests = topology.external_sender("requests", sequencer, EdgeSpec::backpressure(edges.input));
        topology.connect(sequencer, |out| &mut out.group, group, EdgeSpec::backpressure(edges.input.max(2)));
        let record = topology.external_receiver(sequencer, |out| &mut out.record, EdgeSpec::backpressure(1 << 16));
        let replies = topology.external_receiver(group, |out| &mut out.replies, EdgeSpec::backpressure(edges.replies));
        let publications =
            topology.external_receiver(group, |out| &mut out.publications, EdgeSpec::backpressure(edges.publications));
        let sim = topology.simulate().unwrap_or_else(|errors| panic!("{errors}"));
        Venue { sim, requests, replies, publications, record, counters }
    }

    /// Sends a request, waiting while the edge is full; collects the outputs meanwhile.
    pub(crate) fn send(&mut self, request: S::In, outputs: &mut Outputs) {
        let mut request = request;
        while let Err(refused) = self.requests.send(request) {
            assert!(refused.is_full(), "{refused}");
            request = refused.into_message();
            self.sim.turn();
            self.collect(outputs);
        }
    }

    /// Runs until there are no more outputs.
    pub(crate) fn settle(&mut self, outputs: &mut Outputs) {
        loop {
            let worked = self.sim.turn();
            let before = outputs.replies.len() + outputs.publications.len();
            self.collect(outputs);
            if worked == 0 && outputs.replies.len() + outputs.publications.len() == before {
                break;
            }
        }
        assert_eq!(self.sim.failures(), []);
    }

    pub(crate) fn collect(&mut self, outputs: &mut Outputs) {
        outputs.replies.extend(std::iter::from_fn(|| self.replies.receive()).map(|envelope| envelope.body));
        outputs.publications.extend(std::iter::from_fn(|| self.publications.receive()).map(|envelope| envelope.body));
    }

    /// The sequenced stream so far.
    pub(crate) fn recorded(&mut self) -> Vec<Envelope<Command>> {
        std::iter::from_fn(|| self.record.receive()).collect()
    }
}

pub(crate) fn reference(bid: u64, ask: u64) -> Reference {
    let (bid, ask) = (Price::from_raw(bid), Price::from_raw(ask));
    Reference { bid, ask, feed_sequence: SequenceNumber::FIRST, ..Reference::default() }
}

/// A day order for AAA.
pub(crate) fn enter(port: u32, user_ref: u32, side: u8, quantity: u32, price: u64) -> Enter {
    Enter {
        reference: Reference::default(),
        price: Price::from_raw(price),
        port: PortId(port),
        user_ref,
        quantity: Quantity(quantity),
        locate: Locate(1),
        side,
        time_in_force: b'0',
        display: b'Y',
        capacity: b'P',
        intermarket_sweep: b'N',
        cross: b'N',
        cl_ord_id: *b"client-order-1",
        unsupported: 0,
        firm: *b"    ",
        group: 0,
        mark: Mark::None,
        reserved: [0; 5],
    }
}

/// A replace of an order for AAA by a day order.
pub(crate) fn replace(port: u32, original_user_ref: u32, user_ref: u32, quantity: u32, price: u64) -> Replace {
    Replace {
        reference: Reference::default(),
        price: Price::from_raw(price),
        port: PortId(port),
        original_user_ref,
        user_ref,
        quantity: Quantity(quantity),
        locate: Locate(1),
        time_in_force: b'0',
        display: b'Y',
        intermarket_sweep: b'N',
        mark: Mark::None,
        cl_ord_id: *b"client-order-2",
        unsupported: 0,
        reserved: [0; 2],
    }
}

pub(crate) fn cancel(port: u32, user_ref: u32, quantity: u32) -> Command {
    Command::Cancel(Cancel { port: PortId(port), user_ref, quantity: Quantity(quantity), reserved: [0; 4] })
}

pub(crate) fn kill(scope: Scope, engaged: bool) -> Command {
    Command::KillSwitch(KillSwitch::new(scope, engaged))
}

pub(crate) fn kill_port(port: u32, engaged: bool) -> Command {
    kill(Scope::Port(PortId(port)), engaged)
}

pub(crate) fn market(code: u8) -> Command {
    Command::MarketEvent(MarketEvent { code })
}

pub(crate) fn modify(port: u32, user_ref: u32, side: u8, quantity: u32) -> Command {
    let quantity = Quantity(quantity);
    Command::Modify(Modify { port: PortId(port), user_ref, quantity, side, reserved: [0; 3] })
}

pub(crate) fn entry_switch(port: u32, user_ref: u32, firm: [u8; 4], enabled: u8) -> Command {
    entry_switch_in(port, 0, user_ref, firm, enabled)
}

pub(crate) fn entry_switch_in(port: u32, channel: u8, user_ref: u32, firm: [u8; 4], enabled: u8) -> Command {
    Command::EntrySwitch(EntrySwitch { port: PortId(port), user_ref, firm, enabled, channel, reserved: [0; 2] })
}

pub(crate) const MASS_CANCEL: MassCancel = MassCancel {
    port: PortId(0),
    user_ref: 0,
    firm: *b"    ",
    symbol: *b"        ",
    locate: Locate::NONE,
    group: 0,
    has_group: 0,
    side: 0,
    channel: 0,
    reserved: [0; 5],
};

/// A mass cancel of all orders.
pub(crate) fn mass_cancel_in(port: u32, channel: u8, user_ref: u32) -> Command {
    Command::MassCancel(MassCancel { port: PortId(port), channel, user_ref, ..MASS_CANCEL })
}

pub(crate) fn account_query(port: u32, channel: u8) -> Command {
    Command::AccountQuery(AccountQuery { port: PortId(port), channel, reserved: [0; 3] })
}

pub(crate) fn other_channel(port: u32, user_ref: u32, channel: u8) -> Command {
    let cl_ord_id = *b"client-order-3";
    Command::OtherChannel(OtherChannel { port: PortId(port), user_ref, cl_ord_id, channel, reserved: 0 })
}

pub(crate) fn log_in(port: u32, generation: u32) -> Command {
    Command::LogIn(SessionChange { port: PortId(port), generation })
}

pub(crate) fn disconnect(port: u32, generation: u32) -> Command {
    Command::Disconnect(SessionChange { port: PortId(port), generation })
}
