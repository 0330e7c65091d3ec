//! After start the driver allocates nothing: not for traffic, nor for connections that come and go.

mod net_support;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};

use corelane_runtime::net::{
    CloseReason, ConnId, Datagram, Driver, EndpointId, EndpointSpec, Flow, Net, NetHandler, Owners, UdpSpec,
};
use corelane_test_support::allocator::{CountingAllocator, calls_within};
use net_support::{frame, listen, loopback, small_net};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

/// Echoes to the stream and publishes; holds every fifth frame once.
struct Venue {
    frames: u64,
    datagrams: u64,
    closed: u64,
    now_ns: u64,
}

const FEED: EndpointId = EndpointId(1);

impl NetHandler for Venue {
    fn on_open(&mut self, _: &mut dyn Net, _: EndpointId, _: ConnId, _: SocketAddr) {}
    fn on_frame(&mut self, net: &mut dyn Net, conn: ConnId, frame: &[u8]) -> Flow {
        self.frames += 1;
        if self.frames.is_multiple_of(5) || net.send(conn, frame).is_err() {
            return Flow::Hold;
        }
        // Full is an answer too.
        let _ = net.send_datagram(FEED, frame);
        Flow::Taken
    }
    fn on_datagram(&mut self, _: &mut dyn Net, _: EndpointId, _: &Datagram<'_>) {
        self.datagrams += 1;
    }
    fn on_half_close(&mut self, net: &mut dyn Net, conn: ConnId) {
        net.close(conn, CloseReason::Peer);
    }
    fn on_writable(&mut self, _: &mut dyn Net, _: ConnId) {}
    fn on_close(&mut self, _: &mut dyn Net, _: EndpointId, _: ConnId, _: CloseReason) {
        self.closed += 1;
    }
}

impl Owners for Venue {
    fn handler(&mut self, _: EndpointId) -> &mut dyn NetHandler {
        self
    }
    fn now_ns(&mut self) -> u64 {
        self.now_ns += 1000;
        self.now_ns
    }
}

#[test]
fn polling_and_sending_allocate_nothing() {
    let sink = UdpSocket::bind(loopback()).unwrap();
    let feed = UdpSpec { receive: true, kernel_times: true, ..UdpSpec::sender(loopback(), sink.local_addr().unwrap()) };
    let mut driver = Driver::new(small_net(), vec![listen(), EndpointSpec::Udp(feed)]).unwrap();
    let mut venue = Venue { frames: 0, datagrams: 0, closed: 0, now_ns: 0 };
    let addr = driver.local_addr(EndpointId(0)).unwrap();
    let feed_addr = driver.local_addr(FEED).unwrap();
    let order = frame(&[1; 60]);
    let mut answer = vec![0; order.len()];
    let mut counted = 0;
    let mut poll = |driver: &mut Driver, venue: &mut Venue| {
        counted += calls_within(|| {
            driver.poll(venue);
        });
    };
    for _ in 0..50 {
        let mut clients: [TcpStream; 8] = std::array::from_fn(|_| TcpStream::connect(addr).unwrap());
        while driver.open_connections() < 8 {
            poll(&mut driver, &mut venue);
        }
        for client in &mut clients {
            client.set_nonblocking(true).unwrap();
            client.write_all(&order).unwrap();
            sink.send_to(&order, feed_addr).unwrap();
            let mut read = 0;
            while read < answer.len() {
                poll(&mut driver, &mut venue);
                read += net_support::ready(client.read(&mut answer[read..]));
            }
        }
        drop(clients);
        while driver.open_connections() > 0 {
            poll(&mut driver, &mut venue);
        }
    }
    assert_eq!(counted, 0);
    assert_eq!((venue.closed, driver.counters().frames), (400, 400));
    assert!(venue.datagrams > 0 && driver.counters().holds > 0 && driver.counters().datagrams_sent > 0);
}
