//! `corelane incidents`: the records that a venue has kept, as whoever operates it reads them.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, id},
};

use corelane_config::VENUE_TOML;
use corelane_venue::{IncidentDirectory, IncidentRecord};

/// A folder of the test's own, with the shipped topology.
fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("corelane-incidents-{name}-{}", id()));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("venue.toml"), VENUE_TOML).unwrap();
    folder
}

/// Runs `corelane incidents` in a folder; returns the exit code, standard output, and standard error.
fn incidents(folder: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_corelane"));
    let output = command.arg("incidents").args(arguments).current_dir(folder).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    // Without the lines that an error is folded into.
    let errors = String::from_utf8_lossy(&output.stderr);
    let errors = errors.split_whitespace().filter(|word| *word != "│").collect::<Vec<_>>().join(" ");
    (output.status.code(), said, errors)
}

fn record(folder: &Path, what: &str, actor: &str) -> u64 {
    let mut record = IncidentRecord::default();
    (record.at, record.what) = ("2026-12-01T01:02:03.000004Z".to_owned(), what.to_owned());
    (record.shard, record.actor) = (Some("hot".to_owned()), Some(actor.to_owned()));
    record.decision = "restart as generation 1".to_owned();
    record.events = vec!["01:02:03.000000000 session ran 3 steps".to_owned()];
    IncidentDirectory::new(folder.join("incidents")).write(record, 100, 32_768).unwrap()
}

#[test]
fn records_are_listed_and_shown() {
    let folder = folder("shown");
    let by_topology = ["--topology", "venue.toml"];
    let (code, said, _) = incidents(&folder, &by_topology);
    assert_eq!((code, said.as_str()), (Some(0), "no incidents in incidents\n"));
    assert_eq!(
        (record(&folder, "actor-panicked", "market-data"), record(&folder, "shard-stuck", "x\u{1b}[2J")),
        (1, 2)
    );
    for arguments in [&by_topology, &["--dir", "incidents"]] {
        let (code, said, errors) = incidents(&folder, arguments);
        assert_eq!((code, errors.as_str()), (Some(0), ""));
        for part in [
            "2026-12-01T01:02:03.000004Z",
            "actor-panicked",
            "shard hot, actor market-data",
            "restart as generation 1",
            "shard-stuck",
        ] {
            assert!(said.contains(part), "{part}: {said}");
        }
        assert!(!said.contains('\u{1b}'), "{said}");
        let (code, said, _) = incidents(&folder, &[arguments, &["1"][..]].concat());
        assert_eq!(code, Some(0));
        assert!(said.contains("what = \"actor-panicked\"") && said.contains("session ran 3 steps"), "{said}");
    }
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn what_cannot_be_read_is_said() {
    let folder = folder("unreadable");
    record(&folder, "actor-panicked", "session");
    fs::write(folder.join("incidents/incident-000002.toml"), "what").unwrap();
    let (code, said, errors) = incidents(&folder, &["--dir", "incidents"]);
    assert_eq!(code, Some(1), "{errors}");
    assert!(said.contains("actor-panicked") && errors.contains("record 2 cannot be read"), "{said}{errors}");
    let without = VENUE_TOML.replace("[incidents]\ndirectory = \"incidents\"\n", "");
    fs::write(folder.join("without.toml"), without).unwrap();
    let cases: [(&[&str], &str); 3] = [
        (&["--topology", "without.toml"], "keeps no records of failures"),
        (&["--dir", "elsewhere"], "cannot be read"),
        (&["--dir", "incidents", "7"], "no record 7"),
    ];
    for (arguments, problem) in cases {
        let (code, _, errors) = incidents(&folder, arguments);
        assert_eq!(code, Some(2), "{arguments:?}");
        assert!(errors.contains(problem), "{arguments:?}: {errors}");
    }
    fs::remove_dir_all(folder).unwrap();
}
