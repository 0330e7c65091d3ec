//! The real venue, with as many sessions and instruments as a scenario asks for.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket};

use corelane_actors::market_data::TopOfBook;
use corelane_config::{Config, VENUE_TOML};
use corelane_market::DayInstrument;
use corelane_runtime::{cpu, lifecycle::Outcome, topology::ConflatedReceiver};
use corelane_tester::{
    configured,
    load::Credentials,
    script::{MarketScript, Mix},
};
use corelane_venue::{Venue, VenueError, declare};

/// Open orders of a session. Few, so that the tester's slow model of the venue does not become the bottleneck.
const OPEN_ORDERS_MAX: usize = corelane_benches::wire::OPEN_ORDERS_MAX;
/// Answers to a request at most, on average: the full mix has 1.7.
const ANSWERS_PER_REQUEST: u64 = 3;
/// Answers of a session that its replay log keeps, besides those to the load.
const ANSWERS_SPARE: u64 = 2048;

/// Size and options of a venue.
#[derive(Clone, Copy, Debug)]
pub struct VenueSpec {
    /// Sessions.
    pub sessions: usize,
    /// Instruments, at least as many as sessions: each session trades its own, so that every answer is known.
    pub instruments: usize,
    /// Requests of one session during the run.
    pub requests_per_session: u64,
    /// Whether it takes a market in.
    pub feed_in: bool,
    /// Whether open orders of a client stay when its connection ends.
    pub orders_stay: bool,
}

/// A running venue.
#[derive(Debug)]
pub struct VenueUnderTest {
    venue: Venue,
    config: Config,
    /// Publications go there and nobody reads them: the venue pays for sending, the tester for nothing.
    _feed: UdpSocket,
}

impl VenueUnderTest {
    /// Starts the venue of the shipped configuration, grown to `spec`, on ports of the kernel's choice.
    ///
    /// # Errors
    /// [`VenueError`].
    pub fn start(spec: &VenueSpec) -> Result<Self, VenueError> {
        let (config, feed) = Self::configure(spec);
        Ok(Self { venue: Venue::start(&config).map_err(VenueError::of_built_in)?, config, _feed: feed })
    }

    /// Starts the venue as [`start`](Self::start), and returns the best prices of the incoming feed too, to be read on
    /// any one thread.
    ///
    /// # Errors
    /// [`VenueError`].
    pub fn start_with_tops(spec: &VenueSpec) -> Result<(Self, Option<ConflatedReceiver<TopOfBook>>), VenueError> {
        let (config, feed) = Self::configure(spec);
        let mut declared = declare(&config, &cpu::allowed_cpus())?;
        let tops = declared.tops();
        Ok((Self { venue: declared.start(&config)?, config, _feed: feed }, tops))
    }

    fn configure(spec: &VenueSpec) -> (Config, UdpSocket) {
        let feed = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a UDP port on loopback");
        let port = feed.local_addr().expect("a bound socket has an address").port();
        (config(spec, port), feed)
    }

    /// Address for clients to connect to.
    pub fn order_entry(&self) -> SocketAddr {
        self.venue.order_entry()
    }

    /// Address for the incoming market, if the venue takes one in.
    pub fn feed_in(&self) -> Option<SocketAddr> {
        self.venue.feed_in()
    }

    /// The venue itself.
    pub fn venue(&self) -> &Venue {
        &self.venue
    }

    /// The users.
    pub fn credentials(&self) -> Vec<Credentials> {
        configured::credentials(&self.config)
    }

    /// Script of requests and answers for sessions `of`: the instruments are shared out to all sessions in turns.
    pub fn script(&self, of: std::ops::Range<usize>, seed: u64, mix: Mix) -> MarketScript {
        let all = self.config.ports.len();
        let own = |session: usize| {
            let instruments = self.config.instruments.iter().skip(session).step_by(all);
            let traded = instruments.map(configured::instrument).collect::<Result<_, _>>();
            traded.expect("instruments are the configuration's or ours")
        };
        let sessions = of.map(own).collect();
        MarketScript::new(configured::script_of(&self.config, sessions, seed, mix, OPEN_ORDERS_MAX))
    }

    /// The instruments of a market to be played in.
    pub fn market(&self) -> Vec<DayInstrument> {
        configured::day_instruments(&self.config)
    }

    /// Instruments of a market to be played into a venue that is not started.
    pub fn market_of(spec: &VenueSpec) -> Vec<DayInstrument> {
        configured::day_instruments(&config(spec, 0))
    }

    /// Stops it in order.
    pub fn stop(self) -> Outcome {
        self.venue.stop().outcome
    }
}

fn shipped() -> Config {
    Config::parse("the embedded venue", VENUE_TOML).unwrap_or_else(|errors| panic!("{}", errors.plain()))
}

fn config(spec: &VenueSpec, feed_port: u16) -> Config {
    let mut config = shipped();
    config.order_entry.listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    if let Some(out) = &mut config.feeds.outbound {
        out.to = SocketAddrV4::new(Ipv4Addr::LOCALHOST, feed_port);
    }
    match (&mut config.feeds.inbound, spec.feed_in) {
        (Some(feed), true) => feed.listen = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0),
        (inbound, _) => *inbound = None,
    }
    config.order_entry.cancel_on_disconnect &= !spec.orders_stay;
    if spec.sessions > SMALL {
        config.order_entry.open_orders_per_port_max = 4 * OPEN_ORDERS_MAX;
    }
    let answers = spec.requests_per_session * ANSWERS_PER_REQUEST + ANSWERS_SPARE;
    let bytes = usize::try_from(answers * ANSWER_BYTES).unwrap_or(usize::MAX);
    config.order_entry.reply_log_bytes =
        bytes.clamp(config.order_entry.reply_log_bytes_min(&config.net), REPLY_LOG_BYTES_MAX);
    // All sessions come from this host, and each may be connected before the first logs in.
    config.net.connections_max = config.net.connections_max.max(3 * spec.sessions + 16);
    config.order_entry.connections_per_address_max = config.order_entry.connections_per_address_max.max(spec.sessions);
    let (port, instrument) = (config.ports[1].clone(), config.instruments[0].clone());
    for index in config.ports.len()..spec.sessions {
        let mut port = port.clone();
        port.user = format!("S{index:05}");
        config.ports.push(port);
    }
    config.ports.truncate(spec.sessions);
    for index in config.instruments.len()..spec.instruments {
        let mut instrument = instrument.clone();
        instrument.symbol = format!("I{index:05}");
        config.instruments.push(instrument);
    }
    config.instruments.truncate(spec.instruments.max(spec.sessions));
    config
}

/// Bytes of the longest answer in its packet.
const ANSWER_BYTES: u64 = 74;
/// What a port's log may take.
const REPLY_LOG_BYTES_MAX: usize = 4 << 30;
/// Sessions up to which the shipped bound on open orders stays; more would take memory that no scenario uses.
const SMALL: usize = 16;
