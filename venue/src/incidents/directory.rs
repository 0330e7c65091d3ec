//! The files of the records, by their numbers.

use std::{
    fs::{self, DirBuilder, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use super::record::IncidentRecord;
use crate::operator::turn;

const PREFIX: &str = "incident-";
const SUFFIX: &str = ".toml";
/// The name of a record while it is written.
const UNFINISHED: &str = ".incident.tmp";

/// A directory of records.
#[derive(Clone, Debug)]
pub struct IncidentDirectory {
    path: PathBuf,
}

/// A record as it was found.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct StoredIncident {
    /// Its number.
    pub id: u64,
    /// The record, or why it cannot be read.
    pub record: Result<IncidentRecord, String>,
}

impl IncidentDirectory {
    /// The records in the directory `path`, which need not exist.
    pub fn new(path: impl Into<PathBuf>) -> IncidentDirectory {
        IncidentDirectory { path: path.into() }
    }

    /// All records, oldest first.
    ///
    /// # Errors
    /// The directory cannot be read.
    pub fn list(&self) -> io::Result<Vec<StoredIncident>> {
        Ok(self.ids()?.into_iter().map(|id| StoredIncident { id, record: self.record(id) }).collect())
    }

    fn record(&self, id: u64) -> Result<IncidentRecord, String> {
        let text = self.text(id).map_err(|error| error.to_string())?;
        toml::from_str(&text).map_err(|error| error.message().to_owned())
    }

    /// The text of a record.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn text(&self, id: u64) -> io::Result<String> {
        fs::read_to_string(self.file(id))
    }

    /// Writes a record under the next number, of at most `bytes_max` bytes, and deletes the oldest until `records_max` are left.
    /// Returns its number.
    ///
    /// Whoever reads the directory sees it whole or not at all. Venues that share it write one after the other.
    ///
    /// # Errors
    /// The directory cannot be made or written, somebody else has locked it for a second, or the disk is full. Nothing of the record
    /// is left then.
    pub fn write(&self, record: IncidentRecord, records_max: usize, bytes_max: usize) -> io::Result<u64> {
        DirBuilder::new().recursive(true).mode(0o700).create(&self.path)?;
        let _turn = turn(&self.path)?;
        let mut ids = self.ids()?;
        let id = ids.last().map_or(1, |last| last.saturating_add(1));
        let text = IncidentRecord { id, ..record }.text(bytes_max);
        let unfinished = self.path.join(UNFINISHED);
        let written = write_private(&unfinished, &text).and_then(|()| fs::rename(&unfinished, self.file(id)));
        if written.is_err() {
            // It is the error of the write that counts.
            let _ = fs::remove_file(&unfinished);
        }
        written?;
        ids.push(id);
        for old in &ids[..ids.len().saturating_sub(records_max)] {
            // Somebody else may have deleted it. The new record is written, whatever becomes of the old ones.
            let _ = fs::remove_file(self.file(*old));
        }
        Ok(id)
    }

    fn file(&self, id: u64) -> PathBuf {
        self.path.join(name_of(id))
    }

    /// The numbers of the records, in order.
    fn ids(&self) -> io::Result<Vec<u64>> {
        let mut ids = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            ids.extend(entry?.file_name().to_str().and_then(id_of));
        }
        ids.sort_unstable();
        Ok(ids)
    }
}

fn name_of(id: u64) -> String {
    format!("{PREFIX}{id:06}{SUFFIX}")
}

/// None if it is no name that [`name_of`] gives, such as that of a copy.
fn id_of(name: &str) -> Option<u64> {
    let id = name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?.parse().ok()?;
    (name == name_of(id)).then_some(id)
}

/// Writes a file that only its owner may read.
fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    // A name is not to be on the disk before what it names.
    file.sync_data()
}

#[cfg(test)]
mod tests {
    use std::{
        env,
        process::{Command, id},
        sync::Barrier,
        thread,
    };

    use super::*;

    /// Set in the process whose disk is full, to its directory.
    const MARK: &str = "CORELANE_TEST_FULL_DISK";
    const NAME: &str = "incidents::directory::tests::a_full_disk_is_an_error_that_leaves_the_former_records_whole";

    fn directory(name: &str) -> IncidentDirectory {
        let path = env::temp_dir().join(format!("corelane-records-{name}-{}", id()));
        let _ = fs::remove_dir_all(&path);
        IncidentDirectory::new(path)
    }

    fn record(message: &str) -> IncidentRecord {
        IncidentRecord { message: message.to_owned(), ..IncidentRecord::default() }
    }

    fn ids(directory: &IncidentDirectory) -> Vec<u64> {
        directory.list().unwrap().iter().map(|stored| stored.id).collect()
    }

    #[test]
    fn records_are_numbered_on_and_the_oldest_are_deleted() {
        let directory = directory("bound");
        for number in 1..=7 {
            assert_eq!(directory.write(record("said\nit's \u{1b}[2J"), 3, 4096).unwrap(), number);
            // What an end in the middle of a write leaves.
            fs::write(directory.path.join(UNFINISHED), "half a rec").unwrap();
        }
        assert_eq!(ids(&directory), [5, 6, 7]);
        let stored = directory.list().unwrap().remove(2);
        assert_eq!(stored.record, Ok(IncidentRecord { id: 7, ..record("said\nit's \u{1b}[2J") }));
        assert!(!directory.text(7).unwrap().contains('\u{1b}'), "no terminal is told anything");
        fs::write(directory.path.join("notes.txt"), "kept").unwrap();
        fs::write(directory.file(8), "what = ").unwrap();
        assert!(directory.list().unwrap()[3].record.is_err());
        // Whoever lowers the bound has it from the next record on.
        assert_eq!(directory.write(record(""), 1, 4096).unwrap(), 9);
        assert_eq!(ids(&directory), [9]);
        assert!(directory.path.join("notes.txt").exists());
        fs::remove_dir_all(&directory.path).unwrap();
    }

    #[test]
    fn venues_that_share_a_directory_lose_and_mix_no_record() {
        const ROUNDS: usize = 50;
        let directory = directory("shared");
        let texts = ["a".repeat(100), "b".repeat(20_000), "c".repeat(5_000)];
        for _ in 0..ROUNDS {
            let barrier = Barrier::new(texts.len());
            let write = &|text: &String| {
                barrier.wait();
                directory.write(record(text), 1000, 100_000).unwrap()
            };
            thread::scope(|scope| texts.iter().for_each(|text| drop(scope.spawn(move || write(text)))));
        }
        assert_eq!(ids(&directory), (1..=(texts.len() * ROUNDS) as u64).collect::<Vec<_>>());
        let stored = directory.list().unwrap().into_iter().map(|stored| stored.record.unwrap().message);
        let messages: Vec<_> = stored.collect();
        texts.iter().for_each(|text| assert_eq!(messages.iter().filter(|message| *message == text).count(), ROUNDS));
        fs::remove_dir_all(&directory.path).unwrap();
    }

    #[test]
    fn a_directory_that_somebody_else_has_locked_gets_no_record_in_between() {
        let directory = directory("locked");
        fs::create_dir(&directory.path).unwrap();
        let held = turn(&directory.path).unwrap();
        let error = directory.write(record("late"), 10, 10_000).unwrap_err();
        assert_eq!((error.kind(), ids(&directory)), (io::ErrorKind::TimedOut, vec![]));
        drop(held);
        assert_eq!(directory.write(record("in time"), 10, 10_000).unwrap(), 1);
        fs::remove_dir_all(&directory.path).unwrap();
    }

    #[test]
    fn what_is_named_nearly_as_a_record_is_none_and_keeps_none() {
        let directory = directory("strays");
        fs::create_dir(&directory.path).unwrap();
        for stray in ["incident-1.toml", "incident-+00002.toml"] {
            fs::write(directory.path.join(stray), "a copy").unwrap();
        }
        (1..=5).for_each(|number| assert_eq!(directory.write(record(""), 2, 4096).unwrap(), number));
        assert_eq!(ids(&directory), [4, 5]);
        fs::remove_dir_all(&directory.path).unwrap();
    }

    #[test]
    fn an_old_record_that_cannot_be_deleted_keeps_neither_new_ones_nor_their_bound() {
        let directory = directory("stuck");
        fs::create_dir_all(directory.file(1)).unwrap();
        (2..=6).for_each(|number| assert_eq!(directory.write(record(""), 2, 4096).unwrap(), number));
        assert_eq!(ids(&directory), [1, 5, 6]);
        fs::remove_dir_all(&directory.path).unwrap();
    }

    #[test]
    fn a_full_disk_is_an_error_that_leaves_the_former_records_whole() {
        if let Some(path) = env::var_os(MARK) {
            return fill(&IncidentDirectory::new(path));
        }
        let directory = directory("full");
        fs::create_dir(&directory.path).unwrap();
        let script = r#"mount -t tmpfs -o size=64k none "$CORELANE_TEST_FULL_DISK" && exec "$0" --exact "$1""#;
        let in_namespace = |script: &str| {
            let mut unshare = Command::new("unshare");
            unshare.args(["--user", "--map-root-user", "--mount", "sh", "-c", script]).arg(env::current_exe().unwrap());
            unshare.arg(NAME).env(MARK, &directory.path);
            unshare
        };
        let mount = r#"mount -t tmpfs -o size=64k none "$CORELANE_TEST_FULL_DISK""#;
        if in_namespace(mount).output().is_ok_and(|output| output.status.success()) {
            let output = in_namespace(script).output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
            assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"));
        } else {
            eprintln!("this process may not mount in a namespace of its own: not tested");
        }
        fs::remove_dir_all(&directory.path).unwrap();
    }

    fn fill(directory: &IncidentDirectory) {
        let large = record(&"x".repeat(10_000));
        let mut errors = (0..20).filter_map(|_| directory.write(large.clone(), 100, 100_000).err());
        let error = errors.next().expect("the disk has 64 KiB");
        assert_eq!(error.kind(), io::ErrorKind::StorageFull, "{error}");
        let kept = ids(directory);
        assert!(!kept.is_empty() && directory.list().unwrap().iter().all(|stored| stored.record.is_ok()));
        assert!(!directory.path.join(UNFINISHED).exists());
        // With room again, it goes on.
        fs::remove_file(directory.file(kept[0])).unwrap();
        assert_eq!(directory.write(large, 100, 100_000).unwrap(), kept.len() as u64 + 1);
    }
}
