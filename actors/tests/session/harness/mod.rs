//! A session actor in the simulator, between clients and a group that the test plays.
#![allow(dead_code, reason = "each test file uses a part of it")]

use corelane_actors::{
    session::{ConnectionEnd, Credentials, EntryGate, Session, SessionConfig, SessionCount, SessionOut, SoupFramer},
    types::{Command, EntrySwitch, PortId, Quantity, Reply, SequenceNumber, SequencerIn},
};
use corelane_codecs::{
    IntoBytes, MessageType,
    ouch::{self, CancelReason, Canceled},
    price::Price,
    soup::{ClientPacket, LoginRequest, ServerPacket, packet_len},
    text::Alpha,
};
use corelane_runtime::{
    actor::{Actor, Context, Step},
    edge::port::Port,
    net::{ConnId, EndpointId, EndpointSpec},
    simulation::{SimNet, Simulation},
    telemetry::Counters,
    topology::{EdgeSpec, ExternalReceiver, ExternalSender, Topology},
};
use corelane_test_support::shards::simulated;

pub(crate) const MS: u64 = 1_000_000;
pub(crate) const SECOND: u64 = 1_000 * MS;
/// A time longer than a timer's tick.
const TICK: u64 = MS / 10;

/// A group that passes the test's answers on, and fails on request.
struct Group;

const FAIL: PortId = PortId(u32::MAX);
/// Port of an order to the group: send [`BURST_ANSWERS`] of this answer in one step.
const BURST: PortId = PortId(u32::MAX - 1);
pub(crate) const BURST_ANSWERS: usize = 100;

impl Actor for Group {
    type In = Reply;
    type Out = Port<Reply>;
    const OUTPUTS_MAX: usize = BURST_ANSWERS;

    fn on_message(&mut self, ctx: &mut Context<'_, Self::Out>, reply: &Reply) -> Step {
        if reply.port == BURST {
            for index in 0..BURST_ANSWERS as u64 {
                ctx.out.send(Reply { number: SequenceNumber(reply.number.0 + index), port: PortId(0), ..*reply });
            }
            return Step::Done;
        }
        assert_ne!(reply.port, FAIL, "the group fails because the test says so");
        ctx.out.send(*reply);
        Step::Done
    }
}

/// Passes requests on.
struct Relay;

impl Actor for Relay {
    type In = SequencerIn;
    type Out = Port<SequencerIn>;
    const OUTPUTS_MAX: usize = 1;

    fn on_message(&mut self, ctx: &mut Context<'_, Self::Out>, request: &SequencerIn) -> Step {
        ctx.out.send(*request);
        Step::Done
    }
}

fn requests_of(out: &mut SessionOut) -> &mut Port<SequencerIn> {
    &mut out.requests
}

pub(crate) struct Venue {
    pub sim: Simulation,
    pub net: SimNet,
    pub requests: ExternalReceiver<SequencerIn>,
    pub ends: ExternalReceiver<ConnectionEnd>,
    pub group: ExternalSender<Reply>,
    pub stats: Counters<SessionCount>,
    pub gate: EntryGate,
    pub now_ns: u64,
    next_port: u16,
    /// The number of the last answer, by port.
    pub numbers: [u64; 3],
}

pub(crate) fn config() -> SessionConfig {
    let port =
        |user, password| Credentials { user: Alpha::new(user).unwrap(), password: Alpha::new(password).unwrap() };
    let ports = vec![port("alice", "secret"), port("bob", "hunter2"), port("carol", "swordfish")];
    let symbols = vec![Alpha::new("AAPL").unwrap(), Alpha::new("MSFT").unwrap()];
    SessionConfig {
        reply_log_bytes: 256 << 10,
        open_orders_per_port_max: 64,
        connections_max: 64,
        ..SessionConfig::new(Alpha::new("DAY1").unwrap(), ports, symbols)
    }
}

impl Venue {
    pub(crate) fn new(config: SessionConfig) -> Self {
        Venue::with_edge(config, 4096)
    }

    /// A venue with the given capacity for requests.
    pub(crate) fn with_edge(config: SessionConfig, capacity: usize) -> Self {
        Venue::build(config, capacity, None)
    }

    /// A venue with the given capacity for requests, and a relay behind that has room for `relayed` and makes its turns before
    /// the session does.
    pub(crate) fn with_relay(config: SessionConfig, capacity: usize, relayed: usize) -> Self {
        Venue::build(config, capacity, Some(relayed))
    }

    fn build(config: SessionConfig, capacity: usize, relayed: Option<usize>) -> Self {
        let mut topology = Topology::new();
        let shard = simulated(&mut topology, "ingress");
        let session = Session::new(config).unwrap();
        let (stats, gate) = (session.stats(), session.gate());
        let listen = EndpointSpec::Listen {
            addr: "127.0.0.1:9000".parse().unwrap(),
            framer: Box::new(SoupFramer { payload_max: 512 }),
            backlog: 16,
        };
        let relay = relayed.map(|_| topology.actor(shard, "relay", || Relay));
        let session = topology.net_actor(shard, "session", vec![listen], move |_| session);
        let group = topology.actor(shard, "group", || Group);
        let edge = EdgeSpec::backpressure(capacity).admission();
        let requests = match relay.zip(relayed) {
            None => topology.external_receiver(session, requests_of, edge),
            Some((relay, relayed)) => {
                topology.connect(session, requests_of, relay, edge);
                topology.external_receiver(relay, |out| out, EdgeSpec::backpressure(relayed))
            }
        };
        let ends = topology.external_receiver(session, |out: &mut SessionOut| &mut out.ends, EdgeSpec::drop_newest(16));
        topology.connect(group, |out| out, session, EdgeSpec::backpressure(4096));
        let sender = topology.external_sender("answers", group, EdgeSpec::backpressure(4096));
        let sim = topology.simulate().unwrap();
        let net = sim.net(shard);
        let mut venue = Venue {
            sim,
            net,
            requests,
            ends,
            group: sender,
            stats,
            gate,
            now_ns: 0,
            next_port: 40_000,
            numbers: [0; 3],
        };
        venue.advance(10 * 3600 * SECOND);
        venue
    }

    pub(crate) fn advance(&mut self, by_ns: u64) {
        self.now_ns += by_ns;
        self.sim.set_time_ns(self.now_ns);
        self.sim.run_until_idle();
    }

    /// Advances the time in steps; no timer is late by more than one step.
    pub(crate) fn advance_slowly(&mut self, by_ns: u64) {
        let end_ns = self.now_ns + by_ns;
        while self.now_ns < end_ns {
            self.advance((100 * MS).min(end_ns - self.now_ns));
        }
    }

    pub(crate) fn tick(&mut self) {
        self.advance(TICK);
    }

    pub(crate) fn connect(&mut self) -> ConnId {
        self.connect_from([127, 0, 0, 1])
    }

    pub(crate) fn connect_from(&mut self, address: [u8; 4]) -> ConnId {
        self.next_port += 1;
        let peer = (address, self.next_port).into();
        let conn = self.net.connect(EndpointId(0), peer);
        self.sim.run_until_idle();
        conn
    }

    pub(crate) fn send(&mut self, conn: ConnId, packet: &ClientPacket<'_>) {
        self.queue(conn, packet);
        self.sim.run_until_idle();
    }

    /// Sends without running the venue.
    pub(crate) fn queue(&mut self, conn: ConnId, packet: &ClientPacket<'_>) {
        let mut bytes = [0; 256];
        let length = packet.encode(&mut bytes).unwrap();
        self.net.bytes(conn, &bytes[..length]);
    }

    pub(crate) fn log_in(&mut self, user: &str, password: &str, sequence: u64) -> ConnId {
        let conn = self.connect();
        self.send(conn, &ClientPacket::Login(login(user, password, sequence)));
        conn
    }

    /// Logs in and reads the acceptance.
    pub(crate) fn alice(&mut self) -> ConnId {
        let conn = self.log_in("alice", "secret", 0);
        let sent = self.net.take_sent(conn);
        assert_eq!(sent[2], b'A', "{sent:?}");
        conn
    }

    pub(crate) fn bob(&mut self) -> ConnId {
        let conn = self.log_in("bob", "hunter2", 0);
        assert_eq!(self.net.take_sent(conn)[2], b'A');
        conn
    }

    pub(crate) fn carol(&mut self) -> ConnId {
        let conn = self.log_in("carol", "swordfish", 0);
        assert_eq!(self.net.take_sent(conn)[2], b'A');
        conn
    }

    pub(crate) fn commands(&mut self) -> Vec<Command> {
        std::iter::from_fn(|| self.requests.receive())
            .map(|envelope| match envelope.body {
                SequencerIn::Command(command) => command,
                SequencerIn::Reference(_) => panic!("a session has no prices"),
            })
            .collect()
    }

    /// Queues an answer of the group, without running the venue.
    pub(crate) fn answer(&mut self, port: u32, user_ref: u32, leaves_qty: u32, message: &[u8]) {
        self.answer_replace(port, user_ref, leaves_qty, 0, message);
    }

    pub(crate) fn answer_replace(
        &mut self,
        port: u32,
        user_ref: u32,
        leaves_qty: u32,
        replaced_user_ref: u32,
        message: &[u8],
    ) {
        let number = &mut self.numbers[port as usize];
        *number += 1;
        let mut bytes = [0; 71];
        bytes[..message.len()].copy_from_slice(message);
        let reply = Reply {
            number: SequenceNumber(*number),
            port: PortId(port),
            user_ref,
            leaves_qty: Quantity(leaves_qty),
            replaced_user_ref,
            length: message.len() as u8,
            bytes,
        };
        self.group.send(reply).unwrap();
    }

    /// Makes the group answer alice so often at once that the session needs several turns to read it.
    pub(crate) fn burst(&mut self, user_ref: u32, leaves_qty: u32, message: &[u8]) {
        let mut bytes = [0; 71];
        bytes[..message.len()].copy_from_slice(message);
        let reply = Reply {
            number: SequenceNumber(self.numbers[0] + 1),
            port: BURST,
            user_ref,
            leaves_qty: Quantity(leaves_qty),
            replaced_user_ref: 0,
            length: message.len() as u8,
            bytes,
        };
        self.numbers[0] += BURST_ANSWERS as u64;
        self.group.send(reply).unwrap();
    }

    /// Queues a message that makes the group fail.
    pub(crate) fn fail_group(&mut self) {
        let reply = Reply {
            number: SequenceNumber::NONE,
            port: FAIL,
            user_ref: 0,
            leaves_qty: Quantity::ZERO,
            replaced_user_ref: 0,
            length: 0,
            bytes: [0; 71],
        };
        self.group.send(reply).unwrap();
    }

    /// A message that the venue could send about an order. Its content does not matter to the session.
    pub(crate) fn some_answer(user_ref: u32) -> Vec<u8> {
        let reason = CancelReason::UserRequested;
        Canceled::new(7, user_ref, 1, reason).as_bytes().to_vec()
    }

    pub(crate) fn sent(&mut self, conn: ConnId) -> Vec<u8> {
        self.net.take_sent(conn)
    }

    pub(crate) fn is_closed(&self, conn: ConnId) -> bool {
        self.net.closed_by_actor(conn).is_some()
    }

    pub(crate) fn count(&self, count: SessionCount) -> u64 {
        self.stats.get(count)
    }
}

pub(crate) fn login(user: &str, password: &str, sequence: u64) -> LoginRequest {
    LoginRequest {
        user: Alpha::new(user).unwrap(),
        password: Alpha::new(password).unwrap(),
        session: Alpha::BLANK,
        sequence: Some(sequence),
        heartbeat_timeout_ms: None,
    }
}

pub(crate) fn enter(user_ref: u32, symbol: &str) -> ouch::Enter {
    ouch::Enter {
        message_type: MessageType::NEW,
        user_ref_num: user_ref.into(),
        side: ouch::Side::Buy,
        quantity: 100.into(),
        symbol: Alpha::new(symbol).unwrap(),
        price: Price::from_raw(1_000_000).into(),
        time_in_force: ouch::TimeInForce::Day,
        display: ouch::Display::Visible,
        capacity: ouch::Capacity::Principal,
        intermarket_sweep: false.into(),
        cross_type: ouch::CrossType::Continuous,
        cl_ord_id: Alpha::new("ID").unwrap(),
        appendage_len: 0.into(),
    }
}

pub(crate) fn replace(original: u32, user_ref: u32) -> ouch::Replace {
    ouch::Replace {
        message_type: MessageType::NEW,
        orig_user_ref_num: original.into(),
        user_ref_num: user_ref.into(),
        quantity: 50.into(),
        price: Price::from_raw(1_000_000).into(),
        time_in_force: ouch::TimeInForce::Day,
        display: ouch::Display::Visible,
        intermarket_sweep: false.into(),
        cl_ord_id: Alpha::new("ID").unwrap(),
        appendage_len: 0.into(),
    }
}

/// A request with these options, in its long form.
pub(crate) fn with_options(message: &impl ouch::Appendable, options: &[ouch::TagValue]) -> Vec<u8> {
    let mut buffer = [0; 64];
    let mut writer = ouch::AppendageWriter::new(&mut buffer);
    assert!(options.iter().all(|&option| writer.push(option)), "{options:?}");
    let mut out = [0; 128];
    let length = ouch::encode_with_appendage(message, writer.as_bytes(), &mut out).unwrap();
    out[..length].to_vec()
}

/// Splits a stream into packets; panics if it ends within a packet.
pub(crate) fn packets(bytes: &[u8]) -> Vec<&[u8]> {
    let mut rest = bytes;
    let mut packets = Vec::new();
    while !rest.is_empty() {
        let length = packet_len(rest, 1024).unwrap().expect("a whole packet");
        packets.push(&rest[..length]);
        rest = &rest[length..];
    }
    packets
}

/// A summary of what the server sent: one letter per packet, and the type of the OUCH message inside.
pub(crate) fn summary(bytes: &[u8]) -> String {
    packets(bytes)
        .iter()
        .map(|packet| match ServerPacket::decode(packet).unwrap() {
            ServerPacket::Sequenced(message) => format!("S{}", char::from(message[0])),
            _ => char::from(packet[2]).to_string(),
        })
        .collect::<Vec<_>>()
        .join(" ")
}

fn in_channel(channel: u8) -> String {
    if channel == 0 { String::new() } else { format!("/{channel}") }
}

/// A summary of a command.
pub(crate) fn short(command: &Command) -> String {
    match command {
        Command::Enter(enter) => format!("O{}", enter.user_ref),
        Command::Replace(replace) => format!("U{}>{}", replace.original_user_ref, replace.user_ref),
        Command::Cancel(cancel) => format!("X{}", cancel.user_ref),
        Command::Modify(modify) => format!("M{}", modify.user_ref),
        Command::MassCancel(request) => format!("C{}{}", request.user_ref, in_channel(request.channel)),
        Command::EntrySwitch(EntrySwitch { user_ref, enabled, channel, .. }) => {
            format!("{}{user_ref}{}", if *enabled == 0 { 'D' } else { 'E' }, in_channel(*channel))
        }
        Command::AccountQuery(query) => format!("Q{}", in_channel(query.channel)),
        Command::OtherChannel(request) => format!("J{}/{}", request.user_ref, request.channel),
        Command::LogIn(change) => format!("in{}.{}", change.port, change.generation),
        Command::Disconnect(change) => format!("out{}.{}", change.port, change.generation),
        other => format!("{other:?}"),
    }
}
