//! A read-only audit of the host settings that decide latency.
//!
//! [`Host::inspect`] reads the settings, a [`Profile`] states what they should be on one kind of host, and
//! [`Profile::audit`] lists the differences, each with the command that removes it. Nothing on the host is changed.
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
