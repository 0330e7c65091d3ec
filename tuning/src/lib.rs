//! What a host is like, and what would have to change for it to be fast: an audit that changes nothing.
//!
//! [`Host::inspect`] reads the facts that decide latency, a [`Profile`] says what they should be on one kind of host,
//! and [`Profile::audit`] lists the differences, each with the command that removes it.
//!
//! ```
//! use corelane_tuning::{Host, Profile};
//!
//! let host = Host::inspect();
//! println!("{host}");
//! for finding in Profile::shipped("development").expect("a shipped profile").audit(&host) {
//!     println!("{finding}");
//! }
//! ```

#![deny(missing_docs)]
#![forbid(unsafe_code)]

mod audit;
mod cpu_list;
mod host;
mod profile;

pub use audit::Finding;
pub use cpu_list::CpuList;
pub use host::{Host, IoUring, Memlock};
pub use profile::Profile;
