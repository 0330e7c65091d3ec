//! One run: the venue, everyone around it, the oracle, and the end in which everything must come to rest.

mod checks;
mod halt;

use std::collections::BTreeMap;

use corelane_actors::{market_data::TopOfBook, session::SessionCount, types::Instrument};
use corelane_codecs::mold;
use corelane_config::Day;
use corelane_runtime::{
    simulation::{Happening, LinkId, Stalls, World},
    topology::ConflatedReceiver,
};
use corelane_venue::{self as venue, VenueCounters, VenueError};

use crate::{
    client::{BEAT, BEAT_NS, Client, Members},
    feed::{FEED, OtherVenue, asks_in_time},
    host::{HOST, Host},
    operator::{OPERATE, Operator},
    oracle::Oracle,
    panics::{PANIC, Panics},
    spec::{Broken, Report, Spec},
    tape::{ASK, Subscriber},
};

/// The longest that a run may take to come to rest after its last fault, in nanoseconds of its own time.
pub const REST_NS_MAX: u64 = 60_000_000_000;
/// When a run begins: nine o'clock.
const START_NS: u64 = 9 * 3600 * 1_000_000_000;
/// How often the end looks whether everything rests.
const LOOK_NS: u64 = 5_000_000;
/// How long a run goes on whose last panic waits for its fault point.
const FATAL_NS_MAX: u64 = 3_000_000_000;
/// So many requests before the end, clients may stop reading until it is over.
const LAST_REQUESTS: u64 = 2_000;
/// How often the other venue says where its feed is while it has nothing to say.
const SAY_NEXT_NS: u64 = 200_000_000;
/// The longest stall of a shard.
const STALL_NS_MAX: u64 = 20_000_000;
/// Inputs that the record holds until the oracle follows them, which it does at every step.
const RECORD_CAPACITY: usize = 1 << 14;
/// CPUs of a simulated host: more than any topology has shards.
const CPUS: usize = 1024;

/// Runs a spec.
///
/// # Errors
/// [`VenueError`] if the venue cannot be built.
pub fn run(spec: &Spec) -> Result<Report, VenueError> {
    let mut stage = Stage::new(spec)?;
    let verdict = stage.play(spec);
    let broken = verdict.err().map(|what| Broken { what, time_ns: stage.world.now_ns() });
    Ok(Report {
        hash: stage.world.trace(),
        requests: stage.requests,
        faults: stage.world.faults().to_vec(),
        reached: stage.reached(),
        broken,
    })
}

struct Stage {
    world: World,
    counters: VenueCounters,
    members: Members,
    clients: Vec<Client>,
    /// Which client has a link; those of old connections are of nobody.
    client_of: BTreeMap<LinkId, usize>,
    oracle: Oracle,
    operator: Operator,
    host: Host,
    panics: Panics,
    /// The venue has ended by itself.
    halt: Option<Halt>,
    subscriber: Option<Subscriber>,
    other: Option<OtherVenue>,
    /// Whether the topology lets the venue ask the other one, and ask again, while that is quiet.
    asks_in_time: bool,
    tops: Option<ConflatedReceiver<TopOfBook>>,
    /// The last prices that the venue has published of the feed, by locate.
    last_tops: BTreeMap<u16, TopOfBook>,
    requests: u64,
    requests_max: u64,
    trades: bool,
}

/// The end of a venue by itself.
#[derive(Clone)]
struct Halt {
    /// What was sequenced before was not in flight any more.
    since_ns: u64,
    /// The clients that must have heard all of that.
    sound: Vec<usize>,
}

impl Stage {
    fn new(spec: &Spec) -> Result<Stage, VenueError> {
        let Spec { profile, .. } = spec;
        // The day begins at once, and ends when the run does.
        let mut config = spec.config.clone();
        config.day = Day::default();
        let config = &config;
        let rates = profile.rates();
        let group = venue::group_config(config)?;
        let instruments: Vec<Instrument> = group.instruments.clone();
        let cpus: Vec<usize> = (0..CPUS).collect();
        let mut declared = venue::declare(config, &cpus)?;
        let record = declared.record(RECORD_CAPACITY);
        let tops = declared.tops();
        let shards = declared.shards.clone();
        let simulated = declared.simulate(config, START_NS)?;
        let mut world = simulated.simulation.into_world(spec.seed, START_NS);
        world.set_stalls(Stalls { parts_per_million: rates.stall, stall_ns_max: STALL_NS_MAX });
        if let Some(only) = &spec.only {
            world.allow_only(only);
        }
        let clients = config.ports.iter().enumerate();
        let clients: Vec<Client> = clients
            .map(|(index, port)| Client::new(index, &port.user, port.password.expose(), instruments.len()))
            .collect();
        let session = mold::SessionName::new(&config.venue.session).unwrap_or(mold::SessionName::BLANK);
        let has_line_b = config.feeds.inbound.as_ref().is_some_and(|feed| feed.line_b.is_some());
        let recovery = config.feeds.inbound.as_ref().map(|feed| &feed.recovery);
        Ok(Stage {
            asks_in_time: recovery.is_some_and(asks_in_time),
            subscriber: Subscriber::new(&mut world, &simulated.feed_out, session, rates.line_out),
            other: OtherVenue::new(&simulated.feed_in, has_line_b, &instruments, rates),
            halt: None,
            panics: Panics::new(rates.panic, rates.fatal_panic),
            operator: Operator::new(simulated.desk, clients.len(), &config.breakers, rates),
            host: Host::new(shards, rates),
            oracle: Oracle::new(config, group, record),
            members: Members {
                order_entry: simulated.order_entry,
                instruments,
                rates,
                without: spec.without_kinds.clone(),
            },
            counters: simulated.counters,
            world,
            clients,
            client_of: BTreeMap::new(),
            tops,
            last_tops: BTreeMap::new(),
            requests: 0,
            requests_max: spec.requests,
            trades: true,
        })
    }

    fn play(&mut self, spec: &Spec) -> Result<(), String> {
        self.world.wake_at(START_NS, OPERATE);
        self.world.wake_at(START_NS, HOST);
        self.world.wake_at(START_NS, PANIC);
        if self.other.is_some() {
            self.world.wake_at(START_NS, FEED);
        }
        let mut traders = 0;
        for index in (0..self.clients.len()).filter(|index| !spec.without_clients.contains(index)) {
            traders += 1;
            self.clients[index].acts_ns = Some(START_NS);
            self.world.wake_at(START_NS, index as u64);
            self.world.wake_at(START_NS + BEAT_NS, BEAT | index as u64);
        }
        let (mut sent, mut sent_ns) = (0, START_NS);
        while self.requests < spec.requests && traders > 0 {
            match self.world.next(u64::MAX) {
                Some(happening) => self.happen(happening)?,
                None => return Err("the world stands still".to_owned()),
            }
            if let Some(halt) = self.halt.clone() {
                return self.halt(&halt, spec);
            }
            if self.requests > sent {
                (sent, sent_ns) = (self.requests, self.world.now_ns());
            } else if self.world.now_ns() - sent_ns > REST_NS_MAX {
                return Err(format!("no client sends a request any more, after {sent}"));
            }
        }
        if self.panics.end(&mut self.world) {
            let until_ns = self.world.now_ns() + FATAL_NS_MAX;
            while let Some(happening) = self.world.next(until_ns) {
                self.happen(happening)?;
                if let Some(halt) = self.halt.clone() {
                    return self.halt(&halt, spec);
                }
            }
        }
        self.end_faults();
        self.rest(spec)?;
        if self.asks_in_time {
            self.check_asks_again()?;
        }
        self.check_books()?;
        self.operator.end_day(self.world.now_ns());
        self.end_day(spec)
    }

    fn end_faults(&mut self) {
        self.trades = false;
        self.panics.disarm();
        self.host.end_faults(&mut self.world);
        self.world.end_faults();
        self.operator.release_all(self.world.now_ns());
    }

    /// Comes to rest, with all orders gone.
    fn end_day(&mut self, spec: &Spec) -> Result<(), String> {
        self.rest(spec)?;
        self.check_books()?;
        self.check_end()
    }

    fn happen(&mut self, happening: Happening) -> Result<(), String> {
        if self.halt.is_none() && self.world.simulation().escalation().is_some() {
            self.begin_halt();
        }
        self.follow()?;
        let Stage { world, oracle, .. } = self;
        match happening {
            Happening::Wake(token) => self.wake(token)?,
            Happening::Readable(link) => {
                if let Some(&index) = self.client_of.get(&link) {
                    let expected = &oracle.answers[index];
                    self.clients[index].read(world, expected).map_err(|why| of_client(index, &why))?;
                }
            }
            Happening::Ended(link) => match self.client_of.remove(&link) {
                Some(index) => self.clients[index].ended(world).map_err(|why| of_client(index, &why))?,
                // One that its client has left.
                None => world.close(link),
            },
            Happening::Datagram(socket, datagram) => {
                if let Some(subscriber) = self.subscriber.as_mut().filter(|one| one.hears(socket)) {
                    subscriber.take(world, &datagram.payload, &oracle.tape)?;
                } else if let Some(other) = self.other.as_mut().filter(|one| one.hears(socket)) {
                    other.answer(world, datagram.to, &datagram.payload);
                }
            }
        }
        self.panics.judge(self.world.simulation())
    }

    /// Follows what has been sequenced.
    fn follow(&mut self) -> Result<(), String> {
        let now_ns = self.world.now_ns();
        let in_flight_ns = self.host.in_flight_ns(now_ns);
        let taken = self.counters.session.get(SessionCount::Answers);
        self.oracle.follow(&mut self.clients, now_ns, in_flight_ns, taken, &self.operator)
    }

    fn wake(&mut self, token: u64) -> Result<(), String> {
        if token == FEED
            && self.other.as_ref().is_some_and(|other| other.was_not_asked(self.world.now_ns()))
            && self.asks_in_time
        {
            self.check_was_asked()?;
        }
        let world = &mut self.world;
        match token {
            ASK => self.subscriber.iter_mut().for_each(|subscriber| subscriber.ask(world)),
            FEED if !self.trades => {}
            FEED => self.other.iter_mut().for_each(|other| other.send(world)),
            OPERATE => self.operator.operate(world)?,
            HOST if !self.trades => {}
            HOST => self.host.operate(world),
            PANIC if !self.trades => {}
            PANIC => self.panics.operate(world),
            _ => {
                let index = (token & !BEAT) as usize;
                let client = &mut self.clients[index];
                let before = client.link();
                if token & BEAT > 0 {
                    let due_ns = world.now_ns().saturating_sub(self.host.in_flight_ns(world.now_ns()));
                    let in_time = client.check_in_time(world, &self.oracle.answers[index], due_ns);
                    in_time.and_then(|()| client.beat(world)).map_err(|why| of_client(index, &why))?;
                } else {
                    let taken = self.counters.session.get(SessionCount::Answers);
                    let sent = client.act(world, &self.members, self.trades, taken);
                    if sent > 0 && self.requests + LAST_REQUESTS > self.requests_max {
                        client.doze(world, self.members.rates.doze);
                    }
                    self.requests += sent;
                }
                let after = client.link();
                if before != after {
                    self.client_of.retain(|_, client| *client != index);
                    self.client_of.extend(after.map(|link| (link, index)));
                }
            }
        }
        Ok(())
    }

    /// Goes on without faults and new requests until everything rests.
    fn rest(&mut self, spec: &Spec) -> Result<(), String> {
        let end_ns = self.world.now_ns() + REST_NS_MAX;
        let mut says_ns = 0;
        loop {
            if self.world.now_ns() >= says_ns {
                says_ns = self.world.now_ns() + SAY_NEXT_NS;
                self.other.iter_mut().for_each(|other| other.say_next(&mut self.world, false));
            }
            self.pass(LOOK_NS)?;
            match self.waits_for(spec) {
                None => return Ok(()),
                Some(what) if self.world.now_ns() > end_ns => return Err(format!("does not come to rest: {what}")),
                Some(_) => {}
            }
        }
    }

    /// Lets time pass.
    fn pass(&mut self, ns: u64) -> Result<(), String> {
        let until_ns = self.world.now_ns() + ns;
        while let Some(happening) = self.world.next(until_ns) {
            self.happen(happening)?;
        }
        self.follow()
    }
}

fn of_client(index: usize, why: &str) -> String {
    format!("client {}: {why}", index + 1)
}
