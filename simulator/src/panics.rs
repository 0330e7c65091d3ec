//! Panics at the fault points of a venue: in the middle of a run where a supervisor restarts who failed, and at its end where
//! the venue ends by itself.

use corelane_runtime::simulation::{Draw, Simulation, Source, World};
use corelane_venue::AfterPanic;

/// Tokens of its wake-ups.
pub(crate) const PANIC: u64 = 5 << 56;

const RESTARTED: Source = Source::new("panic.restarted");
const FATAL: Source = Source::new("panic.fatal");
/// Whether a fault point is armed is decided once in this time.
const SLOT_NS: u64 = 10_000_000;

/// Whether this build has fault points: the feature `faults`.
pub const HAS_FAULT_POINTS: bool = cfg!(feature = "faults");

/// All fault points that a simulated venue can reach.
pub(crate) fn fault_points() -> impl Iterator<Item = &'static str> {
    [AfterPanic::Restart, AfterPanic::End].into_iter().flat_map(corelane_venue::fault_points)
}

/// The panics of a run.
#[derive(Debug)]
pub(crate) struct Panics {
    /// Rates in parts per million: of slots, and of runs.
    restarted: u32,
    fatal: u32,
    armed: Option<&'static str>,
    /// The fault points that have panicked.
    pub reached: Vec<&'static str>,
    /// Failures that have been judged.
    judged: usize,
}

impl Panics {
    pub(crate) fn new(restarted: u32, fatal: u32) -> Panics {
        Panics { restarted, fatal, armed: None, reached: Vec::new(), judged: 0 }
    }

    /// Arms a fault point whose panic is survived, if one is due, and looks again later.
    pub(crate) fn operate(&mut self, world: &mut World) {
        let slot = world.now_ns() / SLOT_NS;
        if self.armed.is_none()
            && let Some(draw) = world.strikes(RESTARTED, slot, self.restarted)
        {
            self.arm_one(AfterPanic::Restart, draw);
        }
        if self.restarted > 0 {
            world.wake_at((slot + 1) * SLOT_NS, PANIC);
        }
    }

    /// Arms a fault point whose panic ends the venue, if this run ends so.
    pub(crate) fn end(&mut self, world: &mut World) -> bool {
        let struck = world.strikes(FATAL, 0, self.fatal);
        if let Some(draw) = struck {
            self.arm_one(AfterPanic::End, draw);
        }
        struck.is_some()
    }

    /// Arms one of the fault points with this end.
    fn arm_one(&mut self, after: AfterPanic, mut draw: Draw) {
        let sites: Vec<_> = corelane_venue::fault_points(after).collect();
        let site = sites[draw.below(sites.len() as u64) as usize];
        self.armed = Some(site);
        #[cfg(feature = "faults")]
        corelane_runtime::faults::arm_here(site, corelane_runtime::faults::Kind::Panic);
    }

    /// Lets no fault point panic any more.
    pub(crate) fn disarm(&mut self) {
        self.armed = None;
        #[cfg(feature = "faults")]
        corelane_runtime::faults::disarm_here();
    }

    /// Notes a fault point that has panicked.
    ///
    /// # Errors
    /// A failure that was not caused here.
    pub(crate) fn judge(&mut self, simulation: &Simulation) -> Result<(), String> {
        #[cfg(feature = "faults")]
        if corelane_runtime::faults::armed_here().is_none() {
            self.reached.extend(self.armed.take());
        }
        let failures = &simulation.failures()[self.judged..];
        self.judged += failures.len();
        let is_planned =
            |message: &str| message.strip_prefix("fault point ").is_some_and(|site| self.reached.contains(&site));
        match failures.iter().find(|failure| !is_planned(failure.message.as_str())) {
            Some(failure) => Err(format!("actor {} failed: {failure:?}", simulation.name(failure.actor))),
            None => Ok(()),
        }
    }
}

/// What is left armed is no run's but this one's.
impl Drop for Panics {
    fn drop(&mut self) {
        self.disarm();
    }
}
