//! The limit on open files: what the venue may need is known before it starts, and suffices whoever connects.

use std::{
    collections::VecDeque,
    fs,
    io::{Read, Write},
    net::TcpStream,
    os::unix::net::UnixStream,
    path::Path,
    process::Command,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Instant,
};

use corelane_test_support::wait;
use nix::sys::signal::Signal;
use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};

use crate::{
    server::{Client, PATIENCE, Server, corelane, topology},
    unfolded,
};

/// The shipped topology with fewer connections.
const FEW: [(&str, &str); 2] = [
    ("connections_max = 1024", "connections_max = 64"),
    ("connections_per_address_max = 256", "connections_per_address_max = 63"),
];
/// Connections of a flood that are held at once, three for each that there is room for.
const HELD_MAX: usize = 3 * 64;

/// `corelane` behind a command of a shell that changes a limit.
fn limited(limit: &str) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("{limit}; exec \"$0\" \"$@\""), env!("CARGO_BIN_EXE_corelane")]);
    shell
}

/// What `check` says the venue in a folder may need.
fn needed(folder: &Path) -> usize {
    let output = corelane().arg("check").arg(folder.join("venue.toml")).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let sum = said.lines().rfind(|line| line.contains("in all")).unwrap_or_else(|| panic!("{said}"));
    let figure: String = sum.chars().filter(char::is_ascii_digit).collect();
    figure.parse().unwrap_or_else(|_| panic!("{said}"))
}

/// The files that a process has open.
fn open(process: u32) -> usize {
    fs::read_dir(format!("/proc/{process}/fd")).unwrap().count()
}

/// The soft limit of a process on open files.
fn soft_limit(process: u32) -> usize {
    let limits = fs::read_to_string(format!("/proc/{process}/limits")).unwrap();
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files")).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

#[test]
fn the_open_files_that_check_names_suffice_in_a_flood_and_one_less_is_refused() {
    let folder = topology("files-named", "127.0.0.1:9".parse().unwrap(), &FEW);
    let needed = needed(&folder);
    for command in ["check", "run"] {
        let mut limited = limited(&format!("ulimit -n {}", needed - 1));
        let output = limited.arg(command).arg(folder.join("venue.toml")).output().unwrap();
        let said = unfolded(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{command}: {said}");
        for part in [
            &format!("may need {needed} open files at once"),
            &format!("this process may have {} (RLIMIT_NOFILE)", needed - 1),
            "64 for connections",
            &format!("ulimit -n {needed}"),
            &format!("LimitNOFILE={needed}"),
            "lower `net.connections_max` to 63, and `order_entry.connections_per_address_max` below that",
        ] {
            assert!(said.contains(part), "{command}, {part}: {said}");
        }
    }
    // Without any connection, it would still need more.
    let output = limited("ulimit -n 20").arg("check").arg(folder.join("venue.toml")).output().unwrap();
    let said = unfolded(&output.stderr);
    assert!(said.contains(&format!("LimitNOFILE={needed})")) && !said.contains("connections_max"), "{said}");
    // The configuration of a demo is built in.
    let output = limited("ulimit -n 1024").current_dir(&folder).args(["demo", "--seconds", "1"]).output().unwrap();
    let said = unfolded(&output.stderr);
    assert!(output.status.code() == Some(2) && said.contains("1024 for connections"), "{said}");
    assert!(said.contains("in systemd LimitNOFILE=") && !said.contains("connections_max"), "{said}");
    fs::remove_dir_all(folder).unwrap();

    let server = Server::start_by(&mut limited(&format!("ulimit -n {needed}")), "files-flood", &FEW, |_| ());
    let open_at_start = open(server.pid());
    let mut members = [1, 2, 3].map(|user| Client::log_in(&server, user));
    let is_over = AtomicBool::new(false);
    let (process, order_entry) = (server.pid(), server.order_entry);
    let open_max = thread::scope(|scope| {
        let strangers = scope.spawn(|| {
            let (mut held, mut open_max) = (VecDeque::new(), 0);
            while !is_over.load(Ordering::Relaxed) {
                held.push_back(TcpStream::connect(order_entry).unwrap());
                if held.len() > HELD_MAX {
                    held.pop_front();
                }
                open_max = open_max.max(open(process));
            }
            open_max
        });
        wait::until("the flood holds its connections", || open(process) > open_at_start + 20);
        for word in ["engage", "release"] {
            let (code, said) = server.admin(&["kill-switch", word, "--port", "DEMO03"]);
            assert_eq!(code, Some(0), "{said}");
        }
        let (code, said) = server.admin(&["status"]);
        is_over.store(true, Ordering::Relaxed);
        assert!(code == Some(0) && said.contains("log-ins: 3"), "{code:?} {said}");
        strangers.join().unwrap()
    });
    assert!(open_max <= needed, "{open_max} open, where {needed} may be");
    members[0].enter(1, b'B', b'3');
    assert_eq!([members[0].hears(), members[0].hears()], ["S S", "A 1"], "members trade on");
    server.signal(Signal::SIGTERM);
    let ended = server.ended();
    assert_eq!(ended.code, Some(0), "{}", ended.output);
}

#[test]
fn a_soft_limit_is_raised_to_what_is_needed_and_a_higher_one_stays() {
    let folder = topology("files-soft", "127.0.0.1:9".parse().unwrap(), &FEW);
    let needed = needed(&folder);
    fs::remove_dir_all(folder).unwrap();
    for (limit, raised) in [(20, needed), (needed + 7, needed + 7)] {
        let server = Server::start_by(&mut limited(&format!("ulimit -S -n {limit}")), "files-soft", &FEW, |_| ());
        assert_eq!(soft_limit(server.pid()), raised, "from {limit}");
        server.signal(Signal::SIGTERM);
        assert_eq!(server.ended().code, Some(0));
    }
}

#[test]
fn refused_accepts_are_said_once_a_minute_and_tried_again_without_spinning() {
    let server = Server::start("files-none", &FEW);
    let process = Pid::from_raw(server.pid() as i32);
    // What is open stays open.
    let none_left = || Rlimit { current: Some(0), ..getrlimit(Resource::Nofile) };
    let limit = prlimit(process, Resource::Nofile, none_left()).unwrap();
    let began = Instant::now();
    // The first ones are accepted under the old limit, which the accepts in flight have.
    let waiting: Vec<TcpStream> = (0..20).map(|_| TcpStream::connect(server.order_entry).unwrap()).collect();
    let connect = || UnixStream::connect(server.folder.join("corelane.sock")).unwrap();
    let ask = |stream: &mut UnixStream| stream.write_all(b"status\n").unwrap();
    let is_answered = |mut stream: UnixStream| {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("ok\n"), "{answer}");
    };
    let mut operator = connect();
    ask(&mut operator);
    let said = ["connections could not be accepted", "takes no connection"];
    wait::until("both are said", || said.iter().all(|words| server.log().contains(words)));
    prlimit(process, Resource::Nofile, limit).unwrap();
    let ms = began.elapsed().as_millis();

    is_answered(operator);
    drop(waiting);

    // It begins anew within the minute. Two are in already: the turn that answers the second one has refused the third.
    let inside = [connect(), connect()];
    assert_eq!(server.admin(&["status"]).0, Some(0));
    prlimit(process, Resource::Nofile, none_left()).unwrap();
    let mut outside = connect();
    ask(&mut outside);
    for mut stream in inside {
        ask(&mut stream);
        is_answered(stream);
    }
    prlimit(process, Resource::Nofile, limit).unwrap();
    is_answered(outside);
    assert_eq!(Client::log_in(&server, 1).hears(), "S S");
    let log = server.log();
    for words in said {
        assert_eq!(log.matches(words).count(), 1, "{log}");
    }
    server.signal(Signal::SIGTERM);
    let ended = server.ended();
    assert_eq!(ended.code, Some(0), "{}", ended.output);
    let errors = ended.output.split("net_accept_errors=").nth(1).and_then(|rest| rest.split_whitespace().next());
    let errors: u128 = errors.and_then(|errors| errors.parse().ok()).unwrap_or_else(|| panic!("{}", ended.output));
    // Eight accepts at a time, every 10 ms.
    assert!(errors <= 8 * (ms / 10 + 2), "{errors} in {ms} ms");
}
