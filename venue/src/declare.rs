//! The topology of a configured venue: its actors, their edges, and their placement on shards.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicU64},
};

use corelane_actors::{
    engine::{GroupCount, wire_group},
    market_data::{BookEvent, DepthAnswer, FeedCounters, MarketData, MarketDataIn, TopOfBook},
    publisher::{Publisher, PublisherCounters},
    sequencer_policy::ReferencePolicy,
    session::{ConnectionEnd, EntryGate, Session, SessionCount, SoupFramer},
    types::{Command, SequencerIn},
};
use corelane_codecs::soup;
use corelane_config::{Config, Edge};
use corelane_runtime::{
    actor::Actor,
    lifecycle::StartError,
    net::{EndpointId, EndpointSpec},
    sequencer::Sequencer,
    telemetry::{Counters, EdgeCount},
    topology::{ActorId, ConflatedReceiver, EdgeSpec, ExternalReceiver, ExternalSender, ShardId, ShardSpec, Topology},
};

use crate::{
    convert::nanos,
    error::VenueError,
    feeds::{feed_in_endpoints, feed_out_endpoints, market_data_config, publisher_config},
    order_flow::{driver_config, group_config, session_config},
    permits::WorkPermits,
    placement::{Placement, place},
    supervision::{Significant, supervise, supervise_market_data},
};

/// The number of established connections that may wait to be accepted.
const LISTEN_BACKLOG: u16 = 4096;
/// The number of ends of connections that the log may fall behind.
const ENDS_CAPACITY: usize = 256;
/// The number of operator commands that may wait for the sequencer.
const CONTROL_CAPACITY: usize = 16;

/// A venue's topology before its start.
#[derive(Debug)]
pub struct Declared {
    /// The topology.
    pub topology: Topology,
    /// The venue's shards, in the order of the configuration.
    pub shards: Vec<ShardId>,
    /// The CPUs of the shards and of housekeeping.
    pub placement: Placement,
    sequencer: ActorId<Sequencer<ReferencePolicy>>,
    pub(crate) control: ExternalSender<SequencerIn>,
    pub(crate) session: ActorId<Session>,
    pub(crate) ends: ExternalReceiver<ConnectionEnd>,
    pub(crate) counters: VenueCounters,
    pub(crate) permits: WorkPermits,
    pub(crate) gate: EntryGate,
    pub(crate) market_data: Option<ActorId<MarketData>>,
    instruments: usize,
    pub(crate) publisher: Option<ActorId<Publisher>>,
    pub(crate) endpoint_keys: EndpointKeys,
    pub(crate) incidents: Option<PathBuf>,
    pub(crate) is_watched: bool,
}

/// The counters of the venue's actors, readable while they run.
#[derive(Clone, Debug, Default)]
pub struct VenueCounters {
    /// Order entry.
    pub session: Counters<SessionCount>,
    /// The group: order, risk and matching.
    pub group: Counters<GroupCount>,
    /// The incoming feed, its lines and its retransmission requests.
    pub feed_in: FeedCounters,
    /// The outgoing feed and its retransmission server.
    pub feed_out: PublisherCounters,
    /// Lines of the program's log that were dropped: who writes the log counts them here, or nobody does.
    pub lost_log_lines: Arc<AtomicU64>,
    /// How often the producer of each queue was held.
    pub edges: HashMap<Edge, Counters<EdgeCount>>,
}

/// Declares the venue of `config` on the `allowed` CPUs.
///
/// # Errors
/// [`VenueError`] for contradictions in the configuration that the schema cannot detect.
pub fn declare(config: &Config, allowed: &[usize]) -> Result<Declared, VenueError> {
    let placement = place(config, allowed);
    if !allowed.contains(&placement.housekeeping_cpu) {
        return Err(VenueError::HousekeepingCpu { cpu: placement.housekeeping_cpu, allowed: allowed.to_vec() });
    }
    let mut topology = Topology::new();
    let net = driver_config(config);
    let shards: Vec<ShardId> = config
        .shards
        .iter()
        .zip(&placement.shards)
        .map(|(shard, &(cpu, idle))| {
            topology.shard(ShardSpec::new(shard.name.clone(), cpu).idle(idle).net(net.clone()))
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
    let gate = built_session.gate();
    let mut counters = VenueCounters { session: built_session.stats(), ..VenueCounters::default() };
    let permits = WorkPermits::new(config);
    let mut endpoint_keys = EndpointKeys::default();
    let listen = endpoint_keys.of(&config.placement.ingress, vec![("order_entry.listen", listen)]);
    let session = topology.net_actor(ingress, "session", listen, move |_| built_session.touched());
    let market_data = match &config.feeds.inbound {
        Some(feed) => {
            let feed_config = market_data_config(config, feed, &permits)?;
            let feed_counters = counters.feed_in.clone();
            let build =
                move |endpoints: &[EndpointId]| MarketData::new(feed_config.clone(), endpoints, feed_counters.clone());
            let endpoints = endpoint_keys.of(&config.placement.ingress, feed_in_endpoints(feed));
            let market_data = topology.net_actor(ingress, "market-data", endpoints, build.clone());
            supervise_market_data(&mut topology, &config.supervision, market_data, build);
            Some(market_data)
        }
        None => None,
    };
    let mut stamp = ReferencePolicy::new(config.instruments.len(), market_data.map(Into::into));
    if let Some(protection) = &config.delay_protection {
        stamp = stamp.protect_from_delay(nanos(protection.max_age_ms));
    }
    let sequencer = topology.actor(ingress, "sequencer", move || Sequencer::new(stamp));
    let group = wire_group(&mut topology, core, group_config(config)?, counters.group.clone())?;

    let edges = &config.edges;
    topology.connect(
        session,
        |out| &mut out.requests,
        sequencer,
        EdgeSpec::backpressure(edges.ingress_capacity).admission(),
    );
    let ends = topology.external_receiver(session, |out| &mut out.ends, EdgeSpec::drop_newest(ENDS_CAPACITY));
    if let Some(market_data) = market_data {
        let references = EdgeSpec::backpressure(edges.references_capacity).admission();
        topology.connect(market_data, |out| &mut out.references, sequencer, references);
    }
    topology.connect(sequencer, |out| &mut out.group, group, EdgeSpec::backpressure(edges.group_capacity));
    topology.leave_open(sequencer, |out| &mut out.record);
    if let Some(market_data) = market_data {
        // For programs that embed the venue.
        topology.leave_open(market_data, |out| &mut out.tops);
        topology.leave_open(market_data, |out| &mut out.depth);
        topology.leave_open(market_data, |out| &mut out.events);
    }
    topology.connect(group, |out| &mut out.replies, session, EdgeSpec::backpressure(edges.replies_capacity));
    let publisher = match &config.feeds.outbound {
        Some(feed) => {
            let publisher_config = publisher_config(config, feed)?;
            let feed_counters = counters.feed_out.clone();
            let endpoints = endpoint_keys.of(&config.placement.publisher, feed_out_endpoints(feed));
            let actor = topology.net_actor(publisher, "publisher", endpoints, move |endpoints| {
                let built = Publisher::new(publisher_config, endpoints, feed_counters);
                built.expect("the schema's ranges are the publisher's")
            });
            let publications = EdgeSpec::backpressure(edges.publications_capacity);
            topology.connect(group, |out| &mut out.publications, actor, publications);
            Some(actor)
        }
        None => {
            topology.leave_open(group, |out| &mut out.publications);
            None
        }
    };
    let watched = &mut counters.edges;
    watched.insert(Edge::Ingress, topology.watch(session, |out| &mut out.requests));
    watched.insert(Edge::Group, topology.watch(sequencer, |out| &mut out.group));
    watched.insert(Edge::Replies, topology.watch(group, |out| &mut out.replies));
    watched.insert(Edge::Publications, topology.watch(group, |out| &mut out.publications));
    if let Some(market_data) = market_data {
        watched.insert(Edge::References, topology.watch(market_data, |out| &mut out.references));
    }
    supervise(&mut topology, &Significant { session, sequencer, group, publisher });
    let control = topology.external_sender("control", sequencer, EdgeSpec::backpressure(CONTROL_CAPACITY));
    Ok(Declared {
        topology,
        shards,
        placement,
        sequencer,
        control,
        session,
        ends,
        counters,
        permits,
        gate,
        market_data,
        instruments: config.instruments.len(),
        publisher,
        endpoint_keys,
        incidents: None,
        is_watched: true,
    })
}

/// The keys of the configuration that endpoints are for, by shard and in the order of their declaration.
#[derive(Debug, Default)]
pub(crate) struct EndpointKeys(HashMap<String, Vec<&'static str>>);

impl EndpointKeys {
    /// Notes the keys of an actor's endpoints on a shard, and returns the endpoints.
    fn of(&mut self, shard: &str, endpoints: Vec<(&'static str, EndpointSpec)>) -> Vec<EndpointSpec> {
        let (keys, endpoints): (Vec<_>, Vec<_>) = endpoints.into_iter().unzip();
        self.0.entry(shard.to_owned()).or_default().extend(keys);
        endpoints
    }

    /// Why a topology does not start, with the key of the endpoint that kept it from that, if it was one.
    pub(crate) fn explain(&self, error: StartError) -> VenueError {
        let key = self.of_error(&error).map(|key| format!("it is the socket of `{key}` in the topology"));
        VenueError::Start { error: error.into(), key }
    }

    fn of_error(&self, error: &StartError) -> Option<&'static str> {
        let StartError::Net { shard, source } = error else { return None };
        self.0.get(shard)?.get(source.endpoint()?).copied()
    }
}

impl Declared {
    /// Lets the venue read from `lost` how many lines of the program's log were dropped, for a breaker that watches it.
    pub fn count_lost_log_lines_in(&mut self, lost: Arc<AtomicU64>) {
        self.counters.lost_log_lines = lost;
    }

    /// Makes the venue write a record of each failure to a directory, within the bounds of `[incidents]`.
    pub fn record_incidents(&mut self, directory: &Path) {
        self.incidents = Some(directory.to_owned());
    }

    /// Leaves out the watchdog and the flight recorders, to measure what they cost.
    pub fn unwatched(&mut self) {
        self.is_watched = false;
    }

    /// Opens a receiver of every sequenced input, in order, from which the group can be replayed. While `capacity`
    /// inputs are unread, the venue accepts no requests.
    pub fn record(&mut self, capacity: usize) -> ExternalReceiver<Command> {
        self.topology.external_receiver(self.sequencer, |out| &mut out.record, EdgeSpec::backpressure(capacity))
    }

    /// Opens a receiver of the latest best levels of the incoming feed's books, for one thread of your choice while the
    /// venue runs. `None` without an incoming feed. An instrument's locate is its position in the configuration, from
    /// 1.
    pub fn tops(&mut self) -> Option<ConflatedReceiver<TopOfBook>> {
        let market_data = self.market_data?;
        Some(self.topology.conflated_receiver(market_data, |out| &mut out.tops, self.instruments + 1))
    }

    /// Opens a request/answer pair for the depth of the incoming feed's books, with room for `capacity` requests.
    /// Answers without room are dropped and counted; an answer has at most 64 messages.
    pub fn depth(&mut self, capacity: usize) -> Option<(ExternalSender<MarketDataIn>, ExternalReceiver<DepthAnswer>)> {
        let market_data = self.market_data?;
        let requests = self.topology.external_sender("depth", market_data, EdgeSpec::backpressure(capacity));
        let answers = EdgeSpec::drop_newest(capacity.max(2).saturating_mul(MarketData::OUTPUTS_MAX));
        Some((requests, self.topology.external_receiver(market_data, |out| &mut out.depth, answers)))
    }

    /// Opens a receiver of every message of the incoming feed that changed a book, in order. If the reader falls more
    /// than `capacity` messages behind (at least 128), new ones are dropped and counted, which shows as a gap in
    /// [`BookEvent::number`].
    pub fn events(&mut self, capacity: usize) -> Option<ExternalReceiver<BookEvent>> {
        let market_data = self.market_data?;
        Some(self.topology.external_receiver(market_data, |out| &mut out.events, EdgeSpec::drop_newest(capacity)))
    }
}
