//! Every datagram that comes to a UDP socket, and what was sent from it.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Bytes of a MoldUDP64 header: session (10), sequence number (8), count (2), as big-endian numbers.
pub(super) const HEADER_LEN: usize = 20;
/// The count of the packet that ends a session.
pub(super) const END_OF_SESSION: u16 = 0xFFFF;

const WAIT_MAX: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(10);

/// A UDP payload with its addresses.
#[derive(Clone, Debug)]
pub(super) struct Datagram {
    pub from: SocketAddrV4,
    pub to: SocketAddrV4,
    pub payload: Vec<u8>,
}

impl Datagram {
    /// Session, sequence number and count; zeros for a payload that is too short.
    pub(super) fn header(&self) -> ([u8; 10], u64, u16) {
        let mut bytes = [0; HEADER_LEN];
        let len = self.payload.len().min(HEADER_LEN);
        bytes[..len].copy_from_slice(&self.payload[..len]);
        let [session @ .., a, b, c, d, e, f, g, h, i, j] = bytes;
        (session, u64::from_be_bytes([a, b, c, d, e, f, g, h]), u16::from_be_bytes([i, j]))
    }
}

/// A request to a retransmission server.
#[derive(Clone, Copy, Debug)]
pub(super) struct Request {
    pub session: [u8; 10],
    pub sequence: u64,
    pub count: u16,
}

/// A socket and a thread that reads it.
pub(super) struct Capture {
    socket: Arc<UdpSocket>,
    address: SocketAddrV4,
    datagrams: Arc<Mutex<Vec<Datagram>>>,
    is_running: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Capture {
    pub(super) fn start() -> Result<Self, String> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).map_err(|e| format!("cannot open a UDP socket: {e}"))?;
        let port = socket.local_addr().map_err(|e| format!("the UDP socket has no address: {e}"))?.port();
        let address = SocketAddrV4::new(Ipv4Addr::LOCALHOST, port);
        socket.set_read_timeout(Some(POLL)).map_err(|e| format!("the UDP socket takes no timeout: {e}"))?;
        let (socket, datagrams, is_running) =
            (Arc::new(socket), Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(true)));
        let thread = {
            let (socket, datagrams, is_running) = (socket.clone(), datagrams.clone(), is_running.clone());
            thread::spawn(move || read(&socket, address, &datagrams, &is_running))
        };
        Ok(Self { socket, address, datagrams, is_running, thread: Some(thread) })
    }

    pub(super) fn port(&self) -> u16 {
        self.address.port()
    }

    /// What was captured so far.
    pub(super) fn datagrams(&self) -> Vec<Datagram> {
        self.datagrams.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Asks a retransmission server for messages; the answer is captured as everything is.
    pub(super) fn ask(&self, server: SocketAddrV4, request: Request) -> Result<(), String> {
        let payload = [&request.session[..], &request.sequence.to_be_bytes(), &request.count.to_be_bytes()].concat();
        let datagram = Datagram { from: self.address, to: server, payload: payload.clone() };
        self.datagrams.lock().unwrap_or_else(PoisonError::into_inner).push(datagram);
        self.socket.send_to(&payload, server).map(|_| ()).map_err(|e| format!("cannot ask {server}: {e}"))
    }

    pub(super) fn wait_until(&self, condition: impl Fn(&[Datagram]) -> bool) -> Result<(), String> {
        let deadline = Instant::now() + WAIT_MAX;
        loop {
            let datagrams = self.datagrams();
            if condition(&datagrams) {
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(format!(
                    "the feed: not what was waited for within {} s; {} datagrams came",
                    WAIT_MAX.as_secs(),
                    datagrams.len()
                ));
            }
            thread::sleep(POLL);
        }
    }

    /// Ends the capture.
    pub(super) fn stop(&mut self) -> Vec<Datagram> {
        self.is_running.store(false, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // A panic of the reader is printed by it; what it captured is compared all the same.
            let _ = thread.join();
        }
        self.datagrams()
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        self.stop();
    }
}

fn read(socket: &UdpSocket, to: SocketAddrV4, datagrams: &Mutex<Vec<Datagram>>, is_running: &AtomicBool) {
    let mut buffer = vec![0; 1 << 16];
    while is_running.load(Ordering::Relaxed) {
        match socket.recv_from(&mut buffer) {
            Ok((len, std::net::SocketAddr::V4(from))) => {
                let datagram = Datagram { from, to, payload: buffer[..len].to_vec() };
                datagrams.lock().unwrap_or_else(PoisonError::into_inner).push(datagram);
            }
            Ok(_) => {}
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(e) => {
                eprintln!("interop: cannot read the feed: {e}");
                return;
            }
        }
    }
}
