//! The network of a shard as its duty cycle sees it. [`Driver`] is the real one; a shard without endpoints has
//! [`NoNet`], a simulation [`SimNet`](crate::simulation::SimNet).

use std::net::SocketAddr;

use crate::net::{CloseReason, ConnId, Driver, EndpointId, Framer, Net, NetError, Owners, SendError};

/// What a shard needs of its network.
pub(crate) trait Transport: Net {
    /// One turn's work: submits what is queued, delivers what has come; returns how much that was.
    fn poll(&mut self, owners: &mut dyn Owners) -> usize;
    /// Submits what is queued now, not with the next poll.
    fn flush(&mut self);
    /// Lets the next poll deliver what has come on all sockets: to be called after a stall.
    fn catch_up(&mut self) {}
    /// Whether something waits to be sent or taken.
    fn has_pending(&self) -> bool;
    /// Whether frames wait that their actors have held.
    fn holds_input(&self) -> bool {
        false
    }
    /// Takes no new connection, and no further byte from those there are.
    fn stop_input(&mut self);
    /// Closes an endpoint for good, with its connections.
    fn close_endpoint(&mut self, endpoint: EndpointId);
    /// Closes the connections of an endpoint, of which its actor hears no more, and accepts none until it is resumed.
    fn suspend_endpoint(&mut self, endpoint: EndpointId);
    /// Serves a suspended endpoint again: a listener accepts, an outgoing connection is made anew.
    fn resume_endpoint(&mut self, endpoint: EndpointId);
    /// Closes the connections whose actors have sent all that they have; the polls that follow flush and drain them.
    fn close_served(&mut self);
    /// Closes what is still open, whether or not it is flushed.
    fn cut_off_all(&mut self);
    /// Connections not yet drained.
    fn open_connections(&self) -> usize;
    /// Takes out the program's part, to be dropped by itself. The network serves nobody any more.
    fn take_framers(&mut self) -> Vec<Box<dyn Framer>> {
        Vec::new()
    }
    fn driver(&mut self) -> Option<&mut Driver> {
        None
    }
}

impl Transport for Driver {
    fn poll(&mut self, owners: &mut dyn Owners) -> usize {
        Driver::poll(self, owners)
    }
    fn flush(&mut self) {
        Driver::flush(self);
    }
    fn catch_up(&mut self) {
        Driver::catch_up(self);
    }
    fn has_pending(&self) -> bool {
        Driver::has_pending(self)
    }
    fn holds_input(&self) -> bool {
        Driver::holds_input(self)
    }
    fn stop_input(&mut self) {
        self.stop_accepting();
        self.stop_reading();
    }
    fn close_endpoint(&mut self, endpoint: EndpointId) {
        Driver::close_endpoint(self, endpoint);
    }
    fn suspend_endpoint(&mut self, endpoint: EndpointId) {
        Driver::suspend_endpoint(self, endpoint);
    }
    fn resume_endpoint(&mut self, endpoint: EndpointId) {
        Driver::resume_endpoint(self, endpoint);
    }
    fn close_served(&mut self) {
        Driver::close_served(self);
    }
    fn cut_off_all(&mut self) {
        Driver::cut_off_all(self);
    }
    fn open_connections(&self) -> usize {
        Driver::open_connections(self)
    }
    fn take_framers(&mut self) -> Vec<Box<dyn Framer>> {
        Driver::take_framers(self)
    }
    fn driver(&mut self) -> Option<&mut Driver> {
        Some(self)
    }
}

/// The network of a shard without endpoints.
pub(crate) struct NoNet;

impl Net for NoNet {
    fn send(&mut self, _conn: ConnId, _bytes: &[u8]) -> Result<(), SendError> {
        Err(SendError::Closed)
    }
    fn send_room(&self, _conn: ConnId) -> usize {
        0
    }
    fn send_datagram(&mut self, _endpoint: EndpointId, _payload: &[u8]) -> Result<(), SendError> {
        Err(SendError::Closed)
    }
    fn send_datagram_to(&mut self, _: EndpointId, _: SocketAddr, _payload: &[u8]) -> Result<(), SendError> {
        Err(SendError::Closed)
    }
    fn close(&mut self, _conn: ConnId, _reason: CloseReason) {}
    fn end_input(&mut self, _conn: ConnId) {}
    fn reconnect(&mut self, endpoint: EndpointId) -> Result<ConnId, NetError> {
        Err(NetError::Reconnect { endpoint: endpoint.0, why: "its shard has no network" })
    }
    fn local_addr(&self, _endpoint: EndpointId) -> Option<SocketAddr> {
        None
    }
}

impl Transport for NoNet {
    fn poll(&mut self, _owners: &mut dyn Owners) -> usize {
        0
    }
    fn flush(&mut self) {}
    fn has_pending(&self) -> bool {
        false
    }
    fn stop_input(&mut self) {}
    fn close_endpoint(&mut self, _endpoint: EndpointId) {}
    fn suspend_endpoint(&mut self, _endpoint: EndpointId) {}
    fn resume_endpoint(&mut self, _endpoint: EndpointId) {}
    fn close_served(&mut self) {}
    fn cut_off_all(&mut self) {}
    fn open_connections(&self) -> usize {
        0
    }
}
