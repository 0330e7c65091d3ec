//! The stages of a topology's life, in the order in which the supervisor advances them.

/// Shards are being built.
pub(crate) const BOOT: u32 = 0;
/// Business as usual.
pub(crate) const RUN: u32 = 1;
/// Input is stopped, what is in flight goes on; each further round up to [`STOP`] is a look whether all is at rest.
pub(crate) const DRAIN: u32 = 2;
/// Actors have their stop hook called. Each further round up to [`CLOSE`] is a look whether what the hooks sent to other actors
/// has been taken.
pub(crate) const STOP: u32 = 1 << 31;
/// Sockets are flushed and closed. Each further round up to [`EXIT`] is a look whether what that led to has been taken.
pub(crate) const CLOSE: u32 = STOP | 1 << 30;
/// Shards end.
pub(crate) const EXIT: u32 = u32::MAX;
