//! What can be asked of a running venue.

use corelane_actors::types::KillSwitch;
use corelane_codecs::itch::EventCode;
use corelane_runtime::resilience::BreakerState;

use super::{day::event_named, members::Names};

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
}

/// What has been done, or why it has not, in words.
pub type Answer = Result<String, String>;

impl Request {
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
            _ => {
                Err(format!("unknown request {line:?}; the requests are status, phase, kill-switch, breaker and stop"))
            }
        }
    }
}
