//! One MoldUDP64 session from two lines and from retransmission, put into one gapless sequence.
//!
//! The first copy of a message wins, wherever it comes from. What comes too early waits in a bounded buffer. Numbers that
//! neither line brings within a moment are asked for; what cannot be had is declared lost, and the sequence goes on
//! behind it. A session that is joined late begins with such a gap, so that asking for it replays the session.
//!
//! No I/O and no clock: packets and the time come in, messages and requests come out. It does not fail: memory is
//! allocated at the start, and no number that a peer sends is more than compared. What lines and servers say is believed
//! as far as it fits the session: nothing in MoldUDP64 could tell a forged message from a true one.

use corelane_codecs::mold::{Content, Packet, Session};

use super::{
    FeedCount,
    gap_fill::{Asked, GapFill, GapFillConfig},
    line::{Line, LineCount, LineState},
    reorder::ReorderBuffer,
};
use crate::counters::Counters;

crate::counter_names! {
    /// What is counted of retransmission.
    pub enum RecoveryCount {
        /// Requests sent, repeated ones included.
        Requests,
        /// Requests sent again because no answer had come.
        Repeats,
        /// Answers with messages that were missing.
        Answers,
        /// Messages that they brought first.
        Recovered,
        /// Answers that came when a line, or an answer before, had brought their first message.
        Late,
        /// Datagrams that are no answer to what was asked: another session or range, another sender, no MoldUDP64.
        Refused,
        /// Messages that came too early for the buffer, or too long for it, and have to come again.
        Unbuffered,
        /// Times that a gap stayed open for so long that prices were stale.
        TimesBehind,
    }
}

/// What arbitration is bounded and timed by.
#[derive(Clone, Debug)]
pub struct ArbitrationConfig {
    /// The only session to follow; the first one seen if absent.
    pub session: Option<Session>,
    /// Silence of both lines after which the session counts as silent.
    pub silent_after_ns: u64,
    /// Messages behind a gap that are kept, rounded up to a power of two, 64 at least.
    pub reorder_messages_max: usize,
    /// How long a missing message may still come by a line before it is asked for; without servers, until it is lost.
    pub wait_ns: u64,
    /// The longest gap that is asked for, in messages; a longer one is lost at once. Joining late is a gap too. Without
    /// servers it is half of the buffer at most.
    pub gap_messages_max: u64,
    /// How long a gap may be open until the sequence counts as behind.
    pub behind_after_ns: u64,
    /// How retransmission is asked for.
    pub gap_fill: GapFillConfig,
}

/// Who takes the sequence.
pub trait Sink {
    /// A session begins: what was known from the one before is void.
    fn begin(&mut self);
    /// Messages of this packet will come next: time to ask for the memory that they will touch.
    fn expect(&mut self, packet: &Packet<'_>) {
        let _ = packet;
    }
    /// The next message, with its number.
    fn message(&mut self, sequence: u64, message: &[u8]);
}

/// Counters of one feed. Cloning gives other readers of the same ones.
#[derive(Clone, Debug, Default)]
pub struct FeedCounters {
    /// The feed as a whole, and its books.
    pub feed: Counters<FeedCount>,
    /// By line, A and B.
    pub lines: [Counters<LineCount>; 2],
    /// Retransmission.
    pub recovery: Counters<RecoveryCount>,
}

impl FeedCounters {
    /// Those of one line.
    pub fn line(&self, line: Line) -> &Counters<LineCount> {
        &self.lines[line as usize]
    }
}

/// A number that the sequence has to reach, and since when.
#[derive(Clone, Copy, Debug)]
struct Mark {
    sequence: u64,
    since_ns: u64,
}

/// Puts the packets of two lines and of retransmission into one gapless sequence. It has no I/O and no clock: packets and
/// the time come in, messages and requests come out.
#[derive(Debug)]
pub struct Arbiter {
    config: ArbitrationConfig,
    counters: FeedCounters,
    session: Option<Session>,
    /// The session before: a line that lags still sends it, and it must not come back.
    previous: Option<Session>,
    lines: [LineState; 2],
    /// Number of the next message.
    expected: u64,
    /// One after the highest number that is known to exist.
    frontier: u64,
    buffer: ReorderBuffer,
    gap_fill: GapFill,
    /// What is missing below may be asked for.
    aged: u64,
    /// What is missing below may be asked for after the wait.
    aging: Option<Mark>,
    /// Set while something is missing.
    catch_up: Option<Mark>,
    last_packet_ns: u64,
    is_behind: bool,
    is_silent: bool,
    has_ended: bool,
    has_lost: bool,
}

impl Arbiter {
    /// Waits for a session; all memory is allocated here.
    pub fn new(mut config: ArbitrationConfig, counters: FeedCounters) -> Self {
        let buffer = ReorderBuffer::new(config.reorder_messages_max);
        if config.gap_fill.servers == 0 {
            // Only a line could fill it, and what comes behind it has to fit the buffer meanwhile.
            config.gap_messages_max = config.gap_messages_max.min(buffer.capacity() / 2);
        }
        Arbiter {
            buffer,
            gap_fill: GapFill::new(config.gap_fill),
            config,
            counters,
            session: None,
            previous: None,
            lines: Default::default(),
            expected: 1,
            frontier: 1,
            aged: 1,
            aging: None,
            catch_up: None,
            last_packet_ns: 0,
            is_behind: false,
            is_silent: false,
            has_ended: false,
            has_lost: false,
        }
    }

    /// Whether what the messages so far tell may be wrong: some are lost or late, the lines are silent, or the session
    /// has ended. Lost ones stay lost: only the next session puts that right.
    pub fn is_stale(&self) -> bool {
        self.has_lost || self.is_behind || self.is_silent || self.has_ended
    }

    /// Number of the next message.
    pub fn expected(&self) -> u64 {
        self.expected
    }

    /// A packet has come by a line.
    #[inline]
    pub fn on_line(&mut self, line: Line, packet: &Packet<'_>, now_ns: u64, sink: &mut impl Sink) {
        if self.session != Some(packet.session) && !self.begin(packet, now_ns, sink) {
            self.counters.feed.add(FeedCount::ForeignSession, 1);
            return;
        }
        self.counters.feed.add(FeedCount::Packets, 1);
        self.last_packet_ns = now_ns;
        self.is_silent = false;
        self.lines[line as usize].on_packet(packet, now_ns, self.counters.line(line));
        if packet.sequence > self.expected && packet.sequence - self.expected > self.config.gap_messages_max {
            self.lose_until(packet.sequence, sink);
        }
        self.frontier = self.frontier.max(packet.sequence);
        let (new, seen) = self.take(packet, u64::MAX, sink);
        self.counters.line(line).add(LineCount::FirstCopies, new);
        self.counters.line(line).add(LineCount::Duplicates, seen);
        self.counters.feed.add(FeedCount::Duplicates, seen);
        self.has_ended |= packet.content == Content::EndOfSession;
        self.settle(now_ns, sink);
    }

    /// A packet has come from retransmission server number `server`. Only what was asked for is taken from it.
    pub fn on_answer(&mut self, server: usize, packet: &Packet<'_>, now_ns: u64, sink: &mut impl Sink) {
        let first = packet.sequence;
        let is_ours = self.session == Some(packet.session) && packet.count() > 0;
        let Some(end) = self.gap_fill.asked_until(first).filter(|_| is_ours) else {
            let is_late = is_ours && self.has(first);
            self.counters.recovery.add(if is_late { RecoveryCount::Late } else { RecoveryCount::Refused }, 1);
            return;
        };
        let (new, seen) = self.take(packet, end, sink);
        self.counters.recovery.add(RecoveryCount::Recovered, new);
        self.counters.feed.add(FeedCount::Duplicates, seen);
        if new > 0 {
            self.counters.recovery.add(RecoveryCount::Answers, 1);
            self.gap_fill.on_help(server, first);
        }
        self.settle(now_ns, sink);
    }

    /// Time has passed: to be called when [`Arbiter::deadline_ns`] has come, at the latest.
    pub fn on_time(&mut self, now_ns: u64, sink: &mut impl Sink) {
        if self.session.is_none() {
            return;
        }
        let silent_after_ns = self.config.silent_after_ns;
        for (line, counters) in self.lines.iter_mut().zip(&self.counters.lines) {
            line.on_time(now_ns, silent_after_ns, counters);
        }
        if !self.is_silent && now_ns.saturating_sub(self.last_packet_ns) >= silent_after_ns {
            self.is_silent = true;
            self.counters.feed.add(FeedCount::Silences, 1);
        }
        self.settle(now_ns, sink);
    }

    /// The next request that is due; to be called until there is none after each other call.
    pub fn next_request(&mut self, now_ns: u64) -> Option<Asked> {
        if self.expected >= self.aged && self.gap_fill.is_idle() {
            return None;
        }
        let end = self.aged.min(self.window_end());
        let asked = self.gap_fill.next_request(self.session?, self.expected, end, &self.buffer, now_ns)?;
        self.counters.recovery.add(RecoveryCount::Requests, 1);
        self.counters.recovery.add(RecoveryCount::Repeats, asked.is_repeat.into());
        Some(asked)
    }

    /// When [`Arbiter::on_time`] is due next.
    pub fn deadline_ns(&self) -> Option<u64> {
        self.session?;
        let after = |mark: Option<Mark>, ns: u64| mark.map(|mark| mark.since_ns.saturating_add(ns));
        [
            after(self.aging, self.config.wait_ns),
            after(self.catch_up.filter(|_| !self.is_behind), self.config.behind_after_ns),
            self.gap_fill.deadline_ns(),
        ]
        .into_iter()
        .chain(self.lines.iter().map(|line| line.silent_at_ns(self.config.silent_after_ns)))
        .flatten()
        .min()
    }

    /// Whether the packet's session begins with it. One does that is new, while there is no other or that one has ended
    /// or is silent.
    #[cold]
    fn begin(&mut self, packet: &Packet<'_>, now_ns: u64, sink: &mut impl Sink) -> bool {
        let session = Some(packet.session);
        let may_begin = self.session.is_none() || self.has_ended || self.is_silent;
        if !may_begin || self.previous == session || self.config.session.is_some_and(|only| only != packet.session) {
            return false;
        }
        let missing = self.frontier - self.expected - self.buffer.len() as u64;
        if missing > 0 {
            self.count_lost(missing);
        }
        self.previous = self.session;
        self.session = session;
        self.lines = Default::default();
        (self.expected, self.frontier, self.aged) = (1, 1, 1);
        self.buffer.clear();
        self.gap_fill.clear();
        (self.aging, self.catch_up) = (None, None);
        // Until it is known that nothing is missing.
        self.is_behind = packet.sequence > 1;
        self.is_silent = false;
        self.has_ended = false;
        self.has_lost = false;
        self.last_packet_ns = now_ns;
        sink.begin();
        true
    }

    /// Takes the messages of a packet below `end`; returns how many were new and how many were there.
    #[inline]
    fn take(&mut self, packet: &Packet<'_>, end: u64, sink: &mut impl Sink) -> (u64, u64) {
        if packet.next_sequence() <= self.expected {
            return (0, packet.count().into());
        }
        sink.expect(packet);
        let (mut new, mut seen) = (0, 0);
        for message in packet.messages() {
            let Ok((sequence, message)) = message else {
                // What is missing is asked for when the next packet has shown that it exists.
                self.counters.feed.add(FeedCount::BadPackets, 1);
                break;
            };
            if sequence >= end {
                break;
            }
            self.frontier = self.frontier.max(sequence + 1);
            if sequence == self.expected {
                new += 1;
                self.expected += 1;
                sink.message(sequence, message);
                self.deliver_buffered(sink);
            } else if self.has(sequence) {
                seen += 1;
            } else if sequence < self.window_end() && self.buffer.insert(sequence, message) {
                new += 1;
            } else {
                self.counters.recovery.add(RecoveryCount::Unbuffered, 1);
            }
        }
        (new, seen)
    }

    /// Whether a message has come already.
    #[inline]
    fn has(&self, sequence: u64) -> bool {
        sequence < self.expected || (sequence < self.window_end() && self.buffer.contains(sequence))
    }

    #[inline]
    fn deliver_buffered(&mut self, sink: &mut impl Sink) {
        while !self.buffer.is_empty()
            && let Some(message) = self.buffer.take(self.expected)
        {
            sink.message(self.expected, message);
            self.expected += 1;
        }
    }

    /// The end of what may be in the buffer. The place of `expected` itself is never used.
    #[inline]
    fn window_end(&self) -> u64 {
        self.expected.saturating_add(self.buffer.capacity())
    }

    /// Gives up what must be, and notes what is missing and since when.
    #[inline]
    fn settle(&mut self, now_ns: u64, sink: &mut impl Sink) {
        if self.expected < self.frontier || self.catch_up.is_some() || self.is_behind {
            self.settle_gap(now_ns, sink);
        }
    }

    fn settle_gap(&mut self, now_ns: u64, sink: &mut impl Sink) {
        let is_over = |mark: Mark, ns: u64| now_ns.saturating_sub(mark.since_ns) >= ns;
        if let Some(mark) = self.aging.filter(|&mark| is_over(mark, self.config.wait_ns)) {
            self.aged = mark.sequence;
            self.aging = None;
        }
        self.gap_fill.expire(now_ns);
        while self.expected < self.aged && (!self.gap_fill.has_servers() || self.gap_fill.is_given_up(self.expected)) {
            let present = self.buffer.next_present(self.expected, self.window_end());
            let end = if present < self.window_end() { present.min(self.aged) } else { self.aged };
            self.lose_until(end, sink);
        }
        if self.expected == self.frontier {
            (self.aging, self.catch_up) = (None, None);
            self.aged = self.expected;
            self.is_behind = false;
            self.gap_fill.clear();
            return;
        }
        let to_frontier = Mark { sequence: self.frontier, since_ns: now_ns };
        if self.aging.is_none() && self.frontier > self.aged {
            self.aging = Some(to_frontier);
        }
        match self.catch_up {
            None => self.catch_up = Some(to_frontier),
            Some(mark) if is_over(mark, self.config.behind_after_ns) => {
                self.counters.recovery.add(RecoveryCount::TimesBehind, (!self.is_behind).into());
                self.is_behind = true;
                if self.expected >= mark.sequence {
                    self.catch_up = Some(to_frontier);
                }
            }
            Some(mark) if self.expected >= mark.sequence => {
                self.catch_up = Some(to_frontier);
                self.is_behind = false;
            }
            Some(_) => {}
        }
    }

    /// Goes on to `end`, with what the buffer has of it; the rest is lost.
    #[cold]
    fn lose_until(&mut self, end: u64, sink: &mut impl Sink) {
        while self.expected < end {
            let window_end = self.window_end();
            let present = self.buffer.next_present(self.expected, window_end);
            let gap_end = if present < window_end { present.min(end) } else { end };
            self.count_lost(gap_end - self.expected);
            self.expected = gap_end;
            self.deliver_buffered(sink);
        }
        self.frontier = self.frontier.max(self.expected);
    }

    fn count_lost(&mut self, messages: u64) {
        self.has_lost = true;
        self.counters.feed.add(FeedCount::Gaps, 1);
        self.counters.feed.add(FeedCount::Lost, messages);
    }
}
