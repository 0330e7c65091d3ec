//! `corelane sim`: its last line, its exit codes, and how a run that breaks a rule is repeated and made smaller.

use std::{collections::BTreeSet, fs, path::PathBuf, process::Command};

use corelane_simulator::VENUE_TOML;

/// A folder of the test's own.
fn folder(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// Exit code, standard output, standard error without its frame.
fn sim(folder: &PathBuf, arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_corelane"));
    let output = command.arg("sim").args(arguments).current_dir(folder).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let unframed = text(&output.stderr).replace("\n  │ ", " ");
    (output.status.code(), text(&output.stdout), unframed)
}

#[test]
fn a_sound_run_ends_with_its_sums() {
    let folder = folder("sim-sound");
    let arguments = ["--seeds", "2", "--requests", "300", "--faults", "all"];
    let (code, out, err) = sim(&folder, &arguments);
    assert_eq!(code, Some(0), "{err}");
    assert!(out.starts_with("fault sites: ") && out.contains("\nsim seeds=2 requests=600 faults="), "{out}");
    assert!(out.contains(" broken=0 hash="), "{out}");
    assert_eq!(sim(&folder, &arguments).1, out, "the same seeds give the same hash");
}

#[test]
fn a_run_too_short_for_most_faults_says_how_many_sites_it_has_reached() {
    let (code, out, err) = sim(&folder("sim-short"), &["--seeds", "1", "--requests", "1"]);
    assert_eq!(code, Some(0), "{err}");
    let (reached, rest) = out.strip_prefix("fault sites: ").and_then(|rest| rest.split_once(" of ")).unwrap();
    let (due, rest) = rest.split_once(" reached; not reached: ").unwrap();
    let missed: BTreeSet<&str> = rest.split(';').next().unwrap().split(", ").collect();
    assert_eq!(due.parse::<usize>(), Ok(reached.parse::<usize>().unwrap() + missed.len()), "{out}");
}

#[test]
fn a_topology_that_asks_for_lost_messages_once_or_late_breaks_no_rule() {
    let folder = folder("sim-patient");
    for (key, value) in [("attempts_max = 100", "attempts_max = 1"), ("wait_ms = 1", "wait_ms = 2000")] {
        assert!(VENUE_TOML.contains(key));
        fs::write(folder.join("patient.toml"), VENUE_TOML.replace(key, value)).unwrap();
        let (code, _, err) =
            sim(&folder, &["-t", "patient.toml", "--seeds", "3", "--requests", "300", "--faults", "none"]);
        assert_eq!(code, Some(0), "{value}: {err}");
    }
}

#[test]
fn what_cannot_be_run_is_an_error() {
    let folder = folder("sim-wrong");
    fs::write(folder.join("wrong.replay"), "seed five\n").unwrap();
    let cases: [&[&str]; 6] = [
        &["--faults", "some"],
        &["-t", "none.toml"],
        &["--replay", "wrong.replay"],
        &["--seeds", "0"],
        &["--requests", "0"],
        &["--seed", "18446744073709551615", "--seeds", "2"],
    ];
    for arguments in cases {
        let (code, out, err) = sim(&folder, arguments);
        assert_eq!((code, out.as_str()), (Some(2), ""), "{arguments:?}: {err}");
    }
    // Nobody can make a file there.
    let (code, out, err) = sim(&"/proc".into(), &["--shrink", "--seeds", "1", "--requests", "10"]);
    assert!(code == Some(2) && out.is_empty() && err.contains("cannot write corelane-sim-1.replay"), "{out}{err}");
    // It would take all memory.
    let (code, _, err) = sim(&folder, &["--replay", "/dev/zero"]);
    assert!(code == Some(2) && err.contains("cannot read the replay /dev/zero: it has more than 64 MiB"), "{err}");
    let (code, out, err) = sim(&folder, &["--replay", "/dev/null"]);
    assert!(
        code == Some(2) && out.is_empty() && err.contains("cannot read the replay /dev/null: it has no"),
        "{out}{err}"
    );
    let (_, _, err) = sim(&folder, &["--replay", "absent.replay"]);
    assert!(err.contains("cannot read the replay absent.replay: No such file"), "{err}");
    assert!(err.contains("help: give a file that `corelane sim --shrink` has written"), "{err}");
}

#[test]
fn a_run_that_breaks_a_rule_is_made_smaller_and_repeated() {
    let folder = folder("sim-broken");
    // The venue drops clients that pause for a few milliseconds.
    let hasty = VENUE_TOML.replace("client_timeout_ms = 15_000", "client_timeout_ms = 20");
    let hasty = hasty.replace("heartbeat_ms = 1000", "heartbeat_ms = 10");
    fs::write(folder.join("hasty.toml"), hasty).unwrap();
    let rule = "the venue ended the connection without a cause";
    let arguments = ["-t", "hasty.toml", "--seed", "4", "--seeds", "1", "--requests", "3000", "--faults", "network"];
    let (code, out, err) = sim(&folder, &arguments);
    assert_eq!(code, Some(1), "{err}");
    assert!(out.contains(" broken=1 "), "{out}");
    assert!(err.contains(rule) && err.contains("--seed 4 --seeds 1 --requests 3000 --faults network"), "{err}");

    let (code, _, err) = sim(&folder, &[&arguments[..], &["--shrink"]].concat());
    assert_eq!(code, Some(1), "{err}");
    let replay = fs::read_to_string(folder.join("corelane-sim-4.replay")).unwrap();
    // Neither a fault nor all clients and kinds of request are needed for it.
    assert!(replay.contains("\nonly 0\n"), "{replay}");
    assert!(replay.contains("\nwithout-client ") && replay.contains("\nwithout-kind "), "{replay}");
    let (code, out, err) = sim(&folder, &["--replay", "corelane-sim-4.replay"]);
    assert_eq!(code, Some(1), "{err}");
    assert!(out.contains("\nsim seeds=1 ") && err.contains(rule), "{out}{err}");
}
