//! What keeps a venue from its start: the host, another venue, its hours, a signal.

use std::{
    fs,
    net::{SocketAddr, TcpListener, UdpSocket},
    os::unix::{
        fs::{DirBuilderExt, symlink},
        process::ExitStatusExt,
    },
    process::{Command, Stdio},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use rustix::{
    fs::{CWD, FileType, Mode, mknodat},
    process::getuid,
};

use crate::{
    ended,
    server::{Client, Server, corelane, topology},
    unfolded, with_signal,
};

/// Nothing is open yet, so there is nothing to stop in order, and nobody looks for the signal.
#[test]
fn a_signal_ends_a_venue_that_waits_for_its_topology() {
    for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP, Signal::SIGXCPU] {
        let folder = topology("waits", "127.0.0.1:9".parse().unwrap(), &[]);
        let pipe = folder.join("pipe");
        mknodat(CWD, &pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        let mut run = with_signal("--default-signal=HUP");
        let mut child = run.arg("run").arg(&pipe).stdout(Stdio::null()).spawn().unwrap();
        // It opens when the reader has come.
        let silent = fs::OpenOptions::new().write(true).open(&pipe).unwrap();
        kill(Pid::from_raw(child.id() as i32), signal).unwrap();
        assert_eq!(ended(&mut child).signal(), Some(signal as i32));
        drop(silent);
        fs::remove_dir_all(folder).unwrap();
    }
}

/// The kernel spares the first process of a container what signals do by default.
#[test]
fn a_signal_ends_a_command_that_is_the_first_process_of_a_container() {
    let unshare = || {
        let mut command = Command::new("unshare");
        command.args(if getuid().is_root() { &[][..] } else { &["--user", "--map-root-user"] });
        command.args(["--pid", "--fork", "--kill-child"]);
        command
    };
    if !unshare().arg("true").status().is_ok_and(|status| status.success()) {
        eprintln!("not tried: this host lets nobody here begin a container");
        return;
    }
    for arguments in [["run"].as_slice(), &["itch", "stats"]] {
        for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGXCPU] {
            let folder = topology("container", "127.0.0.1:9".parse().unwrap(), &[]);
            let pipe = folder.join("pipe");
            mknodat(CWD, &pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
            // The test's /proc has its number as the test sees it.
            let script = "read -r number rest </proc/self/stat && echo $number >\"$0\" && exec \"$@\"";
            let number = folder.join("number");
            let mut run = unshare();
            run.args(["sh", "-c", script]).arg(&number).arg(env!("CARGO_BIN_EXE_corelane"));
            let mut child = run.args(arguments).arg(&pipe).stdout(Stdio::null()).spawn().unwrap();
            // It opens when the reader has come.
            let silent = fs::OpenOptions::new().write(true).open(&pipe).unwrap();
            let number = fs::read_to_string(number).unwrap().trim().parse().unwrap();
            kill(Pid::from_raw(number), signal).unwrap();
            assert_eq!(ended(&mut child).code(), Some(128 + signal as i32), "{arguments:?} {signal}");
            drop(silent);
            fs::remove_dir_all(folder).unwrap();
        }
    }
}

// M4
#[test]
fn a_day_whose_times_have_passed_does_not_begin() {
    let day = "# [day]\n# start_of_messages = \"03:00\"\n";
    let folder = topology("over", "127.0.0.1:9".parse().unwrap(), &[(day, "[day]\nend_of_messages = \"00:00:01\"\n")]);
    // It may be checked for tomorrow.
    for (command, code) in [("run", 2), ("check", 1)] {
        let output = corelane().arg(command).arg(folder.join("venue.toml")).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{command}: {said}");
        assert!(said.contains("has ended at 00:00:01"), "{command}: {said}");
    }
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_socket_that_cannot_be_made_is_named_by_its_key() {
    let (tcp, udp) = (TcpListener::bind("127.0.0.1:0").unwrap(), UdpSocket::bind("127.0.0.1:0").unwrap());
    let (stream, datagrams) = (tcp.local_addr().unwrap(), udp.local_addr().unwrap());
    let ephemeral = "listen = \"127.0.0.1:0\"\nallow_ephemeral_port = true";
    let listen = |header: &str, address: SocketAddr| {
        (format!("{header}\n{ephemeral}"), format!("{header}\nlisten = \"{address}\""))
    };
    let order_entry = listen("[order_entry]", stream);
    let feed_in = listen("[feeds.in]", datagrams);
    let server = listen("[feeds.out.retransmission]", datagrams);
    let cases = [
        (order_entry, "is in use", "order_entry.listen"),
        (feed_in, "is in use", "feeds.in.listen"),
        (server, "is in use", "feeds.out.retransmission.listen"),
    ];
    for ((from, to), problem, key) in cases {
        let folder = topology("taken", "127.0.0.1:9".parse().unwrap(), &[(&from, &to)]);
        let output = corelane().arg("run").arg(folder.join("venue.toml")).output().unwrap();
        let said = unfolded(&output.stderr);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{key}: {said}");
        assert!(said.contains(problem) && said.contains(&format!("it is the socket of `{key}`")), "{key}: {said}");
        fs::remove_dir_all(folder).unwrap();
    }
}

/// Only the host's routes tell which addresses are broadcast addresses; loopback has one.
#[test]
fn a_broadcast_address_of_a_network_of_this_host_is_refused() {
    for key in ["feeds.out.to", "feeds.in.recovery.servers[0]"] {
        let servers = "[feeds.in.recovery]\nservers = [\"127.255.255.255:26479\"]";
        let (feed, changes) = match key {
            "feeds.out.to" => ("127.255.255.255:26400", &[][..]),
            _ => ("127.0.0.1:9", &[("# [feeds.in.recovery]", servers)][..]),
        };
        let folder = topology("broadcast", feed.parse().unwrap(), changes);
        for command in ["check", "run"] {
            let output = corelane().arg(command).arg(folder.join("venue.toml")).output().unwrap();
            let said = unfolded(&output.stderr);
            assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{command}: {said}");
            assert!(said.contains(&format!("`{key}`: the kernel lets no datagrams go to 127.255.255.255")), "{said}");
        }
        fs::remove_dir_all(folder).unwrap();
    }
}

/// What keeps `run` from its start keeps `check` from its praise.
#[test]
fn check_refuses_what_run_would() {
    // Of no host, by RFC 5737.
    let elsewhere = "192.0.2.1:9";
    let ephemeral = "\nlisten = \"127.0.0.1:0\"\nallow_ephemeral_port = true";
    let listen = |section: &str| (format!("[{section}]{ephemeral}"), format!("[{section}]\nlisten = \"{elsewhere}\""));
    let by_key = |section: &str| (listen(section), format!("it is the socket of `{section}.listen`"));
    let group = "\nlisten = \"239.192.0.1:9\"\ninterface = \"192.0.2.1\"";
    let no_interface = (format!("[feeds.in]{ephemeral}"), format!("[feeds.in]{group}"));
    let socket = |path: &str| ("socket = \"corelane.sock\"".to_owned(), format!("socket = \"{path}\""));
    let nothing = socket("corelane.sock");
    let incidents = |path: &str| ("directory = \"incidents\"".to_owned(), format!("directory = \"{path}\""));
    let cases = [
        ("", by_key("order_entry")),
        ("", by_key("feeds.in")),
        ("", by_key("feeds.out.retransmission")),
        ("", (no_interface, "it is the socket of `feeds.in.listen`".to_owned())),
        ("ulimit -l 100", (nothing, "raise RLIMIT_MEMLOCK (ulimit -l)".to_owned())),
        (
            "",
            (
                incidents("closed/made/later"),
                "Permission denied (os error 13) help: write the path of a directory".to_owned(),
            ),
        ),
        ("", (incidents("venue.toml/records"), "`incidents.directory`: no records of failures".to_owned())),
        ("", (incidents("nowhere"), "No such file or directory (os error 2) help: write the path".to_owned())),
        ("", (incidents("nowhere/records"), "No such file or directory (os error 2) help: write the path".to_owned())),
        ("", (incidents("unlisted"), "Permission denied (os error 13) help: write the path".to_owned())),
        ("", (socket("closed/corelane.sock"), "Permission denied (os error 13); write the path of a file".to_owned())),
    ];
    for (limit, ((from, to), problem)) in cases {
        let folder = topology("refused", "127.0.0.1:9".parse().unwrap(), &[(&from, &to)]);
        for (name, mode) in [("closed", 0o500), ("unlisted", 0o300)] {
            fs::DirBuilder::new().mode(mode).create(folder.join(name)).unwrap();
        }
        symlink("absent", folder.join("nowhere")).unwrap();
        for command in ["check", "run"] {
            let output = unprivileged(limit).arg(command).arg(folder.join("venue.toml")).output().unwrap();
            let said = unfolded(&output.stderr);
            assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{command}, {to}: {said}");
            assert!(said.contains(&problem), "{command}, {to}: {said}");
        }
        fs::remove_dir_all(folder).unwrap();
    }
}

/// Whatever limit is not refused lets the venue start: an allocation that fails would abort it.
#[test]
fn a_venue_gets_the_address_space_that_it_takes_or_is_refused() {
    let folder = topology("memory", "127.0.0.1:9".parse().unwrap(), &[]);
    let file = folder.join("venue.toml");
    let refused = |command: &str, kib: u64| {
        let output = unprivileged(&format!("ulimit -v {kib}")).arg(command).arg(&file).output().unwrap();
        let said = unfolded(&output.stderr);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{command}: {said}");
        assert!(said.contains(&format!("this process may have {kib} KiB (RLIMIT_AS)")), "{command}: {said}");
        let needed = said.split("the venue takes ").nth(1).and_then(|rest| rest.split(' ').next());
        needed.and_then(|needed| needed.parse::<u64>().ok()).unwrap_or_else(|| panic!("{said}"))
    };
    let needed = refused("check", 500_000);
    assert_eq!(refused("run", needed - 1), needed);
    let demo = unprivileged("ulimit -v 500000").args(["demo", "--plot"]).arg(folder.join("plot.svg")).output().unwrap();
    let said = unfolded(&demo.stderr);
    assert!(demo.status.code() == Some(2) && said.contains("this process may have 500000 KiB"), "demo: {said}");
    fs::remove_dir_all(&folder).unwrap();
    // With a limit, its threads share what the allocator reserves for each of them without one.
    let limited = Server::start_by(&mut unprivileged(&format!("ulimit -v {needed}")), "memory", &[], |_| ());
    let unlimited = Server::start("memory-unlimited", &[]);
    let taken = unlimited.peak_address_space_kib();
    assert!(needed < taken, "{needed} KiB needed with a limit, {taken} KiB taken without one");
    for server in [limited, unlimited] {
        server.signal(Signal::SIGTERM);
        assert_eq!(server.ended().code, Some(0));
    }
}

#[test]
fn check_tells_of_a_time_out_shorter_than_the_heartbeats_of_clients() {
    for (milliseconds, code) in [(1000, 1), (1001, 0)] {
        let timeout = format!("client_timeout_ms = {milliseconds}");
        let changes =
            [("client_timeout_ms = 600_000", timeout.as_str()), ("heartbeat_ms = 1000", "heartbeat_ms = 100")];
        let folder = topology("hasty", "127.0.0.1:9".parse().unwrap(), &changes);
        let output = corelane().arg("check").arg(folder.join("venue.toml")).output().unwrap();
        let said = unfolded(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{said}");
        assert_eq!(said.contains("`order_entry.client_timeout_ms` is 1000, but clients send a heartbeat"), code == 1);
        let shown = unfolded(&output.stdout);
        assert!(
            shown.contains("in all") && shown.contains(" windows of prices") && shown.contains("all have a window"),
            "{shown}"
        );
        fs::remove_dir_all(folder).unwrap();
    }
}

/// In a container, perhaps. Where a test may have no namespaces of its own, there is nothing to see.
#[test]
fn a_host_that_does_not_show_its_cpus_is_refused() {
    let hidden = |command: &str| {
        let mut run = Command::new("unshare");
        let script = format!("mount -t tmpfs none /sys && exec {command}");
        run.args(["--mount", "--map-root-user", "sh", "-c", &script, env!("CARGO_BIN_EXE_corelane")]);
        run
    };
    if !hidden("true").status().is_ok_and(|status| status.success()) {
        return;
    }
    let folder = topology("no-sys", "127.0.0.1:9".parse().unwrap(), &[]);
    for command in ["check", "run"] {
        let output = hidden("\"$0\" \"$@\"").arg(command).arg(folder.join("venue.toml")).output().unwrap();
        let said = unfolded(&output.stderr);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{command}: {said}");
        assert!(said.contains("cannot read the host's CPUs below /sys/devices/system"), "{command}: {said}");
        assert!(!folder.join("corelane.sock").exists());
    }
    fs::remove_dir_all(folder).unwrap();
}

/// `corelane` without the capabilities of root, behind a command of a shell.
fn unprivileged(command: &str) -> Command {
    let mut run = Command::new("setpriv");
    let is_root = getuid().is_root();
    run.args(if is_root { ["--bounding-set", "-all", "--inh-caps", "-all"].as_slice() } else { &[] });
    run.args(["sh", "-c", &format!("{command}\nexec \"$0\" \"$@\""), env!("CARGO_BIN_EXE_corelane")]);
    run
}

/// A venue that is checked may run already.
#[test]
fn check_takes_nothing_from_a_venue_that_runs() {
    let server = Server::start("checked", &[]);
    let path = server.folder.join("venue.toml");
    let ephemeral = "listen = \"127.0.0.1:0\"\nallow_ephemeral_port = true";
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replacen(ephemeral, &format!("listen = \"{}\"", server.order_entry), 1)).unwrap();
    let output = corelane().arg("check").arg(&path).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", unfolded(&output.stderr));
    assert_eq!(Client::log_in(&server, 1).hears(), "S S");
    server.signal(Signal::SIGTERM);
    assert_eq!(server.ended().code, Some(0));
}
