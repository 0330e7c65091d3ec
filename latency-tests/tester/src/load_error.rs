//! Errors of starting a load.

use std::io;
use std::net::SocketAddr;

use thiserror::Error;

/// The reason why a load could not start. Later failures are in [`Measured::faults`](crate::engine::Measured::faults).
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LoadError {
    /// A setting has an invalid value.
    #[error("{setting} must be {rule}")]
    Setting {
        /// The setting.
        setting: &'static str,
        /// The valid values.
        rule: &'static str,
    },
    /// A user or password does not fit its OUCH field.
    #[error("credentials of user {user:?}: {source}")]
    Credentials {
        /// The user.
        user: String,
        /// The problem.
        source: corelane_codecs::text::AlphaError,
    },
    /// The kernel refused to pin the tester's thread.
    #[error("cannot pin the tester to CPU {cpu}; choose a CPU that this process may use")]
    Pin {
        /// The CPU.
        cpu: usize,
    },
    /// The server is unreachable.
    #[error("cannot connect to {server}: {source}; is the server running and listening there?")]
    Connect {
        /// The server's address.
        server: SocketAddr,
        /// The cause.
        source: io::Error,
    },
    /// The server rejects or does not answer a login.
    #[error("session {session}: login failed: {why}")]
    LogIn {
        /// The index of the session.
        session: usize,
        /// The cause.
        why: String,
    },
    /// A system call failed unexpectedly.
    #[error("system call {call} failed: {source}")]
    System {
        /// The call.
        call: &'static str,
        /// The cause.
        source: io::Error,
    },
}
