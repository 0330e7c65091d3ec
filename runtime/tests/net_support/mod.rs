//! What the network tests share: a framing, a handler that records, and a loop with an end.
#![allow(dead_code, unused_imports, reason = "each test binary uses its part")]

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use corelane_runtime::net::{
    CloseReason, ConnId, Datagram, Driver, DriverConfig, EndpointId, EndpointSpec, Flow, FrameError, Framer, Net,
    NetHandler, Owners, SendError,
};
pub(crate) use corelane_test_support::shards::small_net;

/// Everything here takes milliseconds; reaching this is a failure.
const PATIENCE: Duration = Duration::from_secs(20);

/// A big-endian 16-bit length of the payload, then the payload; a length of zero is malformed.
pub(crate) struct LengthPrefixed;

impl Framer for LengthPrefixed {
    fn frame_len(&self, bytes: &[u8]) -> Result<Option<usize>, FrameError> {
        let Some(prefix) = bytes.first_chunk() else {
            return Ok(None);
        };
        match usize::from(u16::from_be_bytes(*prefix)) {
            0 => Err(FrameError::Malformed),
            length => Ok((bytes.len() >= 2 + length).then_some(2 + length)),
        }
    }
}

pub(crate) fn frame(payload: &[u8]) -> Vec<u8> {
    let mut bytes = (payload.len() as u16).to_be_bytes().to_vec();
    bytes.extend_from_slice(payload);
    bytes
}

pub(crate) type OnFrame = Box<dyn FnMut(&mut dyn Net, ConnId, &[u8]) -> Flow>;

/// Records all events; what it answers to a frame can be replaced.
pub(crate) struct Recorder {
    pub opened: Vec<(EndpointId, ConnId, SocketAddr)>,
    pub frames: Vec<(ConnId, Vec<u8>)>,
    pub datagrams: Vec<(EndpointId, SocketAddr, Vec<u8>)>,
    /// By datagram, of all that ever came.
    pub kernel_times: Vec<Option<u64>>,
    pub half_closed: Vec<ConnId>,
    /// Whether half-closed connections stay open for the test to close them.
    pub keeps_half_closed: bool,
    pub writable: Vec<ConnId>,
    pub closed: Vec<(EndpointId, ConnId, CloseReason)>,
    pub on_frame: OnFrame,
    started: Instant,
    /// The time that the driver's clock shows, if it stands still.
    stands_at: Option<Duration>,
    clock_offset: Duration,
}

impl Recorder {
    pub(crate) fn frames_of(&self, conn: ConnId) -> Vec<&[u8]> {
        self.frames.iter().filter(|(from, _)| *from == conn).map(|(_, frame)| &frame[..]).collect()
    }

    pub(crate) fn bytes_of(&self, conn: ConnId) -> Vec<u8> {
        self.frames_of(conn).concat()
    }

    pub(crate) fn reason(&self, conn: ConnId) -> Option<CloseReason> {
        self.closed.iter().find(|(_, closed, _)| *closed == conn).map(|(_, _, reason)| *reason)
    }
}

impl NetHandler for Recorder {
    fn on_open(&mut self, _: &mut dyn Net, endpoint: EndpointId, conn: ConnId, peer: SocketAddr) {
        self.opened.push((endpoint, conn, peer));
    }

    fn on_frame(&mut self, net: &mut dyn Net, conn: ConnId, frame: &[u8]) -> Flow {
        let flow = (self.on_frame)(net, conn, frame);
        if flow == Flow::Taken {
            self.frames.push((conn, frame.to_vec()));
        }
        flow
    }

    fn on_datagram(&mut self, _: &mut dyn Net, endpoint: EndpointId, datagram: &Datagram<'_>) {
        self.datagrams.push((endpoint, datagram.from, datagram.payload.to_vec()));
        self.kernel_times.push(datagram.kernel_utc_ns);
    }

    fn on_half_close(&mut self, net: &mut dyn Net, conn: ConnId) {
        self.half_closed.push(conn);
        if !self.keeps_half_closed {
            net.close(conn, CloseReason::Peer);
        }
    }

    fn on_writable(&mut self, _: &mut dyn Net, conn: ConnId) {
        self.writable.push(conn);
    }

    fn on_close(&mut self, _: &mut dyn Net, endpoint: EndpointId, conn: ConnId, reason: CloseReason) {
        self.closed.push((endpoint, conn, reason));
    }
}

impl Owners for Recorder {
    fn handler(&mut self, _: EndpointId) -> &mut dyn NetHandler {
        self
    }

    fn now_ns(&mut self) -> u64 {
        (self.stands_at.unwrap_or_else(|| self.started.elapsed()) + self.clock_offset).as_nanos() as u64
    }
}

pub(crate) fn take(_: &mut dyn Net, _: ConnId, _: &[u8]) -> Flow {
    Flow::Taken
}

pub(crate) fn echo(net: &mut dyn Net, conn: ConnId, frame: &[u8]) -> Flow {
    match net.send(conn, frame) {
        Ok(()) => Flow::Taken,
        Err(_) => Flow::Hold,
    }
}

/// The bytes that [`World::fill`] sends.
pub(crate) const FILLER: u8 = 5;

pub(crate) const LISTENER: EndpointId = EndpointId(0);

/// A driver and its handler.
pub(crate) struct World {
    pub driver: Driver,
    pub actor: Recorder,
}

impl World {
    pub(crate) fn new(
        config: DriverConfig,
        endpoints: Vec<EndpointSpec>,
        on_frame: impl FnMut(&mut dyn Net, ConnId, &[u8]) -> Flow + 'static,
    ) -> Self {
        let actor = Recorder {
            opened: Vec::new(),
            frames: Vec::new(),
            datagrams: Vec::new(),
            kernel_times: Vec::new(),
            half_closed: Vec::new(),
            keeps_half_closed: false,
            writable: Vec::new(),
            closed: Vec::new(),
            on_frame: Box::new(on_frame),
            started: Instant::now(),
            stands_at: None,
            clock_offset: Duration::ZERO,
        };
        let driver = Driver::new(config, endpoints).unwrap_or_else(|error| panic!("{error}"));
        World { driver, actor }
    }

    pub(crate) fn listening(
        config: DriverConfig,
        on_frame: impl FnMut(&mut dyn Net, ConnId, &[u8]) -> Flow + 'static,
    ) -> Self {
        World::new(config, vec![listen()], on_frame)
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.driver.local_addr(LISTENER).unwrap()
    }

    /// Lets the driver's clock stand still, so that nobody is late on a busy host.
    pub(crate) fn stop_clock(&mut self) {
        self.actor.stands_at = Some(self.actor.started.elapsed());
    }

    /// Moves the driver's clock on, while the driver is polled.
    pub(crate) fn skip(&mut self, time: Duration) {
        const STEP: Duration = Duration::from_millis(50);
        let mut left = time;
        while !left.is_zero() {
            let step = left.min(STEP);
            left -= step;
            self.pause(step);
            self.poll();
        }
    }

    /// Moves the driver's clock on, while nothing runs.
    pub(crate) fn pause(&mut self, time: Duration) {
        self.actor.clock_offset += time;
    }

    pub(crate) fn poll(&mut self) -> usize {
        self.driver.poll(&mut self.actor)
    }

    /// Polls until `done`.
    #[track_caller]
    pub(crate) fn until(&mut self, what: &str, mut done: impl FnMut(&mut World) -> bool) {
        let begun = Instant::now();
        while !done(self) {
            self.poll();
            assert!(begun.elapsed() < PATIENCE, "in vain: {what}; {:?}", self.driver.counters());
            std::thread::yield_now();
        }
    }

    /// Polls often enough that what the kernel has already is seen.
    pub(crate) fn run_until_idle(&mut self) {
        for _ in 0..50 {
            self.poll();
            std::thread::yield_now();
        }
    }

    /// A client of the listener, accepted.
    #[track_caller]
    pub(crate) fn connect(&mut self) -> (TcpStream, ConnId) {
        let client = TcpStream::connect(self.addr()).unwrap();
        client.set_nodelay(true).unwrap();
        let from = client.local_addr().unwrap();
        self.until("a connection is accepted", |world| world.actor.opened.iter().any(|(_, _, peer)| *peer == from));
        let &(_, conn, _) = self.actor.opened.iter().rfind(|(_, _, peer)| *peer == from).unwrap();
        (client, conn)
    }

    /// Sends to a peer that does not read until all buffers on the way are full; returns how many bytes they hold.
    #[track_caller]
    pub(crate) fn fill(&mut self, conn: ConnId) -> usize {
        let chunk = [FILLER; 512];
        let mut sent = 0;
        self.until("the buffers fill", |world| {
            let refused = loop {
                match world.driver.send(conn, &chunk) {
                    Ok(()) => sent += chunk.len(),
                    Err(error) => break error,
                }
            };
            assert_eq!(refused, SendError::Full);
            // The kernel gets its chance to take some.
            world.run_until_idle();
            world.driver.send_room(conn) < chunk.len()
        });
        sent
    }

    /// Writes all of `bytes` and reads `len` back, polling meanwhile.
    #[track_caller]
    pub(crate) fn exchange(&mut self, client: &mut TcpStream, bytes: &[u8], len: usize) -> Vec<u8> {
        client.set_nonblocking(true).unwrap();
        let (mut written, mut answer) = (0, vec![0; len]);
        let mut read = 0;
        self.until("an exchange", |_| {
            if written < bytes.len() {
                written += ready(client.write(&bytes[written..]));
            }
            read += ready(client.read(&mut answer[read..]));
            written == bytes.len() && read == len
        });
        answer
    }

    /// Polls until the client sees the end of the stream (or a reset); returns what came before.
    #[track_caller]
    pub(crate) fn read_to_end(&mut self, client: &mut TcpStream) -> Vec<u8> {
        client.set_nonblocking(true).unwrap();
        let mut bytes = Vec::new();
        self.until("the end of the stream", |_| {
            let mut chunk = [0; 4096];
            match client.read(&mut chunk) {
                Ok(0) => true,
                Ok(len) => {
                    bytes.extend_from_slice(&chunk[..len]);
                    false
                }
                Err(error) => error.kind() != std::io::ErrorKind::WouldBlock,
            }
        });
        bytes
    }
}

pub(crate) fn ready(result: std::io::Result<usize>) -> usize {
    match result {
        Ok(len) => len,
        Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => 0,
        Err(error) => panic!("client socket: {error}"),
    }
}

pub(crate) fn loopback() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 0).into()
}

pub(crate) fn listen() -> EndpointSpec {
    EndpointSpec::Listen { addr: loopback(), framer: Box::new(LengthPrefixed), backlog: 1024 }
}
