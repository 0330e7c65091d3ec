//! Commands whose output goes away: never a panic, and an exit code that says so.

mod support;

use std::{
    path::Path,
    process::{Command, Stdio},
};

use corelane_test_support::streams::{closed_pipe, full_disk};
use support::Folder;

fn latency(folder: &Path, line: &[&str], out: Stdio, errors: Stdio) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_corelane-latency"));
    let output = command.current_dir(folder).args(line).stdin(Stdio::null()).stdout(out).stderr(errors);
    let output = output.spawn().unwrap().wait_with_output().unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

// T2
#[test]
fn lost_output_is_an_error_and_never_a_panic() {
    let Folder(folder) = &Folder::with_a_profile("output", 1, 100);
    let run = ["run", "--profile", "profile.toml", "--out", "."];
    let (code, errors) = latency(folder, &run, Stdio::null(), Stdio::piped());
    // A busy machine makes the run invalid, which is no matter here.
    assert!(matches!(code, Some(0 | 1)), "{code:?}: {errors}");
    let lines: [&[&str]; 6] = [
        &["--help"],
        &["scenarios"],
        &["scenarios", "wire"],
        &run,
        &["compare", "result.json", "result.json"],
        &["compare", "--json", "result.json", "result.json"],
    ];
    for line in lines {
        let (code, errors) = latency(folder, line, full_disk(), Stdio::piped());
        assert_eq!(code, Some(2), "{line:?} to a full disk: {errors}");
        assert!(errors.contains("cannot write to standard output: No space left on device"), "{line:?}: {errors}");
        let (code, errors) = latency(folder, line, closed_pipe(), Stdio::piped());
        assert_eq!((code, errors.as_str()), (Some(2), ""), "{line:?} to a closed pipe");
    }
    let written = ["report", "result.json", "--html", "page.html", "--tables", "page.md"];
    for errors in [full_disk(), closed_pipe()] {
        assert_eq!(latency(folder, &written, closed_pipe(), errors).0, Some(0), "it has no output");
    }
    let lines: [&[&str]; 6] = [
        &["bogus"],
        &["scenarios", "absent"],
        &["run", "--profile", "absent"],
        &["compare", "absent.json", "result.json"],
        &["budget", "--budget", "absent.toml", "--result", "result.json"],
        &["report", "result.json", "--html", "absent/page.html"],
    ];
    for line in lines {
        for (out, errors) in
            [(Stdio::null(), full_disk()), (full_disk(), closed_pipe()), (closed_pipe(), closed_pipe())]
        {
            assert_eq!(latency(folder, line, out, errors).0, Some(2), "{line:?}");
        }
    }
}

// T8
#[test]
fn a_run_finds_out_first_that_its_result_cannot_be_written() {
    let Folder(folder) = &Folder::with_a_profile("destination", 1, 100);
    let lines: [&[&str]; 2] = [
        &["run", "--profile", "profile.toml", "--out", "profile.toml/out"],
        &["run", "--profile", "profile.toml", "--out", "out", "--tables", "absent/tables.md"],
    ];
    for line in lines {
        let mut command = Command::new(env!("CARGO_BIN_EXE_corelane-latency"));
        let output = command.current_dir(folder).args(line).output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{line:?}: {errors}");
        assert!(errors.contains("cannot"), "{errors}");
    }
}
