//! Records of failures on disk: written by a thread of their own, listed and shown by whoever may read them.
//!
//! The housekeeping thread hands an incident over when the supervisor has acted, and never waits: incidents that find no room are
//! counted, and so are those that the disk refuses, which the log says too. The next record says how many.
//!
//! | module | holds |
//! |---|---|
//! | `directory` | the files: names, the bound on their number, reading |
//! | `record` | what a record says, within its bound of bytes |

mod directory;
mod record;

use std::{
    io,
    panic::{self, AssertUnwindSafe},
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{self, Receiver, RecvTimeoutError, Sender},
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

use crate::operator::TURN_PATIENCE;

pub use self::{
    directory::{IncidentDirectory, StoredIncident},
    record::{IncidentInput, IncidentRecord},
};

/// How long the end of a venue waits for its last records, of which one may have to wait for another venue's.
const PATIENCE: Duration = TURN_PATIENCE.saturating_add(Duration::from_secs(1));

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
        if self.0.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
            tracing::error!("the last incidents could not be recorded in {} s", PATIENCE.as_secs());
        }
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
            let written = directory.write(record, records_max, record_bytes_max);
            if written.is_err() {
                // The next record says so.
                dropped.fetch_add(lost + 1, Ordering::Relaxed);
            }
            // The log is the program's, and a panic in it no reason to record no more.
            let said = panic::catch_unwind(AssertUnwindSafe(|| match written {
                Ok(id) => tracing::warn!(id, "an incident was recorded: corelane incidents {id} shows it"),
                Err(error) => {
                    let directory = self.directory.display();
                    let what = incident.what.label();
                    tracing::error!(%directory, %error, what, "an incident could not be recorded");
                }
            }));
            if let Err(payload) = said {
                // Its drop may panic too.
                std::mem::forget(payload);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{env, fs, process::id};

    use corelane_runtime::{
        actor::{Actor, Context, Step},
        lifecycle::RunOptions,
        topology::{EdgeSpec, ShardSpec, Topology},
    };
    use corelane_test_support::wait::until;
    use tracing::{Event, Metadata, Subscriber, span};

    use super::*;

    struct Fails;

    impl Actor for Fails {
        type In = ();
        type Out = ();
        const OUTPUTS_MAX: usize = 0;
        fn on_message(&mut self, _: &mut Context<'_, ()>, (): &()) -> Step {
            panic!("as the test wants");
        }
    }

    /// As many incidents as there are actors.
    fn incidents(actors: usize) -> Vec<Incident> {
        let mut topology = Topology::new();
        let shard = topology.shard(ShardSpec::new("only", cpu::allowed_cpus()[0]));
        let fails = (0..actors).map(|number| {
            let actor = topology.actor(shard, format!("fails {number}"), || Fails);
            topology.external_sender("in", actor, EdgeSpec::backpressure(1))
        });
        let mut senders: Vec<_> = fails.collect();
        let (taken, incidents) = mpsc::channel();
        let running = topology.start(RunOptions::default().on_incident(move |incident| taken.send(incident).unwrap()));
        let running = running.unwrap();
        senders.iter_mut().for_each(|sender| sender.send(()).unwrap());
        until("all have failed", || running.status().failed == actors as u64);
        let _ = running.stop();
        incidents.iter().collect()
    }

    struct BrokenLog;

    impl Subscriber for BrokenLog {
        fn enabled(&self, _: &Metadata<'_>) -> bool {
            true
        }
        fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
            span::Id::from_u64(1)
        }
        fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
        fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
        fn event(&self, _: &Event<'_>) {
            panic!("the log is broken");
        }
        fn enter(&self, _: &span::Id) {}
        fn exit(&self, _: &span::Id) {}
    }

    #[test]
    fn what_the_disk_refused_and_what_was_lost_before_is_counted_in_the_next_record() {
        let path = env::temp_dir().join(format!("corelane-records-refused-{}", id()));
        let _ = (fs::remove_dir_all(&path), fs::remove_file(&path));
        let bounds = Incidents { directory: String::new(), records_max: 8, record_bytes_max: 4096 };
        let permits = Permits::new(8);
        let to = IncidentsTo { directory: path.clone(), bounds, permits: permits.clone() };
        let lost = AtomicU64::new(3);
        let mut all = incidents(3).into_iter();
        let mut write = |count: usize| {
            let (hands_over, waiting) = mpsc::channel();
            for incident in all.by_ref().take(count) {
                hands_over.send((incident, permits.try_acquire().unwrap())).unwrap();
            }
            drop(hands_over);
            to.write_all(&waiting, &lost);
        };
        fs::write(&path, "no directory").unwrap();
        write(2);
        fs::remove_file(&path).unwrap();
        write(1);
        let records = IncidentDirectory::new(&path).list().unwrap();
        let lost_before: Vec<_> = records.iter().map(|stored| stored.record.as_ref().unwrap().lost_before).collect();
        assert_eq!(lost_before, [5]);
        fs::remove_dir_all(&path).unwrap();
    }

    #[test]
    fn a_log_that_panics_keeps_no_incident_from_its_record() {
        let directory = env::temp_dir().join(format!("corelane-records-broken-log-{}", id()));
        let _ = fs::remove_dir_all(&directory);
        let bounds = Incidents { directory: String::new(), records_max: 8, record_bytes_max: 4096 };
        let permits = Permits::new(8);
        let (hands_over, waiting) = mpsc::channel();
        for incident in incidents(3) {
            hands_over.send((incident, permits.try_acquire().unwrap())).unwrap();
        }
        drop(hands_over);
        let to = IncidentsTo { directory: directory.clone(), bounds, permits };
        tracing::subscriber::with_default(BrokenLog, || to.write_all(&waiting, &AtomicU64::new(0)));
        assert_eq!(IncidentDirectory::new(&directory).list().unwrap().len(), 3);
        fs::remove_dir_all(&directory).unwrap();
    }
}
