//! The login of all sessions, without measurement.

use super::{DRAIN_CHECK_NS, Engine, LOG_IN};
use crate::clock::Clock;
use crate::engine::{LoadError, Observer, Wire};

impl<W: Wire, O: Observer> Engine<'_, W, O> {
    pub(super) fn log_in(&mut self) -> Result<(), LoadError> {
        for (index, connection) in self.connections.iter_mut().enumerate() {
            self.wire.greeting(index, connection.queue());
            connection.ready = !connection.has_unsent();
        }
        let deadline_ns = LOG_IN.as_nanos() as u64;
        while let Some(waiting) = self.connections.iter().position(|one| !one.ready) {
            let now_ns = self.clock.now_ns();
            let why = match self.measured.faults.first() {
                // The fault may be of another session than the first that waits.
                Some(fault) => fault.clone(),
                None if self.measured.drops > 0 => "the server closed the connection".to_owned(),
                None if now_ns > deadline_ns => {
                    format!("no answer within {LOG_IN:?}; check that the server accepts logins")
                }
                None => {
                    self.flush_all();
                    self.receive_ready(now_ns + DRAIN_CHECK_NS, true)?;
                    continue;
                }
            };
            let faulty = (0..self.connections.len())
                .find_map(|session| Some((session, why.strip_prefix(&format!("session {session}: "))?.to_owned())));
            let (session, why) = faulty.unwrap_or((waiting, why));
            return Err(LoadError::LogIn { session, why });
        }
        for (index, connection) in self.connections.iter_mut().enumerate() {
            if connection.prepared.is_empty() {
                self.wire.request(index, &mut connection.prepared);
            }
            connection.last_send_ns = 0;
            connection.last_receive_ns = 0;
        }
        // The run starts here.
        self.clock = Clock::start();
        self.correlation = self.clock.correlate();
        Ok(())
    }
}
