//! The venue: its configuration turned into a topology, and the running server.

use std::{net::SocketAddr, time::Duration};

use corelane_actors::{
    group::{GroupConfig, GroupConfigError, Instrument, wire_group},
    market_data::{MarketData, MarketDataConfig},
    messages::SequencerIn,
    publisher::{Publisher, PublisherConfig},
    risk::{Limits, WithoutReference},
    session::{Account, Session, SessionConfig, SessionConfigError, SoupFramer},
    stamp::TradingStamp,
};
use corelane_codecs::text::{Alpha, AlphaError};
use corelane_config::{Config, FeedIn, FeedOut};
use corelane_runtime::{
    check::TopologyErrors,
    clock::{InvalidUtcOffset, UtcOffset},
    cpu,
    net::{DriverConfig, EndpointSpec, UdpSpec},
    running::{Outcome, RunOptions, Running, StartError, Status},
    sequencer::Sequencer,
    topology::{EdgeSpec, Injector, ShardRef, ShardSpec, Topology},
};

use crate::placement::{Placement, place};

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
    /// Where it runs.
    pub placement: Placement,
    control: Injector<SequencerIn>,
    session: u32,
    market_data: Option<u32>,
}

/// A running venue.
pub struct Venue {
    running: Running,
    control: Injector<SequencerIn>,
    session: u32,
    market_data: Option<u32>,
}

/// Declares the venue of `config` on the `allowed` CPUs.
///
/// # Errors
/// What contradicts itself in the configuration beyond what the schema can tell.
pub fn declare(config: &Config, allowed: &[usize]) -> Result<Declared, VenueError> {
    let placement = place(config, allowed);
    let mut topology = Topology::new();
    let net = driver_config(config);
    let shards: Vec<ShardRef> = config
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
    let (ingress, core, publisher) = (
        shard_of(&config.placement.ingress),
        shard_of(&config.placement.core),
        shard_of(&config.placement.publisher),
    );

    let session_config = session_config(config)?;
    let listen = EndpointSpec::Listen { addr: config.order_entry.listen, framer: Box::new(SoupFramer), backlog: 4096 };
    let built_session = Session::new(session_config)?;
    let session = topology.net_actor(ingress, "session", vec![listen], move |_| built_session);
    let market_data = match &config.feeds.inbound {
        Some(feed) => {
            let feed_config = market_data_config(config, feed)?;
            let endpoint = EndpointSpec::Udp(feed_in_endpoint(feed));
            Some(topology.net_actor(ingress, "market-data", vec![endpoint], move |_| MarketData::new(feed_config)))
        }
        None => None,
    };
    let stamp = TradingStamp::new(config.instruments.len(), market_data.map(|actor| actor.index()));
    let sequencer = topology.actor(ingress, "sequencer", move || Sequencer::new(stamp));
    let group = wire_group(&mut topology, core, group_config(config)?)?;

    let edges = &config.edges;
    topology.connect(session, |out| &mut out.requests, sequencer, EdgeSpec::hold(edges.ingress_capacity).admission());
    if let Some(market_data) = market_data {
        let references = EdgeSpec::hold(edges.references_capacity).admission();
        topology.connect(market_data, |out| &mut out.references, sequencer, references);
    }
    topology.connect(sequencer, |out| &mut out.group, group.order, EdgeSpec::hold(edges.group_capacity));
    topology.leave_open(sequencer, |out| &mut out.record);
    topology.connect(group.order, |out| &mut out.replies, session, EdgeSpec::hold(edges.replies_capacity));
    match &config.feeds.outbound {
        Some(feed) => {
            let publisher_config = publisher_config(config, feed)?;
            let endpoint = EndpointSpec::Udp(feed_out_endpoint(feed));
            let actor = topology.net_actor(publisher, "publisher", vec![endpoint], move |endpoints| {
                Publisher::new(publisher_config, endpoints[0])
            });
            let publications = EdgeSpec::hold(edges.publications_capacity);
            topology.connect(group.matching, |out| &mut out.publications, actor, publications);
        }
        None => topology.leave_open(group.matching, |out| &mut out.publications),
    }
    let control = topology.injector("control", sequencer, EdgeSpec::hold(CONTROL_CAPACITY));
    let market_data = market_data.map(|actor| actor.index());
    Ok(Declared { topology, placement, control, session: session.index(), market_data })
}

impl Venue {
    /// Starts the venue of `config` on the CPUs that this process may use.
    ///
    /// # Errors
    /// [`VenueError`].
    pub fn start(config: &Config) -> Result<Self, VenueError> {
        let declared = declare(config, &cpu::allowed_cpus())?;
        let options = RunOptions {
            housekeeping_cpu: Some(declared.placement.housekeeping_cpu),
            utc_offset: UtcOffset::from_seconds(config.venue.utc_offset_minutes * 60)?,
            drain_deadline: DRAIN_DEADLINE,
        };
        let Declared { topology, control, session, market_data, .. } = declared;
        Ok(Venue { running: topology.start(options)?, control, session, market_data })
    }

    /// Where clients connect.
    pub fn order_entry(&self) -> SocketAddr {
        self.running.addresses(self.session)[0]
    }

    /// Where the incoming feed is expected, if there is one.
    pub fn feed_in(&self) -> Option<SocketAddr> {
        Some(self.running.addresses(self.market_data?)[0])
    }

    /// The operator's line to the sequencer.
    pub fn control(&mut self) -> &mut Injector<SequencerIn> {
        &mut self.control
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
    config.sessions.len() * corelane_actors::session::replay_bytes(config.order_entry.messages_per_session_max)
}

fn alpha<const N: usize>(what: &'static str, text: &str) -> Result<Alpha<N>, VenueError> {
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
        ..DriverConfig::default()
    }
}
