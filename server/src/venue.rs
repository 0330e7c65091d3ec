//! The venue: its configuration turned into a topology, and the running server.

use std::{net::SocketAddr, time::Duration};

use corelane_actors::{
    counters::Counters,
    group::{GroupConfig, GroupConfigError, Instrument, wire_group},
    market_data::{BookEvent, DepthAnswer, FeedCounters, MarketData, MarketDataIn, TopOfBook},
    messages::{Command, SequencerIn},
    publisher::{Publisher, PublisherCounters},
    risk::{Limits, WithoutReference},
    sequencer_policy::ReferencePolicy,
    session::{Account, Session, SessionConfig, SessionConfigError, SessionCount, SoupFramer, replay_log_bytes},
};
use corelane_codecs::{
    soup,
    text::{Alpha, AlphaError, Symbol},
};
use corelane_config::Config;
use corelane_runtime::{
    actor::Actor,
    clock::{InvalidUtcOffset, UtcOffset},
    cpu,
    lifecycle::{Outcome, RunOptions, Running, StartError, Status},
    net::{DriverConfig, EndpointId, EndpointSpec},
    sequencer::Sequencer,
    topology::check::TopologyErrors,
    topology::{ActorId, ConflatedReceiver, EdgeSpec, ExternalReceiver, ExternalSender, ShardId, ShardSpec, Topology},
};

use crate::{
    feeds::{feed_in_endpoints, feed_out_endpoints, market_data_config, publisher_config},
    placement::{Placement, place},
};

/// Connections that the kernel completes before the shard accepts them.
const LISTEN_BACKLOG: u16 = 4096;
/// Commands from the operator that may wait for the sequencer.
const CONTROL_CAPACITY: usize = 16;
/// How long a stop waits for what is in flight.
const DRAIN_DEADLINE: Duration = Duration::from_secs(5);

/// Why a venue did not come up.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum VenueError {
    /// A text of the configuration does not fit its wire field.
    #[error("{what} {text:?}: {source}")]
    Text {
        /// What it is.
        what: &'static str,
        /// The text.
        text: String,
        /// Why it does not fit.
        source: AlphaError,
    },
    /// Bounds of the matching group contradict each other.
    #[error(transparent)]
    Group(#[from] GroupConfigError),
    /// Bounds of the session actor contradict each other.
    #[error(transparent)]
    Session(#[from] SessionConfigError),
    /// No such zone.
    #[error(transparent)]
    UtcOffset(#[from] InvalidUtcOffset),
    /// The topology is faulty, or its start was refused.
    #[error(transparent)]
    Start(#[from] StartError),
}

/// Shows every fault of a topology.
pub fn topology_report(errors: TopologyErrors) -> miette::Report {
    miette::miette!("the topology is faulty:\n{errors}")
}

/// A venue's topology, not yet started.
pub struct Declared {
    /// The topology.
    pub topology: Topology,
    /// Its shards, in the order of the configuration.
    pub shards: Vec<ShardId>,
    /// Where it runs.
    pub placement: Placement,
    sequencer: ActorId<Sequencer<ReferencePolicy>>,
    control: ExternalSender<SequencerIn>,
    session: u32,
    counters: VenueCounters,
    market_data: Option<ActorId<MarketData>>,
    instruments: usize,
    publisher: Option<u32>,
}

/// What the venue's actors count, to be read while they run.
#[derive(Clone, Default)]
pub struct VenueCounters {
    /// Order entry.
    pub session: Counters<SessionCount>,
    /// The incoming feed, its lines and what was asked for again.
    pub feed_in: FeedCounters,
    /// The outgoing feed and its retransmission server.
    pub feed_out: PublisherCounters,
}

/// A running venue.
pub struct Venue {
    running: Running,
    control: ExternalSender<SequencerIn>,
    session: u32,
    counters: VenueCounters,
    market_data: Option<u32>,
    publisher: Option<u32>,
}

/// Declares the venue of `config` on the `allowed` CPUs.
///
/// # Errors
/// What contradicts itself in the configuration beyond what the schema can tell.
pub fn declare(config: &Config, allowed: &[usize]) -> Result<Declared, VenueError> {
    let placement = place(config, allowed);
    let mut topology = Topology::new();
    let net = driver_config(config);
    let shards: Vec<ShardId> = config
        .shards
        .iter()
        .zip(&placement.shards)
        .map(|(shard, &(cpu, idle))| {
            topology.shard(ShardSpec { name: shard.name.clone(), cpu, idle, net: net.clone() })
        })
        .collect();
    let shard_of = |role: &str| {
        let index = config.shards.iter().position(|shard| shard.name == role);
        shards[index.expect("the configuration's check knows every shard that a role names")]
    };
    let (ingress, core, publisher) =
        (shard_of(&config.placement.ingress), shard_of(&config.placement.core), shard_of(&config.placement.publisher));

    let session_config = session_config(config)?;
    let framer = Box::new(SoupFramer { payload_max: config.net.max_frame_bytes - soup::HEADER_LEN });
    let listen = EndpointSpec::Listen { addr: config.order_entry.listen, framer, backlog: LISTEN_BACKLOG };
    let built_session = Session::new(session_config)?;
    let counters = VenueCounters { session: built_session.stats(), ..VenueCounters::default() };
    let session = topology.net_actor(ingress, "session", vec![listen], move |_| built_session);
    let market_data = match &config.feeds.inbound {
        Some(feed) => {
            let feed_config = market_data_config(config, feed)?;
            let feed_counters = counters.feed_in.clone();
            let build = move |endpoints: &[EndpointId]| MarketData::new(feed_config, endpoints, feed_counters);
            Some(topology.net_actor(ingress, "market-data", feed_in_endpoints(feed), build))
        }
        None => None,
    };
    let stamp = ReferencePolicy::new(config.instruments.len(), market_data.map(|actor| actor.index()));
    let sequencer = topology.actor(ingress, "sequencer", move || Sequencer::new(stamp));
    let group = wire_group(&mut topology, core, group_config(config)?)?;

    let edges = &config.edges;
    topology.connect(
        session,
        |out| &mut out.requests,
        sequencer,
        EdgeSpec::backpressure(edges.ingress_capacity).admission(),
    );
    if let Some(market_data) = market_data {
        let references = EdgeSpec::backpressure(edges.references_capacity).admission();
        topology.connect(market_data, |out| &mut out.references, sequencer, references);
    }
    topology.connect(sequencer, |out| &mut out.group, group, EdgeSpec::backpressure(edges.group_capacity));
    topology.leave_open(sequencer, |out| &mut out.record);
    if let Some(market_data) = market_data {
        // Whoever embeds the venue may read them.
        topology.leave_open(market_data, |out| &mut out.tops);
        topology.leave_open(market_data, |out| &mut out.depth);
        topology.leave_open(market_data, |out| &mut out.events);
    }
    topology.connect(group, |out| &mut out.replies, session, EdgeSpec::backpressure(edges.replies_capacity));
    let publisher = match &config.feeds.outbound {
        Some(feed) => {
            let publisher_config = publisher_config(config, feed)?;
            let feed_counters = counters.feed_out.clone();
            let actor = topology.net_actor(publisher, "publisher", feed_out_endpoints(feed), move |endpoints| {
                let built = Publisher::new(publisher_config, endpoints, feed_counters);
                built.expect("the schema's ranges are the publisher's")
            });
            let publications = EdgeSpec::backpressure(edges.publications_capacity);
            topology.connect(group, |out| &mut out.publications, actor, publications);
            Some(actor.index())
        }
        None => {
            topology.leave_open(group, |out| &mut out.publications);
            None
        }
    };
    let control = topology.external_sender("control", sequencer, EdgeSpec::backpressure(CONTROL_CAPACITY));
    let session = session.index();
    Ok(Declared {
        topology,
        shards,
        placement,
        sequencer,
        control,
        session,
        counters,
        market_data,
        instruments: config.instruments.len(),
        publisher,
    })
}

impl Declared {
    /// Gives the reader of the returned receiver every sequenced input, in order: what a replay of the group needs. The
    /// venue takes no request while `capacity` inputs are not read.
    pub fn record(&mut self, capacity: usize) -> ExternalReceiver<Command> {
        self.topology.external_receiver(self.sequencer, |out| &mut out.record, EdgeSpec::backpressure(capacity))
    }

    /// The newest best levels of the incoming feed's books, to be read on any one thread while the venue runs; `None`
    /// without such a feed. An instrument's locate is its place in the configuration, from 1.
    pub fn tops(&mut self) -> Option<ConflatedReceiver<TopOfBook>> {
        let market_data = self.market_data?;
        Some(self.topology.conflated_receiver(market_data, |out| &mut out.tops, self.instruments + 1))
    }

    /// Depth of the incoming feed's books: requests go in at one end, `capacity` at once, and answers come out at the
    /// other. Answers that the reader has left no room for are dropped and counted: 64 messages is one at least.
    pub fn depth(&mut self, capacity: usize) -> Option<(ExternalSender<MarketDataIn>, ExternalReceiver<DepthAnswer>)> {
        let market_data = self.market_data?;
        let requests = self.topology.external_sender("depth", market_data, EdgeSpec::backpressure(capacity));
        let answers = EdgeSpec::drop_newest(capacity.max(2) * MarketData::OUTPUTS_MAX);
        Some((requests, self.topology.external_receiver(market_data, |out| &mut out.depth, answers)))
    }

    /// Every message of the incoming feed that changed a book, in order. Of a reader that leaves `capacity` of them
    /// unread, 128 at least, the newest are dropped and counted, which shows in [`BookEvent::number`].
    pub fn events(&mut self, capacity: usize) -> Option<ExternalReceiver<BookEvent>> {
        let market_data = self.market_data?;
        Some(self.topology.external_receiver(market_data, |out| &mut out.events, EdgeSpec::drop_newest(capacity)))
    }

    /// Starts the venue; `config` is the one it was declared from.
    ///
    /// # Errors
    /// [`VenueError`].
    pub fn start(self, config: &Config) -> Result<Venue, VenueError> {
        let options = RunOptions {
            housekeeping_cpu: Some(self.placement.housekeeping_cpu),
            utc_offset: UtcOffset::from_seconds(config.venue.utc_offset_minutes * 60)?,
            drain_deadline: DRAIN_DEADLINE,
        };
        let Declared { topology, control, session, counters, market_data, publisher, .. } = self;
        let market_data = market_data.map(ActorId::index);
        Ok(Venue { running: topology.start(options)?, control, session, counters, market_data, publisher })
    }
}

impl Venue {
    /// Starts the venue of `config` on the CPUs that this process may use.
    ///
    /// # Errors
    /// [`VenueError`].
    pub fn start(config: &Config) -> Result<Self, VenueError> {
        declare(config, &cpu::allowed_cpus())?.start(config)
    }

    /// Where clients connect.
    pub fn order_entry(&self) -> SocketAddr {
        self.running.addresses(self.session)[0]
    }

    /// Where the incoming feed is expected, if there is one: line A.
    pub fn feed_in(&self) -> Option<SocketAddr> {
        self.feed_in_addresses().first().copied()
    }

    /// Where the lines of the incoming feed are expected, A first, and behind them where requests are sent from if there
    /// are retransmission servers.
    pub fn feed_in_addresses(&self) -> &[SocketAddr] {
        self.market_data.map_or(&[], |actor| self.running.addresses(actor))
    }

    /// Where messages of the outgoing feed are asked for again, if they can be.
    pub fn retransmission(&self) -> Option<SocketAddr> {
        self.running.addresses(self.publisher?).get(1).copied()
    }

    /// The operator's line to the sequencer.
    pub fn control(&mut self) -> &mut ExternalSender<SequencerIn> {
        &mut self.control
    }

    /// Why connections ended, and what else order entry counts, up to now.
    pub fn session_counts(&self) -> &Counters<SessionCount> {
        &self.counters.session
    }

    /// What the venue's actors count, up to now.
    pub fn counters(&self) -> &VenueCounters {
        &self.counters
    }

    /// Figures and failures so far.
    pub fn status(&self) -> Status {
        self.running.status()
    }

    /// Stops in order: no new requests, answers to those in flight, good-bye to every session.
    pub fn stop(self) -> Outcome {
        self.running.stop()
    }
}

/// Memory of the sessions' replay logs, in bytes.
pub fn replay_bytes(config: &Config) -> usize {
    config.sessions.len() * replay_log_bytes(config.order_entry.messages_per_session_max)
}

pub(crate) fn alpha<const N: usize>(what: &'static str, text: &str) -> Result<Alpha<N>, VenueError> {
    Alpha::new(text).map_err(|source| VenueError::Text { what, text: text.to_owned(), source })
}

fn driver_config(config: &Config) -> DriverConfig {
    // The schema's ranges keep every number within its type.
    DriverConfig {
        receive_buffers: config.net.receive_buffers as u16,
        receive_buffer_bytes: config.net.receive_buffer_bytes as u32,
        send_buffer_bytes: config.net.send_buffer_bytes as u32,
        connections_max: config.net.connections_max as u32,
        submission_entries: config.net.submission_entries as u32,
        max_frame_bytes: config.net.max_frame_bytes as u32,
        sends_by_call: config.net.sends_by_call as u16,
        ..DriverConfig::default()
    }
}

fn session_config(config: &Config) -> Result<SessionConfig, VenueError> {
    let accounts = config
        .sessions
        .iter()
        .map(|session| {
            Ok(Account {
                user: alpha("user", &session.user)?,
                password: alpha("password", session.password.expose())?,
                name: alpha("account", session.account())?,
            })
        })
        .collect::<Result<_, VenueError>>()?;
    let order_entry = &config.order_entry;
    Ok(SessionConfig {
        login_timeout_ns: nanos(order_entry.login_timeout_ms),
        client_timeout_ns: nanos(order_entry.client_timeout_ms),
        heartbeat_ns: nanos(order_entry.heartbeat_ms),
        messages_per_session_max: order_entry.messages_per_session_max,
        open_orders_per_session_max: order_entry.open_orders_per_session_max,
        connections_max: config.net.connections_max,
        unsent_bytes_max: config.net.send_buffer_bytes,
        ..SessionConfig::new(alpha("session", &config.venue.session)?, accounts, symbols(config)?)
    })
}

/// What the matching group of `config` is made for: a replay of its recorded stream needs the same.
///
/// # Errors
/// [`VenueError::Text`] for a symbol that does not fit its wire field.
pub fn group_config(config: &Config) -> Result<GroupConfig, VenueError> {
    let instruments = config
        .instruments
        .iter()
        .map(|instrument| {
            Ok(Instrument {
                symbol: alpha("symbol", &instrument.symbol)?,
                tick: instrument.tick.ten_thousandths(),
                lot: instrument.lot,
                reference_price: instrument.reference_price.map_or(0, |price| price.ten_thousandths()),
            })
        })
        .collect::<Result<_, VenueError>>()?;
    Ok(GroupConfig {
        accounts: config.sessions.len() as u32,
        instruments,
        orders_max: config.matching.orders_max as u32,
        levels_max: config.matching.levels_max as u32,
        open_orders_per_account_max: config.order_entry.open_orders_per_session_max as u32,
        messages_per_account_max: config.order_entry.messages_per_session_max as u64,
        cancel_on_disconnect: config.order_entry.cancel_on_disconnect,
        opens_at_start: true,
        limits: Limits {
            quantity_max: config.risk.quantity_max,
            notional_max: config.risk.notional_max.ten_thousandths(),
            collar_parts_per_million: config.risk.collar_percent.parts_per_million(),
            without_reference: match config.risk.collar_without_reference {
                corelane_config::WithoutReference::Accept => WithoutReference::Accept,
                corelane_config::WithoutReference::Reject => WithoutReference::Reject,
            },
        },
    })
}

pub(crate) fn symbols(config: &Config) -> Result<Vec<Symbol>, VenueError> {
    config.instruments.iter().map(|instrument| alpha("symbol", &instrument.symbol)).collect()
}

pub(crate) fn nanos(milliseconds: u64) -> u64 {
    milliseconds * 1_000_000
}
