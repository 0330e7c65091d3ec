//! What to run, and what a run has shown.

use std::{collections::BTreeSet, fmt};

use corelane_config::Config;
use corelane_runtime::simulation::{Fault, FaultName};

use crate::{Kind, Profile};

/// What to run.
#[derive(Clone, Debug)]
pub struct Spec {
    /// The venue.
    pub config: Config,
    /// What decides every choice.
    pub seed: u64,
    /// Requests that clients send before the end.
    pub requests: u64,
    /// The faults.
    pub profile: Profile,
    /// If given, only these of the faults happen.
    pub only: Option<Vec<FaultName>>,
    /// Clients, by their places in the configuration, and kinds of request, that are left out.
    pub without_clients: Vec<usize>,
    /// Kinds of request that are left out.
    pub without_kinds: Vec<Kind>,
}

impl Spec {
    /// A run of everything.
    #[must_use]
    pub fn new(config: Config, seed: u64, requests: u64, profile: Profile) -> Spec {
        Spec { config, seed, requests, profile, only: None, without_clients: Vec::new(), without_kinds: Vec::new() }
    }
}

/// What a run has shown.
#[derive(Clone, Debug)]
pub struct Report {
    /// The hash of all that happened.
    pub hash: u64,
    /// Requests that clients sent.
    pub requests: u64,
    /// The faults.
    pub faults: Vec<Fault>,
    /// The sites that were reached: sources of faults, fault points that panicked, marks and full buffers.
    pub reached: BTreeSet<&'static str>,
    /// The rule that was broken, if one was.
    pub broken: Option<Broken>,
}

/// A rule that was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// Which, and how.
    pub what: String,
    /// When, in nanoseconds since midnight.
    pub time_ns: u64,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at {} ns: {}", self.time_ns, self.what)
    }
}
