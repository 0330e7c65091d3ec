//! The commands on ITCH files, run as a user would.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

/// A folder per test.
fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("corelane-itch-{name}-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    folder
}

fn corelane(arguments: &[&str], file: &Path) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } =
        Command::new(env!("CARGO_BIN_EXE_corelane")).arg("itch").args(arguments).arg(file).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (status.code(), text(stdout), text(stderr))
}

const GENERATE: &[&str] = &["generate", "--seed", "5", "--instruments", "20", "--messages", "20000"];

#[test]
fn a_generated_day_is_counted_and_decoded_to_its_last_message() {
    let folder = folder("generated");
    let (plain, compressed) = (folder.join("day.itch"), folder.join("day.itch.gz"));
    for day in [&plain, &compressed] {
        let (code, said, _) = corelane(GENERATE, day);
        assert_eq!(code, Some(0));
        assert!(said.starts_with("20000 messages in 20 instruments, "), "{said}");

        let (code, json, _) = corelane(&["stats", "--json"], day);
        let stats: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!((code, &stats["instruments"], &stats["errors"]), (Some(0), &20.into(), &0.into()));
        let counts = stats["messages"].as_object().unwrap();
        assert_eq!(counts.values().map(|count| count.as_u64().unwrap()).sum::<u64>(), 20_000);

        let (code, lines, errors) = corelane(&["decode"], day);
        assert_eq!((code, lines.lines().count(), errors.as_str()), (Some(0), 20_000, ""));
        assert!(lines.lines().last().unwrap().ends_with("event_code=EndOfMessages"));
    }
    assert!(fs::metadata(compressed).unwrap().len() < fs::metadata(plain).unwrap().len());
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn errors_in_a_file_are_reported_with_their_place_and_in_the_exit_code() {
    let folder = folder("wrong");
    let day = folder.join("day.itch");
    corelane(GENERATE, &day);
    let mut bytes = fs::read(&day).unwrap();
    // Damages the type of the second message and the end of the file.
    bytes[16] = b'z';
    bytes.truncate(bytes.len() - 7);
    fs::write(&day, &bytes).unwrap();

    let (code, lines, errors) = corelane(&["decode"], &day);
    assert_eq!((code, lines.lines().count()), (Some(1), 19_998));
    assert!(errors.starts_with("message 2 at offset 14: unknown message type 'z' at offset 0\n"), "{errors}");
    let cut = format!("the file ends within message 20000 at offset {}, after 9 bytes of it", bytes.len() - 9);
    assert!(errors.contains(&cut), "{errors}");
    let (code, table, _) = corelane(&["stats"], &day);
    assert_eq!(code, Some(1));
    assert!(table.contains("unknown type 'z': 1") && table.contains("2 errors"), "{table}");

    let (code, _, errors) = corelane(&["decode"], &folder.join("absent"));
    assert_eq!(code, Some(2));
    assert!(errors.contains("cannot open") && errors.contains("help:"), "{errors}");
    let too_few = ["generate", "--instruments", "20", "--messages", "50"];
    let (code, _, errors) = corelane(&too_few, &folder.join("none"));
    assert_eq!(code, Some(2));
    assert!(errors.contains("50 messages are too few"), "{errors}");
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn numbers_beyond_all_bounds_are_refused() {
    const HUGE: &str = "18446744073709551615";
    let folder = folder("huge");
    let day = folder.join("day.itch");
    assert_eq!(corelane(GENERATE, &day).0, Some(0));
    let play = ["play", "--to", "127.0.0.1:9", "--to-b", "127.0.0.1:9", "--speed", "max"];
    let cases: [&[&str]; 6] = [
        &["generate", "--instruments", HUGE, "--messages", "100"],
        &["generate", "--instruments", "1", "--messages", HUGE],
        &["generate", "--instruments", "1", "--messages", "1000", "--opening-orders", HUGE],
        &[&play[..], &["--skew", HUGE]].concat(),
        // 49 days, in which a signal would wait for line B.
        &[&play[..], &["--skew", "4294967295"]].concat(),
        &[&play[..], &["--linger", HUGE]].concat(),
    ];
    for arguments in cases {
        let (code, said, errors) = corelane(arguments, &day);
        assert_eq!((code, said.as_str()), (Some(2), ""), "{arguments:?}: {errors}");
        assert!(!errors.contains("panicked"), "{arguments:?}: {errors}");
    }
    fs::remove_dir_all(folder).unwrap();
}
