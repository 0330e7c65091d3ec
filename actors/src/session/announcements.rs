//! Announcements of log-ins and disconnects to the group.

use super::order_entry::{Ctx, GroupState, Session};
use crate::messages::{AccountSlot, Command, SequencerIn, SessionChange};

/// Time until the next try to announce when the edge was full.
const RETRY_NS: u64 = 1_000_000;

/// Token of the timer that only causes a batch end. All other tokens are slots of connections.
pub(super) const WAKE: u64 = u64::MAX;

impl Session {
    /// Announces an account's log-in or disconnect to the group. If there is no room, notes the account and returns
    /// false.
    ///
    /// Only the last state is announced. A log-in that came and went without announcement has sent no request, because
    /// requests wait for it.
    #[inline]
    pub(super) fn announce(&mut self, ctx: &mut Ctx<'_>, slot: AccountSlot) -> bool {
        let account = &mut self.accounts[slot as usize];
        let current = account.current();
        if account.announced == current {
            return true;
        }
        let change = |generation| SessionChange { account: slot, generation };
        let requests = &mut ctx.out.requests;
        if let Some(generation) = account.announced
            && requests.room() > 0
        {
            requests.send(SequencerIn::Command(Command::Disconnect(change(generation))));
            account.announced = None;
        }
        if let (None, Some(generation)) = (account.announced, current)
            && requests.room() > 0
        {
            requests.send(SequencerIn::Command(Command::LogIn(change(generation))));
            account.announced = current;
        }
        let is_announced = account.announced == current;
        if !is_announced {
            self.mark_unannounced(slot);
        }
        is_announced
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
            GroupState::Draining => 0,
            _ if !self.unannounced.is_empty() => RETRY_NS,
            _ => return,
        };
        if !self.wake_is_set {
            self.wake_is_set = ctx.set_timer(after_ns, WAKE).is_ok();
        }
    }
}
