//! One run: the venue, everyone around it, the oracle, and the end in which everything must come to rest.

use std::{collections::BTreeMap, fmt};

use corelane_actors::{engine::GroupCount, market_data::TopOfBook, session::SessionCount, types::Instrument};
use corelane_codecs::mold;
use corelane_config::Config;
use corelane_runtime::{
    simulation::{Fault, FaultName, Happening, LinkId, Stalls, World},
    telemetry::{Counters, Metric},
    topology::ConflatedReceiver,
};
use corelane_venue::{self as venue, VenueCounters, VenueError};

use crate::{
    client::{BEAT, BEAT_NS, Client, Members},
    feed::{FEED, OtherVenue},
    ledger::State,
    operator::{OPERATE, Operator},
    oracle::Oracle,
    panics::{PANIC, Panics},
    profile::Profile,
    request::Kind,
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
/// How long what is sequenced may be in flight, over stalled shards.
const IN_FLIGHT_NS_MAX: u64 = 300_000_000;
/// How long sockets are flushed after a stop.
const STOP_NS: u64 = 3_000_000_000;
/// The longest stall of a shard.
const STALL_NS_MAX: u64 = 20_000_000;
/// Inputs that the record holds until the oracle follows them, which it does at every step.
const RECORD_CAPACITY: usize = 1 << 14;
/// CPUs of a simulated host: more than any topology has shards.
const CPUS: usize = 1024;

/// What to run.
#[derive(Clone, Debug)]
pub struct Spec {
    /// The venue.
    pub config: Config,
    /// What decides every choice.
    pub seed: u64,
    /// Requests that clients send before the end.
    pub requests: u64,
    /// The faults.
    pub profile: Profile,
    /// If given, only these of the faults happen.
    pub only: Option<Vec<FaultName>>,
    /// Clients, by their places in the configuration, and kinds of request, that are left out.
    pub without_clients: Vec<usize>,
    /// Kinds of request that are left out.
    pub without_kinds: Vec<Kind>,
}

impl Spec {
    /// A run of everything.
    #[must_use]
    pub fn new(config: Config, seed: u64, requests: u64, profile: Profile) -> Spec {
        Spec { config, seed, requests, profile, only: None, without_clients: Vec::new(), without_kinds: Vec::new() }
    }
}

/// What a run has shown.
#[derive(Clone, Debug)]
pub struct Report {
    /// The hash of all that happened.
    pub hash: u64,
    /// Requests that clients sent.
    pub requests: u64,
    /// The faults.
    pub faults: Vec<Fault>,
    /// Requests that delay protection found too old.
    pub late: u64,
    /// The fault points that panicked.
    pub panicked: Vec<&'static str>,
    /// The rule that was broken, if one was.
    pub broken: Option<Broken>,
}

/// A rule that was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// Which, and how.
    pub what: String,
    /// When, in nanoseconds since midnight.
    pub time_ns: u64,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at {} ns: {}", self.time_ns, self.what)
    }
}

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
        late: stage.oracle.late,
        faults: stage.world.faults().to_vec(),
        panicked: std::mem::take(&mut stage.panics.reached),
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
    panics: Panics,
    /// The venue has ended by itself.
    halt: Option<Halt>,
    subscriber: Option<Subscriber>,
    other: Option<OtherVenue>,
    tops: Option<ConflatedReceiver<TopOfBook>>,
    /// The last prices that the venue has published of the feed, by locate.
    last_tops: BTreeMap<u16, TopOfBook>,
    requests: u64,
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
        let Spec { config, profile, .. } = spec;
        let rates = profile.rates();
        let group = venue::group_config(config)?;
        let instruments: Vec<Instrument> = group.instruments.clone();
        let cpus: Vec<usize> = (0..CPUS).collect();
        let mut declared = venue::declare(config, &cpus)?;
        let record = declared.record(RECORD_CAPACITY);
        let tops = declared.tops();
        let simulated = declared.simulate()?;
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
        Ok(Stage {
            subscriber: Subscriber::new(&mut world, &simulated.feed_out, session, rates.line_out),
            other: OtherVenue::new(&simulated.feed_in, has_line_b, &instruments, rates.line_in, rates.silence),
            halt: None,
            panics: Panics::new(rates.panic, rates.fatal_panic),
            operator: Operator::new(simulated.control, simulated.counters.group.clone(), clients.len(), rates.kill),
            oracle: Oracle::new(group, record),
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
            trades: true,
        })
    }

    fn play(&mut self, spec: &Spec) -> Result<(), String> {
        self.operator.events(b"OSQ");
        self.world.wake_at(START_NS, OPERATE);
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
        self.end_day(spec)
    }

    fn end_faults(&mut self) {
        self.trades = false;
        self.panics.disarm();
        self.world.end_faults();
        self.operator.release_all();
    }

    /// Comes to rest, ends the day, and comes to rest again.
    fn end_day(&mut self, spec: &Spec) -> Result<(), String> {
        self.rest(spec)?;
        self.check_books()?;
        self.operator.events(b"MEC");
        self.rest(spec)?;
        self.check_end()
    }

    fn happen(&mut self, happening: Happening) -> Result<(), String> {
        if self.halt.is_none() && self.world.simulation().escalation().is_some() {
            self.begin_halt();
        }
        self.oracle.follow(&mut self.clients)?;
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

    fn wake(&mut self, token: u64) -> Result<(), String> {
        let world = &mut self.world;
        match token {
            ASK => self.subscriber.iter_mut().for_each(|subscriber| subscriber.ask(world)),
            FEED if !self.trades => {}
            FEED => self.other.iter_mut().for_each(|other| other.send(world)),
            OPERATE => self.operator.operate(world),
            PANIC if !self.trades => {}
            PANIC => self.panics.operate(world),
            _ => {
                let index = (token & !BEAT) as usize;
                let client = &mut self.clients[index];
                let before = client.link();
                if token & BEAT > 0 {
                    client.beat(world).map_err(|why| of_client(index, &why))?;
                } else {
                    self.requests += client.act(world, &self.members, self.trades);
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
        loop {
            let until_ns = self.world.now_ns() + LOOK_NS;
            self.other.iter_mut().for_each(|other| other.say_next(&mut self.world));
            while let Some(happening) = self.world.next(until_ns) {
                self.happen(happening)?;
            }
            self.oracle.follow(&mut self.clients)?;
            match self.waits_for(spec) {
                None => return Ok(()),
                Some(what) if self.world.now_ns() > end_ns => return Err(format!("does not come to rest: {what}")),
                Some(_) => {}
            }
        }
    }

    /// Notes that the venue ends by itself, and who has no reason not to hear what it says until then.
    fn begin_halt(&mut self) {
        let since_ns = self.world.now_ns().saturating_sub(IN_FLIGHT_NS_MAX);
        let sound = self.clients.iter().filter(|client| client.is_sound_since(&self.world, since_ns));
        self.halt = Some(Halt { since_ns, sound: sound.map(|client| client.index).collect() });
        self.clients.iter_mut().for_each(Client::retire);
    }

    /// Follows a venue that ends by itself. Who lives ends its business; nothing is said that is not so, and only what was in
    /// flight is unanswered.
    fn halt(&mut self, halt: &Halt, spec: &Spec) -> Result<(), String> {
        self.end_faults();
        // The other failures of its shard are collected in its next turn.
        self.pass(LOOK_NS)?;
        let down: Vec<String> = self.world.simulation().down().map(str::to_owned).collect();
        let is_down = |name: &str| down.iter().any(|one| one == name);
        let engine_is_down = is_down("sequencer") || is_down("trading");
        if is_down("market-data") {
            self.other = None;
        }
        if is_down("publisher") {
            self.subscriber = None;
        }
        if !engine_is_down && is_down("session") {
            self.end_without_clients()?;
        } else if !engine_is_down {
            self.clients.iter_mut().for_each(|client| client.resume(&mut self.world));
            self.end_day(spec)?;
            self.clients.iter_mut().for_each(Client::retire);
        }
        self.world.stop();
        self.pass(STOP_NS)?;
        for &index in &halt.sound {
            let (heard, due) = (self.clients[index].heard(), self.oracle.answers[index].len_before(halt.since_ns));
            if heard < due {
                return Err(of_client(index, &format!("a halt: has {heard} of {due} answers that were not in flight")));
            }
        }
        if let Some(client) = self.clients.iter().find(|client| client.is_over && engine_is_down) {
            return Err(of_client(client.index, "a halt: its session ends without its day"));
        }
        match &self.subscriber {
            Some(subscriber) if subscriber.is_over == engine_is_down => {
                let says = if engine_is_down { "ends its session without its day" } else { "does not end its session" };
                Err(format!("a halt: the feed {says}"))
            }
            _ => Ok(()),
        }
    }

    /// Ends the day of a venue whose order entry has failed.
    fn end_without_clients(&mut self) -> Result<(), String> {
        self.operator.events(b"MEC");
        let end_ns = self.world.now_ns() + REST_NS_MAX;
        loop {
            self.pass(LOOK_NS)?;
            let is_done = self.counters.group.get(GroupCount::CommandsDone) == self.operator.commands;
            let waits = self.subscriber.as_ref().and_then(|one| one.waits_for(&self.oracle.tape));
            if is_done && waits.is_none() {
                break;
            }
            if self.world.now_ns() > end_ns {
                return Err(format!("a halt: the day does not end; {waits:?}"));
            }
        }
        match self.oracle.resting().count() {
            0 => Ok(()),
            open => Err(format!("a halt: {open} orders are open after the end of the day")),
        }
    }

    /// Lets time pass.
    fn pass(&mut self, ns: u64) -> Result<(), String> {
        let until_ns = self.world.now_ns() + ns;
        while let Some(happening) = self.world.next(until_ns) {
            self.happen(happening)?;
        }
        self.oracle.follow(&mut self.clients)
    }

    /// What anybody still waits for.
    fn waits_for(&mut self, spec: &Spec) -> Option<String> {
        let present = self.clients.iter().filter(|client| !spec.without_clients.contains(&client.index));
        let mut waiting = present.filter_map(|client| client.waits_for(&self.oracle.answers[client.index]));
        let client = waiting.next();
        let tape = &self.oracle.tape;
        client
            .or_else(|| self.operator.waits_for())
            .or_else(|| self.subscriber.as_ref()?.waits_for(tape))
            .or_else(|| self.feed_waits_for())
            .or_else(|| {
                let done = self.counters.group.get(GroupCount::CommandsDone);
                (done != self.operator.commands)
                    .then(|| format!("the operator: {done} of {} commands are done", self.operator.commands))
            })
    }

    /// Whether the venue knows the other venue's prices.
    fn feed_waits_for(&mut self) -> Option<String> {
        let other = self.other.as_ref().filter(|other| other.can_be_complete())?;
        let tops = self.tops.as_mut()?;
        while let Some(top) = tops.receive() {
            self.last_tops.insert(top.body.locate.0, top.body);
        }
        for (locate, (bid, ask)) in (1..).zip(other.best()) {
            let known = self.last_tops.get(&locate).map(|top| (top.bid.price, top.ask.price, top.stale));
            if known != Some((bid as u32, ask as u32, 0)) {
                let counts = shown(&self.counters.feed_in.feed) + &shown(&self.counters.feed_in.recovery);
                return Some(format!(
                    "the feed in: instrument {locate} is at {bid}/{ask}, the venue has {known:?};{counts}"
                ));
            }
        }
        None
    }

    /// What rests, by the model, by the feed and by the clients.
    fn check_books(&self) -> Result<(), String> {
        let resting: BTreeMap<u64, u32> = self.oracle.resting().collect();
        let books = self.clients.iter().map(|client| &client.ledger);
        let orders = books.flat_map(|ledger| ledger.live().iter().filter_map(|&user_ref| ledger.order(user_ref)));
        let owned: BTreeMap<u64, u32> = orders.map(|order| (order.order_ref, order.open)).collect();
        if owned != resting {
            return Err(format!("clients own {owned:?}, and the model has {resting:?}"));
        }
        match self.subscriber.as_ref().filter(|one| one.is_complete(&self.oracle.tape)) {
            Some(subscriber) if subscriber.book != resting => {
                Err(format!("the feed shows {:?}, and the model has {resting:?}", subscriber.book))
            }
            _ => Ok(()),
        }
    }

    /// The sums over the whole run.
    fn check_end(&mut self) -> Result<(), String> {
        let live: usize = self.clients.iter().map(|client| client.ledger.live().len()).sum();
        if live > 0 {
            return Err(format!("{live} orders are open after the end of the day"));
        }
        for client in &self.clients {
            let orders = client.ledger.orders();
            let silent = |state| matches!(state, State::Unanswered);
            // A replace of what is not open any more gets no answer; every other request that was sequenced has one.
            let forgotten =
                orders.iter().find(|order| order.is_sequenced && silent(order.state) && order.request.code != b'U');
            if let Some(order) = forgotten {
                return Err(of_client(client.index, &format!("{:?} has no answer", order.request)));
            }
        }
        for locate in 0..=self.members.instruments.len() {
            let positions = self.clients.iter().map(|client| client.ledger.positions[locate]);
            let (shares, cash) = positions.fold((0, 0), |(shares, cash), one| (shares + one.shares, cash + one.cash));
            if (shares, cash) != (0, 0) {
                return Err(format!(
                    "instrument {locate}: over all clients {shares} shares and {cash} of cash are left"
                ));
            }
        }
        if let Some(subscriber) = self.subscriber.as_ref().filter(|one| one.is_complete(&self.oracle.tape))
            && !subscriber.book.is_empty()
        {
            return Err(format!("the feed leaves {} orders after the end of the day", subscriber.book.len()));
        }
        let counted = self.counters.session.get(SessionCount::Requests);
        let answers: u64 = self.oracle.answers.iter().map(crate::stream::Stream::len).sum();
        let told = self.counters.session.get(SessionCount::Answers);
        if (counted, told) != (self.oracle.requests, answers) {
            let sequenced = self.oracle.requests;
            return Err(format!("counters: {counted} requests and {told} answers, and not {sequenced} and {answers}"));
        }
        self.world.note(answers);
        Ok(())
    }
}

fn of_client(index: usize, why: &str) -> String {
    format!("client {}: {why}", index + 1)
}

/// The counters that are not zero.
fn shown<K: Metric>(counters: &Counters<K>) -> String {
    counters.iter().filter(|(_, count)| *count > 0).map(|(name, count)| format!(" {}={count}", name.label())).collect()
}
