//! Requests on their way to the sequencer.

use corelane_runtime::{
    net::{ConnId, Flow},
    resilience::Rate,
};

use super::{
    counts::SessionCount,
    order_entry::{Ctx, Session},
    request::DecodedRequest,
    state::PortState,
};
use crate::types::{Command, EntrySwitch, Mark, MassCancel, OtherChannel, PortId, SequencerIn};

impl Session {
    #[inline]
    pub(super) fn on_request(&mut self, ctx: &mut Ctx<'_>, conn: ConnId, port: PortId, payload: &[u8]) -> Flow {
        // Nobody else answers for the group: requests wait in the socket.
        if self.group_is_down || !self.announce(ctx, port) {
            return self.hold();
        }
        let mut request = DecodedRequest::read(port, payload, &self.locates);
        // By reference: a copy right after writing the fields one by one would stall on store forwarding.
        let (command, count) = match &mut request {
            DecodedRequest::Good(command) => (Some(command), None),
            DecodedRequest::Refused(command) => (Some(command), Some(SessionCount::MalformedRequests)),
            DecodedRequest::OtherChannel(command) => (Some(command), Some(SessionCount::OtherChannels)),
            DecodedRequest::NoOrder => (None, Some(SessionCount::OtherChannels)),
            DecodedRequest::Unreadable => (None, Some(SessionCount::UnreadableRequests)),
        };
        if let Some(command) = command
            && !self.forward(ctx, port, command)
        {
            return self.hold();
        }
        if let Some(count) = count {
            self.counters.add(count, 1);
            if count == SessionCount::UnreadableRequests {
                self.on_unreadable(ctx, conn, port);
            }
        }
        Flow::Taken
    }

    fn hold(&mut self) -> Flow {
        self.counters.add(SessionCount::Holds, 1);
        Flow::Hold
    }

    /// Ends the connection of a port that sends too many requests that nobody can answer. Rejected requests do not count:
    /// their client has learnt of its mistake.
    #[cold]
    fn on_unreadable(&mut self, ctx: &mut Ctx<'_>, conn: ConnId, port: PortId) {
        let most = self.config.unreadable_per_minute_max;
        if !self.ports[port.index()].unreadable.try_take(ctx.time_ns(), &Rate::per_minute(most, most)) {
            self.disconnect(ctx, conn, SessionCount::Unreadable);
        }
    }

    /// Sends a request to the sequencer; false if it must wait.
    #[inline]
    fn forward(&mut self, ctx: &mut Ctx<'_>, port: PortId, command: &mut Command) -> bool {
        let PortState { orders, compartments, .. } = &mut self.ports[port.index()];
        // Those that use a number.
        let wants_credit = match command {
            Command::MassCancel(MassCancel { channel: 0, user_ref, .. }) if orders.is_pending(*user_ref) => {
                return false;
            }
            Command::Cancel(_) | Command::Modify(_) | Command::AccountQuery(_) => false,
            _ => true,
        };
        if ctx.out.requests.room() == 0 || wants_credit && !orders.has_credit() {
            return false;
        }
        let in_flight = orders.in_flight();
        let (gate, bulkheads) = (&self.gate, &mut self.bulkheads);
        // Writes nothing to a request without a mark: `on_request` says why.
        let mut check = |mark: &mut Mark| {
            let admitted = match gate.is_shut() {
                true => Err((Mark::Breaker, SessionCount::BreakerMarks)),
                false => bulkheads.admit(compartments, ctx.time_ns()),
            };
            if let Err((refusal, count)) = admitted {
                *mark = refusal;
                self.counters.add(count, 1);
            }
        };
        match command {
            Command::Enter(enter) => {
                check(&mut enter.mark);
                orders.on_enter(enter.user_ref, enter.locate);
            }
            Command::Replace(replace) => {
                check(&mut replace.mark);
                replace.locate = orders.locate_of(replace.original_user_ref);
                orders.on_replace(replace.original_user_ref, replace.user_ref);
            }
            Command::MassCancel(MassCancel { channel: 0, user_ref, .. }) => orders.on_mass_cancel(*user_ref),
            Command::MassCancel(MassCancel { channel, user_ref, .. })
            | Command::EntrySwitch(EntrySwitch { channel, user_ref, .. })
            | Command::OtherChannel(OtherChannel { channel, user_ref, .. }) => orders.on_other(*channel, *user_ref),
            Command::AccountQuery(_) => orders.on_query(),
            _ => {}
        }
        let in_flight_now = orders.in_flight();
        self.note_unanswered(port, in_flight, in_flight_now);
        self.counters.add(SessionCount::Requests, 1);
        ctx.out.requests.send(SequencerIn::Command(*command));
        true
    }
}
