//! The driver.
use std::net::SocketAddr;
use std::os::fd::BorrowedFd;
use std::time::Duration;

use super::{
    CloseReason, ConnId, DriverConfig, EndpointId, EndpointSpec, Net, NetCounters, NetError,
    NetHandler, SendError,
};

/// Who handles what happens on an endpoint.
pub trait Owners {
    /// The handler of `endpoint` and of its connections.
    fn handler(&mut self, endpoint: EndpointId) -> &mut dyn NetHandler;
}

/// The network of one shard.
pub struct Driver {
    counters: NetCounters,
}

#[allow(unused_variables)]
impl Driver {
    /// Opens the endpoints and arms everything; to be called in the shard's thread.
    pub fn new(config: DriverConfig, endpoints: Vec<EndpointSpec>) -> Result<Driver, NetError> {
        todo!()
    }
    /// One duty cycle's network work. `now_ns`: any monotonic clock.
    pub fn poll(&mut self, now_ns: u64, owners: &mut dyn Owners) -> usize {
        todo!()
    }
    /// Submits what is queued now.
    pub fn flush(&mut self) {
        todo!()
    }
    /// Whether bytes wait to be sent or frames to be taken.
    pub fn has_pending(&self) -> bool {
        todo!()
    }
    /// Counters.
    pub fn counters(&self) -> &NetCounters {
        &self.counters
    }
    /// Connections that exist.
    pub fn open_connections(&self) -> usize {
        todo!()
    }
    /// Begins an outgoing connection again.
    pub fn reconnect(&mut self, endpoint: EndpointId) -> Result<ConnId, NetError> {
        todo!()
    }
    /// Stops accepting.
    pub fn stop_accepting(&mut self) {
        todo!()
    }
    /// Stops reading.
    pub fn stop_reading(&mut self) {
        todo!()
    }
    /// Closes all.
    pub fn close_all(&mut self, reason: CloseReason) {
        todo!()
    }
    /// Registers the eventfd (disabled).
    pub fn register_eventfd(&mut self, fd: BorrowedFd<'_>) -> Result<(), NetError> {
        todo!()
    }
    /// Enables it.
    pub fn enable_eventfd(&mut self) {
        todo!()
    }
    /// Disables it.
    pub fn disable_eventfd(&mut self) {
        todo!()
    }
    /// A completion after `after`.
    pub fn arm_timeout(&mut self, after: Duration) {
        todo!()
    }
    /// Submit and look: true when nothing came and the shard may park.
    pub fn prepare_park(&mut self) -> bool {
        todo!()
    }
}

#[allow(unused_variables)]
impl Net for Driver {
    fn send(&mut self, conn: ConnId, bytes: &[u8]) -> Result<(), SendError> {
        todo!()
    }
    fn send_room(&self, conn: ConnId) -> usize {
        todo!()
    }
    fn send_datagram(&mut self, endpoint: EndpointId, payload: &[u8]) -> Result<(), SendError> {
        todo!()
    }
    fn close(&mut self, conn: ConnId, reason: CloseReason) {
        todo!()
    }
    fn local_addr(&self, endpoint: EndpointId) -> Option<SocketAddr> {
        todo!()
    }
}
