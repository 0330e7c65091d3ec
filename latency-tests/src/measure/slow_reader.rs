//! Sessions that send as others do and read nothing: the neighbours from hell.

use std::{
    io::{self, ErrorKind, Write},
    net::{SocketAddr, TcpStream},
};

use corelane_codecs::{
    soup::{self, ClientPacket, LoginRequest},
    text::Alpha,
};
use corelane_tester::{
    load::Credentials,
    script::{MarketScript, REQUEST_BYTES_MAX, Script},
};

/// Requests per second of each.
const RATE_PER_S: u64 = 10_000;
/// Between two looks.
const STEP_NS: u64 = 1_000_000;
/// Of their sockets, asked of the kernel: as small as it lets be.
const RECEIVE_BYTES: usize = 4096;

pub(super) struct SlowReaders {
    /// `None` once the venue has ended it.
    streams: Vec<Option<TcpStream>>,
    script: MarketScript,
    unsent: Vec<Vec<u8>>,
    request: Vec<u8>,
    sent: u64,
}

impl SlowReaders {
    /// Connects and sends the log-ins, whose answers nobody reads either.
    pub(super) fn connect(server: SocketAddr, users: &[Credentials], script: MarketScript) -> io::Result<Self> {
        let mut streams = Vec::with_capacity(users.len());
        for user in users {
            let mut stream = TcpStream::connect(server)?;
            rustix::net::sockopt::set_socket_recv_buffer_size(&stream, RECEIVE_BYTES)?;
            stream.set_nodelay(true)?;
            let invalid = |error| io::Error::new(ErrorKind::InvalidInput, format!("user {}: {error}", user.user));
            let login = LoginRequest {
                user: Alpha::new(&user.user).map_err(invalid)?,
                password: Alpha::new(&user.password).map_err(invalid)?,
                session: Alpha::BLANK,
                sequence: Some(0),
                heartbeat_timeout_ms: None,
            };
            stream.write_all(&packet(&ClientPacket::Login(login)))?;
            stream.set_nonblocking(true)?;
            streams.push(Some(stream));
        }
        let unsent = vec![Vec::new(); users.len()];
        Ok(Self { streams, script, unsent, request: Vec::with_capacity(REQUEST_BYTES_MAX), sent: 0 })
    }

    /// Sends what is due, as far as the sockets take it; returns when to come again.
    pub(super) fn step(&mut self, now_ns: u64) -> u64 {
        let due = now_ns / (1_000_000_000 / RATE_PER_S);
        let more = due.saturating_sub(self.sent).min(RATE_PER_S / 100);
        self.sent = due;
        for (session, slot) in self.streams.iter_mut().enumerate() {
            let Some(stream) = slot else { continue };
            let unsent = &mut self.unsent[session];
            // One that does not take what it was given gets no more: nothing grows.
            for _ in 0..if unsent.is_empty() { more } else { 0 } {
                self.request.clear();
                self.script.next(session, &mut self.request);
                unsent.extend_from_slice(&packet(&ClientPacket::Unsequenced(&self.request)));
            }
            match stream.write(unsent) {
                Ok(bytes) => drop(unsent.drain(..bytes)),
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
                // The venue has ended it, which is its right.
                Err(_) => *slot = None,
            }
        }
        now_ns + STEP_NS
    }

    /// How many the venue has disconnected.
    pub(super) fn disconnected(&self) -> usize {
        self.streams.iter().filter(|stream| stream.is_none()).count()
    }
}

fn packet(packet: &ClientPacket<'_>) -> Vec<u8> {
    let mut bytes = [0; soup::HEADER_LEN + REQUEST_BYTES_MAX];
    let length = packet.encode(&mut bytes).expect("log-ins and requests of at most REQUEST_BYTES_MAX fit");
    bytes[..length].to_vec()
}
