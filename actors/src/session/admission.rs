//! Requests on their way to the sequencer.

use corelane_runtime::net::{ConnId, Flow};

use super::{
    counts::SessionCount,
    order_entry::{Ctx, Session},
    request::DecodedRequest,
};
use crate::types::{Command, EntrySwitch, MassCancel, OtherChannel, PortId, SequencerIn};

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
        if !self.ports[port.index()].unreadable.admits(ctx.time_ns(), most) {
            self.disconnect(ctx, conn, SessionCount::Unreadable);
        }
    }

    /// Sends a request to the sequencer; false if it must wait.
    #[inline]
    fn forward(&mut self, ctx: &mut Ctx<'_>, port: PortId, command: &mut Command) -> bool {
        let orders = &mut self.ports[port.index()].orders;
        // Those that use a number of channel 0.
        let wants_credit = !matches!(
            command,
            Command::Cancel(_)
                | Command::Modify(_)
                | Command::AccountQuery(_)
                | Command::OtherChannel(_)
                | Command::MassCancel(MassCancel { channel: 1.., .. })
                | Command::EntrySwitch(EntrySwitch { channel: 1.., .. })
        );
        if ctx.out.requests.room() == 0 || wants_credit && !orders.has_credit() {
            return false;
        }
        match command {
            Command::Enter(enter) => {
                orders.on_enter(enter.user_ref, enter.locate);
            }
            Command::Replace(replace) => {
                replace.locate = orders.locate_of(replace.original_user_ref);
                orders.on_replace(replace.original_user_ref, replace.user_ref);
            }
            Command::MassCancel(MassCancel { channel, user_ref, .. })
            | Command::EntrySwitch(EntrySwitch { channel, user_ref, .. })
            | Command::OtherChannel(OtherChannel { channel, user_ref, .. }) => orders.on_other(*channel, *user_ref),
            Command::AccountQuery(_) => orders.on_query(),
            _ => {}
        }
        self.counters.add(SessionCount::Requests, 1);
        ctx.out.requests.send(SequencerIn::Command(*command));
        true
    }
}
