//! The socket and the bounded buffers of one session.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use super::kernel_times::{Received, SocketTimes};
use super::schedule::Schedule;
use super::sent::Sent;

/// The limit on bytes that wait for a full socket. Beyond it, requests become late instead of queueing up.
const SEND_QUEUE_BYTES: usize = 64 * 1024;
const RECEIVE_BUFFER_BYTES: usize = 128 * 1024;

/// Connects within `timeout`; the socket is non-blocking and has `TCP_NODELAY`.
pub(super) fn connect(server: SocketAddr, timeout: Duration) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&server, timeout)?;
    stream.set_nodelay(true)?;
    stream.set_nonblocking(true)?;
    Ok(stream)
}

/// The state of one session.
pub(super) struct Connection<'a> {
    pub stream: &'a TcpStream,
    pub schedule: Schedule,
    /// The next request, encoded before it is due.
    pub prepared: Vec<u8>,
    pub outstanding: VecDeque<Sent>,
    pub last_send_ns: u64,
    pub last_receive_ns: u64,
    pub open: bool,
    pub ready: bool,
    /// The kernel's timestamps, if they are requested and available.
    pub times: Option<SocketTimes>,
    unsent: Vec<u8>,
    received: Box<[u8]>,
    received_len: usize,
}

impl<'a> Connection<'a> {
    pub(super) fn new(
        stream: &'a TcpStream,
        schedule: Schedule,
        outstanding_max: usize,
        times: Option<SocketTimes>,
    ) -> Self {
        Self {
            stream,
            schedule,
            prepared: Vec::with_capacity(256),
            outstanding: VecDeque::with_capacity(outstanding_max),
            last_send_ns: 0,
            last_receive_ns: 0,
            open: true,
            ready: false,
            times,
            unsent: Vec::with_capacity(2 * SEND_QUEUE_BYTES),
            received: vec![0; RECEIVE_BUFFER_BYTES].into_boxed_slice(),
            received_len: 0,
        }
    }

    #[inline]
    pub(super) fn has_unsent(&self) -> bool {
        !self.unsent.is_empty()
    }

    /// Whether the queue has room for the prepared request.
    #[inline]
    pub(super) fn has_room(&self) -> bool {
        self.unsent.len() + self.prepared.len() <= SEND_QUEUE_BYTES
    }

    /// Moves the prepared request to the queue.
    #[inline]
    pub(super) fn queue_prepared(&mut self) {
        self.unsent.extend_from_slice(&self.prepared);
        self.prepared.clear();
    }

    /// The queue itself, for packets without measurement.
    pub(super) fn queue(&mut self) -> &mut Vec<u8> {
        &mut self.unsent
    }

    /// Sends as much of the queue as the socket accepts, and returns the number of bytes.
    #[inline]
    pub(super) fn flush(&mut self) -> io::Result<usize> {
        let mut written = 0;
        while written < self.unsent.len() {
            match self.stream.write(&self.unsent[written..]) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(bytes) => written += bytes,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.unsent.drain(..written);
        if let Some(times) = &mut self.times {
            times.wrote(written);
        }
        Ok(written)
    }

    /// Reads once; `None` if the socket has no data.
    #[inline]
    pub(super) fn receive(&mut self) -> io::Result<Option<Received>> {
        let room = &mut self.received[self.received_len..];
        let received = match &self.times {
            Some(times) => times.receive(self.stream, room),
            None => self.stream.read(room).map(|bytes| Received { bytes, utc_ns: None }),
        };
        match received {
            Ok(received) => {
                self.received_len += received.bytes;
                Ok(Some(received))
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Takes the received bytes out, so that the connection can change while frames are read. Return them with
    /// [`Connection::put_back`].
    #[inline]
    pub(super) fn take_received(&mut self) -> (Box<[u8]>, usize) {
        (std::mem::take(&mut self.received), self.received_len)
    }

    /// Returns the buffer and drops its first `used` bytes, which were read as frames.
    #[inline]
    pub(super) fn put_back(&mut self, mut buffer: Box<[u8]>, used: usize) {
        buffer.copy_within(used..self.received_len, 0);
        self.received_len -= used;
        self.received = buffer;
    }
}
