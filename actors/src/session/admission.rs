//! Requests, and what the group is told of log-ins: all that is sent on the admission edge.

use corelane_codecs::ouch::RejectReason;
use corelane_runtime::net::{ConnId, Flow};

use super::{Count, Ctx, Group, MALFORMED_MAX, RETRY_NS, Session, WAKE, request::Request};
use crate::messages::{AccountSlot, Command, SequencerIn, SessionChange};

impl Session {
    #[inline]
    pub(super) fn on_request(&mut self, ctx: &mut Ctx<'_>, conn: ConnId, slot: AccountSlot, payload: &[u8]) -> Flow {
        if self.accounts[slot as usize].is_spent() {
            self.counters.add(Count::IgnoredRequests, 1);
            return Flow::Taken;
        }
        if !self.announce(ctx, slot) {
            return self.hold();
        }
        let mut request = Request::read(slot, payload, &self.locates);
        // By reference: each copy of what was just written in pieces would wait for the stores.
        let (command, is_malformed) = match &mut request {
            Request::Good(command) => (Some(command), false),
            Request::Refused(command) => (Some(command), true),
            Request::Unreadable => (None, true),
        };
        if let Some(command) = command {
            if self.group == Group::Down {
                self.answer_without_group(ctx, slot, command);
            } else if !self.forward(ctx, slot, command) {
                return self.hold();
            }
        }
        if is_malformed {
            self.on_malformed(ctx, conn);
        }
        Flow::Taken
    }

    fn hold(&mut self) -> Flow {
        self.counters.add(Count::Holds, 1);
        Flow::Hold
    }

    #[cold]
    fn on_malformed(&mut self, ctx: &mut Ctx<'_>, conn: ConnId) {
        self.counters.add(Count::MalformedRequests, 1);
        let Some(connection) = self.connection(conn) else {
            return;
        };
        connection.malformed += 1;
        if connection.malformed > MALFORMED_MAX {
            self.disconnect(ctx, conn, Count::Malformed);
        }
    }

    /// Sends a request to the sequencer; false if it has to wait.
    #[inline]
    fn forward(&mut self, ctx: &mut Ctx<'_>, slot: AccountSlot, command: &mut Command) -> bool {
        let live = &mut self.accounts[slot as usize].live;
        let wants_credit = !matches!(command, Command::Cancel(_));
        if ctx.out.requests.room() == 0 || wants_credit && !live.has_credit() {
            return false;
        }
        match command {
            Command::Enter(enter) => {
                if enter.unsupported == 0 && live.is_full() {
                    enter.unsupported = RejectReason::Other.to_wire();
                }
                live.entered(enter.user_ref, enter.locate, enter.quantity, enter.cl_ord_id);
            }
            Command::Replace(replace) => {
                replace.locate = live.locate_of(replace.original_user_ref);
                live.replacing(replace.original_user_ref, replace.user_ref, replace.quantity, replace.cl_ord_id);
            }
            _ => {}
        }
        self.counters.add(Count::Requests, 1);
        ctx.out.requests.send(SequencerIn::Command(*command));
        true
    }

    /// Tells the group of an account's log-in or disconnect; false, and the account noted, if there is no room.
    ///
    /// Only the newest state is told: a log-in that came and went unheard has sent no request, because requests wait
    /// for it.
    #[inline]
    pub(super) fn announce(&mut self, ctx: &mut Ctx<'_>, slot: AccountSlot) -> bool {
        let account = &mut self.accounts[slot as usize];
        let current = account.current();
        if account.told == current {
            return true;
        }
        let change = |generation| SessionChange { account: slot, generation };
        let requests = &mut ctx.out.requests;
        if let Some(generation) = account.told
            && requests.room() > 0
        {
            requests.send(SequencerIn::Command(Command::Disconnect(change(generation))));
            account.told = None;
        }
        if let (None, Some(generation)) = (account.told, current)
            && requests.room() > 0
        {
            requests.send(SequencerIn::Command(Command::LogIn(change(generation))));
            account.told = current;
        }
        let is_told = account.told == current;
        if !is_told {
            self.mark_unannounced(slot);
        }
        is_told
    }

    pub(super) fn announce_waiting(&mut self, ctx: &mut Ctx<'_>) {
        while let Some(&slot) = self.unannounced.first() {
            if !self.announce(ctx, slot) {
                return;
            }
            self.unannounced.remove(0);
            self.accounts[slot as usize].is_unannounced = false;
        }
    }

    pub(super) fn mark_unannounced(&mut self, slot: AccountSlot) {
        let account = &mut self.accounts[slot as usize];
        if !account.is_unannounced {
            account.is_unannounced = true;
            self.unannounced.push(slot);
        }
    }

    pub(super) fn wake_if_waiting(&mut self, ctx: &mut Ctx<'_>) {
        let after_ns = match self.group {
            Group::Draining => 0,
            _ if !self.unannounced.is_empty() => RETRY_NS,
            _ => return,
        };
        if !self.wake_is_set {
            self.wake_is_set = ctx.set_timer(after_ns, WAKE).is_ok();
        }
    }
}
