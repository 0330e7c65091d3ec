//! Records of failures on disk: written by a thread of their own, listed and shown by whoever may read them.
//!
//! The housekeeping thread hands an incident over when the supervisor has acted, and never waits: incidents that find no room are
//! counted, and the next record says how many. What the disk refuses is said in the log.
//!
//! | module | holds |
//! |---|---|
//! | `directory` | the files: names, the bound on their number, reading |
//! | `record` | what a record says, within its bound of bytes |

mod directory;
mod record;

use std::{
    io,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{self, Receiver, Sender},
    },
    thread,
    time::Duration,
};

use corelane_config::Incidents;
use corelane_runtime::{
    cpu,
    lifecycle::Incident,
    resilience::{Permits, WorkPermit},
};

pub use self::{
    directory::{IncidentDirectory, StoredIncident},
    record::{IncidentInput, IncidentRecord},
};

/// How long the end of a venue waits for the last record.
const PATIENCE: Duration = Duration::from_secs(1);

/// Where a venue's incidents are written.
#[derive(Debug)]
pub(crate) struct IncidentsTo {
    pub directory: PathBuf,
    pub bounds: Incidents,
    /// One for each incident until it is written; one that gets none is dropped and counted.
    pub permits: Permits,
}

/// An incident that is to be written.
type Waiting = (Incident, WorkPermit);

/// The thread that writes; it ends when nobody hands anything over any more.
#[derive(Debug)]
pub(crate) struct Writing(Receiver<()>);

impl Writing {
    /// Waits until all is written, unless the disk stands still.
    pub(crate) fn wait(self) {
        // Nothing is ever sent: it ends with the thread.
        let _ = self.0.recv_timeout(PATIENCE);
    }
}

impl IncidentsTo {
    /// Starts the thread that writes them, on a CPU where it disturbs no shard. Returns what hands one over.
    ///
    /// # Errors
    /// The system starts no thread.
    pub(crate) fn start(self, cpu: usize) -> io::Result<(impl FnMut(Incident) + Send + 'static, Writing)> {
        let (incidents, waiting) = mpsc::channel::<Waiting>();
        let permits = self.permits.clone();
        let lost = Arc::<AtomicU64>::default();
        let dropped = lost.clone();
        let (lives, ended) = mpsc::channel();
        thread::Builder::new().name("incidents".to_owned()).spawn(move || {
            // On any CPU it would disturb a shard, but write all the same.
            let _ = cpu::pin_current_thread(cpu);
            self.write_all(&waiting, &dropped);
            drop::<Sender<()>>(lives);
        })?;
        let take = move |incident| {
            let has_place = permits.try_acquire().is_ok_and(|permit| incidents.send((incident, permit)).is_ok());
            if !has_place {
                lost.fetch_add(1, Ordering::Relaxed);
            }
        };
        Ok((take, Writing(ended)))
    }

    fn write_all(&self, waiting: &Receiver<Waiting>, dropped: &AtomicU64) {
        let Incidents { records_max, record_bytes_max, .. } = self.bounds;
        let directory = IncidentDirectory::new(&self.directory);
        for (incident, _permit) in waiting {
            let lost = dropped.swap(0, Ordering::Relaxed);
            let record = IncidentRecord::of(&incident, lost);
            match directory.write(record, records_max, record_bytes_max) {
                Ok(id) => tracing::warn!(id, "an incident was recorded: corelane incidents {id} shows it"),
                Err(error) => {
                    let directory = self.directory.display();
                    let what = incident.what.label();
                    tracing::error!(%directory, %error, what, "an incident could not be recorded");
                }
            }
        }
    }
}
