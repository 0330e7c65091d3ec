//! The run of the feed that may follow the current one: the messages that it has sent, held until it is followed.
//!
//! A packet that does not belong to the current run may be a stray, the late end of an earlier session, or the beginning
//! of what the feed sends from now on. Only one candidate is kept at a time. What it takes to follow it is in
//! [`succession`](super::succession).

use corelane_codecs::mold::{Content, Packet, SessionName};
use corelane_runtime::message::SequenceNumber;

use super::{
    fingerprints::Comparison, frontier::Frontier, line_state::LineState, readable::readable_end, reorder::ReorderBuffer,
};
use crate::market_data::feed_line::FeedLine;

/// A run that is not followed yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate {
    pub session: SessionName,
    /// By line, without counters.
    pub lines: [LineState; 2],
    /// The lowest number that it has sent.
    pub first: SequenceNumber,
    pub frontier: Frontier,
    pub last_packet_ns: u64,
    /// Whether a line has brought a packet that continues an earlier one of the same line. A stray is not continued.
    pub is_confirmed: bool,
    /// Whether it repeats numbers of the current session with other messages.
    pub contradicts: bool,
    /// Whether it repeats messages of the current session.
    pub repeats: bool,
    /// One more than its last number, by its end; none if it has not ended.
    pub ended_at: SequenceNumber,
}

impl Candidate {
    /// Whether its first message is known to exist.
    pub(super) fn starts(&self) -> bool {
        self.first == SequenceNumber::FIRST
    }
}

/// The candidate and its messages.
#[derive(Debug)]
pub(super) struct Successor {
    candidate: Option<Candidate>,
    /// The messages from 1 on, as far as there is room.
    pub held: ReorderBuffer,
    quiet_after_ns: u64,
}

impl Successor {
    /// Holds up to `messages_max` messages. A candidate counts as gone after `quiet_after_ns` without a packet.
    pub(super) fn new(messages_max: usize, quiet_after_ns: u64) -> Self {
        Successor { candidate: None, held: ReorderBuffer::new(messages_max), quiet_after_ns }
    }

    pub(super) fn candidate(&self) -> Option<&Candidate> {
        self.candidate.as_ref()
    }

    /// Whether the candidate contradicts the current session.
    #[inline]
    pub(super) fn contradicts(&self) -> bool {
        self.candidate.as_ref().is_some_and(|candidate| candidate.contradicts)
    }

    /// Whether there is a candidate of this session which no other line has brought.
    pub(super) fn is_of_line_alone(&self, session: SessionName, line: FeedLine) -> bool {
        let is_silent = |candidate: &Candidate, other: FeedLine| !candidate.lines[other as usize].is_heard();
        self.candidate.as_ref().is_some_and(|candidate| {
            candidate.session == session
                && FeedLine::BOTH.into_iter().all(|other| other == line || is_silent(candidate, other))
        })
    }

    /// The candidate, which is followed from now on or has turned out to be none.
    pub(super) fn take(&mut self) -> Option<Candidate> {
        self.candidate.take()
    }

    /// Forgets a candidate under the current session's name that nothing tells from the current run: what the network doubled
    /// of that, or what came late, reaches further than the run that begins again now.
    pub(super) fn forget_copies(&mut self, session: SessionName) {
        let may_be_copies =
            |candidate: &Candidate| candidate.session == session && !candidate.contradicts && !candidate.starts();
        self.candidate = self.candidate.filter(|candidate| !may_be_copies(candidate));
    }

    /// Notes a packet of a run that is not followed.
    pub(super) fn on_packet(&mut self, line: FeedLine, packet: &Packet<'_>, comparison: Comparison, now_ns: u64) {
        if !self.has_room_for(packet, now_ns) {
            return;
        }
        let first = SequenceNumber(packet.sequence);
        let candidate = match &mut self.candidate {
            Some(candidate) if candidate.session == packet.session => candidate,
            place => {
                self.held.clear();
                place.insert(Candidate {
                    session: packet.session,
                    lines: [LineState::UNHEARD; 2],
                    first,
                    frontier: Frontier::START,
                    last_packet_ns: now_ns,
                    is_confirmed: false,
                    contradicts: false,
                    repeats: false,
                    ended_at: SequenceNumber::NONE,
                })
            }
        };
        candidate.is_confirmed |= candidate.lines[line as usize].is_continued_by(packet);
        candidate.contradicts |= comparison == Comparison::Differs;
        candidate.repeats |= comparison == Comparison::Same;
        if packet.content == Content::EndOfSession {
            candidate.ended_at = first;
        }
        candidate.lines[line as usize].advance(readable_end(packet), now_ns);
        candidate.first = candidate.first.min(first);
        let kept_end = self.held.end().max(SequenceNumber::FIRST);
        candidate.frontier.on_number(line, first, packet.count() > 0, kept_end);
        candidate.last_packet_ns = now_ns;
        let window_end = SequenceNumber::FIRST + self.held.capacity();
        for (number, message) in packet.messages().map_while(Result::ok) {
            let number = SequenceNumber(number);
            candidate.frontier.on_message(number);
            if (SequenceNumber::FIRST..window_end).contains(&number) && !self.held.contains(number) {
                // If it is too long, it is missing later, as if the network had lost it.
                self.held.insert(number, message);
            }
        }
    }

    /// Whether a packet may become the candidate's, or its run the candidate. A run that was seen to begin or to go on
    /// is not displaced by a stray.
    fn has_room_for(&mut self, packet: &Packet<'_>, now_ns: u64) -> bool {
        let Some(candidate) = self.candidate else { return packet.content != Content::EndOfSession };
        if now_ns.saturating_sub(candidate.last_packet_ns) >= self.quiet_after_ns {
            self.candidate = None;
        } else if candidate.session != packet.session {
            let is_stronger = packet.sequence == SequenceNumber::FIRST.0 || !candidate.starts();
            return packet.content != Content::EndOfSession && !candidate.is_confirmed && is_stronger;
        }
        true
    }
}
