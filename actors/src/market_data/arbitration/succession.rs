//! When the arbiter follows another run of the feed: a new session, or the same one begun again.
//!
//! | the current session | is followed at once | is followed once a line has brought two packets in a row |
//! |---|---|---|
//! | none yet | the first packet seen | |
//! | has ended | a run under another name that begins with message 1 | any other run under another name |
//! | is silent | | a run under another name; one under the same name, unless it repeats the same messages |
//! | has ended and is silent | a run that begins with message 1 | any other run |
//! | has lost messages | | a run under the same name from message 1, if no line goes on |
//! | goes on | | a run under the same name with other messages, if no line goes on |
//!
//! A session has ended if more than one packet speaks for the number of its end. One that goes on past it is like any other name.
//!
//! Until then its messages are held, so that none is lost when the old session has stopped. A run that repeats the same
//! messages is the current one, sent again: prices are stale until it has passed what is known.

use corelane_codecs::mold::{Packet, SessionName};
use corelane_runtime::message::SequenceNumber;

use super::{
    arbiter::Arbiter,
    ended::Ended,
    fingerprints::{Comparison, Fingerprints},
    frontier::Frontier,
    line_state::LineState,
    message_sink::MessageSink,
    successor::Candidate,
};
use crate::market_data::{
    counts::{FeedCount, LineCount},
    feed_line::FeedLine,
};

impl Arbiter {
    /// Takes a packet of another session, or one that begins below numbers which its line has brought. Returns whether
    /// it belongs to the run that is followed and brings something.
    #[cold]
    #[inline(never)]
    pub(super) fn on_other_run(
        &mut self,
        line: FeedLine,
        packet: &Packet<'_>,
        now_ns: u64,
        sink: &mut impl MessageSink,
    ) -> bool {
        if self.session == Some(packet.session) {
            return self.on_fallen_back(line, packet, now_ns, sink);
        }
        let is_known = self.successor.candidate().is_some_and(|candidate| candidate.session == packet.session);
        let begins = packet.sequence == SequenceNumber::FIRST.0 && packet.count() > 0;
        // A session that has ended begins again only on a line that has brought its end; another line is only late.
        let is_late = self.previous_ended.is_some_and(|previous| {
            let begins_again = begins && previous.has_brought_end[line as usize];
            previous.session == packet.session && !is_known && !begins_again && !previous.is_passed_by(packet)
        });
        let is_excluded = is_late || self.config.session.is_some_and(|only| only != packet.session);
        if !is_excluded {
            let continues = self.is_candidate_after(line, packet);
            let is_followed =
                self.session.is_none() || (self.is_over() && (begins || continues)) || (self.is_silent && continues);
            if self.follow_or_note(is_followed, line, packet, Comparison::Unknown, now_ns, sink) {
                return true;
            }
        }
        self.counters.feed.add(FeedCount::ForeignSession, 1);
        false
    }

    /// Takes a packet of the current session that begins below numbers which its line has brought.
    fn on_fallen_back(
        &mut self,
        line: FeedLine,
        packet: &Packet<'_>,
        now_ns: u64,
        sink: &mut impl MessageSink,
    ) -> bool {
        if self.lines[line as usize].goes_on() && self.successor.is_of_line_alone(packet.session, line) {
            // The line has gone on with the current run since: what it brought before was a stray.
            self.successor.take();
        }
        let comparison = self.fingerprints.compare(packet, self.expected);
        let is_in_doubt = !self.lines[line as usize].is_trusted();
        if is_in_doubt && comparison != Comparison::Differs && self.is_current_after(line, packet) {
            // The line goes on where it was: what came between was a stray.
            self.successor.take();
            self.lines.iter_mut().for_each(LineState::trust);
            return true;
        }
        let is_old = SequenceNumber(packet.next_sequence()) <= self.expected;
        if comparison != Comparison::Differs
            && !is_in_doubt
            && (!is_old || !self.lines[line as usize].is_ahead_of(packet))
        {
            // Late, and it fills a gap; or the first packet of a line, or of one that was silent.
            return true;
        }
        let is_copy = is_in_doubt && comparison == Comparison::Same && !self.is_next_of_candidate(line, packet);
        let mut is_another_run = false;
        if !is_copy {
            if comparison == Comparison::Differs {
                self.successor.forget_copies(packet.session);
            }
            // Nothing tells a copy from what a run has sent again, or of a late message from another run's, but that it comes
            // so soon.
            let may_be_copy = !is_in_doubt && comparison != Comparison::Differs && self.is_soon(now_ns);
            let is_followed = self.is_run_after(line, packet, comparison, now_ns);
            if (is_followed || !may_be_copy) && self.follow_or_note(is_followed, line, packet, comparison, now_ns, sink)
            {
                return true;
            }
            let is_in_question = is_in_doubt || comparison == Comparison::Differs;
            is_another_run = is_in_question && self.successor.contradicts();
            match is_another_run {
                true => self.lines[line as usize].doubt(self.expected),
                false => self.lines[line as usize].fall_back(),
            }
        }
        if is_another_run {
            self.counters.feed.add(FeedCount::ForeignSession, 1);
        } else {
            let seen = packet.count().into();
            self.counters.feed.add(FeedCount::Packets, 1);
            self.counters.feed.add(FeedCount::Duplicates, seen);
            self.counters.line(line).add(LineCount::Packets, 1);
            self.counters.line(line).add(LineCount::Duplicates, seen);
        }
        false
    }

    /// Follows the run of a packet, or notes the packet for a run that may follow. Returns `is_followed`.
    fn follow_or_note(
        &mut self,
        is_followed: bool,
        line: FeedLine,
        packet: &Packet<'_>,
        comparison: Comparison,
        now_ns: u64,
        sink: &mut impl MessageSink,
    ) -> bool {
        if is_followed {
            self.follow(packet.session, packet.sequence, now_ns, sink);
        } else {
            self.successor.on_packet(line, packet, comparison, now_ns);
        }
        is_followed
    }

    /// Whether a packet makes the current session's name that of another run, which is to be followed.
    fn is_run_after(&self, line: FeedLine, packet: &Packet<'_>, comparison: Comparison, now_ns: u64) -> bool {
        let begins = packet.sequence == SequenceNumber::FIRST.0 && packet.count() > 0;
        if self.is_over() && self.is_silent && begins {
            return true;
        }
        let others_go_on =
            FeedLine::BOTH.into_iter().any(|other| other != line && self.lines[other as usize].goes_on());
        if others_go_on || !self.is_candidate_after(line, packet) {
            return false;
        }
        let known = self.candidate_of(packet.session);
        let starts = begins || known.is_some_and(Candidate::starts);
        let contradicts = comparison == Comparison::Differs || known.is_some_and(|candidate| candidate.contradicts);
        let repeats = comparison == Comparison::Same || known.is_some_and(|candidate| candidate.repeats);
        contradicts
            || (self.has_lost && starts && !self.is_soon(now_ns))
            || (self.is_silent && (!repeats || self.is_over()))
    }

    /// Whether the current run has brought a packet so recently that copies of what it has sent may still come.
    fn is_soon(&self, now_ns: u64) -> bool {
        now_ns.saturating_sub(self.last_packet_ns) < self.config.behind_after_ns
    }

    /// Follows a candidate that needs no further packet, once the current session has stopped.
    #[inline]
    pub(super) fn follow_confirmed(&mut self, now_ns: u64, sink: &mut impl MessageSink) {
        if let Some(&candidate) = self.successor.candidate()
            && candidate.is_confirmed
            && now_ns.saturating_sub(candidate.last_packet_ns) < self.config.silent_after_ns
        {
            let is_followed = if self.session == Some(candidate.session) {
                !self.goes_on() && (candidate.contradicts || (self.is_silent && (!candidate.repeats || self.is_over())))
            } else {
                self.is_silent
            };
            if is_followed {
                self.follow(candidate.session, candidate.first.0, candidate.last_packet_ns, sink);
            }
        }
    }

    /// Whether the session has ended, and not by the word of one packet with a number that nothing else speaks for.
    fn is_over(&self) -> bool {
        self.has_ended() && self.ended_at <= self.frontier.known()
    }

    /// Whether the lines bring another run under the session's name, and none goes on with the current one.
    #[inline]
    pub(super) fn is_contradicted(&self) -> bool {
        self.successor.contradicts() && !self.goes_on()
    }

    /// Whether a line brings the current run.
    fn goes_on(&self) -> bool {
        self.lines.iter().any(LineState::goes_on)
    }

    fn candidate_of(&self, session: SessionName) -> Option<&Candidate> {
        self.successor.candidate().filter(|candidate| candidate.session == session)
    }

    /// Whether a packet continues a candidate, or its run was continued before.
    fn is_candidate_after(&self, line: FeedLine, packet: &Packet<'_>) -> bool {
        let continues =
            |candidate: &Candidate| candidate.is_confirmed || candidate.lines[line as usize].is_continued_by(packet);
        self.candidate_of(packet.session).is_some_and(continues)
    }

    /// Whether a packet on a line in doubt continues the current run, and not the candidate.
    fn is_current_after(&self, line: FeedLine, packet: &Packet<'_>) -> bool {
        self.lines[line as usize].is_continued_by(packet) && !self.is_next_of_candidate(line, packet)
    }

    fn is_next_of_candidate(&self, line: FeedLine, packet: &Packet<'_>) -> bool {
        self.candidate_of(packet.session).is_some_and(|candidate| candidate.lines[line as usize].is_next(packet))
    }

    /// Begins another run with what is held of it. `first` is the lowest number known of it.
    fn follow(&mut self, session: SessionName, first: u64, now_ns: u64, sink: &mut impl MessageSink) {
        let is_over = self.is_over();
        // The run that follows confirms the end of this one.
        if !self.has_ended() {
            self.drop_claim();
        }
        let missing = self.frontier.end() - self.expected - self.buffer.len() as u64;
        if missing > 0 {
            self.count_lost(missing);
        }
        self.counters.feed.add(FeedCount::Restarts, (self.session == Some(session)).into());
        let ended = |session| {
            let has_brought_end = self.lines.map(|line| line.has_reached(self.ended_at));
            Ended { session, ended_at: self.ended_at, has_brought_end }
        };
        self.previous_ended = self.session.filter(|_| is_over).map(ended);
        self.session = Some(session);
        self.lines = [LineState::UNHEARD; 2];
        (self.expected, self.frontier) = (SequenceNumber::FIRST, Frontier::START);
        self.ended_at = SequenceNumber::NONE;
        self.buffer.clear();
        self.gap_fill.clear();
        self.replay.clear();
        self.fingerprints.clear();
        self.is_silent = false;
        self.has_lost = false;
        self.last_packet_ns = now_ns;
        let mut starts = first <= SequenceNumber::FIRST.0;
        if let Some(candidate) = self.successor.take().filter(|candidate| candidate.session == session) {
            std::mem::swap(&mut self.buffer, &mut self.successor.held);
            self.frontier = candidate.frontier;
            let end = self.frontier.known().max(self.buffer.end());
            self.lines = candidate.lines.map(|line| line.up_to(end));
            starts |= candidate.starts();
            if candidate.ended_at <= self.frontier.end() {
                self.ended_at = candidate.ended_at;
            }
            for number in (1..Fingerprints::END.min(self.buffer.end()).0).map(SequenceNumber) {
                if let Some(message) = self.buffer.get(number) {
                    self.fingerprints.note(number, message);
                }
            }
        }
        sink.begin();
        self.release_first(sink);
        self.gap_age.begin(!starts || self.is_releasing);
    }
}
