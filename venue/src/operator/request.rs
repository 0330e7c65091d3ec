//! What can be asked of a running venue.

#[cfg(feature = "faults")]
use std::time::Duration;

use corelane_actors::types::KillSwitch;
use corelane_codecs::itch::EventCode;
use corelane_runtime::resilience::{BreakerState, Permits};
#[cfg(feature = "faults")]
use corelane_runtime::{clock::ClockFault, faults::Kind};

use super::{day::event_named, members::Names};
#[cfg(feature = "faults")]
use crate::fault_points::FAULT_POINTS;
use crate::permits::WorkPermits;

/// A request to a running venue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Request {
    /// How is it?
    Status,
    /// Bring the trading day to this event.
    Phase(EventCode),
    /// Engage or release a kill switch.
    KillSwitch(KillSwitch),
    /// Force a circuit breaker into a state; [`BreakerState::Closed`] is its reset.
    Breaker {
        /// Its index in `[[breaker]]`.
        index: usize,
        /// The state.
        state: BreakerState,
    },
    /// End the day and stop.
    Stop,
    /// Let a fault point fail; see [`corelane_runtime::faults`].
    #[cfg(feature = "faults")]
    Fault {
        /// Its name, one of [`FAULT_POINTS`](crate::FAULT_POINTS).
        site: &'static str,
        /// How.
        kind: Kind,
    },
    /// Let the clock go wrong.
    #[cfg(feature = "faults")]
    ClockFault(ClockFault),
}

/// What has been done, or why it has not, in words.
pub type Answer = Result<String, String>;

impl Request {
    /// The class of work that it is; none for what lowers risk, which needs no permit.
    pub(super) fn class<'a>(&self, permits: &'a WorkPermits) -> Option<&'a Permits> {
        match self {
            Request::Status => Some(&permits.analytics),
            Request::Stop | Request::Breaker { state: BreakerState::ForcedOpen, .. } => None,
            Request::KillSwitch(switch) if switch.is_engaged() => None,
            Request::Phase(_) | Request::KillSwitch(_) | Request::Breaker { .. } => Some(&permits.venue),
            #[cfg(feature = "faults")]
            Request::Fault { .. } | Request::ClockFault(_) => None,
        }
    }

    /// Reads the line of a request.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub(super) fn parse(line: &str, names: &Names) -> Result<Request, String> {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        match words[..] {
            ["status"] => Ok(Request::Status),
            ["stop"] => Ok(Request::Stop),
            ["phase", event] => event_named(event).map(Request::Phase).ok_or_else(|| {
                format!("no phase is named {event:?}; write an event of the day, such as start-of-market-hours")
            }),
            ["kill-switch", turn @ ("engage" | "release"), level, ref name @ ..] if name.len() <= 1 => {
                let scope = names.scope(level, name.first().copied())?;
                Ok(Request::KillSwitch(KillSwitch::new(scope, turn == "engage")))
            }
            ["breaker", turn, name] => {
                let state = match turn {
                    "open" => BreakerState::ForcedOpen,
                    "disable" => BreakerState::Disabled,
                    "metrics-only" => BreakerState::MetricsOnly,
                    "reset" => BreakerState::Closed,
                    _ => return Err("write breaker open, disable, metrics-only or reset, and its name".to_owned()),
                };
                Ok(Request::Breaker { index: names.breaker(name)?, state })
            }
            #[cfg(feature = "faults")]
            ["fault", site, kind] => fault(site, kind),
            _ => {
                Err(format!("unknown request {line:?}; the requests are status, phase, kill-switch, breaker and stop"))
            }
        }
    }
}

#[cfg(feature = "faults")]
fn fault(site: &str, kind: &str) -> Result<Request, String> {
    if site == "clock" {
        let seconds: i64 = kind.parse().map_err(|_| "write by how many seconds the clock is set".to_owned())?;
        return Ok(Request::ClockFault(ClockFault::WallClockSet { by_ns: seconds.saturating_mul(1_000_000_000) }));
    }
    let names = FAULT_POINTS.map(|(name, _)| name);
    let known = names.into_iter().find(|name| *name == site);
    let site =
        known.ok_or_else(|| format!("no fault point is named {site:?}; there are clock, {}", names.join(", ")))?;
    let kind = match kind {
        "panic" => Kind::Panic,
        "panic-in-drop" => Kind::PanicInDrop,
        "loop" => Kind::Loop,
        _ => match kind.strip_prefix("stall-").and_then(|ms| ms.parse().ok()) {
            Some(ms) => Kind::Stall(Duration::from_millis(ms)),
            None => return Err("a fault is a panic, panic-in-drop, loop, or stall-N of N milliseconds".to_owned()),
        },
    };
    Ok(Request::Fault { site, kind })
}
