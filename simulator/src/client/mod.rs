//! A simulated client: it logs in, trades, keeps its own books, and misbehaves if the profile says so.

mod trading;

use std::net::SocketAddr;

use corelane_actors::types::Instrument;
use corelane_runtime::simulation::{LinkId, LinkSpec, Socket, Source, World};

pub(crate) use self::trading::{DOZE, FLOODS, GARBAGE, HALF_CLOSE, LOG_IN_AGAIN, LOG_OUT, SLOW, UNREADABLE, VANISH};
use crate::{
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

const RECONNECT: Source = Source::new("client.reconnect");
const WINDOW: Source = Source::new("client.window");
pub(crate) const WRONG_LOG_IN: Source = Source::new("client.wrong-log-in");
pub(crate) const REWIND: Source = Source::new("client.rewind");

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
pub(crate) struct Sent {
    connection: u64,
    request: Request,
    pub at_ns: u64,
    /// Answers of the group that the session had taken then.
    pub taken: u64,
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
    /// It has not read for a while and may be behind, so that the venue may end the connection.
    is_behind: bool,
    /// Since when it reads.
    reads_since_ns: u64,
    received: Vec<u8>,
    /// The number of the next sequenced message on this connection, and the first that was never heard.
    next_number: u64,
    unheard: u64,
    sent: Vec<Sent>,
    /// Those of `sent` before it are sequenced or lost. There is more than one such place while it cannot be told whether a
    /// request was lost and a later one like it was sequenced.
    sequenced: Vec<usize>,
    pub ledger: Ledger,
    /// Requests chosen so far: what draws are made by.
    chosen: u64,
    flooding: u64,
    last_heard_ns: u64,
    last_sent_ns: u64,
    /// When it logged in.
    up_since_ns: u64,
    /// The venue has ended by itself: the client only reads what still comes.
    is_retired: bool,
    /// The venue has said that its session is over.
    pub is_over: bool,
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
            is_behind: false,
            reads_since_ns: 0,
            received: Vec::new(),
            next_number: 1,
            unheard: 1,
            sent: Vec::new(),
            sequenced: vec![0],
            ledger: Ledger::new(instruments),
            chosen: 0,
            flooding: 0,
            last_heard_ns: 0,
            last_sent_ns: 0,
            up_since_ns: 0,
            is_retired: false,
            is_over: false,
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

    /// Does the next thing; returns the requests that it sent. Without `trades`, it only logs in. The session has `taken` so many
    /// answers.
    pub(crate) fn act(&mut self, world: &mut World, members: &Members, trades: bool, taken: u64) -> u64 {
        let now_ns = world.now_ns();
        if self.reads_again_ns.is_some_and(|at_ns| at_ns <= now_ns) {
            self.reads_again_ns = None;
            self.reads_since_ns = now_ns;
            self.link.into_iter().for_each(|link| world.set_reading(link, true));
        }
        if self.is_retired || self.acts_ns.is_none_or(|at_ns| at_ns > now_ns) {
            return 0;
        }
        self.acts_ns = None;
        match self.phase {
            Phase::Down => self.log_in(world, members),
            Phase::Up if trades => return self.trade(world, members, taken),
            Phase::Up | Phase::LoggingIn | Phase::Leaving => {}
        }
        0
    }

    /// Does nothing any more but read what still comes.
    pub(crate) fn retire(&mut self) {
        self.is_retired = true;
        self.is_excused = true;
        self.acts_ns = None;
    }

    /// Goes on after [`retire`](Self::retire).
    pub(crate) fn resume(&mut self, world: &mut World) {
        self.is_retired = false;
        if self.phase == Phase::Down {
            self.acts_in(world, MS);
        }
    }

    /// Whether nothing that happened to its connection since a time keeps it from hearing what it is told.
    pub(crate) fn is_sound_since(&self, world: &World, time_ns: u64) -> bool {
        let is_whole = self.link.is_some_and(|link| !world.was_reset(link));
        is_whole && self.phase == Phase::Up && !self.is_excused && !self.is_behind && self.up_since_ns < time_ns
    }

    /// Looks whether its requests are sequenced, and it has their answers, in time: what was sent before `due_ns`. `expected` is
    /// what the model answers to this client.
    ///
    /// # Errors
    /// What has not come.
    pub(crate) fn check_in_time(&mut self, world: &World, expected: &Stream, due_ns: u64) -> Result<(), String> {
        let is_whole = self.link.is_some_and(|link| !world.was_reset(link));
        if !is_whole || self.phase != Phase::Up || self.is_excused {
            return Ok(());
        }
        let first = self.sent.len() - self.under_way();
        if let Some(&Sent { request, at_ns, .. }) = self.sent.get(first)
            && at_ns < due_ns
            && !self.is_behind
        {
            let ms = (world.now_ns() - at_ns) / MS;
            return Err(format!("{request:?} is not sequenced, and was sent {ms} ms ago"));
        }
        if self.reads_again_ns.is_some() || self.up_since_ns.max(self.reads_since_ns) >= due_ns {
            return Ok(());
        }
        let (heard, due) = (self.heard(), expected.len_before(due_ns));
        self.is_behind &= heard < expected.len();
        if heard < due {
            let late_ms = (world.now_ns() - due_ns) / MS;
            return Err(format!("has {heard} of {due} answers that were due {late_ms} ms ago, and reads"));
        }
        Ok(())
    }

    /// The answers that it has heard.
    pub(crate) fn heard(&self) -> u64 {
        self.unheard - 1
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
        // Some kernels hold little for who does not read.
        let window_bytes = 1 << world.draw(WINDOW, key).within(12, 16);
        let spec = LinkSpec { window_bytes, late_ppm: rates.late, reset_ppm: rates.reset, ..LinkSpec::default() };
        let link = world.connect(members.order_entry, from, key, spec);
        self.link = Some(link);
        self.phase = Phase::LoggingIn;
        (self.is_excused, self.is_behind) = (false, false);
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

    /// Requests of this connection that are not sequenced. Those of earlier ones may be lost, and are not waited for.
    fn under_way(&self) -> usize {
        let first = self.sequenced.last().copied().unwrap_or_default();
        let unsequenced = self.sent[first..].iter();
        unsequenced.rev().take_while(|sent| sent.connection == self.connection).count()
    }

    /// Looks whether the connection is alive, and says that the client is.
    ///
    /// # Errors
    /// A silence without a cause.
    pub(crate) fn beat(&mut self, world: &mut World) -> Result<(), String> {
        let now_ns = world.now_ns();
        world.wake_at(now_ns + BEAT_NS, BEAT | self.index as u64);
        let Some(link) = self.link.filter(|_| !self.is_retired) else { return Ok(()) };
        if now_ns - self.last_heard_ns > SILENCE_NS && self.reads_again_ns.is_none() {
            if !self.is_excused && !self.is_behind && !world.was_reset(link) {
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
        if !self.is_excused && !self.is_behind && !world.was_reset(link) {
            return Err("the venue ended the connection without a cause".to_owned());
        }
        world.close(link);
        if self.is_retired {
            (self.phase, self.link) = (Phase::Down, None);
        } else {
            self.go_down(world, 0);
        }
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
                self.up_since_ns = world.now_ns();
                self.acts_in(world, 1_000);
                Ok(())
            }
            (b'J', Phase::LoggingIn) if self.is_excused => Ok(()),
            (b'H', _) => Ok(()),
            (b'Z', _) if self.is_retired => {
                self.is_over = true;
                Ok(())
            }
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

    /// A request of this client has been sequenced; returns it as it was sent. If it may be one of several, it is the first.
    ///
    /// # Errors
    /// It is not the next that the client sent.
    pub(crate) fn sequenced(&mut self, request: &Request) -> Result<Sent, String> {
        let mut next = Vec::new();
        for &cursor in &self.sequenced {
            let mut at = cursor;
            while let Some(&Sent { connection, request: sent, .. }) = self.sent.get(at) {
                if sent.as_sequenced() == *request {
                    next.push(at + 1);
                }
                // What was under way when a connection ended may be lost, and then with all that came behind it.
                if connection == self.connection && !self.is_excused && !self.is_behind && self.phase != Phase::Down {
                    break;
                }
                let behind = self.sent[at..].iter().position(|sent| sent.connection != connection);
                at = behind.map_or(self.sent.len(), |count| at + count);
            }
        }
        let Some(&first) = next.iter().min() else {
            let due = self.sequenced.iter().filter_map(|&at| self.sent.get(at)).map(|sent| sent.request);
            return Err(format!(
                "{request:?} was not sent, not so often, or not so early: {:?} are due",
                due.collect::<Vec<_>>()
            ));
        };
        next.sort_unstable();
        next.dedup();
        self.sequenced = next;
        if request.is_numbered() {
            self.ledger.sequenced(request.user_ref);
        }
        Ok(self.sent[first - 1])
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_that_is_like_a_lost_one_is_sequenced_for_either() {
        let cancel = Request { code: b'X', user_ref: 4, ..Request::default() };
        let query = Request { code: b'Q', ..Request::default() };
        let sequences: [(&[Request], bool); 4] = [
            (&[cancel, query], true),
            (&[cancel, cancel, query], true),
            (&[query], false),
            (&[cancel, query, query], false),
        ];
        for (sequence, is_right) in sequences {
            let mut client = Client::new(0, "USER", "password", 1);
            (client.connection, client.phase) = (2, Phase::Up);
            let sent = [(1, cancel), (2, cancel), (2, query)];
            client.sent.extend(sent.map(|(connection, request)| Sent { connection, request, at_ns: 0, taken: 0 }));
            let followed: Result<Vec<_>, String> = sequence.iter().map(|request| client.sequenced(request)).collect();
            assert_eq!(followed.is_ok(), is_right, "{sequence:?}: {followed:?}");
        }
    }
}
