//! Sessions that send like the others and read nothing.

use std::{
    io::{self, ErrorKind, Write},
    net::{SocketAddr, TcpStream},
};

use corelane_codecs::soup::ClientPacket;
use corelane_tester::{
    load::Credentials,
    script::{MarketScript, REQUEST_BYTES_MAX, Script},
};

use super::{
    client::{log_in, packet},
    recorder::Rider,
};

/// Requests per second of each.
const RATE_PER_S: u64 = 10_000;
/// Between two looks.
const STEP_NS: u64 = 1_000_000;
/// Receive buffer asked of the kernel, which gives its minimum.
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
            let stream = log_in(server, user, 0)?;
            rustix::net::sockopt::set_socket_recv_buffer_size(&stream, RECEIVE_BYTES)?;
            streams.push(Some(stream));
        }
        let unsent = vec![Vec::new(); users.len()];
        Ok(Self { streams, script, unsent, request: Vec::with_capacity(REQUEST_BYTES_MAX), sent: 0 })
    }

    /// Number of sessions that the venue has disconnected.
    pub(super) fn disconnected(&self) -> usize {
        self.streams.iter().filter(|stream| stream.is_none()).count()
    }
}

impl Rider for SlowReaders {
    /// Sends what is due, as far as the sockets take it; returns when to come again.
    fn step(&mut self, now_ns: u64) -> u64 {
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
}
