//! The group beside its slow model, message by message: few instruments, windows of prices and levels, and orders at any prices,
//! near one that moves and at both ends of all. The input is a script.

#![no_main]

use corelane_actors::{
    engine::wire_group,
    types::{
        Cancel, Command, Enter, GroupConfig, Instrument, Limits, Locate, Mark, Notional, PortId, Publication, Quantity,
        Reference, Replace, Reply, SequenceNumber, SessionChange, WithoutReference, separate_members,
    },
};
use corelane_codecs::{price::Price, text::Symbol};
use corelane_model::{Model, Outputs};
use corelane_runtime::{
    cpu,
    message::Header,
    simulation::Simulation,
    telemetry::Counters,
    topology::{EdgeSpec, ExternalReceiver, ExternalSender, Idle, ShardSpec, Topology},
};
use libfuzzer_sys::fuzz_target;

const PORTS: u8 = 3;
const TICKS: [u64; 4] = [100, 1, 3, 7_400_000];
/// The highest limit price, by the protocol.
const PRICE_MAX: u64 = 1_999_999_900;
/// Commands of a script, at most.
const COMMANDS_MAX: u64 = 1500;
const ROOM: usize = 4096;

fuzz_target!(|bytes: &[u8]| {
    let mut script = Script::new(bytes);
    while script.sequence < COMMANDS_MAX && script.step().is_some() {}
});

struct Script<'a> {
    input: std::iter::Copied<std::slice::Iter<'a, u8>>,
    simulation: Simulation,
    numbered: ExternalSender<Command>,
    replies: ExternalReceiver<Reply>,
    publications: ExternalReceiver<Publication>,
    model: Model,
    sequence: u64,
    /// Where each instrument trades, in ticks.
    middles: [i64; TICKS.len()],
}

impl<'a> Script<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        let mut input = bytes.iter().copied();
        // As many windows as all sides, fewer, and one.
        let levels_max = [512, 90, 20, 1][usize::from(input.next().unwrap_or(0) % 4)];
        let config = config(levels_max);
        let mut topology = Topology::new();
        let shard = topology.shard(ShardSpec::new("shard", cpu::allowed_cpus()[0]).idle(Idle::Spin));
        let group = wire_group(&mut topology, shard, config.clone(), Counters::default()).expect("it can be wired");
        let numbered = topology.external_sender("numbered", group, EdgeSpec::backpressure(2));
        let replies = topology.external_receiver(group, |out| &mut out.replies, EdgeSpec::backpressure(ROOM));
        let publications = topology.external_receiver(group, |out| &mut out.publications, EdgeSpec::backpressure(ROOM));
        let simulation = topology.simulate().unwrap_or_else(|errors| panic!("{errors}"));
        let (model, middles) = (Model::new(config), [1000; TICKS.len()]);
        Script { input, simulation, numbered, replies, publications, model, sequence: 0, middles }
    }

    /// Runs the next operation; `None` at the end of the script.
    fn step(&mut self) -> Option<()> {
        match self.input.next()? % 16 {
            0..=4 => {
                let (what, ticks) = (self.input.next()?, self.near()?);
                self.enter(what, ticks);
            }
            5 => {
                let (what, ticks) = (self.input.next()?, self.far()?);
                self.enter(what, ticks);
            }
            6..=8 => {
                let (what, from, step) = (self.input.next()?, self.far()?, i64::from(self.input.next()?));
                for number in 0..i64::from(self.input.next()? % 100) {
                    self.enter(what, from + number * step);
                }
            }
            9..=11 => {
                if let Some((port, user_ref, _)) = self.pick()? {
                    let quantity = Quantity(u32::from(self.input.next()? % 8));
                    self.run(Command::Cancel(Cancel { port, user_ref, quantity, reserved: [0; 4] }));
                }
            }
            12 | 13 => {
                let ticks = if self.input.next()? % 2 == 0 { self.near()? } else { self.far()? };
                if let Some((port, original_user_ref, locate)) = self.pick()? {
                    let what = self.input.next()?;
                    self.replace(port, original_user_ref, locate, what, ticks);
                }
            }
            14 => {
                let (instrument, high, low) = (self.input.next()?, self.input.next()?, self.input.next()?);
                self.middles[usize::from(instrument) % TICKS.len()] = match high {
                    0 => 1,
                    255 => i64::MAX / 2,
                    _ => i64::from(high) * 400 + i64::from(low),
                };
            }
            _ => {
                let port = PortId(u32::from(self.input.next()? % PORTS));
                self.run(Command::Disconnect(SessionChange { port, generation: 0 }));
            }
        }
        Some(())
    }

    /// A few ticks.
    fn near(&mut self) -> Option<i64> {
        Some(i64::from(self.input.next()? as i8) / 8)
    }

    /// Ticks within some windows.
    fn far(&mut self) -> Option<i64> {
        let [high, low] = [self.input.next()?, self.input.next()?];
        Some(i64::from(i16::from_be_bytes([high, low])) / 16)
    }

    /// An order of the model, as port, number and locate; none if there are none.
    fn pick(&mut self) -> Option<Option<(PortId, u32, u16)>> {
        let at = usize::from(u16::from_be_bytes([self.input.next()?, self.input.next()?]));
        let orders = &self.model.orders;
        let order = orders.get(at.checked_rem(orders.len()).unwrap_or(0));
        Some(order.map(|order| (PortId(order.port), order.user_ref, order.locate)))
    }

    fn price(&self, instrument: usize, ticks: i64) -> Price {
        let tick = TICKS[instrument];
        let most = (PRICE_MAX / tick).cast_signed();
        let ticks = self.middles[instrument].min(most).saturating_add(ticks).clamp(1, most);
        Price::from_raw(ticks.cast_unsigned() * tick)
    }

    fn next_user_ref(&self, port: PortId) -> u32 {
        self.model.ports[port.0 as usize].last_user_ref + 1
    }

    fn enter(&mut self, what: u8, ticks: i64) {
        let instrument = usize::from(what) % TICKS.len();
        let port = PortId(u32::from(what / 64 % PORTS));
        self.run(Command::Enter(Enter {
            port,
            user_ref: self.next_user_ref(port),
            reference: Reference::default(),
            price: self.price(instrument, ticks),
            quantity: Quantity(3),
            locate: Locate::from_index(instrument),
            side: if what & 4 == 0 { b'B' } else { b'S' },
            time_in_force: if what & 56 == 56 { b'3' } else { b'0' },
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
        }));
    }

    fn replace(&mut self, port: PortId, original_user_ref: u32, locate: u16, what: u8, ticks: i64) {
        self.run(Command::Replace(Replace {
            port,
            original_user_ref,
            user_ref: self.next_user_ref(port),
            reference: Reference::default(),
            price: self.price(usize::from(locate) - 1, ticks),
            quantity: Quantity(1 + u32::from(what % 6)),
            locate: Locate(locate),
            time_in_force: if what >= 224 { b'3' } else { b'0' },
            display: b'Y',
            intermarket_sweep: b'N',
            mark: Mark::None,
            cl_ord_id: *b"              ",
            unsupported: 0,
            reserved: [0; 2],
        }));
    }

    /// Sends a command; the answers and publications must be the model's.
    fn run(&mut self, command: Command) {
        self.sequence += 1;
        let header = Header { sequence: SequenceNumber(self.sequence), ..Header::default() };
        let sent = self.numbered.batch().send_as(header, command);
        assert!(sent.is_ok(), "the edge is empty");
        self.simulation.run_until_idle();
        let replies = std::iter::from_fn(|| self.replies.receive()).map(|envelope| envelope.body);
        let publications = std::iter::from_fn(|| self.publications.receive()).map(|envelope| envelope.body);
        let outputs = Outputs { replies: replies.collect(), publications: publications.collect() };
        assert_eq!(outputs, self.model.run(0, &command), "{command:?}");
    }
}

fn config(levels_max: u32) -> GroupConfig {
    let instrument = |tick: &u64| Instrument {
        symbol: Symbol::new("AAA").expect("a short symbol"),
        tick: Price::from_raw(*tick),
        lot: Quantity(1),
        reference_price: Price::from_raw(0),
    };
    let (ports, accounts, firms) = separate_members(PORTS.into());
    GroupConfig {
        ports,
        accounts,
        firms,
        instruments: TICKS.iter().map(instrument).collect(),
        orders_max: 1000,
        levels_max,
        open_orders_per_port_max: 1000,
        cancel_on_disconnect: true,
        opens_at_start: true,
        pause_ns: 0,
        quote_width_parts_per_million: 0,
        limits: Limits {
            quantity_max: Quantity(1000),
            notional_max: Notional::MAX,
            collar_parts_per_million: u32::MAX,
            without_reference: WithoutReference::Accept,
        },
    }
}
