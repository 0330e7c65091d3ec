//! A simulated client: it logs in, trades, keeps its own books, and misbehaves if the profile says so.

use std::net::SocketAddr;

use corelane_actors::types::Instrument;
use corelane_runtime::simulation::{Draw, LinkId, LinkSpec, Socket, Source, World};

use crate::{
    choice,
    ledger::Ledger,
    profile::Rates,
    request::{Kind, Request},
    stream::Stream,
};

const MS: u64 = 1_000_000;
/// How often a client looks whether it should be heard of, and whether the venue is.
pub(crate) const BEAT_NS: u64 = 1_000 * MS;
/// The silence after which it gives a connection up.
const SILENCE_NS: u64 = 3_000 * MS;
/// Requests without an answer that it has under way at most.
const UNDER_WAY_MAX: u64 = 48;
/// How long it waits then.
const WAIT_NS: u64 = 200_000;
/// Requests of a flood.
const FLOOD: u64 = 300;

const REQUEST: Source = Source::new("client.request");
const PAUSE: Source = Source::new("client.pause");
const RECONNECT: Source = Source::new("client.reconnect");
const VANISH: Source = Source::new("client.vanish");
const LOG_OUT: Source = Source::new("client.log-out");
const HALF_CLOSE: Source = Source::new("client.half-close");
const SLOW: Source = Source::new("client.slow");
const FLOODS: Source = Source::new("client.flood");
const GARBAGE: Source = Source::new("client.garbage");
const UNREADABLE: Source = Source::new("client.unreadable");
const LOG_IN_AGAIN: Source = Source::new("client.log-in-again");
const WRONG_LOG_IN: Source = Source::new("client.wrong-log-in");
const REWIND: Source = Source::new("client.rewind");

/// What all clients of a run share.
pub(crate) struct Members {
    pub order_entry: Socket,
    pub instruments: Vec<Instrument>,
    pub rates: Rates,
    /// Kinds of request that are left out.
    pub without: Vec<Kind>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Down,
    LoggingIn,
    Up,
    /// It has said its last, and waits for the end.
    Leaving,
}

/// A request on the wire, in the order of sending.
#[derive(Clone, Copy, Debug)]
struct Sent {
    connection: u64,
    request: Request,
}

/// A simulated client.
pub(crate) struct Client {
    pub index: usize,
    user: String,
    password: String,
    phase: Phase,
    link: Option<LinkId>,
    /// The number of its connection; those before are over.
    connection: u64,
    /// Whether the end of the connection has a cause that the client or the line has given.
    is_excused: bool,
    received: Vec<u8>,
    /// The number of the next sequenced message on this connection, and the first that was never heard.
    next_number: u64,
    unheard: u64,
    sent: Vec<Sent>,
    /// Those of `sent` before it are sequenced or lost.
    sequenced: usize,
    /// The last connection of which a request was lost.
    lost_connection: Option<u64>,
    pub ledger: Ledger,
    /// Requests chosen so far: what draws are made by.
    chosen: u64,
    flooding: u64,
    last_heard_ns: u64,
    last_sent_ns: u64,
    /// When it acts next.
    pub acts_ns: Option<u64>,
    reads_again_ns: Option<u64>,
}

impl Client {
    pub(crate) fn new(index: usize, user: &str, password: &str, instruments: usize) -> Client {
        Client {
            index,
            user: user.to_owned(),
            password: password.to_owned(),
            phase: Phase::Down,
            link: None,
            connection: 0,
            is_excused: false,
            received: Vec::new(),
            next_number: 1,
            unheard: 1,
            sent: Vec::new(),
            sequenced: 0,
            lost_connection: None,
            ledger: Ledger::new(instruments),
            chosen: 0,
            flooding: 0,
            last_heard_ns: 0,
            last_sent_ns: 0,
            acts_ns: None,
            reads_again_ns: None,
        }
    }

    /// The connection that it uses.
    pub(crate) fn link(&self) -> Option<LinkId> {
        self.link
    }

    fn key(&self, number: u64) -> u64 {
        (self.index as u64) << 48 | number
    }

    /// Does the next thing; returns the requests that it sent. Without `trades`, it only logs in.
    pub(crate) fn act(&mut self, world: &mut World, members: &Members, trades: bool) -> u64 {
        let now_ns = world.now_ns();
        if self.reads_again_ns.is_some_and(|at_ns| at_ns <= now_ns) {
            self.reads_again_ns = None;
            self.link.into_iter().for_each(|link| world.set_reading(link, true));
        }
        if self.acts_ns.is_none_or(|at_ns| at_ns > now_ns) {
            return 0;
        }
        self.acts_ns = None;
        match self.phase {
            Phase::Down => self.log_in(world, members),
            Phase::Up if trades => return self.trade(world, members),
            Phase::Up | Phase::LoggingIn | Phase::Leaving => {}
        }
        0
    }

    fn acts_in(&mut self, world: &mut World, ns: u64) {
        let at_ns = world.now_ns() + ns;
        self.acts_ns = Some(at_ns);
        world.wake_at(at_ns, self.index as u64);
    }

    fn log_in(&mut self, world: &mut World, members: &Members) {
        self.connection += 1;
        let key = self.key(self.connection << 24);
        let from = SocketAddr::from(([10, 0, 0, 1 + self.index as u8], 1024 + (self.connection % 60_000) as u16));
        let rates = &members.rates;
        let spec = LinkSpec { late_ppm: rates.late, reset_ppm: rates.reset, ..LinkSpec::default() };
        let link = world.connect(members.order_entry, from, key, spec);
        self.link = Some(link);
        self.phase = Phase::LoggingIn;
        self.is_excused = false;
        self.received.clear();
        let is_wrong = world.strikes(WRONG_LOG_IN, key, rates.wrong_log_in);
        let password = if is_wrong.is_some() { "mistaken" } else { self.password.as_str() };
        self.is_excused |= is_wrong.is_some();
        let rewind = world.strikes(REWIND, key, rates.rewind).map_or(0, |mut draw| draw.below(20));
        self.next_number = self.unheard.saturating_sub(rewind).max(1);
        let text = format!("{:<6}{password:<10}{:<10}{:>20}", self.user, "", self.next_number);
        let packet = packet(b'L', text.as_bytes());
        (self.last_heard_ns, self.last_sent_ns) = (world.now_ns(), world.now_ns());
        world.write(link, &packet);
    }

    /// Sends a request, or does something else in its place.
    fn trade(&mut self, world: &mut World, members: &Members) -> u64 {
        let Some(link) = self.link else { return 0 };
        if self.under_way() as u64 >= UNDER_WAY_MAX + self.flooding {
            self.acts_in(world, WAIT_NS);
            return 0;
        }
        self.chosen += 1;
        let key = self.key(self.chosen);
        let rates = members.rates;
        let mut pause = world.draw(PAUSE, key);
        let pause_ns = match pause.below(1_000) {
            0 => pause.within(MS, 300 * MS),
            1..=20 => pause.within(100_000, 2 * MS),
            _ => pause.within(1_000, 40_000),
        };
        let pause_ns = if self.flooding > 0 { 200 } else { pause_ns };
        self.flooding = self.flooding.saturating_sub(1);
        self.acts_in(world, pause_ns);
        if world.strikes(VANISH, key, rates.vanish).is_some() {
            // Nothing passes any more; the client notices by the silence.
            world.vanish(link);
            self.is_excused = true;
        } else if world.strikes(LOG_OUT, key, rates.log_out).is_some() {
            self.leave(world, link, &packet(b'O', &[]));
        } else if world.strikes(HALF_CLOSE, key, rates.half_close).is_some() {
            self.leave(world, link, &[]);
            world.finish(link);
        } else if let Some(mut draw) = world.strikes(GARBAGE, key, rates.garbage) {
            let garbage = garbage(&mut draw, &self.user, &self.password);
            self.leave(world, link, &garbage);
        } else if let Some(mut draw) = world.strikes(SLOW, key, rates.slow) {
            world.set_reading(link, false);
            self.is_excused = true;
            let at_ns = world.now_ns() + draw.within(MS, 2_000 * MS);
            self.reads_again_ns = Some(at_ns);
            world.wake_at(at_ns, self.index as u64);
        } else if world.strikes(LOG_IN_AGAIN, key, rates.log_in_again).is_some() {
            // The old connection stays as it is: the log-in on the new one supersedes it.
            self.go_down(world, 0);
        } else if world.strikes(FLOODS, key, rates.flood).is_some() {
            self.flooding = FLOOD;
        } else if let Some(mut draw) = world.strikes(UNREADABLE, key, rates.unreadable) {
            let payload = [b'?'; 40];
            world.write(link, &packet(b'U', &payload[..draw.within(1, 40) as usize]));
        } else {
            let mut draw = world.draw(REQUEST, key);
            let (kind, request) = choice::next(&mut draw, &self.ledger, &members.instruments, self.ledger.next_ref());
            if members.without.contains(&kind) {
                return 0;
            }
            world.write(link, &packet(b'U', &request.encode(&members.instruments)));
            self.sent.push(Sent { connection: self.connection, request });
            if request.is_numbered() {
                self.ledger.sent(request);
            }
            self.last_sent_ns = world.now_ns();
            return 1;
        }
        0
    }

    /// Requests of this connection that are not sequenced. Those of earlier ones may be lost, and are not waited for.
    fn under_way(&self) -> usize {
        let unsequenced = self.sent[self.sequenced..].iter();
        unsequenced.rev().take_while(|sent| sent.connection == self.connection).count()
    }

    /// Says the last on a connection; its end follows.
    fn leave(&mut self, world: &mut World, link: LinkId, last: &[u8]) {
        world.write(link, last);
        self.phase = Phase::Leaving;
        self.is_excused = true;
    }

    /// Looks whether the connection is alive, and says that the client is.
    ///
    /// # Errors
    /// A silence without a cause.
    pub(crate) fn beat(&mut self, world: &mut World) -> Result<(), String> {
        let now_ns = world.now_ns();
        world.wake_at(now_ns + BEAT_NS, BEAT | self.index as u64);
        let Some(link) = self.link else { return Ok(()) };
        if now_ns - self.last_heard_ns > SILENCE_NS && self.reads_again_ns.is_none() {
            if !self.is_excused && !world.was_reset(link) {
                return Err(format!("the venue was silent for {} ms", (now_ns - self.last_heard_ns) / MS));
            }
            world.reset(link);
            self.go_down(world, MS);
        } else if self.phase == Phase::Up && now_ns - self.last_sent_ns >= BEAT_NS {
            world.write(link, &packet(b'R', &[]));
            self.last_sent_ns = now_ns;
        }
        Ok(())
    }

    /// Leaves the connection as it is, and makes a new one later.
    fn go_down(&mut self, world: &mut World, least_ns: u64) {
        self.phase = Phase::Down;
        self.link = None;
        self.reads_again_ns = None;
        self.flooding = 0;
        let pause_ns = world.draw(RECONNECT, self.key(self.connection)).within(0, 20 * MS);
        self.acts_in(world, least_ns + pause_ns);
    }

    /// The connection has ended.
    ///
    /// # Errors
    /// An end without a cause.
    pub(crate) fn ended(&mut self, world: &mut World) -> Result<(), String> {
        let Some(link) = self.link else { return Ok(()) };
        if !self.is_excused && !world.was_reset(link) {
            return Err("the venue ended the connection without a cause".to_owned());
        }
        world.close(link);
        self.go_down(world, 0);
        Ok(())
    }

    /// Reads what has come. `expected` is what the model answers to this client.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn read(&mut self, world: &mut World, expected: &Stream) -> Result<(), String> {
        let Some(link) = self.link else { return Ok(()) };
        world.read(link, &mut self.received);
        self.last_heard_ns = world.now_ns();
        let received = std::mem::take(&mut self.received);
        let mut rest = received.as_slice();
        while let [high, low, frame @ ..] = rest {
            let length = usize::from(u16::from_be_bytes([*high, *low]));
            let Some((frame, behind)) = frame.split_at_checked(length) else { break };
            rest = behind;
            let [kind, payload @ ..] = frame else { return Err("an empty packet".to_owned()) };
            self.packet(world, *kind, payload, expected)?;
        }
        self.received.extend(rest);
        Ok(())
    }

    fn packet(&mut self, world: &mut World, kind: u8, payload: &[u8], expected: &Stream) -> Result<(), String> {
        match (kind, self.phase) {
            (b'A', Phase::LoggingIn) => {
                let number = payload.get(10..).and_then(|text| std::str::from_utf8(text).ok()?.trim().parse().ok());
                if number != Some(self.next_number) {
                    return Err(format!("asked for {}, and the log-in begins with {number:?}", self.next_number));
                }
                self.phase = Phase::Up;
                self.acts_in(world, 1_000);
                Ok(())
            }
            (b'J', Phase::LoggingIn) if self.is_excused => Ok(()),
            (b'H', _) => Ok(()),
            (b'S', Phase::Up | Phase::Leaving) => {
                let number = self.next_number;
                expected.compare(number, payload)?;
                self.next_number += 1;
                if number == self.unheard {
                    self.unheard += 1;
                    self.ledger.answer(payload)?;
                }
                Ok(())
            }
            _ => Err(format!("a packet {:?} while {:?}", char::from(kind), self.phase)),
        }
    }

    /// A request of this client has been sequenced.
    ///
    /// # Errors
    /// It is not the next that the client sent.
    pub(crate) fn sequenced(&mut self, request: &Request) -> Result<(), String> {
        loop {
            let Some(&Sent { connection, request: sent }) = self.sent.get(self.sequenced) else {
                return Err(format!("{request:?} was not sent, or not so often"));
            };
            self.sequenced += 1;
            if sent.as_sequenced() == *request && self.lost_connection != Some(connection) {
                if sent.is_numbered() {
                    self.ledger.sequenced(sent.user_ref);
                }
                return Ok(());
            }
            // What was under way when a connection ended may be lost, and then with all that came behind it.
            if connection == self.connection && !self.is_excused && self.phase != Phase::Down {
                return Err(format!("{request:?} overtook {sent:?}"));
            }
            self.lost_connection = Some(connection);
        }
    }

    /// What it still waits for; none if it is at rest.
    pub(crate) fn waits_for(&self, expected: &Stream) -> Option<String> {
        let unsequenced = self.under_way();
        if self.phase != Phase::Up {
            Some(format!("client {}: {:?}", self.user, self.phase))
        } else if unsequenced > 0 {
            Some(format!("client {}: {unsequenced} requests are not sequenced", self.user))
        } else if self.unheard <= expected.len() {
            Some(format!("client {}: has {} of {} answers", self.user, self.unheard - 1, expected.len()))
        } else {
            None
        }
    }
}

/// Tokens of wake-ups for beats.
pub(crate) const BEAT: u64 = 1 << 56;

fn packet(kind: u8, payload: &[u8]) -> Vec<u8> {
    let length = 1 + payload.len() as u16;
    [&length.to_be_bytes(), &[kind][..], payload].concat()
}

/// What ends a connection: no packets, packets of no kind, a second log-in.
fn garbage(draw: &mut Draw, user: &str, password: &str) -> Vec<u8> {
    match draw.below(4) {
        0 => vec![0, 0],
        1 => vec![0xff; draw.within(2, 200) as usize],
        2 => packet(b'z', b"?"),
        _ => packet(b'L', format!("{user:<6}{password:<10}{:<10}{:>20}", "", 1).as_bytes()),
    }
}
