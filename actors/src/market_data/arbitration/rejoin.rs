//! Replays of the session from message 1 beside the live sequence, for books that the feed has contradicted: what came by a
//! line may have been wrong, and a server may know better.

use corelane_codecs::mold::Packet;
use corelane_runtime::message::SequenceNumber;

use super::{arbiter::Arbiter, gap_fill::DueRequest, message_sink::MessageSink, replay::Replay};
use crate::market_data::counts::RecoveryCount;

impl Arbiter {
    /// Begins to replay the session to [`MessageSink::replayed`], unless a replay is under way, there is no server, or the
    /// session is longer than the longest gap that is requested.
    #[cold]
    pub fn begin_replay(&mut self) {
        let length = self.expected - SequenceNumber::FIRST;
        let can_replay = self.session.is_some() && self.gap_fill.has_servers() && !self.replay.is_active;
        if can_replay && (1..=self.config.gap_messages_max).contains(&length) {
            self.replay.is_active = true;
            self.replay.next = SequenceNumber::FIRST;
        }
    }

    #[cold]
    pub(super) fn next_replay_request(&mut self, now_ns: u64) -> Option<DueRequest> {
        let Replay { is_active, next, fill, buffer } = &mut self.replay;
        is_active.then(|| fill.next_request(self.session?, *next, self.expected, buffer, now_ns)).flatten()
    }

    /// Takes an answer to a request of the replay; false if it is none.
    #[cold]
    pub(super) fn on_replay_answer(&mut self, server: usize, packet: &Packet<'_>, sink: &mut impl MessageSink) -> bool {
        let first = SequenceNumber(packet.sequence);
        if !self.replay.is_active || first != self.replay.next {
            return false;
        }
        let Some(end) = self.replay.fill.asked_until(first) else { return false };
        if first == SequenceNumber::FIRST {
            sink.replay_begins();
        }
        for (number, message) in packet.messages().map_while(Result::ok) {
            if SequenceNumber(number) >= end {
                break;
            }
            sink.replayed(message);
            self.replay.next = SequenceNumber(number).next();
        }
        if self.replay.next > first {
            self.counters.recovery.add(RecoveryCount::Answers, 1);
            self.counters.recovery.add(RecoveryCount::Replayed, self.replay.next - first);
            self.replay.fill.on_help(server, first);
        }
        if self.replay.next >= self.expected {
            self.replay.cancel();
            sink.replay_ended(true);
        }
        true
    }

    /// Ends a replay whose last attempt is overdue.
    pub(super) fn expire_replay(&mut self, now_ns: u64, sink: &mut impl MessageSink) {
        if self.replay.is_active {
            self.replay.fill.expire(now_ns);
            if self.replay.fill.is_given_up(self.replay.next) {
                self.replay.cancel();
                sink.replay_ended(false);
            }
        }
    }
}
