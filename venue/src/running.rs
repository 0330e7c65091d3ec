//! A running venue: start, addresses, counters, requests, stop.

use std::{
    net::SocketAddr,
    path::Path,
    sync::{
        Arc,
        atomic::Ordering,
        mpsc::{self, RecvTimeoutError},
    },
    thread,
    time::{Duration, Instant},
};

use corelane_actors::{
    market_data::MarketData,
    publisher::{Publisher, PublisherCount},
    session::{ConnectionEnd, Session, SessionCount},
};
use corelane_codecs::itch::Timestamp;
use corelane_config::Config;
use corelane_runtime::{
    clock::{ClockFault, ClockMaster, HostTime, UtcOffset},
    cpu,
    lifecycle::{Outcome, RunOptions, Running, Status},
    telemetry::{Counters, ShardCount},
    topology::{ActorId, ExternalReceiver},
};

use crate::{
    declare::{Declared, VenueCounters, declare},
    error::VenueError,
    incidents::{IncidentsTo, Writing},
    memory::check_address_space,
    operator::{AdminSocket, Answer, Asked, Day, Desk, Parts, Progress, Request},
};

/// The time limit of a stop for draining work in flight.
const DRAIN_DEADLINE: Duration = Duration::from_secs(5);
/// How often a stop looks whether the desk has finished, and who asks whether anybody is left to answer.
const LOOK_AGAIN: Duration = Duration::from_millis(2);

/// The time of day at which a venue stops that nobody has stopped: a minute, which a stop never needs, before ITCH's 48-bit
/// times end, 78 hours and 11 minutes after midnight. Later messages would carry times of three days before.
const TIME_OF_DAY_MAX: Duration = Duration::from_nanos(Timestamp::MAX_NS - 60_000_000_000);

/// A running venue.
#[derive(Debug)]
pub struct Venue {
    running: Running,
    desk: mpsc::Sender<Asked>,
    progress: Arc<Progress>,
    session: ActorId<Session>,
    ends: Option<ExternalReceiver<ConnectionEnd>>,
    counters: VenueCounters,
    market_data: Option<ActorId<MarketData>>,
    publisher: Option<ActorId<Publisher>>,
    incidents: Option<Writing>,
}

/// How a venue ended.
#[derive(Clone, Debug)]
#[non_exhaustive]
#[must_use]
pub struct Stopped {
    /// How the topology ended, with the last figures.
    pub outcome: Outcome,
    /// Whether the group ended the day: every order got its final answer, and the tape its last message.
    pub day_ended: bool,
    /// Bytes of answers that waited behind those which clients did not take in time; what their connections held of these is in
    /// [`ShardCount::NetUnsentAtStopBytes`].
    pub unsent_bytes: u64,
    /// Clients that were closed during the stop because they read too slowly: they did not get their last answers.
    pub slow_readers: u64,
    /// Messages of the feed that the network did not take in time.
    pub unsent_publications: u64,
    /// Packets of the feed that the kernel refused, or that were unsent at the end. Subscribers see gaps for them.
    pub lost_feed_packets: u64,
}

impl Stopped {
    /// What failed, and what the stop left undone: a line each, none if the venue ran and stopped in order.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = self.outcome.problems();
        if !self.day_ended {
            problems.push("the group did not end the day: orders may be without a final answer".to_owned());
        }
        if self.unsent_bytes > 0 {
            problems
                .push(format!("{} bytes of answers waited behind those that clients did not take", self.unsent_bytes));
        }
        if self.slow_readers > 0 {
            problems.push(format!("{} clients read too slowly to get the answers of the stop", self.slow_readers));
        }
        if self.unsent_publications > 0 {
            problems.push(format!("the network did not take {} messages of the feed", self.unsent_publications));
        }
        if self.lost_feed_packets > 0 {
            problems.push(format!(
                "{} packets of the feed were refused by the kernel and are lost; look for a link that was down, a missing \
                 route or a firewall",
                self.lost_feed_packets
            ));
        }
        problems
    }
}

impl Declared {
    /// Starts a declared venue. `config` is the configuration that it was declared from.
    ///
    /// # Errors
    /// [`VenueError`].
    pub fn start(self, config: &Config) -> Result<Venue, VenueError> {
        self.start_with_socket(config, None)
    }

    /// As [`Declared::start`], with the operator's socket at a path. Raises the process's limit on open files
    /// (`RLIMIT_NOFILE`) to what the venue may need.
    ///
    /// # Errors
    /// [`VenueError`].
    pub fn start_with_socket(self, config: &Config, socket: Option<&Path>) -> Result<Venue, VenueError> {
        let utc_offset = UtcOffset::from_seconds(config.venue.utc_offset_minutes * 60)?;
        self.start_with_clock(config, socket, ClockMaster::new(HostTime::new(), utc_offset))
    }

    /// As [`Declared::start_with_socket`], on a clock that goes already. What is due of the day is decided by one reading of it,
    /// and the shards go on from there, so that both are in the same day if midnight passes during the start.
    ///
    /// # Errors
    /// [`VenueError`].
    pub fn start_with_clock(
        self,
        config: &Config,
        socket: Option<&Path>,
        clock: ClockMaster,
    ) -> Result<Venue, VenueError> {
        self.prepare_host(config, socket)?.provide()?;
        let now = Duration::from_nanos(clock.time_of_day_ns());
        let mut options = RunOptions::default()
            .housekeeping_cpu(self.placement.housekeeping_cpu)
            .clock(clock)
            .drain_deadline(DRAIN_DEADLINE)
            .halt_deadline(halt_deadline(config))
            .time_of_day_max(TIME_OF_DAY_MAX);
        options = match self.is_watched {
            true => options
                .watchdog(Duration::from_millis(config.supervision.watchdog_ms))
                .housekeeping_watchdog(Duration::from_millis(config.supervision.housekeeping_watchdog_ms)),
            false => options.without_flight_recorder(),
        };
        let Declared {
            topology,
            control,
            session,
            ends,
            counters,
            permits,
            gate,
            market_data,
            publisher,
            endpoint_keys,
            incidents,
            placement,
            ..
        } = self;
        let mut writing = None;
        if let Some((directory, bounds)) = incidents.zip(config.incidents.clone()) {
            let permits = permits.storage.clone();
            match (IncidentsTo { directory, bounds, permits }).start(placement.housekeeping_cpu) {
                Ok((take, thread)) => {
                    options = options.on_incident(take);
                    writing = Some(thread);
                }
                Err(error) => {
                    tracing::error!(%error, "no incidents are recorded: the system starts no thread for them")
                }
            }
        }
        let progress = Arc::<Progress>::default();
        let (desk, asked) = mpsc::channel();
        let parts = Parts {
            control,
            counters: counters.clone(),
            permits,
            gate,
            day: Day::new(config, now)?,
            now,
            at: Instant::now(),
            socket: socket.map(AdminSocket::bind).transpose()?,
            asked,
            progress: progress.clone(),
        };
        let mut served = Desk::new(config, parts);
        let running = topology
            .start_with(options, move |status| served.turn(status, Instant::now()))
            .map_err(|error| endpoint_keys.explain(error))?;
        let ends = Some(ends);
        Ok(Venue { running, desk, progress, session, ends, counters, market_data, publisher, incidents: writing })
    }
}

/// Checks that the venue of `config` could start now: its day has not ended already.
///
/// # Errors
/// [`VenueError::Day`].
pub fn check_day(config: &Config) -> Result<(), VenueError> {
    let utc_offset = UtcOffset::from_seconds(config.venue.utc_offset_minutes * 60)?;
    let now = Duration::from_nanos(ClockMaster::new(HostTime::new(), utc_offset).time_of_day_ns());
    Day::new(config, now)?;
    Ok(())
}

/// How long a halt may take: to end the day, and to serve requests for retransmission of what subscribers missed.
fn halt_deadline(config: &Config) -> Duration {
    let server = config.feeds.outbound.as_ref().and_then(|feed| feed.retransmission.as_ref());
    Duration::from_millis(config.supervision.halt_deadline_ms + server.map_or(0, |server| server.linger_ms))
}

impl Venue {
    /// Starts the venue of `config` on the CPUs that this process may use.
    ///
    /// # Errors
    /// [`VenueError`].
    pub fn start(config: &Config) -> Result<Self, VenueError> {
        check_address_space(config)?;
        declare(config, &cpu::allowed_cpus())?.start(config)
    }

    /// The address that clients connect to.
    pub fn order_entry(&self) -> SocketAddr {
        self.running.addresses(self.session)[0]
    }

    /// The address that receives line A of the incoming feed, if there is one.
    pub fn feed_in(&self) -> Option<SocketAddr> {
        self.feed_in_addresses().first().copied()
    }

    /// The addresses that receive the lines of the incoming feed, line A first. If there are retransmission servers,
    /// the last address is that of the socket that sends requests.
    pub fn feed_in_addresses(&self) -> &[SocketAddr] {
        self.market_data.map_or(&[], |actor| self.running.addresses(actor))
    }

    /// The address of the outgoing feed's retransmission server, if there is one.
    pub fn retransmission(&self) -> Option<SocketAddr> {
        self.running.addresses(self.publisher?).get(1).copied()
    }

    /// Asks the venue for something, and waits until it is done: what changes trading is done when the group has done it.
    ///
    /// # Errors
    /// Why it was not done, in words.
    pub fn ask(&self, request: Request) -> Answer {
        let (answer, answered) = mpsc::channel();
        let ended = "the venue's housekeeping has ended or hangs";
        self.desk.send((request, answer)).map_err(|_| ended)?;
        loop {
            // Once it does not run, nobody answers any more, not even if housekeeping was left behind with what was asked.
            let runs = self.running.is_running();
            match answered.recv_timeout(LOOK_AGAIN) {
                Ok(answer) => return answer,
                Err(RecvTimeoutError::Timeout) if runs => {}
                Err(_) => return Err(ended.to_owned()),
            }
        }
    }

    /// The current counters of order entry, such as the reasons for closed connections.
    pub fn session_counts(&self) -> &Counters<SessionCount> {
        &self.counters.session
    }

    /// The receiver of connections that ended for a fault of their client or of the line, for a log; `None` if it has been
    /// taken. While nobody reads it, later ones are dropped.
    pub fn take_connection_ends(&mut self) -> Option<ExternalReceiver<ConnectionEnd>> {
        self.ends.take()
    }

    /// The current counters of the venue's actors.
    pub fn counters(&self) -> &VenueCounters {
        &self.counters
    }

    /// The counters, timings and failures so far.
    pub fn status(&self) -> Status {
        self.running.status()
    }

    /// Whether it still runs. If not, a part failed without which it does not go on: [`Venue::stop`] says which.
    pub fn is_running(&self) -> bool {
        #[cfg(feature = "faults")]
        for fault in self.progress.clock_faults.lock().unwrap_or_else(std::sync::PoisonError::into_inner).drain(..) {
            self.inject(fault);
        }
        self.running.is_running()
    }

    /// Lets the clock fail, as a test wants it.
    pub fn inject(&self, fault: ClockFault) {
        self.running.inject(fault);
    }

    /// Whether the operator has asked it to stop: call [`Venue::stop`].
    pub fn is_stopping(&self) -> bool {
        self.progress.is_stopping.load(Ordering::Acquire)
    }

    /// Stops in order: the group rejects new orders, cancels all others and ends the day; clients and the feed are told; the
    /// feed's retransmission server answers for the configured time; then the sockets are closed. Waits for it.
    pub fn stop(self) -> Stopped {
        let slow_readers = || self.counters.session.get(SessionCount::SlowReader);
        // If nobody takes the request, it begins now.
        let mut slow_readers_before = slow_readers();
        if !self.is_stopping()
            && let Err(problem) = self.ask(Request::Stop)
        {
            tracing::error!("the day was not ended in order: {problem}");
        }
        while !self.progress.is_done.load(Ordering::Acquire) && self.running.is_running() {
            thread::sleep(LOOK_AGAIN);
        }
        let day_ended = self.progress.day_is_over.load(Ordering::Acquire);
        let outcome = self.running.stop();
        self.incidents.into_iter().for_each(Writing::wait);
        if self.progress.is_stopping.load(Ordering::Acquire) {
            slow_readers_before = self.progress.slow_readers_before.load(Ordering::Acquire);
        }
        Stopped {
            day_ended,
            unsent_bytes: self.counters.session.get(SessionCount::UnsentAtStopBytes),
            slow_readers: slow_readers().saturating_sub(slow_readers_before),
            unsent_publications: self.counters.feed_out.feed.get(PublisherCount::UnsentAtStop),
            // No other socket of a venue has a destination of its own.
            lost_feed_packets: outcome.status.count(ShardCount::NetDatagramsLost),
            outcome,
        }
    }
}
