//! Why a load cannot be started.

use std::io;
use std::net::SocketAddr;

use thiserror::Error;

/// Why a load could not be started. What goes wrong later is in [`Measured::faults`](crate::engine::Measured::faults).
#[derive(Debug, Error)]
pub enum LoadError {
    /// A setting has a value with which nothing can be measured.
    #[error("{setting} must be {rule}")]
    Setting {
        /// Which.
        setting: &'static str,
        /// What it must be.
        rule: &'static str,
    },
    /// A user or password does not fit its field.
    #[error("user {user:?}: {source}")]
    Credentials {
        /// Whose.
        user: String,
        /// What is wrong with it.
        source: corelane_codecs::text::AlphaError,
    },
    /// The tester's thread could not be pinned.
    #[error("cannot pin the tester to CPU {cpu}; choose one that this process may use")]
    Pin {
        /// The CPU.
        cpu: usize,
    },
    /// The server cannot be reached.
    #[error("cannot connect to {server}: {source}; is the server running and listening there?")]
    Connect {
        /// Where.
        server: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The server refuses or does not answer the log-in.
    #[error("session {session}: log-in failed: {why}")]
    LogIn {
        /// Index of the session.
        session: usize,
        /// Why.
        why: String,
    },
    /// A system call failed that does not fail in working order.
    #[error("{call}: {source}")]
    System {
        /// Which.
        call: &'static str,
        /// Why.
        source: io::Error,
    },
}
