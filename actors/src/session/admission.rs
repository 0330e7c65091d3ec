//! Requests on their way to the sequencer.

use corelane_runtime::net::{ConnId, Flow};

use super::{
    counts::SessionCount,
    order_entry::{Ctx, GroupState, Session},
    request::DecodedRequest,
};
use crate::types::{Command, PortId, SequencerIn};

/// Malformed requests that a connection may send; one more ends it. Enough that a faulty client sees its rejects, few
/// enough that one that sends noise costs little.
pub const MALFORMED_MAX: u32 = 64;

impl Session {
    #[inline]
    pub(super) fn on_request(&mut self, ctx: &mut Ctx<'_>, conn: ConnId, port: PortId, payload: &[u8]) -> Flow {
        if self.ports[port.index()].is_spent() {
            self.counters.add(SessionCount::IgnoredRequests, 1);
            return Flow::Taken;
        }
        if !self.announce(ctx, port) {
            return self.hold();
        }
        let mut request = DecodedRequest::read(port, payload, &self.locates);
        // By reference: a copy right after writing the fields one by one would stall on store forwarding.
        let (command, is_malformed) = match &mut request {
            DecodedRequest::Good(command) => (Some(command), false),
            DecodedRequest::Refused(command) => (Some(command), true),
            DecodedRequest::Unserved(command) => {
                self.counters.add(SessionCount::OtherChannels, 1);
                (command.as_mut(), false)
            }
            DecodedRequest::Unreadable => (None, true),
        };
        if let Some(command) = command {
            if self.group == GroupState::Down {
                self.answer_without_group(ctx, port, command);
            } else if !self.forward(ctx, port, command) {
                return self.hold();
            }
        }
        if is_malformed {
            self.on_malformed(ctx, conn);
        }
        Flow::Taken
    }

    fn hold(&mut self) -> Flow {
        self.counters.add(SessionCount::Holds, 1);
        Flow::Hold
    }

    #[cold]
    fn on_malformed(&mut self, ctx: &mut Ctx<'_>, conn: ConnId) {
        self.counters.add(SessionCount::MalformedRequests, 1);
        let Some(connection) = self.connection(conn) else {
            return;
        };
        connection.malformed += 1;
        if connection.malformed > MALFORMED_MAX {
            self.disconnect(ctx, conn, SessionCount::Malformed);
        }
    }

    /// Sends a request to the sequencer; false if it must wait.
    #[inline]
    fn forward(&mut self, ctx: &mut Ctx<'_>, port: PortId, command: &mut Command) -> bool {
        let orders = &mut self.ports[port.index()].orders;
        let wants_credit = matches!(command, Command::Enter(_) | Command::Replace(_));
        if ctx.out.requests.room() == 0 || wants_credit && !orders.has_credit() {
            return false;
        }
        match command {
            Command::Enter(enter) => {
                orders.on_enter(enter.user_ref, enter.locate, enter.quantity, enter.cl_ord_id);
            }
            Command::Replace(replace) => {
                replace.locate = orders.locate_of(replace.original_user_ref);
                orders.on_replace(replace.original_user_ref, replace.user_ref, replace.quantity, replace.cl_ord_id);
            }
            _ => {}
        }
        self.counters.add(SessionCount::Requests, 1);
        ctx.out.requests.send(SequencerIn::Command(*command));
        true
    }
}
