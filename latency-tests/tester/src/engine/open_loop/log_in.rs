//! Connections, and the log-in of every session: nothing of it is measured.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use super::{DRAIN_CHECK_NS, Engine};
use crate::clock::Clock;
use crate::engine::{LoadError, Observer, Wire};

/// For all sessions to connect and log in.
const LOG_IN: Duration = Duration::from_secs(5);

pub(super) fn connect(server: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&server, LOG_IN)?;
    stream.set_nodelay(true)?;
    stream.set_nonblocking(true)?;
    Ok(stream)
}

impl<W: Wire, O: Observer> Engine<'_, W, O> {
    pub(super) fn log_in(&mut self) -> Result<(), LoadError> {
        for (index, connection) in self.connections.iter_mut().enumerate() {
            self.wire.greeting(index, connection.queue());
            connection.ready = !connection.has_unsent();
        }
        let deadline_ns = LOG_IN.as_nanos() as u64;
        while let Some(session) = self.connections.iter().position(|one| !one.ready) {
            let now_ns = self.clock.now_ns();
            let why = match self.measured.faults.first() {
                Some(fault) => fault.clone(),
                None if self.measured.drops > 0 => "the server closed the connection".to_owned(),
                None if now_ns > deadline_ns => format!("no answer within {LOG_IN:?}"),
                None => {
                    self.flush_all();
                    self.receive_ready(now_ns + DRAIN_CHECK_NS, true)?;
                    continue;
                }
            };
            return Err(LoadError::LogIn { session, why });
        }
        for (index, connection) in self.connections.iter_mut().enumerate() {
            if connection.prepared.is_empty() {
                self.wire.request(index, &mut connection.prepared);
            }
            connection.last_send_ns = 0;
            connection.last_receive_ns = 0;
        }
        // The run's time begins here.
        self.clock = Clock::start();
        self.correlation = self.clock.correlate();
        Ok(())
    }
}
