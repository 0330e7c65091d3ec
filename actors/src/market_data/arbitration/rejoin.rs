//! The replay of a run from message 1, beside the live sequence, for books that the feed has contradicted: what a line has
//! brought may have been damaged, and a server may know better.
//!
//! Its requests wait behind those for gaps. It ends when it has reached the next message of the live sequence, when no
//! server has answered one of its requests, or when another run is followed.

use corelane_codecs::mold::Packet;
use corelane_runtime::message::SequenceNumber;

use super::{arbiter::Arbiter, gap_fill::DueRequest, message_sink::MessageSink, replay::Replay};
use crate::market_data::counts::RecoveryCount;

/// Most replays of one run of the feed. Each asks the servers for all that the run has sent, so a feed that contradicts
/// itself all day must not ask for more. With 2, the second set of books would have to be emptied in between.
const REPLAYS_PER_RUN_MAX: u32 = 1;

impl Arbiter {
    /// Begins to replay the run from message 1 to [`MessageSink::replayed`]. It does nothing without servers, if the run
    /// was replayed before, if messages are lost, or if the run is longer than the longest gap that is requested.
    #[cold]
    pub fn begin_replay(&mut self) {
        let length = self.expected - SequenceNumber::FIRST;
        let can_begin = self.gap_fill.has_servers() && self.replay.begun < REPLAYS_PER_RUN_MAX && !self.has_lost;
        if can_begin && length > 0 && length <= self.config.gap_messages_max {
            self.replay.is_active = true;
            self.replay.begun += 1;
            self.replay.next = SequenceNumber::FIRST;
        }
    }

    /// The next request of the replay.
    #[cold]
    pub(super) fn next_replay_request(&mut self, now_ns: u64) -> Option<DueRequest> {
        let end = self.expected.min(self.replay.window_end());
        let Replay { is_active, next, requests, buffer, .. } = &mut self.replay;
        if *is_active { requests.next_request(self.session?, *next, end, buffer, now_ns) } else { None }
    }

    /// Takes an answer to a request of the replay; false if it is none.
    #[cold]
    pub(super) fn on_replay_answer(&mut self, server: usize, packet: &Packet<'_>, sink: &mut impl MessageSink) -> bool {
        let first = SequenceNumber(packet.sequence);
        let Some(end) = self.replay.requests.asked_until(first) else { return false };
        let mut new = 0;
        for (number, message) in packet.messages().map_while(Result::ok) {
            let sequence = SequenceNumber(number);
            if sequence >= end {
                break;
            }
            new += u64::from(self.replay.take(sequence, message, sink));
        }
        if new > 0 {
            self.counters.recovery.add(RecoveryCount::Answers, 1);
            self.counters.recovery.add(RecoveryCount::Replayed, new);
            self.replay.requests.on_help(server, first);
        }
        // Only numbers below `expected` are requested, so the two sequences meet here: nothing is missed or doubled.
        if self.replay.next == self.expected {
            self.replay.end();
            sink.replay_ended(true);
        }
        true
    }

    /// Gives up a replay whose last attempt is overdue.
    pub(super) fn expire_replay(&mut self, now_ns: u64, sink: &mut impl MessageSink) {
        if self.replay.is_active {
            self.replay.requests.expire(now_ns);
            if self.replay.requests.is_given_up(self.replay.next) {
                self.replay.end();
                sink.replay_ended(false);
            }
        }
    }
}
