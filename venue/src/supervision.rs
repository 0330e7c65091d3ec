//! Who is restarted when it fails, and what ends the venue.

use std::time::Duration;

use corelane_actors::{
    engine::Group, market_data::MarketData, publisher::Publisher, sequencer_policy::ReferencePolicy, session::Session,
};
use corelane_config::Supervision;
use corelane_runtime::{
    net::EndpointId,
    sequencer::Sequencer,
    supervision::{Backoff, Escalation, Strategy, SupervisorSpec},
    topology::{ActorId, Topology},
};

/// How much of a wait before a restart is left out at random, so that venues on one feed do not join it anew together.
const JITTER_PERCENT: u8 = 20;

/// The actors that nothing goes on without.
pub(crate) struct Significant {
    pub session: ActorId<Session>,
    pub sequencer: ActorId<Sequencer<ReferencePolicy>>,
    pub group: ActorId<Group>,
    pub publisher: Option<ActorId<Publisher>>,
}

/// Supervises what cannot be restarted without what it knew.
///
/// Without the sequencer or the group nobody can answer a request or end the day, so nothing more leaves. Without order
/// entry or the publisher they still end the day: all orders are cancelled, and whoever can be told is.
pub(crate) fn supervise(topology: &mut Topology, significant: &Significant) {
    let ends = |name, escalation| SupervisorSpec::new(name, Strategy::OneForOne).escalation(escalation);
    let engine = topology.supervisor(ends("engine", Escalation::Exit));
    topology.supervise_significant(engine, significant.sequencer);
    topology.supervise_significant(engine, significant.group);
    let gateways = topology.supervisor(ends("gateways", Escalation::Halt));
    topology.supervise_significant(gateways, significant.session);
    if let Some(publisher) = significant.publisher {
        topology.supervise_significant(gateways, publisher);
    }
}

/// Supervises market data, which `build` builds anew: it joins its feed again.
pub(crate) fn supervise_market_data(
    topology: &mut Topology,
    config: &Supervision,
    market_data: ActorId<MarketData>,
    build: impl Fn(&[EndpointId]) -> MarketData + Send + 'static,
) {
    let period = Duration::from_millis(config.period_ms);
    let backoff = Backoff {
        first: Duration::from_millis(config.backoff_first_ms),
        max: Duration::from_millis(config.backoff_max_ms),
        jitter_percent: JITTER_PERCENT,
        reset_after: period,
    };
    let spec =
        SupervisorSpec::new("feeds", Strategy::OneForOne).intensity(config.restarts_max, period).backoff(backoff);
    let feeds = topology.supervisor(spec);
    topology.supervise(feeds, market_data, build);
}
