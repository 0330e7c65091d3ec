//! Intended send times of requests.

use std::{
    fmt,
    fs::File,
    io,
    path::{Path, PathBuf},
};

use corelane_config::document;
use corelane_market::{MessageSource, SourceError};
use corelane_tester::engine::{Cycle, Timing};
use schemars::JsonSchema;
use serde::Deserialize;

/// Recorded times that are kept, the first ones of the file.
const RECORDED_MAX: usize = 1 << 20;
/// Range of the time in an ITCH message.
const TIMESTAMP: std::ops::Range<usize> = 5..11;

/// Distribution of intended send times.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Arrival {
    /// The pattern.
    pub kind: ArrivalKind,
    /// Requests of one burst, over all sessions (bursts, idle_then_burst).
    #[serde(default)]
    #[schemars(range(min = 2, max = 1_000_000))]
    pub burst: Option<u32>,
    /// Idle time before each burst, in milliseconds (idle_then_burst).
    #[serde(default)]
    #[schemars(range(min = 1, max = 60_000))]
    pub idle_ms: Option<u64>,
    /// A length-prefixed ITCH 5.0 file whose messages' times give the pattern, stretched to the rate (recorded).
    #[serde(default)]
    pub file: Option<PathBuf>,
}

/// The patterns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ArrivalKind {
    /// Evenly.
    Constant,
    /// A Poisson process.
    Poisson,
    /// `burst` requests at once, then nothing until the rate is kept.
    Bursts,
    /// `idle_ms` of nothing, then `burst` requests at the rate, and again.
    IdleThenBurst,
    /// The times of the messages of a recorded day, over and over, stretched to the rate.
    Recorded,
}

impl fmt::Display for ArrivalKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ArrivalKind::Constant => "evenly",
            ArrivalKind::Poisson => "Poisson",
            ArrivalKind::Bursts => "in bursts",
            ArrivalKind::IdleThenBurst => "idle, then a burst",
            ArrivalKind::Recorded => "at recorded times",
        })
    }
}

/// The reason why a recorded pattern cannot be used.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[non_exhaustive]
pub enum ArrivalError {
    /// The file cannot be opened.
    #[error("cannot open {path}: {source}", path = path.display())]
    #[diagnostic(help("give the path of a length-prefixed ITCH 5.0 file in [arrival] file"))]
    Open {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The file is no ITCH file.
    #[error("{path}: {source}", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: SourceError,
    },
    /// There is no pattern in it.
    #[error("{path}: fewer than two messages at different times", path = path.display())]
    TooShort {
        /// The file.
        path: PathBuf,
    },
}

impl Arrival {
    /// The tester's form at this rate. A cycle's own rate takes the place of the one asked for.
    ///
    /// # Errors
    /// [`ArrivalError`] of a recorded pattern.
    pub fn timing(&self, rate_per_s: f64, seed: u64) -> Result<Timing, ArrivalError> {
        let interval_ns = 1e9 / rate_per_s;
        let burst = self.burst.unwrap_or(2);
        Ok(match self.kind {
            ArrivalKind::Constant => Timing::Constant,
            ArrivalKind::Poisson => Timing::Poisson { seed },
            ArrivalKind::Bursts => Timing::Cycle(Cycle {
                offsets_ns: vec![0; burst as usize].into(),
                period_ns: (f64::from(burst) * interval_ns) as u64,
            }),
            ArrivalKind::IdleThenBurst => {
                let idle_ns = self.idle_ms.unwrap_or(1) * 1_000_000;
                let at = |ordinal: u32| idle_ns + (f64::from(ordinal) * interval_ns) as u64;
                Timing::Cycle(Cycle { offsets_ns: (0..burst).map(at).collect(), period_ns: at(burst) })
            }
            ArrivalKind::Recorded => {
                Timing::Cycle(recorded(self.file.as_deref().unwrap_or(Path::new("")), rate_per_s)?)
            }
        })
    }
}

/// The times of a file's messages, stretched so that their mean rate is the one asked for.
fn recorded(path: &Path, rate_per_s: f64) -> Result<Cycle, ArrivalError> {
    let open = |source| ArrivalError::Open { path: path.to_owned(), source };
    let read = |source| ArrivalError::Read { path: path.to_owned(), source };
    let mut source = MessageSource::new(File::open(path).map_err(open)?);
    let mut times_ns: Vec<u64> = Vec::new();
    while times_ns.len() < RECORDED_MAX
        && let Some(message) = source.peek().map_err(read)?
    {
        if let Some(bytes) = message.get(TIMESTAMP) {
            let time_ns = bytes.iter().fold(0, |ns, byte| ns << 8 | u64::from(*byte));
            // Times that go back stand still, so that the order stays.
            times_ns.push(time_ns.max(times_ns.last().copied().unwrap_or(0)));
        }
        source.take().map_err(read)?;
    }
    match (times_ns.first(), times_ns.last()) {
        (Some(&first_ns), Some(&last_ns)) if first_ns < last_ns => {
            let period_ns = times_ns.len() as f64 * 1e9 / rate_per_s;
            // The gap from the last to the first of the next turn is a mean one.
            let stretch = (period_ns - 1e9 / rate_per_s) / (last_ns - first_ns) as f64;
            let offset = |time_ns: &u64| ((time_ns - first_ns) as f64 * stretch) as u64;
            Ok(Cycle { offsets_ns: times_ns.iter().map(offset).collect(), period_ns: period_ns as u64 })
        }
        _ => Err(ArrivalError::TooShort { path: path.to_owned() }),
    }
}

/// Keys that a pattern needs or does not know.
pub(super) fn check(document: &mut document::Document) {
    let Some(kind) = document.section::<ArrivalKind>("arrival.kind") else { return };
    let needs: &[&str] = match kind {
        ArrivalKind::Constant | ArrivalKind::Poisson => &[],
        ArrivalKind::Bursts => &["burst"],
        ArrivalKind::IdleThenBurst => &["burst", "idle_ms"],
        ArrivalKind::Recorded => &["file"],
    };
    for key in ["burst", "idle_ms", "file"] {
        let path = format!("arrival.{key}");
        match (needs.contains(&key), document.has(&path)) {
            (true, false) => {
                let message = format!("arrivals {kind} need `{key}`");
                document.conflict("arrival.kind", message, "of this kind", format!("add `{key}` to [arrival]"));
            }
            (false, true) => {
                let message = format!("`{path}` means nothing to arrivals {kind}");
                document.conflict(&path, message, "not used", format!("remove `{key}`"));
            }
            _ => {}
        }
    }
}
