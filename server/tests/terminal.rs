//! Commands on a terminal: its width, its colours, and its end.

use std::{
    fs::{self, File, OpenOptions},
    io::{BufRead, BufReader},
    os::fd::OwnedFd,
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use rustix::{
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{Winsize, tcsetwinsize},
};

const COLUMNS: u16 = 60;

/// A terminal: what its window shows, and the side of the programs in it.
fn terminal() -> (BufReader<File>, File) {
    let window: OwnedFd = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
    grantpt(&window).unwrap();
    unlockpt(&window).unwrap();
    tcsetwinsize(&window, Winsize { ws_row: 40, ws_col: COLUMNS, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
    let name = ptsname(&window, Vec::new()).unwrap().into_string().unwrap();
    (BufReader::new(window.into()), OpenOptions::new().read(true).write(true).open(name).unwrap())
}

/// Starts `corelane` in a terminal.
fn in_terminal(arguments: &[&str], no_color: &str) -> (Child, BufReader<File>) {
    in_terminal_of("xterm", arguments, no_color)
}

/// Starts it in one of this kind.
fn in_terminal_of(kind: &str, arguments: &[&str], no_color: &str) -> (Child, BufReader<File>) {
    let (window, programs) = terminal();
    let side = || Stdio::from(programs.try_clone().unwrap());
    let mut command = Command::new(env!("CARGO_BIN_EXE_corelane"));
    command.args(arguments).env("NO_COLOR", no_color).env("TERM", kind);
    (command.stdin(side()).stdout(side()).stderr(side()).spawn().unwrap(), window)
}

/// The lines of the window up to one that has this text, or to the end of its programs.
fn lines_to(window: &mut BufReader<File>, text: &str) -> Vec<String> {
    lines_until(window, |line| line.contains(text))
}

fn lines_until(window: &mut BufReader<File>, is_last: impl Fn(&str) -> bool) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    // At the end of its programs, reading a window is an error.
    while window.read_line(&mut line).is_ok_and(|bytes| bytes > 0) {
        lines.push(line.trim_end().to_owned());
        if is_last(&line) {
            break;
        }
        line.clear();
    }
    lines
}

fn topology(name: &str) -> PathBuf {
    let text = include_str!("../../config/venue.toml")
        .replace("listen = \"127.0.0.1:9001\"", "listen = \"127.0.0.1:0\"\nallow_ephemeral_port = true")
        .replace("listen = \"127.0.0.1:26477\"", "listen = \"127.0.0.1:0\"\nallow_ephemeral_port = true")
        .replace("idle = \"auto\"", "idle = \"park\"")
        + "\n[delay_protection]\nmax_age_ms = 60000\npause_ms = 600000\n";
    // The operator's socket lies beside it.
    let folder = std::env::temp_dir().join(format!("corelane-terminal-{name}-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let path = folder.join("venue.toml");
    fs::write(&path, text).unwrap();
    path
}

fn send(signal: &str, child: &Child) {
    assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
}

// T8
#[test]
fn tables_and_texts_fold_in_a_narrow_terminal() {
    let path = topology("narrow");
    let (mut child, mut window) = in_terminal(&["check", path.to_str().unwrap()], "1");
    let lines = lines_until(&mut window, |_| false);
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let sums = lines.iter().filter(|line| line.contains("│ in all")).count();
    assert!(sums == 2 && lines.iter().any(|line| line.starts_with("No deadlock. ")), "{lines:?}");
    for line in &lines {
        assert!(line.chars().count() <= usize::from(COLUMNS), "{line}");
    }
    fs::remove_dir_all(path.parent().unwrap()).unwrap();
}

#[test]
fn every_help_folds_in_a_narrow_terminal() {
    for arguments in
        [&["--help"][..], &["admin", "--help"], &["itch", "--help"], &["itch", "play", "--help"], &["sim", "-h"]]
    {
        let (mut child, mut window) = in_terminal(arguments, "1");
        let lines = lines_until(&mut window, |_| false);
        assert_eq!(child.wait().unwrap().code(), Some(0));
        assert!(lines.iter().any(|line| line.contains("Exit codes:")), "{lines:?}");
        for line in &lines {
            assert!(line.chars().count() <= usize::from(COLUMNS), "{arguments:?}: {line}");
        }
    }
}

#[test]
fn a_day_is_not_written_to_a_terminal() {
    let (mut child, mut window) =
        in_terminal(&["itch", "generate", "--instruments", "1", "--messages", "1000", "-"], "1");
    let lines = lines_until(&mut window, |_| false);
    assert_eq!(child.wait().unwrap().code(), Some(2));
    assert!(lines.iter().any(|line| line.contains("no text for a terminal")), "{lines:?}");
}

// T4, and T2 for a terminal that is closed
#[test]
fn a_log_has_colours_where_they_are_wanted_and_a_closed_terminal_is_lost_output() {
    let path = topology("colours");
    for (kind, no_color, is_coloured) in [("xterm", "", true), ("xterm", "1", false), ("dumb", "", false)] {
        let (mut child, mut window) = in_terminal_of(kind, &["run", path.to_str().unwrap()], no_color);
        let said = lines_to(&mut window, "stop with");
        assert!(said.last().is_some_and(|line| line.contains("stop with")), "{said:?}");
        send("-USR1", &child);
        let log = lines_to(&mut window, "kill switch");
        assert_eq!(log.iter().any(|line| line.contains('\u{1b}')), is_coloured, "{log:?}");
        drop(window);
        send("-TERM", &child);
        assert_eq!(child.wait().unwrap().code(), Some(2));
    }
    fs::remove_dir_all(path.parent().unwrap()).unwrap();
}
