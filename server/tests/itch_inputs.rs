//! Every `itch` command on every kind of input: what it prints, what it says is wrong, and its exit code.

use std::{
    fs::{self, File},
    io::{BufRead, BufReader, Write},
    net::UdpSocket,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use corelane_codecs::mold::{Content, Packet};
use flate2::{Compression, write::GzEncoder};

/// What a command left behind.
#[derive(Debug)]
struct Ran {
    code: i32,
    stdout: String,
    stderr: String,
}

const COMMANDS: [&str; 5] = ["stats", "book", "bbo", "decode", "play"];

fn input(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/inputs").join(name)
}

/// A folder per test.
fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("corelane-inputs-{name}-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    folder
}

fn command(command: &str, arguments: &[&str]) -> Command {
    let mut process = Command::new(env!("CARGO_BIN_EXE_corelane"));
    process.args(["itch", command]).args(arguments);
    if command == "play" {
        // The discard port: nobody listens.
        process.args(["--to", "127.0.0.1:9", "--speed", "max", "--session", "TEST"]);
    }
    process
}

fn ran(mut command: Command) -> Ran {
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Ran { code: output.status.code().unwrap(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

fn run(name: &str, arguments: &[&str], file: &Path) -> Ran {
    let mut command = command(name, arguments);
    command.arg(file).stdin(Stdio::null());
    ran(command)
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// The frames of a pcap capture as a pcapng one.
fn pcapng(pcap: &[u8]) -> Vec<u8> {
    let word = |at: usize| u32::from_le_bytes(pcap[at..at + 4].try_into().unwrap());
    let block = |kind: u32, body: &[u8]| {
        let length = 12 + body.len() as u32;
        [&kind.to_le_bytes()[..], &length.to_le_bytes(), body, &length.to_le_bytes()].concat()
    };
    let section = [0x1a2b_3c4d_u32, 1, u32::MAX, u32::MAX].map(u32::to_le_bytes).concat();
    let interface = [word(20), 0].map(u32::to_le_bytes).concat();
    let mut file = [block(0x0a0d_0d0a, &section), block(1, &interface)].concat();
    let mut at = 24;
    while at < pcap.len() {
        let length = word(at + 8);
        let frame = &pcap[at + 16..at + 16 + length as usize];
        let mut body = [0, 0, 0, length, length].map(u32::to_le_bytes).concat();
        body.extend(frame);
        body.resize(body.len().next_multiple_of(4), 0);
        file.extend(block(6, &body));
        at += 16 + frame.len();
    }
    file
}

/// A capture of UDP datagrams to these ports, or of TCP segments.
fn pcap(link: u32, datagrams: &[(u8, u16, &[u8])]) -> Vec<u8> {
    let mut file = [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 65_535, link].map(u32::to_le_bytes).concat();
    for (protocol, port, payload) in datagrams {
        let mut transport = [&[0, 1][..], &port.to_be_bytes()].concat();
        if *protocol == 17 {
            transport.extend((8 + payload.len() as u16).to_be_bytes());
            transport.extend([0, 0]);
        } else {
            transport.extend([0, 0, 0, 1, 0, 0, 0, 1, 5 << 4, 0x18, 1, 0, 0, 0, 0, 0]);
        }
        transport.extend(*payload);
        let mut frame = [&[2; 12][..], &[8, 0, 0x45, 0], &(20 + transport.len() as u16).to_be_bytes()].concat();
        frame.extend([0, 0, 0, 0, 1, *protocol, 0, 0, 10, 0, 0, 1, 239, 0, 0, 1]);
        frame.extend(transport);
        file.extend([1, 2, frame.len() as u32, frame.len() as u32].map(u32::to_le_bytes).concat());
        file.extend(frame);
    }
    file
}

/// Runs every command on a file, and checks its exit code and that something on standard error says why.
fn check(file: &Path, codes: [i32; 5], said: &str) {
    for (name, code) in COMMANDS.into_iter().zip(codes) {
        let got = run(name, &[], file);
        let case = format!("{name} {}: {got:?}", file.display());
        assert_eq!(got.code, code, "{case}");
        match code {
            0 if said.is_empty() => assert_eq!(got.stderr, "", "{case}"),
            // A file without a message gets one line; so does an error before the first.
            2 => {
                assert_eq!(got.stderr.lines().count(), 1, "{case}");
                assert_eq!(got.stdout, "", "{case}");
            }
            _ => {}
        }
        assert!(got.stderr.contains(said), "{case}");
        // What could be read counts.
        if code < 2 && name == "stats" {
            assert!(got.stdout.contains(" messages, "), "{case}");
        }
    }
}

// T5, T6
#[test]
fn every_command_tells_whole_damaged_and_unusable_inputs_apart() {
    let folder = folder("table");
    let plain = fs::read(input("p-plain.pcap")).unwrap();
    let day = fs::read(input("zero-then-more.itch")).unwrap()[..131].to_vec();
    let mut unknown = day.clone();
    unknown[16] = b'z';
    let iex = [&[1, 0, 3, 0x80][..], &[0; 36]].concat();
    let many_iex: Vec<(u8, u16, &[u8])> = vec![(17, 10378, &iex[..]); 1000];
    let mut last_locate = day.clone();
    [17, 58, 96].iter().for_each(|&at| last_locate[at..at + 2].fill(0xff));
    // The same session begins again, with another time in its first message.
    let [first, again] =
        [0, 1].map(|time| [b"000010059B\0\0\0\0\0\0\0\x01\0\x01\0\x0cS\0\0\0\0\0\0\0\0\0", &[time, b'O'][..]].concat());
    let made: [(&str, Vec<u8>, [i32; 5], &str); 17] = [
        ("whole.itch", day.clone(), [0; 5], ""),
        ("whole.itch.gz", gzip(&day), [0; 5], ""),
        ("members.itch.gz", [gzip(&day[..50]), gzip(&day[50..])].concat(), [0; 5], ""),
        ("unknown.itch", unknown, [1; 5], "message 2 at offset 14: unknown message type 'z'"),
        ("cut.itch", day[..130].to_vec(), [1; 5], "the file ends within message 4 at offset 93"),
        ("whole.pcapng", pcapng(&plain), [0; 5], ""),
        ("whole.pcap.gz", gzip(&plain), [0; 5], ""),
        ("whole.pcapng.gz", gzip(&pcapng(&plain)), [0; 5], ""),
        ("cut.pcap", plain[..plain.len() - 5].to_vec(), [1; 5], "the capture ends within the block at offset 157"),
        ("behind.pcap.gz", [gzip(&plain), b"more".to_vec()].concat(), [1; 5], "4 bytes behind the end at offset"),
        ("head.pcap", plain[..24].to_vec(), [0; 5], "note: no ITCH message in"),
        ("iex.pcap", pcap(1, &many_iex), [2; 5], "1000 other UDP datagrams to port 10378 (IEX-TP, TOPS 1.6)"),
        ("soup.pcap", pcap(1, &[(6, 7001, b"\0\x01H")]), [2; 5], "1 TCP segments to port 7001 (a SoupBinTCP stream)"),
        ("wifi.pcap", pcap(105, &[(17, 1, b"x")]), [2; 5], "link type 105 is not supported"),
        ("random", vec![0xee; 5000], [2; 5], "data that begins ee ee"),
        ("last-locate.itch", last_locate, [0, 1, 1, 0, 0], ""),
        ("again.pcap", pcap(1, &[(17, 1, &first), (17, 1, &first), (17, 1, &again)]), [1, 1, 1, 0, 1], ""),
    ];
    for (name, bytes, codes, said) in made {
        let file = folder.join(name);
        fs::write(&file, bytes).unwrap();
        check(&file, codes, said);
    }
    for (name, codes, said) in [
        ("empty.itch", [0; 5], "note: no ITCH message in"),
        ("only-zero.itch", [0; 5], "note: no ITCH message in"),
        ("zero-then-more.itch", [1; 5], "38 bytes behind the end at offset 133"),
        ("trailing-garbage.itch.gz", [1; 5], "25 bytes behind the end at offset 85"),
        ("cut.itch.gz", [1; 5], "the gzip data ends early, at offset 113"),
        ("huge-length.itch", [1; 5], "the file ends within message 5"),
        ("text.csv", [2; 5], "text that begins \"time,price\""),
        ("p-plain.pcap", [0; 5], ""),
        ("p-null.pcap", [0; 5], ""),
        ("p-sll.pcap", [0; 5], ""),
        ("p-concat.pcap", [0; 5], ""),
        ("p-frag.pcap", [1; 5], "2 frames hold IP fragments of UDP datagrams"),
        ("p-mixed-udp.pcap", [0; 5], "note: left out 2 other UDP datagrams to ports 53, 5000"),
        ("p-two-sessions.pcap", [0, 1, 1, 0, 1], ""),
        // What the messages say does not make the file damaged, unless the book cannot follow.
        ("dup-ref.itch", [0, 1, 1, 0, 0], ""),
        ("excess-exec.itch", [0, 1, 1, 0, 0], ""),
        ("zero-shares.itch", [0, 1, 1, 0, 0], ""),
        ("locate0.itch", [0, 1, 1, 0, 0], ""),
        ("bad-side.itch", [1; 5], "message 2 at offset 41: add order (A): invalid code 'Z' in field side"),
        ("no-directory.itch", [0; 5], ""),
        ("replace-same-ref.itch", [0; 5], ""),
        ("non-utf8-symbol.itch", [0; 5], ""),
        ("beyond-midnight.itch", [0; 5], ""),
    ] {
        check(&input(name), codes, said);
    }
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn all_forms_of_one_day_give_the_same_output() {
    let folder = folder("forms");
    let plain = fs::read(input("p-plain.pcap")).unwrap();
    let forms = [("whole.pcapng", pcapng(&plain)), ("whole.pcap.gz", gzip(&plain))].map(|(name, bytes)| {
        let file = folder.join(name);
        fs::write(&file, bytes).unwrap();
        file
    });
    let day = folder.join("day.itch");
    fs::write(&day, &fs::read(input("zero-then-more.itch")).unwrap()[..93]).unwrap();
    for name in COMMANDS {
        let expected = run(name, &[], &input("p-plain.pcap"));
        for file in forms.iter().cloned().chain(["p-null.pcap", "p-sll.pcap"].map(input)) {
            let got = run(name, &[], &file);
            assert_eq!((got.code, &got.stdout), (0, &expected.stdout), "{name} {}", file.display());
            // T9
            let mut from_stdin = command(name, &["-"]);
            from_stdin.stdin(File::open(&file).unwrap());
            let got = ran(from_stdin);
            assert_eq!((got.code, &got.stdout), (0, &expected.stdout), "{name} - < {}", file.display());
        }
        // An ITCH file gives what a capture of its messages gives.
        if name != "stats" {
            assert_eq!(run(name, &[], &day).stdout, expected.stdout, "{name}");
        }
    }
    fs::remove_dir_all(folder).unwrap();
}

// T6
#[test]
fn sessions_are_named_and_ports_and_sessions_can_be_chosen() {
    let two = input("p-two-sessions.pcap");
    let starts = |ran: &Ran| -> Vec<String> {
        ran.stdout.lines().map(|line| line.split(" 00:").next().unwrap().to_owned()).collect()
    };
    let all = run("decode", &[], &two);
    assert_eq!(starts(&all), ["0000000001 1", "0000000001 2", "0000000002 1", "0000000001 3"]);
    let one = run("decode", &["--session", "0000000001"], &two);
    assert_eq!(starts(&one), ["1", "2", "3"]);
    assert_eq!(run("decode", &["--port", "26477"], &two).stdout, all.stdout);

    let stats = run("stats", &["--json"], &two);
    let stats: serde_json::Value = serde_json::from_str(&stats.stdout).unwrap();
    assert_eq!(stats["sessions"][0]["name"], "0000000001");
    assert_eq!(stats["sessions"][0]["messages"], 3);
    assert_eq!(stats["sessions"][1]["messages"], 1);
    assert_eq!(stats["sessions"][1]["ports"], serde_json::json!([26477]));

    let first = run("book", &[], &two);
    assert!(first.stderr.contains("1 messages of 1 other sessions are left out"), "{first:?}");
    assert!(first.stderr.contains("0000000001, 0000000002"), "{first:?}");
    let chosen = run("book", &["--session", "0000000001"], &two);
    assert_eq!((chosen.code, &chosen.stdout), (0, &first.stdout));
    let play = run("play", &["--from-session", "0000000002"], &two);
    assert!(play.code == 0 && play.stdout.contains("1 messages in 1 packets"), "{play:?}");

    // A line captured twice is read once.
    let twice = run("stats", &["--json"], &input("p-concat.pcap"));
    let twice: serde_json::Value = serde_json::from_str(&twice.stdout).unwrap();
    assert_eq!((&twice["sessions"][0]["messages"], &twice["sessions"][0]["repeated"]), (&3.into(), &3.into()));

    for (arguments, said) in
        [(["--port", "1"], "of the selected port"), (["--session", "NONE"], "of the selected session")]
    {
        let none = run("stats", &arguments, &two);
        assert_eq!((none.code, none.stderr.lines().count()), (2, 1), "{none:?}");
        assert!(none.stderr.contains(said) && none.stderr.contains("26477"), "{none:?}");
    }
    let file = run("stats", &["--port", "1"], &input("dup-ref.itch"));
    assert!(file.code == 2 && file.stderr.contains("is no capture"), "{file:?}");
}

// T9
/// It plays as many messages as `play` does, and says the same of damage. It is stopped before its run.
#[test]
fn a_demo_plays_the_recordings_that_play_does() {
    let demo_of = |name: &str| {
        let mut demo = Command::new(env!("CARGO_BIN_EXE_corelane"));
        demo.current_dir(folder("demo"))
            .args(["demo", "--seconds", "1", "--rate", "100", "--itch"])
            .arg(input(name))
            .stdin(Stdio::null());
        demo
    };
    for name in ["p-plain.pcap", "p-two-sessions.pcap", "cut.itch.gz"] {
        let played = run("play", &[], &input(name));
        let messages = played.stdout.lines().find_map(|line| line.split_once(" messages in ")).unwrap().0;
        let mut demo = demo_of(name).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let up = BufReader::new(demo.stdout.take().unwrap())
            .lines()
            .map(Result::unwrap)
            .find(|line| line.starts_with("venue up"));
        let output = demo.wait_with_output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        let up = up.unwrap_or_else(|| panic!("{name}: {said}"));
        assert!(up.ends_with(&format!(", {messages} market messages to play")), "{name}: {messages} in {up}");
        assert_eq!((output.status.code(), said), (Some(2), played.stderr), "{name}");
    }
    let text = ran(demo_of("text.csv"));
    assert_eq!((text.code, text.stdout.as_str()), (2, ""), "{}", text.stderr);
    assert!(text.stderr.contains("not ITCH 5.0 but text that begins"), "{}", text.stderr);
    fs::remove_dir_all(folder("demo")).unwrap();
}

#[test]
fn an_unknown_symbol_is_an_error_that_names_the_nearest() {
    let day = input("p-plain.pcap");
    for (symbol, said) in [("AAPM", "did you mean AAPL?"), ("AA", "did you mean AAPL?"), ("QQQQ", "1 instruments")] {
        let wrong = run("book", &["--symbol", symbol], &day);
        assert_eq!((wrong.code, wrong.stdout.as_str()), (2, ""), "{wrong:?}");
        assert!(wrong.stderr.contains(&format!("no instrument {symbol}")) && wrong.stderr.contains(said), "{wrong:?}");
    }
    let known = run("book", &["--symbol", "AAPL"], &day);
    assert!(known.code == 0 && known.stdout.contains("AAPL"), "{known:?}");
}

#[test]
fn a_pipe_gives_what_the_file_gives() {
    let folder = folder("pipe");
    let generated = command("generate", &["--instruments", "3", "--messages", "2000", "-"]).output().unwrap();
    assert_eq!(generated.status.code(), Some(0));
    assert!(generated.stderr.starts_with(b"2000 messages in 3 instruments"));
    let day = folder.join("day.itch");
    fs::write(&day, generated.stdout).unwrap();
    for name in COMMANDS {
        let expected = run(name, &[], &day);
        let mut piped = command(name, &["-"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (mut stdin, bytes) = (piped.stdin.take().unwrap(), fs::read(&day).unwrap());
        let writer = std::thread::spawn(move || bytes.chunks(1000).for_each(|chunk| stdin.write_all(chunk).unwrap()));
        let got = piped.wait_with_output().unwrap();
        writer.join().unwrap();
        assert_eq!(got.status.code(), Some(0), "{name}");
        assert_eq!(String::from_utf8(got.stdout).unwrap(), expected.stdout, "{name}");
    }
    fs::remove_dir_all(folder).unwrap();
}

/// The packets that a socket gets until the end of a session: the session's name and the sequence number of its end.
fn received(socket: &UdpSocket) -> (String, u64) {
    let mut datagram = [0; 2048];
    loop {
        let length = socket.recv(&mut datagram).unwrap();
        let packet = Packet::decode(&datagram[..length]).unwrap();
        if packet.content == Content::EndOfSession {
            return (packet.session.to_string(), packet.sequence);
        }
    }
}

// T7
#[test]
fn each_run_of_play_has_a_session_of_its_own_and_ends_it_also_on_a_signal() {
    let folder = folder("play");
    let day = folder.join("day.itch");
    run("generate", &["--instruments", "2", "--messages", "2000"], &day);
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let to = socket.local_addr().unwrap().to_string();
    let mut sessions = Vec::new();
    for signal in [None, Some("INT"), Some("TERM"), Some("HUP"), Some("XCPU")] {
        let speed = if signal.is_some() { "0.5" } else { "max" };
        // Whoever runs the test may ignore SIGHUP, and the player would too.
        let mut play = Command::new("env");
        play.args(["--default-signal=HUP", env!("CARGO_BIN_EXE_corelane")]);
        play.args(["itch", "play", "--to", &to, "--speed", speed]).arg(&day);
        let mut play = play.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        if let Some(signal) = signal {
            // The first packet tells that it plays.
            let mut datagram = [0; 2048];
            while socket.recv(&mut datagram).unwrap() == 20 {}
            // The kernel repeats one of these every second, and a shell the other one.
            for _ in 0..if ["XCPU", "HUP"].contains(&signal) { 3 } else { 1 } {
                let kill = Command::new("kill").args(["-s", signal, &play.id().to_string()]).status().unwrap();
                assert!(kill.success());
            }
        }
        let (session, end) = received(&socket);
        let ended = play.wait().unwrap();
        assert_eq!(ended.code(), Some(i32::from(signal.is_some())));
        assert_eq!(end == 2001, signal.is_none(), "{signal:?} {end}");
        assert!(!sessions.contains(&session));
        sessions.push(session);
        // The other packets of the end.
        socket.set_nonblocking(true).unwrap();
        while socket.recv(&mut [0; 64]).is_ok() {}
        socket.set_nonblocking(false).unwrap();
    }
    fs::remove_dir_all(folder).unwrap();
}

/// Whoever feeds the pipe may be silent all night, and a server of retransmissions may linger.
#[test]
fn a_signal_ends_play_also_in_front_of_a_silent_pipe_and_after_the_last_message() {
    let folder = folder("play-silent");
    let day = folder.join("day.itch");
    run("generate", &["--instruments", "2", "--messages", "2000"], &day);
    let bytes = fs::read(&day).unwrap();
    let whole = bytes.len();
    for (sent, options, place) in [
        (whole / 2, &[][..], "before the end of the file"),
        (whole, &["--linger", "1000"][..], "after the last message"),
    ] {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let to = socket.local_addr().unwrap().to_string();
        let mut play = Command::new(env!("CARGO_BIN_EXE_corelane"));
        play.args(["itch", "play", "--to", &to, "--speed", "max"]).args(options).arg("-");
        let play = play.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut play = play.spawn().unwrap();
        let mut pipe = play.stdin.take().unwrap();
        pipe.write_all(&bytes[..sent]).unwrap();
        // It stays open, and silent, unless all was sent.
        let pipe = Some(pipe).filter(|_| sent < whole);
        if pipe.is_some() {
            socket.recv(&mut [0; 2048]).unwrap();
        } else {
            assert_eq!(received(&socket).1, 2001);
        }
        let kill = Command::new("kill").args(["-s", "TERM", &play.id().to_string()]).status().unwrap();
        assert!(kill.success());
        let (_, end) = received(&socket);
        assert_eq!(end == 2001, pipe.is_none(), "{end}");
        let output = play.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains(&format!("stopped by a signal {place}; the end of the session was sent")), "{said}");
        drop(pipe);
    }
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn many_errors_are_counted_and_only_the_first_are_listed() {
    let folder = folder("many");
    let mut day = fs::read(input("zero-then-more.itch")).unwrap()[..14].to_vec();
    (0..1000).for_each(|_| day.extend(b"\0\x01z"));
    let file = folder.join("many.itch");
    fs::write(&file, day).unwrap();
    for name in COMMANDS {
        let got = run(name, &[], &file);
        assert_eq!((got.code, got.stderr.lines().count()), (1, 22), "{got:?}");
        assert!(
            got.stderr.contains("and 980 errors more") && got.stderr.contains("1 messages, 1000 errors"),
            "{got:?}"
        );
    }
    fs::remove_dir_all(folder).unwrap();
}

// T6
#[test]
fn a_recorded_capture_of_another_exchange_gets_one_line() {
    let data = std::env::var("CORELANE_DATA")
        .unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data").to_owned());
    let file = Path::new(&data).join("iex/TOPS16.pcapng.gz");
    if file.exists() {
        check(&file, [2; 5], "IEX-TP, TOPS 1.6");
    }
}
