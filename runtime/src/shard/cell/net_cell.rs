//! The cell of an actor that owns endpoints.

use std::{any::Any, net::SocketAddr, rc::Rc};

use super::actor_cell::ActorCell;
use super::hosted::{Hosted, Polled, Rest, Traffic};
use crate::{
    actor::{Down, NetActor, Up},
    edge::step::StepState,
    net::{CloseReason, ConnId, Datagram, EndpointId, Flow, Net, NetHandler},
    shard::failure::{DeadLetter, Fault, InputKind},
};

/// A cell whose actor owns endpoints.
pub(crate) struct NetCell<A: NetActor>(pub ActorCell<A>);

impl<A: NetActor> Hosted for NetCell<A> {
    fn start(&mut self, net: &mut dyn Net) {
        self.0.start(net);
    }
    fn poll(&mut self, budget: usize, net: &mut dyn Net) -> Polled {
        self.0.poll(budget, net)
    }
    fn is_quiet(&self) -> bool {
        self.0.is_quiet()
    }
    fn rest(&mut self, now_ns: u64) -> Rest {
        self.0.rest(now_ns)
    }
    fn end_batch(&mut self, net: &mut dyn Net) {
        self.0.end_batch(net);
    }
    fn down(&mut self, down: Down, net: &mut dyn Net) {
        self.0.down(down, net);
    }
    fn up(&mut self, up: Up, net: &mut dyn Net) {
        self.0.up(up, net);
    }
    fn stop(&mut self, net: &mut dyn Net) {
        self.0.stop(net);
    }
    fn take_failure(&mut self) -> Option<Box<Fault>> {
        self.0.take_failure()
    }
    fn fail(&mut self, fault: Fault) {
        self.0.fail(fault);
    }
    fn suspend(&mut self) -> Option<DeadLetter> {
        self.0.suspend()
    }
    fn replace(&mut self, value: &mut (dyn Any + Send), generation: u16, net: &mut dyn Net) -> bool {
        self.0.replace(value, generation, net)
    }
    fn give_up(&mut self) {
        self.0.give_up();
    }
    fn dispose(self: Box<Self>) -> Option<Fault> {
        Box::new(self.0).dispose()
    }
    fn next_timer_ns(&self) -> Option<u64> {
        self.0.next_timer_ns()
    }
    fn net_handler(&mut self) -> Option<&mut dyn NetHandler> {
        Some(self)
    }
    fn step(&self) -> Rc<StepState> {
        self.0.step()
    }
    fn traffic(&mut self) -> Traffic {
        self.0.traffic()
    }
}

impl<A: NetActor> NetHandler for NetCell<A> {
    fn on_open(&mut self, net: &mut dyn Net, endpoint: EndpointId, conn: ConnId, peer: SocketAddr) {
        if self.0.callback(net, |actor, ctx| actor.on_open(ctx, endpoint, conn, peer)).is_none() {
            net.close(conn, CloseReason::Local);
        }
    }

    #[inline]
    fn on_frame(&mut self, net: &mut dyn Net, conn: ConnId, frame: &[u8]) -> Flow {
        let runs = self.0.is_running();
        if runs && self.0.room(1, 1, true) == 0 {
            return Flow::Hold;
        }
        match self.0.callback(net, |actor, ctx| actor.on_frame(ctx, conn, frame)) {
            Some(flow) => flow,
            None => {
                if runs {
                    self.0.keep_input(InputKind::Frame, frame);
                }
                net.close(conn, CloseReason::Local);
                Flow::Taken
            }
        }
    }

    #[inline]
    fn on_datagram(&mut self, net: &mut dyn Net, endpoint: EndpointId, datagram: &Datagram<'_>) {
        if self.0.backlog > 0 {
            self.0.dropped += 1;
            return;
        }
        let runs = self.0.is_running();
        if self.0.callback(net, |actor, ctx| actor.on_datagram(ctx, endpoint, datagram)).is_none() {
            if runs {
                self.0.keep_input(InputKind::Datagram, datagram.payload);
            }
            self.0.dropped += 1;
        }
    }

    fn on_half_close(&mut self, net: &mut dyn Net, conn: ConnId) {
        if self.0.callback(net, |actor, ctx| actor.on_half_close(ctx, conn)).is_none() {
            net.close(conn, CloseReason::Local);
        }
    }

    fn on_writable(&mut self, net: &mut dyn Net, conn: ConnId) {
        self.0.callback(net, |actor, ctx| actor.on_writable(ctx, conn));
    }

    fn on_close(&mut self, net: &mut dyn Net, endpoint: EndpointId, conn: ConnId, reason: CloseReason) {
        self.0.callback(net, |actor, ctx| actor.on_close(ctx, endpoint, conn, reason));
    }
}
