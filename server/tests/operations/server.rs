//! The real binary on ports that the kernel picks, its clients, and a subscriber of its feed, written from the protocol
//! pages.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream, UdpSocket},
    os::{fd::AsRawFd, unix::fs::OpenOptionsExt},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use corelane_config::VENUE_TOML;
use nix::{
    sys::{
        signal::{Signal, kill},
        socket::{AddressFamily, SockFlag, SockType, SockaddrIn, connect, setsockopt, socket, sockopt},
    },
    unistd::Pid,
};
use rustix::fs::OFlags;

/// Everything that tests wait for takes far less; reaching this is a failure.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Server {
    child: Child,
    lines: mpsc::Receiver<String>,
    pub folder: PathBuf,
    pub order_entry: SocketAddr,
    pub retransmission: Option<SocketAddr>,
    pub feed: UdpSocket,
    /// The last line of its addresses.
    pub stop_line: String,
}

/// How the server ended: its exit code, and the rest of its output.
pub(crate) struct Ended {
    pub code: Option<i32>,
    pub output: String,
}

/// A folder of the test's own, with the shipped topology on free ports. Each pair of `changes` replaces a text.
pub(crate) fn topology(name: &str, feed: SocketAddr, changes: &[(&str, &str)]) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("corelane-operations-{name}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    let mut text = VENUE_TOML.to_owned();
    let ephemeral = "listen = \"127.0.0.1:0\"\nallow_ephemeral_port = true";
    let usual = [
        ("listen = \"127.0.0.1:9001\"", ephemeral),
        ("listen = \"127.0.0.1:26477\"", ephemeral),
        ("to = \"127.0.0.1:26400\"", &format!("to = \"{feed}\"")),
        (
            "# [feeds.out.retransmission]\n# listen = \"127.0.0.1:26401\"",
            &format!("[feeds.out.retransmission]\n{ephemeral}"),
        ),
        ("# linger_ms = 3000", "linger_ms = 300"),
        // The clients of the tests send no heartbeats, and a busy host may need that long for a few commands.
        ("client_timeout_ms = 15_000", "client_timeout_ms = 600_000"),
    ];
    for (from, to) in usual.iter().chain(changes) {
        assert!(text.contains(from), "{from}");
        text = text.replace(from, to);
    }
    fs::write(folder.join("venue.toml"), text).unwrap();
    folder
}

pub(crate) fn corelane() -> Command {
    Command::new(env!("CARGO_BIN_EXE_corelane"))
}

impl Server {
    pub(crate) fn start(name: &str, changes: &[(&str, &str)]) -> Server {
        Server::start_after(name, changes, |_| ())
    }

    /// Starts it when its folder is prepared.
    pub(crate) fn start_after(name: &str, changes: &[(&str, &str)], prepare: impl FnOnce(&Path)) -> Server {
        Server::start_by(&mut corelane(), name, changes, prepare)
    }

    /// Starts it by a command that passes its arguments to `corelane`.
    pub(crate) fn start_by(
        command: &mut Command,
        name: &str,
        changes: &[(&str, &str)],
        prepare: impl FnOnce(&Path),
    ) -> Server {
        let feed = UdpSocket::bind("127.0.0.1:0").unwrap();
        feed.set_read_timeout(Some(PATIENCE)).unwrap();
        let folder = topology(name, feed.local_addr().unwrap(), changes);
        prepare(&folder);
        let log = fs::File::create(folder.join("log")).unwrap();
        command.arg("run").arg(folder.join("venue.toml"));
        let mut child = command.stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (to_test, lines) = mpsc::channel();
        thread::spawn(move || output.lines().map_while(Result::ok).try_for_each(|line| to_test.send(line)));
        let any = SocketAddr::from(([0, 0, 0, 0], 0));
        let mut server =
            Server { child, lines, folder, order_entry: any, retransmission: None, feed, stop_line: String::new() };
        loop {
            let line = server.lines.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("no start: {}", server.log()));
            if let Some(address) = line.strip_prefix("order entry on ") {
                server.order_entry = address.parse().unwrap();
            } else if let Some(address) = line.strip_prefix("market data retransmission on ") {
                server.retransmission = Some(address.parse().unwrap());
            } else if line.starts_with("stop with") {
                server.stop_line = line;
                return server;
            }
        }
    }

    pub(crate) fn log(&self) -> String {
        let mut text = Vec::new();
        // If it is a pipe, it has no end: what is there now must do.
        let nonblocking = OFlags::NONBLOCK.bits() as i32;
        let log = fs::OpenOptions::new().read(true).custom_flags(nonblocking).open(self.folder.join("log"));
        let _ = log.and_then(|mut log| log.read_to_end(&mut text));
        String::from_utf8_lossy(&text).into_owned()
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id() as i32), signal).unwrap();
    }

    /// The most address space that it has taken, in KiB.
    pub(crate) fn peak_address_space_kib(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmPeak:")?.trim().strip_suffix(" kB"));
        peak.unwrap().trim().parse().unwrap()
    }

    /// Runs `corelane admin`; returns the exit code and what it says on either stream.
    pub(crate) fn admin(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let mut command = corelane();
        command.arg("admin").arg("--topology").arg(self.folder.join("venue.toml")).args(arguments);
        let Output { status, stdout, stderr } = command.output().unwrap();
        (status.code(), String::from_utf8([stdout, stderr].concat()).unwrap())
    }

    /// Waits for the end, and checks that the socket's file is gone.
    pub(crate) fn ended(self) -> Ended {
        let socket = self.folder.join("corelane.sock");
        self.ended_and(|| assert!(!socket.exists()))
    }

    /// Waits for the end, and checks something before the folder is removed.
    pub(crate) fn ended_and(mut self, check: impl FnOnce()) -> Ended {
        let mut output = String::new();
        while let Ok(line) = self.lines.recv_timeout(PATIENCE) {
            output += &line;
            output.push('\n');
        }
        let code = self.child.wait().unwrap().code();
        check();
        Ended { code, output }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It has ended already unless the test failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if !thread::panicking() {
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

/// A client of order entry.
pub(crate) struct Client {
    stream: TcpStream,
    received: Vec<u8>,
}

impl Client {
    /// A connection on which `DEMO0{user}` is logged in from the first message on.
    pub(crate) fn log_in(server: &Server, user: usize) -> Client {
        Client::log_in_on(TcpStream::connect(server.order_entry).unwrap(), user)
    }

    /// As [`Client::log_in`], on a connection of which the kernels keep some kilobytes unread at most.
    pub(crate) fn log_in_with_small_buffers(server: &Server, user: usize) -> Client {
        let socket = socket(AddressFamily::Inet, SockType::Stream, SockFlag::SOCK_CLOEXEC, None).unwrap();
        // With small segments, the server's kernel keeps little too.
        setsockopt(&socket, sockopt::TcpMaxSeg, &536).unwrap();
        setsockopt(&socket, sockopt::RcvBuf, &4096).unwrap();
        let SocketAddr::V4(address) = server.order_entry else { panic!("the shipped topology listens on IPv4") };
        connect(socket.as_raw_fd(), &SockaddrIn::from(address)).unwrap();
        Client::log_in_on(socket.into(), user)
    }

    fn log_in_on(stream: TcpStream, user: usize) -> Client {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut client = Client { stream, received: Vec::new() };
        client.send(b'L', format!("DEMO0{user}corelane  {:10}{:>20}", "", 1).as_bytes());
        assert_eq!(client.next().unwrap()[0], b'A');
        client
    }

    fn send(&mut self, kind: u8, payload: &[u8]) {
        let length = u16::try_from(1 + payload.len()).unwrap();
        self.stream.write_all(&[&length.to_be_bytes(), &[kind][..], payload].concat()).unwrap();
    }

    /// Enters an order for 100 shares of CLN01 at a price that nobody's collar minds.
    pub(crate) fn enter(&mut self, user_ref: u32, side: u8, time_in_force: u8) {
        let mut order = vec![b'O'];
        order.extend(user_ref.to_be_bytes());
        order.push(side);
        order.extend(100_u32.to_be_bytes());
        order.extend(b"CLN01   ");
        order.extend(if side == b'B' { 990_000_u64 } else { 1_010_000 }.to_be_bytes());
        order.extend([time_in_force, b'Y', b'A', b'N', b'N']);
        order.extend(format!("ID{user_ref:<12}").bytes());
        order.extend([0, 0]);
        self.send(b'U', &order);
    }

    /// Cancels an order.
    pub(crate) fn cancel(&mut self, user_ref: u32) {
        self.send(b'U', &[&b"X"[..], &user_ref.to_be_bytes(), &[0; 4]].concat());
    }

    /// The next packet but heartbeats; `None` at the end of the connection.
    fn next(&mut self) -> Option<Vec<u8>> {
        loop {
            if let [high, low, rest @ ..] = &self.received[..] {
                let length = usize::from(u16::from_be_bytes([*high, *low]));
                if rest.len() >= length {
                    let packet = rest[..length].to_vec();
                    self.received.drain(..2 + length);
                    if packet[0] != b'H' {
                        return Some(packet);
                    }
                    continue;
                }
            }
            let mut bytes = [0; 4096];
            match self.stream.read(&mut bytes).unwrap() {
                0 => return None,
                length => self.received.extend(&bytes[..length]),
            }
        }
    }

    /// The next packet in short: `S S` for a system event, `A 1` for an accepted order, `C 1 E` for a cancelled one with its
    /// reason, `J 1 02` for a rejected one, `Z` for the end of the session, nothing for that of the connection.
    pub(crate) fn hears(&mut self) -> String {
        let Some(packet) = self.next() else { return String::new() };
        if packet[0] != b'S' {
            return char::from(packet[0]).to_string();
        }
        let message = &packet[1..];
        let user_ref = || u32::from_be_bytes(message[9..13].try_into().unwrap());
        match message[0] {
            b'S' => format!("S {}", char::from(message[9])),
            b'A' => format!("A {}", user_ref()),
            b'C' => format!("C {} {}", user_ref(), char::from(message[17])),
            b'J' => format!("J {} {:02x}", user_ref(), message[14]),
            other => format!("{} {}", char::from(other), user_ref()),
        }
    }

    pub(crate) fn hears_all(&mut self) -> Vec<String> {
        let mut all = Vec::new();
        loop {
            let heard = self.hears();
            if heard.is_empty() {
                return all;
            }
            all.push(heard);
        }
    }
}

/// A packet of the feed: its sequence number, and its messages in short (`S Q`, `H P`, `R`, `A`), or `heartbeat` or `END`.
pub(crate) fn packet(bytes: &[u8]) -> (u64, Vec<String>) {
    let sequence = u64::from_be_bytes(bytes[10..18].try_into().unwrap());
    let count = u16::from_be_bytes(bytes[18..20].try_into().unwrap());
    let mut messages = match count {
        0 => vec!["heartbeat".to_owned()],
        u16::MAX => return (sequence, vec!["END".to_owned()]),
        _ => Vec::new(),
    };
    let mut rest = &bytes[20..];
    for _ in 0..count {
        let length = usize::from(u16::from_be_bytes([rest[0], rest[1]]));
        let message = &rest[2..2 + length];
        let kind = char::from(message[0]);
        messages.push(match kind {
            'S' => format!("S {}", char::from(message[11])),
            'H' => format!("H {}", char::from(message[19])),
            _ => kind.to_string(),
        });
        rest = &rest[2 + length..];
    }
    (sequence, messages)
}

/// All packets that the feed has sent, heartbeats left out. The server has ended.
pub(crate) fn packets(feed: &UdpSocket) -> Vec<(u64, Vec<String>)> {
    feed.set_nonblocking(true).unwrap();
    let mut all = Vec::new();
    let mut bytes = [0; 2048];
    while let Ok(length) = feed.recv(&mut bytes) {
        let packet = packet(&bytes[..length]);
        if packet.1 != ["heartbeat"] {
            all.push(packet);
        }
    }
    all
}
