//! Announcements of log-ins and disconnects to the group.

use super::order_entry::{Ctx, Session};
use crate::types::{Command, PortId, SequencerIn, SessionChange};

/// Time until the next try to announce when the edge was full.
const RETRY_NS: u64 = 1_000_000;

/// Token of the timer that only causes a batch end. All other tokens are slots of connections.
pub(super) const WAKE: u64 = u64::MAX;

impl Session {
    /// Announces a port's log-in or disconnect to the group. If there is no room, notes the port and returns
    /// false.
    ///
    /// Only the last state is announced. A log-in that came and went without announcement has sent no request, because
    /// requests wait for it.
    #[inline]
    pub(super) fn announce(&mut self, ctx: &mut Ctx<'_>, port: PortId) -> bool {
        let state = &mut self.ports[port.index()];
        let current = state.current();
        if state.announced == current {
            return true;
        }
        let change = |generation| SessionChange { port, generation };
        let requests = &mut ctx.out.requests;
        if let Some(generation) = state.announced
            && requests.room() > 0
        {
            requests.send(SequencerIn::Command(Command::Disconnect(change(generation))));
            state.announced = None;
        }
        if let (None, Some(generation)) = (state.announced, current)
            && requests.room() > 0
        {
            requests.send(SequencerIn::Command(Command::LogIn(change(generation))));
            state.announced = current;
        }
        let is_announced = state.announced == current;
        let is_leaving = state.leaving;
        if !is_announced {
            self.mark_unannounced(port);
        } else if is_leaving {
            // Perhaps the group owes it nothing.
            self.mark_dirty(port);
        }
        is_announced
    }

    pub(super) fn announce_waiting(&mut self, ctx: &mut Ctx<'_>) {
        while let Some(&port) = self.unannounced.front() {
            if !self.announce(ctx, port) {
                return;
            }
            self.unannounced.pop_front();
            self.ports[port.index()].is_unannounced = false;
        }
    }

    pub(super) fn mark_unannounced(&mut self, port: PortId) {
        let state = &mut self.ports[port.index()];
        if !state.is_unannounced {
            state.is_unannounced = true;
            self.unannounced.push_back(port);
        }
    }

    pub(super) fn wake_if_waiting(&mut self, ctx: &mut Ctx<'_>) {
        if !self.unannounced.is_empty() && !self.wake_is_set {
            self.wake_is_set = ctx.set_timer(RETRY_NS, WAKE).is_ok();
        }
    }
}
