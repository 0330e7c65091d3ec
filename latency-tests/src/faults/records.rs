//! The records of failures that a server has left: as `corelane incidents` lists them, and as they lie on the disk.

use std::{fs, path::Path, process::Command};

use super::server::{incidents_directory, topology_file};

/// The records of a server.
#[derive(Debug, Default)]
pub(super) struct Records {
    /// The word for what each is about, oldest first.
    pub listed: Vec<String>,
    /// The bytes of each file.
    pub bytes: Vec<u64>,
}

impl Records {
    /// Lists what the server whose topology lies in `folder` has left.
    pub(super) fn read(binary: &Path, folder: &Path) -> Result<Records, String> {
        let mut command = Command::new(binary);
        command.args(["incidents", "--topology"]).arg(topology_file(folder));
        let output = command.output().map_err(|error| format!("corelane incidents: {error}"))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(format!("corelane incidents ended with {}: {}", output.status, said.trim()));
        }
        let listed = words(&String::from_utf8_lossy(&output.stdout));
        // Without a failure, there is no directory.
        let files = fs::read_dir(incidents_directory(folder)).into_iter().flatten();
        let bytes = files.map_while(|file| Some(file.ok()?.metadata().ok()?.len())).collect();
        Ok(Records { listed, bytes })
    }

    /// What is not as it must be if each of these failures leaves a record of so many bytes at most, and nothing else any.
    pub(super) fn problem(&self, due: &[&str], bytes_max: usize) -> Option<String> {
        let Records { listed, bytes } = self;
        if listed != due {
            return Some(format!("corelane incidents lists {listed:?}, and must list {due:?}"));
        }
        let is_bounded = bytes.iter().all(|&bytes| bytes <= bytes_max as u64);
        let problem = format!("{} records lie in files of {bytes:?} bytes, and may have {bytes_max}", listed.len());
        (bytes.len() != listed.len() || !is_bounded).then_some(problem)
    }
}

/// The third column of a list: number, time, what failed, and more.
fn words(list: &str) -> Vec<String> {
    let cells = |line: &'_ str| line.split(['│', '┆']).map(|cell| cell.trim().to_owned()).skip(1).collect::<Vec<_>>();
    let rows = list.lines().map(cells).filter(|row| row.len() > 2 && row[0].parse::<u64>().is_ok());
    rows.map(|mut row| row.swap_remove(2)).collect()
}

#[cfg(test)]
mod tests {
    use corelane_console::Table;

    use super::*;

    #[test]
    fn a_failure_without_its_one_bounded_record_is_a_problem() {
        type Case = (&'static [&'static str], &'static [u64], &'static [&'static str], bool);
        // What is listed, the bytes of the files, what is due, and whether it is right.
        let cases: [Case; 7] = [
            (&[], &[], &[], true),
            (&["actor-panicked"], &[4096], &["actor-panicked"], true),
            (&[], &[], &["actor-panicked"], false),
            (&["shard-stuck"], &[100], &["actor-panicked"], false),
            (&["actor-panicked", "actor-panicked"], &[100, 100], &["actor-panicked"], false),
            (&["actor-panicked"], &[100, 100], &["actor-panicked"], false),
            (&["actor-panicked"], &[4097], &["actor-panicked"], false),
        ];
        for (listed, bytes, due, is_right) in cases {
            let listed = listed.iter().map(|&word| word.to_owned()).collect();
            let records = Records { listed, bytes: bytes.to_vec() };
            assert_eq!(records.problem(due, 4096).is_none(), is_right, "{records:?}, due {due:?}");
        }
    }

    #[test]
    fn the_words_of_a_list_are_those_of_its_rows() {
        let mut table = Table::new(["ID", "time (UTC)", "what", "where", "decision"], 1);
        table.add(["1", "2026-12-01T10:00:00.000001Z", "actor-panicked", "shard ingress, actor session", "it halts"]);
        table.add(["2", "2026-12-01T10:00:01.000001Z", "shard-stuck", "-", "it ends at once"]);
        assert_eq!(words(&table.lines(None)), ["actor-panicked", "shard-stuck"]);
        assert!(words("no incidents in /tmp/corelane-faults-1/incidents\n").is_empty());
    }
}
