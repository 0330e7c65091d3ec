//! The arbiter: which messages are new, which are missing, and which to request.

use corelane_codecs::mold::{Content, Packet, SessionName};
use corelane_runtime::message::SequenceNumber;

use super::{
    config::ArbitrationConfig,
    ended::Ended,
    fingerprints::Fingerprints,
    frontier::Frontier,
    gap_age::GapAge,
    gap_fill::{DueRequest, GapFill},
    line_state::LineState,
    message_sink::MessageSink,
    readable::readable_end,
    reorder::ReorderBuffer,
    replay::Replay,
    successor::Successor,
};
use crate::market_data::{
    counts::{FeedCount, FeedCounters, LineCount, RecoveryCount},
    feed_line::FeedLine,
};

/// Messages that one packet, or one call of [`Arbiter::on_time`], releases from the buffer at most, unless the packet itself has as
/// many: some tens of microseconds. The shard may serve order entry, too.
const RELEASED_PER_STEP_MAX: usize = 256;

/// Merges the packets of two lines and of retransmission into one gapless sequence, without I/O or clock.
#[derive(Debug)]
pub struct Arbiter {
    pub(super) config: ArbitrationConfig,
    pub(super) counters: FeedCounters,
    pub(super) session: Option<SessionName>,
    /// The session before, if it has ended. A late line may still bring it.
    pub(super) previous_ended: Option<Ended>,
    pub(super) lines: [LineState; 2],
    /// Sequence number of the next message.
    pub(super) expected: SequenceNumber,
    pub(super) frontier: Frontier,
    pub(super) buffer: ReorderBuffer,
    /// Whether the buffer holds the next message: the rest of a gap that was filled is still to be released.
    pub(super) is_releasing: bool,
    pub(super) fingerprints: Fingerprints,
    pub(super) successor: Successor,
    pub(super) gap_age: GapAge,
    pub(super) gap_fill: GapFill,
    pub(super) replay: Replay,
    /// Time of the last packet that shows that the feed goes on.
    pub(super) last_packet_ns: u64,
    pub(super) is_silent: bool,
    /// One more than the last number of the session, by its end; none if it has not ended.
    pub(super) ended_at: SequenceNumber,
    pub(super) has_lost: bool,
}

/// What was taken of a packet.
struct Taken {
    /// Messages that nothing has brought before.
    new: u64,
    /// Messages that had come already.
    seen: u64,
    /// The end of the numbers that the packet has brought. Its header may promise more.
    end: SequenceNumber,
}

impl Arbiter {
    /// An arbiter that waits for a session. Allocates all its memory.
    #[must_use]
    pub fn new(mut config: ArbitrationConfig, counters: FeedCounters) -> Self {
        let buffer = ReorderBuffer::new(config.reorder_messages_max);
        if config.gap_fill.servers == 0 {
            // Only a line can fill a gap, and the buffer must hold the messages behind it until then.
            config.gap_messages_max = config.gap_messages_max.min(buffer.capacity() / 2);
        }
        Arbiter {
            buffer,
            is_releasing: false,
            fingerprints: Fingerprints::new(),
            successor: Successor::new(config.reorder_messages_max, config.silent_after_ns),
            gap_age: GapAge::new(&config),
            gap_fill: GapFill::new(&config),
            replay: Replay::new(&config),
            config,
            counters,
            session: None,
            previous_ended: None,
            lines: [LineState::UNHEARD; 2],
            expected: SequenceNumber::FIRST,
            frontier: Frontier::START,
            last_packet_ns: 0,
            // No packet has shown yet that the feed goes on.
            is_silent: true,
            ended_at: SequenceNumber::NONE,
            has_lost: false,
        }
    }

    /// Whether the state built from the messages may be wrong: no session has begun, some are lost or late, the lines are
    /// silent, the session has ended, or the lines bring another run under its name. After a loss, only a new run makes it
    /// fresh again.
    #[must_use]
    #[inline]
    pub fn is_stale(&self) -> bool {
        self.has_lost || self.gap_age.is_behind() || self.is_silent || self.has_ended() || self.is_contradicted()
    }

    /// Whether the session has ended, and no message has come after its end.
    #[inline]
    pub(super) fn has_ended(&self) -> bool {
        self.ended_at >= self.expected
    }

    /// Sequence number of the next message.
    #[must_use]
    pub fn expected(&self) -> SequenceNumber {
        self.expected
    }

    /// Takes a packet from a line.
    #[inline]
    pub fn on_line(&mut self, line: FeedLine, packet: &Packet<'_>, now_ns: u64, sink: &mut impl MessageSink) {
        let is_plain = self.session == Some(packet.session) && self.lines[line as usize].is_plain(packet);
        if !is_plain && !self.on_other_run(line, packet, now_ns, sink) {
            return;
        }
        self.counters.feed.add(FeedCount::Packets, 1);
        let first = SequenceNumber(packet.sequence);
        // A line that brings only what is known does not show that the feed goes on.
        if SequenceNumber(packet.next_sequence()) >= self.expected {
            self.last_packet_ns = now_ns;
            self.is_silent = false;
        }
        let is_plain = packet.count() > 0 && self.frontier.is_plain(first);
        let is_known = is_plain || self.on_number(line, packet, now_ns, sink);
        let Taken { new, seen, end } = self.take(packet, SequenceNumber::MAX, sink);
        match is_known {
            true => self.lines[line as usize].on_packet(first, end, now_ns, self.counters.line(line)),
            false => self.lines[line as usize].on_claim(first, end, now_ns, self.counters.line(line)),
        }
        self.counters.line(line).add(LineCount::FirstCopies, new);
        self.counters.line(line).add(LineCount::Duplicates, seen);
        self.counters.feed.add(FeedCount::Duplicates, seen);
        if packet.content == Content::EndOfSession && first >= self.expected {
            // Of two ends, the lower one holds.
            self.ended_at = if self.has_ended() { first.min(self.ended_at) } else { first };
        }
        self.close_gap(now_ns, sink);
    }

    /// Takes a packet from the retransmission server with index `server`, except messages that were not requested.
    pub fn on_answer(&mut self, server: usize, packet: &Packet<'_>, now_ns: u64, sink: &mut impl MessageSink) {
        let first = SequenceNumber(packet.sequence);
        let is_ours = self.session == Some(packet.session) && packet.count() > 0;
        // A range that was asked for as a gap may have come by a line and be asked for again for the replay.
        let is_replay = is_ours && self.on_replay_answer(server, packet, sink);
        let Some(end) = self.gap_fill.asked_until(first).filter(|_| is_ours) else {
            if is_replay {
                return;
            }
            let is_late = is_ours && self.has(first);
            self.counters.recovery.add(if is_late { RecoveryCount::Late } else { RecoveryCount::Refused }, 1);
            return;
        };
        let Taken { new, seen, end: answered } = self.take(packet, end, sink);
        self.on_answered(answered.min(end));
        self.counters.recovery.add(RecoveryCount::Recovered, new);
        self.counters.feed.add(FeedCount::Duplicates, seen);
        if new > 0 {
            self.counters.recovery.add(RecoveryCount::Answers, 1);
            self.gap_fill.on_help(server, first);
        }
        self.close_gap(now_ns, sink);
    }

    /// Acts on the passing of time. Call it at [`Arbiter::deadline_ns`] or earlier.
    pub fn on_time(&mut self, now_ns: u64, sink: &mut impl MessageSink) {
        if self.session.is_none() {
            return;
        }
        if self.is_releasing {
            self.release(RELEASED_PER_STEP_MAX, sink);
        }
        let silent_after_ns = self.config.silent_after_ns;
        for (line, counters) in self.lines.iter_mut().zip(&self.counters.lines) {
            line.on_time(now_ns, silent_after_ns, counters);
        }
        if !self.is_silent && now_ns.saturating_sub(self.last_packet_ns) >= silent_after_ns {
            self.is_silent = true;
            self.counters.feed.add(FeedCount::Silences, 1);
        }
        self.follow_confirmed(now_ns, sink);
        self.expire_replay(now_ns, sink);
        self.close_gap(now_ns, sink);
    }

    /// The next request to send. After every other call, call this until it returns `None`.
    pub fn next_request(&mut self, now_ns: u64) -> Option<DueRequest> {
        let has_gap = self.expected < self.gap_age.requestable_end() || !self.gap_fill.is_idle();
        if !has_gap && !self.replay.is_active {
            return None;
        }
        let end = self.gap_age.requestable_end().min(self.window_end());
        let asked = match self.gap_fill.next_request(self.session?, self.expected, end, &self.buffer, now_ns) {
            Some(asked) => asked,
            None => self.next_replay_request(now_ns)?,
        };
        self.counters.recovery.add(RecoveryCount::Requests, 1);
        self.counters.recovery.add(RecoveryCount::Repeats, asked.is_repeat.into());
        Some(asked)
    }

    /// Time of the next call of [`Arbiter::on_time`]; 0 if it has work to do as soon as others have had their turn.
    #[must_use]
    pub fn deadline_ns(&self) -> Option<u64> {
        self.session?;
        if self.is_releasing {
            return Some(0);
        }
        let silent_after_ns = self.config.silent_after_ns;
        let lines = self.lines.iter().map(|line| line.silent_at_ns(silent_after_ns));
        let silent_ns = (!self.is_silent).then(|| self.last_packet_ns.saturating_add(silent_after_ns));
        let requests = [self.gap_age.deadline_ns(), self.gap_fill.deadline_ns(), self.replay.deadline_ns()];
        requests.into_iter().chain(lines).chain([silent_ns]).flatten().min()
    }

    /// Takes the messages of a packet below `end`.
    #[inline]
    fn take(&mut self, packet: &Packet<'_>, end: SequenceNumber, sink: &mut impl MessageSink) -> Taken {
        let mut read_end = SequenceNumber(packet.next_sequence());
        if read_end <= self.expected {
            return Taken { new: 0, seen: packet.count().into(), end: read_end };
        }
        let is_compared = self.expected < Fingerprints::END;
        sink.prefetch(packet);
        let (mut new, mut seen) = (0, 0);
        // While the buffer is released, at least as many leave it as come.
        let mut releasable = if self.is_releasing { 2 * usize::from(packet.count()) } else { RELEASED_PER_STEP_MAX };
        for message in packet.messages() {
            let Ok((sequence, message)) = message else {
                // The next packet reveals the gap.
                self.counters.feed.add(FeedCount::BadPackets, 1);
                read_end = readable_end(packet);
                break;
            };
            let sequence = SequenceNumber(sequence);
            if sequence >= end {
                break;
            }
            self.frontier.on_message(sequence);
            if sequence == self.expected && !self.is_releasing {
                new += 1;
                self.expected = self.expected.next();
                sink.message(sequence, message);
                releasable -= self.release(releasable, sink);
            } else if self.has(sequence) {
                seen += 1;
            } else if sequence < self.window_end() && self.buffer.insert(sequence, message) {
                new += 1;
            } else {
                self.counters.recovery.add(RecoveryCount::Unbuffered, 1);
            }
        }
        if self.is_releasing {
            self.release(releasable, sink);
        }
        if is_compared {
            self.note_fingerprints(packet, end);
        }
        Taken { new, seen, end: read_end }
    }

    /// Notes what a packet has brought below `end`. What was too early to be kept is not delivered, so it is no copy's
    /// measure.
    #[cold]
    fn note_fingerprints(&mut self, packet: &Packet<'_>, end: SequenceNumber) {
        for (number, message) in packet.messages().map_while(Result::ok) {
            let sequence = SequenceNumber(number);
            if sequence < end && self.has(sequence) {
                self.fingerprints.note(sequence, message);
            }
        }
    }

    /// Whether the message with this number has come.
    #[inline]
    fn has(&self, sequence: SequenceNumber) -> bool {
        sequence < self.expected || (sequence < self.window_end() && self.buffer.contains(sequence))
    }

    /// Delivers up to `most` of the messages that the buffer holds from the next one on; returns how many.
    #[inline]
    fn release(&mut self, most: usize, sink: &mut impl MessageSink) -> usize {
        if self.buffer.is_empty() {
            self.is_releasing = false;
            return 0;
        }
        let mut released = 0;
        while released < most
            && let Some(message) = self.buffer.take(self.expected)
        {
            sink.message(self.expected, message);
            self.expected = self.expected.next();
            released += 1;
        }
        self.is_releasing = self.buffer.contains(self.expected);
        released
    }

    /// Begins to deliver what the buffer holds from the next message on.
    pub(super) fn release_first(&mut self, sink: &mut impl MessageSink) {
        self.release(RELEASED_PER_STEP_MAX, sink);
    }

    /// End of the numbers that the buffer can hold. It holds `expected` itself only while it is released.
    #[inline]
    pub(super) fn window_end(&self) -> SequenceNumber {
        self.expected.saturating_add(self.buffer.capacity())
    }

    /// Gives up lost messages, and updates the age of what is missing.
    #[inline]
    pub(super) fn close_gap(&mut self, now_ns: u64, sink: &mut impl MessageSink) {
        if self.expected < self.frontier.end() || self.gap_age.is_open() {
            self.close_open_gap(now_ns, sink);
        }
    }

    fn close_open_gap(&mut self, now_ns: u64, sink: &mut impl MessageSink) {
        self.gap_age.end_wait(now_ns);
        self.gap_fill.expire(now_ns);
        let known = self.frontier.known();
        if !self.is_releasing && known > self.expected && known - self.expected > self.config.gap_messages_max {
            self.lose_until(known, sink);
        }
        let end = self.gap_age.requestable_end().min(known);
        while self.expected < end
            && !self.is_releasing
            && (!self.gap_fill.has_servers() || self.gap_fill.is_given_up(self.expected))
        {
            let present = self.buffer.next_present(self.expected, self.window_end());
            let gap_end = if present < self.window_end() { present.min(end) } else { end };
            self.lose_until(gap_end, sink);
        }
        self.frontier.pass(self.expected);
        if self.expected == self.frontier.end() {
            self.gap_age.close(self.expected);
            self.gap_fill.clear();
        } else if self.gap_age.observe(self.expected, self.frontier.end(), now_ns) {
            self.counters.recovery.add(RecoveryCount::TimesBehind, 1);
        }
    }

    /// Advances to `end`, or to more messages that the buffer holds than are released at once: delivers those that it holds, and
    /// counts the others as lost.
    #[cold]
    fn lose_until(&mut self, end: SequenceNumber, sink: &mut impl MessageSink) {
        while self.expected < end && !self.is_releasing {
            let window_end = self.window_end();
            let present = self.buffer.next_present(self.expected, window_end);
            let gap_end = if present < window_end { present.min(end) } else { end };
            self.count_lost(gap_end - self.expected);
            self.expected = gap_end;
            self.release_first(sink);
        }
    }

    pub(super) fn count_lost(&mut self, messages: u64) {
        self.has_lost = true;
        self.counters.feed.add(FeedCount::Gaps, 1);
        self.counters.feed.add(FeedCount::Lost, messages);
    }
}
