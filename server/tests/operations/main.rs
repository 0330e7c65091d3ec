//! Operation of the real server: its trading day, its ordered stop, its kill switches and its socket, as clients, subscribers
//! and the operator see them.

mod delay;
mod open_files;
mod server;
mod socket;
mod start;

use std::{
    fs,
    io::Write,
    net::UdpSocket,
    path::Path,
    process::{Child, Command, ExitStatus},
    thread,
    time::{Duration, Instant},
};

use nix::sys::signal::Signal;
use rustix::fs::{CWD, FileType, Mode, OFlags, fcntl_setfl, mknodat};
use server::{Client, PATIENCE, Server, packet, packets};

/// Checks what a feed has said: numbers without a gap, C as the last message, and then the end of the session with the next
/// number and nothing else. Returns the messages in short.
fn whole_day(packets: Vec<(u64, Vec<String>)>) -> Vec<String> {
    let mut said = Vec::new();
    let mut ends = 0;
    for (sequence, messages) in packets {
        assert_eq!(sequence, said.len() as u64 + 1, "{messages:?}");
        if messages == ["END"] {
            ends += 1;
        } else {
            assert_eq!(ends, 0, "after the end of the session: {messages:?}");
            said.extend(messages);
        }
    }
    assert!(ends >= 3, "{ends} ends");
    assert_eq!(said.last().map(String::as_str), Some("S C"));
    said
}

/// An error without the lines that it is folded into.
fn unfolded(error: &[u8]) -> String {
    let error = String::from_utf8_lossy(error);
    error.split_whitespace().filter(|word| *word != "│").collect::<Vec<_>>().join(" ")
}

/// A named pipe without room; it is full while the returned file is open.
fn full_pipe(path: &Path) -> fs::File {
    mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    // Opened for both, so that neither side waits for the other.
    let mut pipe = fs::OpenOptions::new().read(true).write(true).open(path).unwrap();
    fcntl_setfl(&pipe, OFlags::NONBLOCK).unwrap();
    while pipe.write(&[b' '; 1]).is_ok() {}
    pipe
}

/// Waits for the end of a process, which is killed should it not come.
fn ended(child: &mut Child) -> ExitStatus {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        if Instant::now() >= deadline {
            child.kill().unwrap();
            panic!("it does not end");
        }
        thread::sleep(Duration::from_millis(1));
    }
}

/// `corelane`, started with SIGHUP as an option of `env` says: whoever runs the test may ignore it, too.
fn with_signal(option: &str) -> Command {
    let mut env = Command::new("env");
    env.args([option, env!("CARGO_BIN_EXE_corelane")]);
    env
}

/// As `nohup` starts it.
#[test]
fn a_venue_that_ignores_hangups_goes_on_without_its_terminal() {
    let server = Server::start_by(&mut with_signal("--ignore-signal=HUP"), "nohup", &[], |_| ());
    assert!(server.stop_line.starts_with("stop with SIGINT or SIGTERM; "), "{}", server.stop_line);
    let mut client = Client::log_in(&server, 1);
    server.signal(Signal::SIGHUP);
    client.enter(1, b'B', b'0');
    assert_eq!([client.hears(), client.hears()], ["S S", "A 1"]);
    let (code, said) = server.admin(&["status"]);
    assert!(code == Some(0) && said.contains("market hours: all orders"), "{said}");
    server.signal(Signal::SIGTERM);
    assert_eq!(client.hears_all(), ["C 1 E", "S E", "Z"]);
    assert_eq!(server.ended().code, Some(0));
}

// M3, T3, M4
#[test]
fn each_stop_signal_ends_the_day_in_order() {
    let end = |signal| {
        let server = Server::start_by(&mut with_signal("--default-signal=HUP"), &format!("stop-{signal}"), &[], |_| ());
        assert!(server.stop_line.starts_with("stop with SIGINT, SIGTERM or SIGHUP; "), "{}", server.stop_line);
        let mut trader = Client::log_in(&server, 1);
        let mut idle = Client::log_in(&server, 2);
        trader.enter(1, b'B', b'0');
        trader.enter(2, b'S', b'0');
        assert_eq!([trader.hears(), trader.hears(), trader.hears()], ["S S", "A 1", "A 2"]);
        server.signal(signal);
        // The order of the books' queues; then what comes after the end of the day, before the sockets close.
        assert_eq!([trader.hears(), trader.hears(), trader.hears()], ["C 1 E", "C 2 E", "S E"]);
        trader.enter(3, b'B', b'0');
        assert_eq!(trader.hears_all(), ["J 3 02", "Z"]);
        assert_eq!(idle.hears_all(), ["S S", "S E", "Z"]);
        let feed = server.feed.try_clone().unwrap();
        let log = server.folder.join("log");
        let mut logged = String::new();
        let ended = server.ended_and(|| logged = unfolded(&fs::read(log).unwrap()));
        assert_eq!(ended.code, Some(0), "{}", ended.output);
        assert!(ended.output.ends_with("stopped, nothing in flight was left\n"), "{}", ended.output);
        // Its limit of CPU time, of which the kernel reminds it before it kills.
        assert_eq!(logged.contains("raise the limit (`ulimit -t`"), signal == Signal::SIGXCPU, "{logged}");
        let said = whole_day(packets(&feed));
        let instruments = said.iter().filter(|message| *message == "R").count();
        let others: Vec<&str> = said.iter().map(String::as_str).filter(|message| *message != "R").collect();
        assert_eq!(instruments, 11);
        assert_eq!(others, ["S O", "S S", "S Q", "A", "A", "S M", "D", "D", "S E", "S C"], "{signal}");
    };
    let signals = [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP, Signal::SIGXCPU];
    thread::scope(|scope| signals.map(|signal| drop(scope.spawn(move || end(signal)))));
}

#[test]
fn a_log_that_nobody_reads_keeps_neither_a_kill_switch_nor_a_stop() {
    let mut pipe = None;
    let server = Server::start_after("stalled-log", &[], |folder| pipe = Some(full_pipe(&folder.join("log"))));
    let mut client = Client::log_in(&server, 1);
    let answer = server.admin(&["kill-switch", "engage", "--everyone"]);
    assert_eq!(answer, (Some(0), "kill switch engaged for everyone\n".to_owned()));
    server.signal(Signal::SIGTERM);
    assert_eq!(client.hears_all(), ["S S", "S E", "Z"]);
    let ended = server.ended();
    assert_eq!(ended.code, Some(0), "{}", ended.output);
    assert!(!ended.output.contains("order_to_answer"), "no order was answered: {}", ended.output);
}

/// The stop waits two seconds for its clients to read, and then says what they did not take.
#[test]
fn a_stop_says_what_a_client_did_not_take() {
    const REJECTED: u32 = 4000;
    let server = Server::start("unsent", &[]);
    let mut client = Client::log_in_with_small_buffers(&server, 1);
    assert_eq!(server.admin(&["phase", "end-of-system-hours"]).0, Some(0));
    // It reads none of the rejects. They fill the kernel's buffers, but not the venue's, at which it would be disconnected.
    (1..=REJECTED).for_each(|user_ref| client.enter(user_ref, b'B', b'0'));
    let answered = format!("requests: {REJECTED}, ");
    while !server.admin(&["status"]).1.contains(&answered) {}
    server.signal(Signal::SIGTERM);
    let log = server.folder.join("log");
    let mut said = String::new();
    let ended = server.ended_and(|| said = unfolded(&fs::read(log).unwrap()));
    assert_eq!(ended.code, Some(1), "{}", ended.output);
    let bytes = said.split("peers did not take ").nth(1).and_then(|rest| rest.split_once(" bytes before"));
    let bytes: usize = bytes.unwrap_or_else(|| panic!("{said}")).0.parse().unwrap();
    // Each reject is 34 bytes; the log-in, the day's events and the end of the session are less than that together.
    assert!((1..=34 * (REJECTED as usize + 10)).contains(&bytes), "{bytes}");
    assert!(!ended.output.contains("nothing in flight was left"), "{}", ended.output);
    drop(client);
}

/// The cancels are more than the buffers take that the topology and the kernels have for it, and it is not slow.
#[test]
fn a_client_whose_orders_are_all_cancelled_at_once_gets_every_cancel() {
    const ORDERS: u32 = 8192;
    let server = Server::start("all-cancelled", &[("send_buffer_bytes = 262_144", "send_buffer_bytes = 16_384")]);
    let mut client = Client::log_in_with_small_buffers(&server, 1);
    assert_eq!(client.hears(), "S S");
    for user_ref in 1..=ORDERS {
        client.enter(user_ref, b'B', b'0');
        assert_eq!(client.hears(), format!("A {user_ref}"));
    }
    assert_eq!(server.admin(&["kill-switch", "engage", "--everyone"]).0, Some(0));
    (1..=ORDERS).for_each(|user_ref| assert_eq!(client.hears(), format!("C {user_ref} S")));
    server.signal(Signal::SIGTERM);
    assert_eq!(client.hears_all(), ["S E", "Z"]);
    assert_eq!(server.ended().code, Some(0));
}

// M3
#[test]
fn messages_are_retransmitted_after_the_end_of_the_session() {
    let server = Server::start("linger", &[]);
    server.signal(Signal::SIGTERM);
    let mut bytes = [0; 2048];
    let end = loop {
        let length = server.feed.recv(&mut bytes).unwrap();
        let (sequence, messages) = packet(&bytes[..length]);
        if messages == ["END"] {
            break sequence;
        }
    };
    let request = [&bytes[..10], &(end - 1).to_be_bytes(), &1_u16.to_be_bytes()].concat();
    let subscriber = UdpSocket::bind("127.0.0.1:0").unwrap();
    subscriber.set_read_timeout(Some(PATIENCE)).unwrap();
    subscriber.send_to(&request, server.retransmission.unwrap()).unwrap();
    let length = subscriber.recv(&mut bytes).unwrap();
    assert_eq!(packet(&bytes[..length]), (end - 1, vec!["S C".to_owned()]));
    assert_eq!(server.ended().code, Some(0));
}

#[test]
fn a_venue_that_is_stopping_says_so() {
    // It is not waited for.
    let server = Server::start("stopping", &[("linger_ms = 300", "linger_ms = 60_000")]);
    assert_eq!(server.admin(&["stop"]).0, Some(0));
    let (code, said) = server.admin(&["status"]);
    assert!(code == Some(0) && said.contains("next: the end of the venue, which is stopping\n"), "{said}");
}

// M4
#[test]
fn the_day_begins_and_ends_by_command() {
    let day = "# [day]\n# start_of_messages = \"03:00\"\n# start_of_system_hours = \"04:00\"\n";
    let late = "[day]\nstart_of_messages = \"23:59:58\"\n";
    let server = Server::start("phases", &[(day, late)]);
    let mut client = Client::log_in(&server, 1);
    client.enter(1, b'B', b'0');
    assert_eq!(client.hears(), "J 1 02", "the day has not begun");
    let status = server.admin(&["status"]).1;
    assert!(status.contains("before the start of messages"), "{status}");
    assert!(status.contains("next: start of messages at 23:59:58"), "{status}");

    assert_eq!(server.admin(&["phase", "start-of-system-hours"]).0, Some(0));
    client.enter(2, b'B', b'0');
    client.enter(3, b'B', b'3');
    assert_eq!([(); 4].map(|()| client.hears()), ["S S", "J 2 02", "A 3", "C 3 I"]);
    let (code, said) = server.admin(&["phase", "start-of-market-hours"]);
    assert_eq!((code, said.as_str()), (Some(0), "market hours: all orders\n"));
    client.enter(4, b'B', b'0');
    assert_eq!(client.hears(), "A 4", "said when the group has done it");
    let (code, said) = server.admin(&["phase", "start-of-messages"]);
    assert_eq!(code, Some(2));
    assert!(said.contains("the day has passed start of messages"), "{said}");

    assert_eq!(server.admin(&["phase", "end-of-messages"]).0, Some(0));
    client.enter(5, b'B', b'0');
    assert_eq!([client.hears(), client.hears(), client.hears()], ["C 4 E", "S E", "J 5 02"]);
    let status = server.admin(&["status"]).1;
    assert!(status.contains("phase: the session is over"), "{status}");

    let feed = server.feed.try_clone().unwrap();
    let (code, said) = server.admin(&["stop"]);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(client.hears_all(), ["Z"]);
    let ended = server.ended();
    assert_eq!(ended.code, Some(0), "{}", ended.output);
    let others: Vec<String> = whole_day(packets(&feed)).into_iter().filter(|message| message != "R").collect();
    assert_eq!(others, ["S O", "S S", "S Q", "A", "S M", "D", "S E", "S C"]);
}

// M14
#[test]
fn the_last_word_on_the_kill_switch_wins_also_if_signals_wait_together() {
    let server = Server::start("signals", &[]);
    let mut client = Client::log_in(&server, 1);
    client.enter(1, b'B', b'0');
    assert_eq!([client.hears(), client.hears()], ["S S", "A 1"]);
    server.signal(Signal::SIGUSR1);
    assert_eq!(client.hears(), "C 1 S");
    let engaged = || server.admin(&["status"]).1.contains("kill switches engaged: everyone");
    while !engaged() {}
    // Waiting together, they reach the process at once.
    for signal in [Signal::SIGSTOP, Signal::SIGUSR2, Signal::SIGUSR1, Signal::SIGCONT] {
        server.signal(signal);
    }
    // It takes them within a few requests.
    let mut user_ref = 1;
    for _ in 0..5 {
        assert!(engaged());
        user_ref += 1;
        client.enter(user_ref, b'B', b'3');
        assert_eq!(client.hears(), format!("J {user_ref} 20"));
    }
    server.signal(Signal::SIGUSR2);
    while engaged() {}
    client.enter(100, b'B', b'3');
    assert_eq!([client.hears(), client.hears()], ["A 100", "C 100 I"]);
    let log = server.log();
    assert!(
        log.contains("kill switch engaged for everyone") && log.contains("kill switch released for everyone"),
        "{log}"
    );
    server.signal(Signal::SIGTERM);
    assert_eq!(server.ended().code, Some(0));
}

// M14
#[test]
fn a_kill_switch_stops_the_port_the_account_the_firm_or_everyone() {
    // DEMO01 and DEMO02 have accounts of one firm; DEMO03 has its own.
    let one_firm = ("[[firms]]", "[[accounts]]\nname = \"DEMO02\"\nfirm = \"CORE\"\n\n[[firms]]");
    let server = Server::start("scopes", &[one_firm]);
    let mut clients = [1, 2, 3].map(|user| Client::log_in(&server, user));
    clients.iter_mut().for_each(|client| assert_eq!(client.hears(), "S S"));
    let mut user_ref = 0;
    // The orders of each client that rest.
    let mut resting = [const { Vec::new() }; 3];
    let cases = [
        (["--port", "demo01"].as_slice(), "port DEMO01", [true, false, false]),
        (&["--account", "HOUSE"], "account HOUSE", [true, false, false]),
        (&["--firm", "CORE"], "firm CORE", [true, true, false]),
        (&["--everyone"], "everyone", [true, true, true]),
    ];
    for (scope, name, stopped) in cases {
        let turn = |word: &str| server.admin(&[&["kill-switch", word], scope].concat());
        user_ref += 1;
        for (client, resting) in clients.iter_mut().zip(&mut resting) {
            client.enter(user_ref, b'B', b'0');
            assert_eq!(client.hears(), format!("A {user_ref}"));
            resting.push(user_ref);
        }
        assert_eq!(turn("engage"), (Some(0), format!("kill switch engaged for {name}\n")));
        user_ref += 1;
        for ((client, resting), is_stopped) in clients.iter_mut().zip(&mut resting).zip(stopped) {
            client.enter(user_ref, b'B', b'3');
            let expected: Vec<String> = match is_stopped {
                true => {
                    resting.drain(..).map(|order| format!("C {order} S")).chain([format!("J {user_ref} 20")]).collect()
                }
                false => vec![format!("A {user_ref}"), format!("C {user_ref} I")],
            };
            let heard: Vec<String> = expected.iter().map(|_| client.hears()).collect();
            assert_eq!(heard, expected, "{name}");
        }
        let status = server.admin(&["status"]).1;
        assert!(status.contains(&format!("kill switches engaged: {name}\n")), "{status}");
        assert_eq!(turn("release"), (Some(0), format!("kill switch released for {name}\n")));
    }
    let (code, said) = server.admin(&["kill-switch", "engage", "--port", "NOBODY"]);
    assert_eq!(code, Some(2));
    assert!(said.contains("no port is named \"NOBODY\"; the ports are DEMO01, DEMO02"), "{said}");
    for wrong in [["kill-switch", "engage"].as_slice(), &["kill-switch", "engage", "--everyone", "--port", "DEMO01"]] {
        assert_eq!(server.admin(wrong).0, Some(2), "{wrong:?}");
    }
    server.signal(Signal::SIGTERM);
    assert_eq!(server.ended().code, Some(0));
}
