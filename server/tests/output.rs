//! Commands whose output goes away: never a panic, and an exit code that says so.

use std::{
    fs::{self, File},
    io::{BufRead, BufReader, Read},
    net::{TcpStream, UdpSocket},
    os::unix::fs::chown,
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, ExitStatus, Stdio},
    thread,
};

use corelane_test_support::{
    streams::{closed_pipe, full_disk, full_pipe},
    wait,
};
use rustix::process::getuid;

/// A file in a folder of the test's own.
fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("corelane-output-{name}-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    folder
}

fn corelane() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_corelane"));
    command.stdin(Stdio::null());
    command
}

fn finish(command: &mut Command) -> (Option<i32>, String) {
    let output = command.output().unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// The shipped topology on ports that the kernel picks, on one parked shard.
fn topology(folder: &Path) -> PathBuf {
    let shipped = include_str!("../../config/venue.toml");
    let text = shipped
        .replace("listen = \"127.0.0.1:9001\"", "listen = \"127.0.0.1:0\"\nallow_ephemeral_port = true")
        .replace("listen = \"127.0.0.1:26477\"", "listen = \"127.0.0.1:0\"\nallow_ephemeral_port = true")
        .replace("idle = \"auto\"", "idle = \"park\"");
    let path = folder.join("venue.toml");
    fs::write(&path, text).unwrap();
    path
}

/// The commands that print and end by themselves.
fn commands(folder: &Path) -> Vec<Vec<String>> {
    let day = folder.join("day.itch").display().to_string();
    let (topology, made) = (topology(folder).display().to_string(), folder.join("made.itch").display().to_string());
    assert!(
        corelane()
            .args(["itch", "generate", "--instruments", "3", "--messages", "5000", &day])
            .output()
            .unwrap()
            .status
            .success()
    );
    let sink = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let lines = [
        vec!["--help"],
        vec!["--version"],
        vec!["run", "--help"],
        vec!["admin", "--help"],
        vec!["check", &topology],
        vec!["incidents", "--topology", &topology],
        vec!["itch", "stats", &day],
        vec!["itch", "stats", "--json", &day],
        vec!["itch", "book", &day],
        vec!["itch", "book", "--json", &day],
        vec!["itch", "bbo", &day],
        vec!["itch", "decode", &day],
        vec!["itch", "generate", "--instruments", "3", "--messages", "5000", &made],
        vec!["itch", "play", &day, "--to", &sink, "--speed", "max"],
    ];
    lines.into_iter().map(|words| words.into_iter().map(str::to_owned).collect()).collect()
}

// T2
#[test]
fn lost_output_is_an_error_and_never_a_panic() {
    let folder = folder("lost");
    for line in commands(&folder) {
        let (code, errors) = finish(corelane().args(&line).stdout(full_disk()));
        assert_eq!(code, Some(2), "{line:?} to a full disk: {errors}");
        assert!(errors.contains("cannot write to standard output: No space left on device"), "{line:?}: {errors}");
        // A reader that has enough is told nothing.
        let (code, errors) = finish(corelane().args(&line).stdout(closed_pipe()));
        assert_eq!((code, errors.as_str()), (Some(2), ""), "{line:?} to a closed pipe");
        // Nothing is wrong, so nothing is lost on standard error.
        for errors in [full_disk(), closed_pipe()] {
            let status = corelane().args(&line).stdout(Stdio::null()).stderr(errors).status().unwrap();
            assert_eq!(status.code(), Some(0), "{line:?} without standard error");
        }
    }
    fs::remove_dir_all(folder).unwrap();
}

/// The kernel sends SIGXFSZ, which ends a process that does not expect it.
#[test]
fn a_file_at_its_limit_is_lost_output_and_ends_no_venue() {
    let folder = folder("limit");
    let (topology, file) = (topology(&folder), folder.join("file"));
    let limited = || {
        let mut command = Command::new("sh");
        command.args(["-c", "ulimit -f 0; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_corelane")]);
        command
    };
    for command in ["check", "run"] {
        let (code, errors) = finish(limited().arg(command).arg(&topology).stdout(File::create(&file).unwrap()));
        assert_eq!(code, Some(2), "{command}: {errors}");
        assert!(errors.contains("cannot write to standard output: File too large"), "{command}: {errors}");
    }
    let (mut child, _out, address) = serving(limited().arg("run").arg(&topology).stderr(File::create(&file).unwrap()));
    TcpStream::connect(address).expect("it serves without its log");
    assert_eq!(stop(&mut child).code(), Some(0));
    fs::remove_dir_all(folder).unwrap();
}

/// `run` lets a thread of its own write its error, which is one too many here.
#[test]
fn an_error_at_the_limit_of_threads_is_said() {
    // Only root can be a user that has no other threads.
    if !getuid().is_root() {
        return;
    }
    let user = (1_000_000 + std::process::id()).to_string();
    // The shell opens the binary, since that user may not reach it.
    let script = "exec setpriv --reuid \"$1\" --clear-groups prlimit --nproc=3 /proc/self/fd/3 run /absent 3<\"$0\"";
    // The thread of standard output may have ended by then, which leaves room for another one.
    for _ in 0..10 {
        let (code, errors) = finish(Command::new("sh").args(["-c", script, env!("CARGO_BIN_EXE_corelane"), &user]));
        assert_eq!(code, Some(2), "{errors}");
        assert!(errors.contains("cannot read the file: No such file or directory"), "{errors}");
    }
}

/// What `run` needs, `check` counts: the main thread, those of log, output, records, housekeeping, its watch and what
/// that has to say at the end, and two of the shard.
#[test]
fn too_few_threads_are_refused_by_check_as_by_run() {
    if !getuid().is_root() {
        return;
    }
    let folder = folder("threads");
    let topology = topology(&folder).display().to_string();
    let user = 2_000_000 + std::process::id();
    chown(&folder, Some(user), None).unwrap();
    let script =
        "exec setpriv --reuid \"$1\" --clear-groups prlimit --nproc=\"$2\" /proc/self/fd/3 \"$3\" \"$4\" 3<\"$0\"";
    for (threads, command, expected) in [("8", "check", 2), ("8", "run", 2), ("4", "run", 2), ("9", "check", 0)] {
        let arguments = [&user.to_string(), threads, command, &topology];
        let mut limited = Command::new("sh");
        let (code, errors) = finish(limited.args(["-c", script, env!("CARGO_BIN_EXE_corelane")]).args(arguments));
        assert_eq!(code, Some(expected), "{threads} {command}: {errors}");
        assert_eq!(errors.contains("raise the limit of threads"), expected == 2, "{threads} {command}: {errors}");
        assert!(!errors.contains("panicked"), "{threads} {command}: {errors}");
    }
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn an_error_that_nobody_can_read_is_in_the_exit_code() {
    let folder = folder("errors");
    let absent = folder.join("absent").display().to_string();
    let lines: [&[&str]; 9] = [
        &["bogus"],
        &["admin", "status", "--socket", &absent],
        &["run", &absent],
        &["check", &absent],
        &["demo", "--itch", &absent],
        &["itch", "stats", &absent],
        &["itch", "decode", &absent],
        &["itch", "generate", "--instruments", "20", "--messages", "50", &absent],
        &["itch", "play", &absent, "--to", "127.0.0.1:9"],
    ];
    for line in lines {
        for (out, errors) in
            [(Stdio::null(), full_disk()), (full_disk(), closed_pipe()), (closed_pipe(), closed_pipe())]
        {
            let status = corelane().args(line).stdout(out).stderr(errors).status().unwrap();
            assert_eq!(status.code(), Some(2), "{line:?}");
        }
    }
    fs::remove_dir_all(folder).unwrap();
}

/// A file whose messages are partly wrong: the code is 1, whether or not somebody reads the list.
#[test]
fn damage_is_in_the_exit_code() {
    let folder = folder("damage");
    let day = folder.join("day.itch");
    let event = [&b"\0\x0cS"[..], &[0; 10], b"O"].concat();
    fs::write(&day, [&event[..], b"\0\x01?", &event].concat()).unwrap();
    for errors in [Stdio::null(), full_disk(), closed_pipe()] {
        let status = corelane().args(["itch", "decode"]).arg(&day).stdout(Stdio::null()).stderr(errors).status();
        assert_eq!(status.unwrap().code(), Some(1));
    }
    fs::remove_dir_all(folder).unwrap();
}

/// The venue of a command that serves, the reader of its output, and the address of its order entry.
fn serving(command: &mut Command) -> (Child, BufReader<ChildStdout>, String) {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let (mut line, mut address) = (String::new(), String::new());
    while !line.starts_with("stop with") {
        line.clear();
        assert_ne!(out.read_line(&mut line).unwrap(), 0, "it ended: {:?}", child.wait());
        address.extend(line.trim_end().strip_prefix("order entry on "));
    }
    (child, out, address)
}

fn run(topology: &Path) -> Command {
    let mut command = corelane();
    command.arg("run").arg(topology);
    command
}

fn send(signal: &str, child: &Child) {
    assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
}

fn stop(child: &mut Child) -> ExitStatus {
    send("-TERM", child);
    child.wait().unwrap()
}

// T2
#[test]
fn a_venue_that_nobody_can_find_ends_and_one_that_is_no_longer_heard_serves_on() {
    let folder = folder("run");
    let topology = topology(&folder);
    let (code, errors) = finish(corelane().arg("run").arg(&topology).stdout(full_disk()));
    assert_eq!(code, Some(2), "{errors}");
    assert!(errors.contains("cannot write to standard output"), "{errors}");

    let (mut child, out, address) = serving(run(&topology).stderr(Stdio::null()));
    drop(out);
    TcpStream::connect(address).expect("it serves without its reader");
    assert_eq!(stop(&mut child).code(), Some(2));

    // Without anybody to read the log.
    let (mut child, mut out, _) = serving(run(&topology).stderr(closed_pipe()));
    assert_eq!(stop(&mut child).code(), Some(0));
    let mut rest = String::new();
    out.read_to_string(&mut rest).unwrap();
    assert!(rest.contains("stopped"), "{rest}");
    fs::remove_dir_all(folder).unwrap();
}

// T4
#[test]
fn a_log_in_a_file_has_no_colours() {
    let folder = folder("log");
    let (topology, log) = (topology(&folder), folder.join("log"));
    let (mut child, _out, _) = serving(run(&topology).stderr(File::create(&log).unwrap()));
    send("-USR1", &child);
    let text = || fs::read_to_string(&log).unwrap();
    wait::until("the log of the kill switch", || text().contains("kill switch"));
    assert_eq!(stop(&mut child).code(), Some(0));
    assert!(!text().contains('\u{1b}'), "{}", text());
    fs::remove_dir_all(folder).unwrap();
}

// T1
#[test]
fn a_cpu_that_the_process_may_not_use_is_refused() {
    let folder = folder("cpus");
    let path = topology(&folder);
    let text = fs::read_to_string(&path).unwrap();
    let outside = text.replace("\nhousekeeping_cpu = \"auto\"", "\nhousekeeping_cpu = 999");
    assert_ne!(text, outside);
    fs::write(&path, outside).unwrap();
    for command in ["check", "run"] {
        let (code, errors) = finish(corelane().arg(command).arg(&path).stdout(Stdio::null()));
        assert_eq!(code, Some(2), "{command}: {errors}");
        assert!(errors.contains("`placement.housekeeping_cpu` is 999"), "{command}: {errors}");
    }
    fs::remove_dir_all(folder).unwrap();
}

/// Readers that stand still from the start keep a venue neither from serving nor from its stop, nor its process from ending.
#[test]
fn a_venue_whose_output_nobody_reads_stops_in_order_and_ends() {
    let end = |is_log_read| {
        let folder = folder(&format!("unread-{is_log_read}"));
        let (topology, log, socket) = (topology(&folder), folder.join("log"), folder.join("corelane.sock"));
        let (_unread, out) = full_pipe();
        let (_unread_log, full_log) = full_pipe();
        let errors = if is_log_read { File::create(&log).unwrap().into() } else { full_log };
        let mut child = corelane().arg("run").arg(&topology).stdout(out).stderr(errors).spawn().unwrap();
        let admin = |request: &[&str]| finish(corelane().args(["admin", "--socket"]).arg(&socket).args(request)).0;
        wait::until("it serves", || admin(&["status"]) == Some(0));
        send("-USR1", &child);
        send("-TERM", &child);
        let mut ended = None;
        wait::until("it ends", || {
            // Beyond the limit of CPU time, the kernel says so again and again.
            send("-XCPU", &child);
            ended = child.try_wait().unwrap();
            ended.is_some()
        });
        assert_eq!(ended.and_then(|status| status.code()), Some(2), "nobody could read where it serves: {ended:?}");
        assert!(!socket.exists());
        if is_log_read {
            let said = fs::read_to_string(&log).unwrap();
            for words in ["the group has ended the day", "cannot write to standard output: its reader stands still"] {
                assert!(said.contains(words), "{words}: {said}");
            }
        }
        fs::remove_dir_all(folder).unwrap();
    };
    thread::scope(|scope| [true, false].map(|is_log_read| drop(scope.spawn(move || end(is_log_read)))));
}

// T2
#[test]
fn a_demo_ends_with_its_reader() {
    let folder = folder("demo-reader");
    let demo = || {
        let mut command = corelane();
        command.current_dir(&folder).args(["demo", "--seconds", "1", "--rate", "100"]);
        command
    };
    assert_eq!(finish(demo().stdout(full_disk())).0, Some(2));
    assert_eq!(finish(demo().stdout(closed_pipe())), (Some(2), String::new()));
    // As `head -1` does.
    let mut child = demo().stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(2), ""));
    fs::remove_dir_all(folder).unwrap();
}

// T8
#[test]
fn a_demo_finds_out_first_what_would_spoil_it() {
    let folder = folder("demo");
    let empty = folder.join("empty.itch");
    fs::write(&empty, "").unwrap();
    let (absent, plot) = (folder.join("absent/plot.svg"), folder.join("plot.svg"));
    let plot = ["--plot", plot.to_str().unwrap()];
    let again = format!("{}/./plot.svg", folder.display());
    let cases: [(Vec<&str>, &str); 5] = [
        (vec!["--plot", absent.to_str().unwrap()], "cannot write"),
        ([&plot[..], &["--json", absent.to_str().unwrap()]].concat(), "cannot write"),
        ([&plot[..], &["--json", &again]].concat(), "are the same file"),
        (vec!["--plot", empty.to_str().unwrap(), "--itch", empty.to_str().unwrap()], "are the same file"),
        ([&plot[..], &["--itch", empty.to_str().unwrap()]].concat(), "has no ITCH message"),
    ];
    for (arguments, said) in cases {
        let output = corelane().arg("demo").args(&arguments).output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        let errors = errors.split_whitespace().filter(|word| *word != "│").collect::<Vec<_>>().join(" ");
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{arguments:?}: {errors}");
        assert!(errors.contains(said), "{arguments:?}: {errors}");
    }
    fs::remove_dir_all(folder).unwrap();
}
