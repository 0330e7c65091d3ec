//! Delivery of a simulated shard's network events, in the same order of kinds and within the same budgets as the real
//! driver's.

use super::{
    connection::{Ending, Phase},
    network::{DatagramIn, SimNet},
};
use crate::{
    net::{
        CloseReason, Datagram, EndpointId, FRAMES_PER_POLL, Flow, Owners,
        framing::{Next, next_frame},
    },
    shard::transport::Transport,
};

impl Transport for SimNet {
    fn poll(&mut self, owners: &mut dyn Owners) -> usize {
        if self.borrow().is_idle() {
            return 0;
        }
        let mut done = self.deliver_opened(owners);
        let waiting = self.borrow().ready.len();
        for _ in 0..waiting {
            let Some(index) = self.borrow_mut().ready.pop_front() else { break };
            if self.borrow().is_suspended(index) {
                self.borrow_mut().ready.push_back(index);
                continue;
            }
            self.borrow_mut().connections[index].is_ready = false;
            done += self.deliver_input(index, owners);
        }
        done += self.deliver_datagrams(owners);
        done += self.deliver_writable(owners);
        done += self.deliver_closed(owners);
        self.borrow_mut().reopen();
        // What callbacks have caused is work, even if they held their frames.
        done + usize::from(self.has_pending())
    }

    fn flush(&mut self) {}

    fn has_pending(&self) -> bool {
        let state = self.borrow();
        let is_waiting = |&index: &usize| !state.connections[index].is_held && !state.is_suspended(index);
        state.opened.iter().any(|&(index, _)| !state.is_suspended(index))
            || !state.datagrams_in.is_empty()
            || !state.writable.is_empty()
            || state.ready.iter().any(is_waiting)
            || state.closing.iter().any(|&index| state.connections[index].close_is_due)
    }

    fn holds_input(&self) -> bool {
        let state = self.borrow();
        state.ready.iter().any(|&index| state.connections[index].is_held && !state.is_suspended(index))
    }

    fn stop_input(&mut self) {}

    fn close_endpoint(&mut self, endpoint: EndpointId) {
        let mut state = self.borrow_mut();
        state.closed_endpoints.push(endpoint);
        state.keep_closed(endpoint);
        for index in 0..state.connections.len() {
            if state.connections[index].endpoint == endpoint {
                state.close(index, CloseReason::Local);
            }
        }
    }

    fn suspend_endpoint(&mut self, endpoint: EndpointId) {
        let mut state = self.borrow_mut();
        if state.suspended_endpoints.contains(&endpoint) {
            return;
        }
        state.suspended_endpoints.push(endpoint);
        state.keep_closed(endpoint);
        for index in 0..state.connections.len() {
            // Those that its actor has not seen yet wait for the next one.
            let is_unseen = state.opened.iter().any(|&(unseen, _)| unseen == index);
            let connection = &state.connections[index];
            if connection.endpoint == endpoint && connection.phase != Phase::Closed && !is_unseen {
                state.close(index, CloseReason::Local);
                state.connections[index].is_orphaned = true;
            }
        }
    }

    fn resume_endpoint(&mut self, endpoint: EndpointId) {
        self.borrow_mut().resume(endpoint);
    }

    // A simulation has no stages: its stop ends with the actors' hooks.
    fn close_served(&mut self) {}
    fn cut_off_all(&mut self) {}
    fn open_connections(&self) -> usize {
        self.borrow().connections.iter().filter(|connection| connection.phase != Phase::Closed).count()
    }
}

impl SimNet {
    fn deliver_opened(&self, owners: &mut dyn Owners) -> usize {
        let mut done = 0;
        loop {
            let mut state = self.borrow_mut();
            let next = state.opened.iter().position(|&(index, _)| !state.is_suspended(index));
            let Some((index, peer)) = next.and_then(|at| state.opened.remove(at)) else { return done };
            let (endpoint, conn) = (state.connections[index].endpoint, state.connections[index].id);
            if state.closed_endpoints.contains(&endpoint) {
                state.close(index, CloseReason::Local);
                continue;
            }
            drop(state);
            owners.handler(endpoint).on_open(&mut self.clone(), endpoint, conn, peer);
            done += 1;
        }
    }

    /// Delivers a connection's frames, as far as its budget and its actor allow, and then its end.
    fn deliver_input(&self, index: usize, owners: &mut dyn Owners) -> usize {
        let mut done = self.deliver_frames(index, owners);
        let mut state = self.borrow_mut();
        let connection = &mut state.connections[index];
        let (endpoint, conn) = (connection.endpoint, connection.id);
        if connection.phase == Phase::Closed {
            return done;
        }
        match connection.has_ended() {
            Some(Ending::Gone(reason)) => {
                let was_closing = connection.phase == Phase::Closing;
                connection.phase = Phase::Closed;
                if was_closing {
                    state.closing.retain(|&closing| closing != index);
                }
                let connection = &state.connections[index];
                let (told, is_orphaned) = (connection.closed_by_actor.unwrap_or(reason), connection.is_orphaned);
                drop(state);
                if !is_orphaned {
                    owners.handler(endpoint).on_close(&mut self.clone(), endpoint, conn, told);
                }
                done += 1;
            }
            Some(Ending::HalfClose) if connection.phase == Phase::Open && !connection.half_close_is_told => {
                connection.half_close_is_told = true;
                drop(state);
                owners.handler(endpoint).on_half_close(&mut self.clone(), conn);
                done += 1;
            }
            None if connection.phase == Phase::Open && connection.unread_bytes() > 0 => state.mark_ready(index),
            Some(Ending::HalfClose) | None => {}
        }
        done
    }

    fn deliver_frames(&self, index: usize, owners: &mut dyn Owners) -> usize {
        let mut state = self.borrow_mut();
        let max_frame = state.max_frame;
        let connection = &mut state.connections[index];
        connection.is_held = false;
        let (endpoint, conn) = (connection.endpoint, connection.id);
        let Some(framer) = self.framers.get(endpoint.0 as usize).and_then(Option::as_deref) else { return 0 };
        // Taken out, since the actor uses the network while a frame is borrowed. Nothing comes meanwhile.
        let input = std::mem::take(&mut connection.input);
        let mut tail = std::mem::take(&mut connection.tail);
        tail.resize(max_frame, 0);
        let (mut taken_bytes, mut tail_bytes) = (connection.taken_bytes, connection.tail_bytes);
        drop(state);
        let mut done = 0;
        while done < FRAMES_PER_POLL && taken_bytes < input.len() {
            // What an actor has closed, or waits for its peer to come about, delivers nothing.
            if !self.is_open(conn) {
                taken_bytes = input.len();
                break;
            }
            match next_frame(framer, &mut tail, tail_bytes, &input[taken_bytes..]) {
                Next::Frame { frame, consumed_bytes } => {
                    if owners.handler(endpoint).on_frame(&mut self.clone(), conn, frame) == Flow::Hold {
                        self.borrow_mut().connections[index].is_held = true;
                        break;
                    }
                    (taken_bytes, tail_bytes) = (taken_bytes + consumed_bytes, 0);
                    done += 1;
                }
                Next::Incomplete { tail_bytes: bytes, consumed_bytes } => {
                    (taken_bytes, tail_bytes) = (taken_bytes + consumed_bytes, bytes);
                }
                Next::Bad => {
                    self.borrow_mut().close(index, CloseReason::BadFrame);
                    taken_bytes = input.len();
                }
            }
        }
        let connection = &mut self.borrow_mut().connections[index];
        (connection.input, connection.tail) = (input, tail);
        (connection.taken_bytes, connection.tail_bytes) = (taken_bytes, tail_bytes);
        if connection.unread_bytes() == 0 {
            connection.input.clear();
            connection.taken_bytes = 0;
        }
        done
    }

    fn deliver_datagrams(&self, owners: &mut dyn Owners) -> usize {
        let waiting = self.borrow().datagrams_in.len();
        for _ in 0..waiting {
            let Some(DatagramIn { endpoint, from, kernel_utc_ns, payload }) =
                self.borrow_mut().datagrams_in.pop_front()
            else {
                break;
            };
            let datagram = Datagram { from, kernel_utc_ns, payload: &payload };
            owners.handler(endpoint).on_datagram(&mut self.clone(), endpoint, &datagram);
        }
        waiting
    }

    fn deliver_writable(&self, owners: &mut dyn Owners) -> usize {
        let waiting = self.borrow().writable.len();
        for _ in 0..waiting {
            let Some(index) = self.borrow_mut().writable.pop_front() else { break };
            let state = self.borrow();
            let connection = &state.connections[index];
            if connection.phase != Phase::Open {
                continue;
            }
            let (endpoint, conn) = (connection.endpoint, connection.id);
            drop(state);
            owners.handler(endpoint).on_writable(&mut self.clone(), conn);
        }
        waiting
    }

    /// Tells of the ends of connections that their actor has closed.
    fn deliver_closed(&self, owners: &mut dyn Owners) -> usize {
        let mut done = 0;
        loop {
            let mut state = self.borrow_mut();
            let due = state.closing.iter().position(|&index| state.connections[index].close_is_due);
            let Some(at) = due else { return done };
            let index = state.closing.remove(at);
            let connection = &mut state.connections[index];
            connection.phase = Phase::Closed;
            let (endpoint, conn, reason) = (connection.endpoint, connection.id, connection.closed_by_actor);
            let is_orphaned = connection.is_orphaned;
            drop(state);
            if !is_orphaned {
                let reason = reason.unwrap_or(CloseReason::Local);
                owners.handler(endpoint).on_close(&mut self.clone(), endpoint, conn, reason);
            }
            done += 1;
        }
    }
}
