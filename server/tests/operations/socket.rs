//! The operator's socket: whose it is, where it may be, and what `corelane admin` says if nobody answers.

use std::{
    fs,
    io::{Read, Write},
    net::Shutdown,
    os::fd::{AsRawFd, OwnedFd},
    os::unix::{
        fs::{FileTypeExt, PermissionsExt},
        net::{UnixListener, UnixStream},
    },
    path::Path,
    thread,
};

use nix::sys::{
    signal::Signal,
    socket::{AddressFamily, Backlog, SockFlag, SockType, UnixAddr, bind, connect, listen},
};

use crate::{
    ended,
    server::{PATIENCE, Server, corelane, topology},
    unfolded,
};

#[test]
fn the_socket_is_the_users_alone_and_one_servers() {
    let server = Server::start("socket", &[]);
    let path = server.folder.join("corelane.sock");
    let metadata = fs::metadata(&path).unwrap();
    assert!(metadata.file_type().is_socket());
    assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
    let second = corelane().arg("run").arg(server.folder.join("venue.toml")).output().unwrap();
    let said = unfolded(&second.stderr);
    assert_eq!(second.status.code(), Some(2), "{said}");
    assert!(said.contains("another server answers there"), "{said}");

    // What is no request is refused or cut off, and does not keep others out.
    let ask = |bytes: &[u8]| {
        let mut stream = UnixStream::connect(&path).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(bytes).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    let half = || {
        let mut stream = UnixStream::connect(&path).unwrap();
        stream.write_all(b"stop").unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    assert_eq!(half(), "error\nthe request does not end with a new line\n");
    let (code, said) = server.admin(&["kill-switch", "engage", "--port", "DEMO01\nstop"]);
    assert_eq!(code, Some(2));
    assert!(said.contains("is the name of no port"), "{said}");
    let idle: Vec<UnixStream> = (0..10).map(|_| UnixStream::connect(&path).unwrap()).collect();
    for (bytes, expected) in [
        (b"\n".as_slice(), "error\nunknown request \"\""),
        (b"dance\n", "error\nunknown request \"dance\""),
        (b"phase noon\n", "error\nno phase is named \"noon\""),
        (b"kill-switch engage\n", "error\nunknown request"),
        (b"kill-switch engage nobody DEMO01\n", "error\nname the scope"),
        (b"status\nstop\n", "ok\nvenue corelane, session CORELANE01\n"),
        (&[[b'x'; 512].as_slice(), b"\n"].concat(), "error\nunknown request"),
        (&[[b'x'; 513].as_slice(), b"\n"].concat(), "error\nthe request is longer than 512 bytes\n"),
        (&[[b'x'; 100_000].as_slice(), b"\n"].concat(), "error\nthe request is longer than 512 bytes\n"),
        (b"\xff\xff\n", "error\nthe request is no UTF-8 text\n"),
    ] {
        let answer = ask(bytes);
        assert!(answer.starts_with(expected) && answer.is_empty() == expected.is_empty(), "{bytes:?}: {answer}");
    }
    drop(idle);
    let (code, said) = server.admin(&["kill-switch", "engage", "--port", &"x".repeat(5000)]);
    assert!(code == Some(2) && said.contains("the request is longer than 512 bytes"), "{said}");
    assert_eq!(server.log().matches("unknown request").count(), 0, "nobody fills the log with them");
    let status = server.admin(&["--socket", path.to_str().unwrap(), "status"]);
    assert_eq!(status.0, Some(0), "{}", status.1);
    server.signal(Signal::SIGTERM);
    assert_eq!(server.ended().code, Some(0));
}

#[test]
fn a_stale_socket_is_replaced_and_another_file_is_not() {
    let folder = topology("stale", "127.0.0.1:9".parse().unwrap(), &[]);
    let path = folder.join("corelane.sock");
    fs::write(&path, "precious").unwrap();
    for command in ["check", "run"] {
        let output = corelane().arg(command).arg(folder.join("venue.toml")).output().unwrap();
        let said = unfolded(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert_eq!(said.matches("a file that is no socket").count(), 1, "{said}");
    }
    assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
    fs::remove_dir_all(&folder).unwrap();

    // The file of a server that was killed stays behind.
    let server = Server::start_after("killed", &[], |folder| {
        drop(UnixListener::bind(folder.join("corelane.sock")).unwrap());
        assert!(folder.join("corelane.sock").exists());
    });
    assert_eq!(server.admin(&["status"]).0, Some(0));
    server.signal(Signal::SIGTERM);
    assert_eq!(server.ended().code, Some(0));
}

/// As many wait for the other server as its queue takes.
#[test]
fn a_socket_whose_server_stands_still_is_in_use() {
    let folder = topology("still", "127.0.0.1:9".parse().unwrap(), &[]);
    let address = UnixAddr::new(&folder.join("corelane.sock")).unwrap();
    let unix = |flags| {
        nix::sys::socket::socket(AddressFamily::Unix, SockType::Stream, flags | SockFlag::SOCK_CLOEXEC, None).unwrap()
    };
    let still = unix(SockFlag::empty());
    bind(still.as_raw_fd(), &address).unwrap();
    listen(&still, Backlog::new(1).unwrap()).unwrap();
    let client = || Some(unix(SockFlag::SOCK_NONBLOCK)).filter(|it| connect(it.as_raw_fd(), &address).is_ok());
    let waiting: Vec<OwnedFd> = std::iter::from_fn(client).collect();
    assert!(!waiting.is_empty());
    let log = folder.join("log");
    let mut run = corelane();
    run.arg("run").arg(folder.join("venue.toml")).stderr(fs::File::create(&log).unwrap());
    let mut child = run.spawn().unwrap();
    let code = ended(&mut child).code();
    let said = unfolded(&fs::read(log).unwrap());
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("another server answers there"), "{said}");
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_socket_that_another_server_has_made_since_is_left_alone() {
    let server = Server::start("successor", &[]);
    let path = server.folder.join("corelane.sock");
    fs::remove_file(&path).unwrap();
    let successor = UnixListener::bind(&path).unwrap();
    server.signal(Signal::SIGTERM);
    let ended = server.ended_and(|| assert!(path.exists()));
    assert_eq!(ended.code, Some(0), "{}", ended.output);
    drop(successor);
}

#[test]
fn without_a_venue_admin_says_what_to_do() {
    let folder = topology("nobody", "127.0.0.1:9".parse().unwrap(), &[]);
    let admin = |arguments: &[&str]| corelane().arg("admin").args(arguments).output().unwrap();
    let file = folder.join("venue.toml");
    let output = admin(&["--topology", file.to_str().unwrap(), "status"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("no venue answers at") && said.contains("corelane run"), "{said}");

    // A venue runs on when its topology is changed or moved, and its operator is in a hurry.
    fs::write(&file, "[venue").unwrap();
    for topology in [file.as_path(), &folder.join("moved.toml")] {
        let output = admin(&["--topology", topology.to_str().unwrap(), "kill-switch", "engage", "--everyone"]);
        let said = unfolded(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains("with --socket PATH") && said.contains("corelane::config"), "{said}");
        let output = corelane().args(["incidents", "--topology"]).arg(topology).output().unwrap();
        assert!(output.status.code() == Some(2) && unfolded(&output.stderr).contains("with --dir DIR"));
    }
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn admin_says_what_it_has_met_in_place_of_a_venue() {
    let folder = topology("foreign", "127.0.0.1:9".parse().unwrap(), &[]);
    let path = folder.join("corelane.sock");
    let admin = |path: &Path| {
        let output = corelane().args(["admin", "status", "--socket"]).arg(path).output().unwrap();
        (output.status.code(), unfolded(&output.stderr))
    };
    let listener = UnixListener::bind(&path).unwrap();
    let (endless, cut) = ("x".repeat(64 << 10), "ok\nphase: mark".to_owned());
    for (answer, times, problem) in [
        (
            "HTTP/1.1 400 Bad Request\r\n\r\n".to_owned(),
            1,
            "gave no whole answer of a venue; it began with \"HTTP/1.1 400",
        ),
        (cut, 1, "gave no whole answer of a venue; it began with \"ok\\nphase: mark\""),
        (endless, usize::MAX, "gave no whole answer of a venue; it began with \"xxxx"),
        (String::new(), 1, "the venue closed the connection without an answer"),
    ] {
        thread::scope(|scope| {
            scope.spawn(|| {
                let (mut stream, _) = listener.accept().unwrap();
                assert!(stream.read(&mut [0; 512]).unwrap() > 0);
                // It ends when nobody reads any more.
                (0..times).all(|_| stream.write_all(answer.as_bytes()).is_ok());
            });
            let (code, said) = admin(&path);
            assert!(code == Some(2) && said.contains(problem), "{code:?} {said}");
        });
    }
    for (path, problem) in [(folder.clone(), "is no socket"), (folder.join("venue.toml"), "is no socket")] {
        let (code, said) = admin(&path);
        assert!(code == Some(2) && said.contains(problem), "{code:?} {said}");
    }
    fs::remove_dir_all(folder).unwrap();
}

/// The bound is that of `sockaddr_un`, 108 bytes with the zero at the end. The kernel does without that, but clients do not.
#[test]
fn check_names_a_path_where_no_socket_can_be_made() {
    let folder = topology("paths", "127.0.0.1:9".parse().unwrap(), &[]);
    let shipped = fs::read_to_string(folder.join("venue.toml")).unwrap();
    // A folder in which the shipped socket's path has so many bytes.
    let padded = |bytes: usize| {
        let rest = format!("{}//corelane.sock", folder.display()).len();
        folder.join("d".repeat(bytes - rest))
    };
    let cases = [
        (padded(107), "corelane.sock", None),
        (padded(108), "corelane.sock", Some("at most 107 bytes")),
        (folder.clone(), "absent/corelane.sock", Some("No such file or directory")),
        (folder.clone(), "venue.toml/corelane.sock", Some("not a directory")),
    ];
    for (folder, socket, problem) in cases {
        fs::create_dir_all(&folder).unwrap();
        let text = shipped.replace("socket = \"corelane.sock\"", &format!("socket = \"{socket}\""));
        fs::write(folder.join("venue.toml"), text).unwrap();
        let path = folder.join(socket);
        let output = corelane().arg("check").arg(folder.join("venue.toml")).output().unwrap();
        let said = unfolded(&output.stderr);
        assert_eq!(output.status.code(), Some(if problem.is_some() { 2 } else { 0 }), "{path:?}: {said}");
        if let Some(problem) = problem {
            assert!(said.contains(problem) && said.contains("in admin.socket"), "{path:?}: {said}");
        }
    }
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn admin_gives_up_on_a_venue_that_stands_still() {
    let server = Server::start("frozen", &[]);
    server.signal(Signal::SIGSTOP);
    let (code, said) = server.admin(&["kill-switch", "engage", "--everyone"]);
    server.signal(Signal::SIGCONT);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("no answer within 15 s; it may still be done"), "{said}");
    // It is done late, and never said to be done before.
    while !server.admin(&["status"]).1.contains("kill switches engaged: everyone") {}
    server.signal(Signal::SIGTERM);
    assert_eq!(server.ended().code, Some(0));
}
