//! The machine's baseline of market data: datagrams taken by busy system calls on one CPU and told to another by one atomic
//! number.

use std::{
    io::{self, ErrorKind},
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
};

use core_affinity::CoreId;
use corelane_codecs::mold::{Content, Packet};

/// Asked of the kernel, as the venue asks: room for a stall.
const RECEIVE_BYTES: usize = 4 << 20;
/// The longest datagram.
const DATAGRAM_BYTES: usize = 65_536;

/// A running receiver. Dropping it stops it.
#[derive(Debug)]
pub struct RawFeed {
    address: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<thread::JoinHandle<io::Result<()>>>,
}

#[derive(Debug, Default)]
struct Shared {
    stop: AtomicBool,
    /// Number of the last message received.
    newest: AtomicU64,
    messages: AtomicU64,
}

impl RawFeed {
    /// Starts it on this CPU.
    ///
    /// # Errors
    /// Those of the socket.
    pub fn start(cpu: usize) -> io::Result<Self> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        rustix::net::sockopt::set_socket_recv_buffer_size(&socket, RECEIVE_BYTES)?;
        socket.set_nonblocking(true)?;
        let address = socket.local_addr()?;
        let shared = Arc::new(Shared::default());
        let theirs = shared.clone();
        let thread = thread::Builder::new().name("raw feed".to_owned()).spawn(move || {
            if !core_affinity::set_for_current(CoreId { id: cpu }) {
                return Err(io::Error::other(format!("cannot pin the raw feed to CPU {cpu}")));
            }
            receive(&socket, &theirs)
        })?;
        Ok(Self { address, shared, thread: Some(thread) })
    }

    /// Address on which the server listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Number of the last message received.
    #[inline]
    pub fn newest(&self) -> u64 {
        self.shared.newest.load(Ordering::Acquire)
    }

    /// Messages received.
    pub fn messages(&self) -> u64 {
        self.shared.messages.load(Ordering::Relaxed)
    }

    /// Stops it.
    ///
    /// # Errors
    /// What ended it before.
    pub fn stop(mut self) -> io::Result<()> {
        self.shared.stop.store(true, Ordering::Relaxed);
        match self.thread.take().map(thread::JoinHandle::join) {
            Some(Ok(result)) => result,
            Some(Err(panic)) => std::panic::resume_unwind(panic),
            None => Ok(()),
        }
    }
}

impl Drop for RawFeed {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
    }
}

fn receive(socket: &UdpSocket, shared: &Shared) -> io::Result<()> {
    let mut datagram = vec![0; DATAGRAM_BYTES].into_boxed_slice();
    let mut messages = 0;
    while !shared.stop.load(Ordering::Relaxed) {
        let bytes = match socket.recv(&mut datagram) {
            Ok(bytes) => bytes,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => continue,
            Err(error) => return Err(error),
        };
        if let Ok(packet) = Packet::decode(&datagram[..bytes])
            && let Content::Messages(count) = packet.content
        {
            messages += u64::from(count);
            shared.messages.store(messages, Ordering::Relaxed);
            shared.newest.store(packet.sequence + u64::from(count) - 1, Ordering::Release);
        }
    }
    Ok(())
}
