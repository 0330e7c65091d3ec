//! Who plays to the receiver: a player on a thread of its own, and a server that lies.

use std::{
    io::Read,
    net::{SocketAddr, UdpSocket},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use corelane_codecs::{
    mold::{PacketBuilder, Request, SessionName},
    price::Price4,
    text::Alpha,
};
use corelane_market::{
    Day, DayInstrument, DaySpec, Faults, LineSpec, Pace, PlayReport, PlaySpec, Player, RetransmissionSpec,
};

use crate::place::Place;

/// A made-up day of eight instruments.
pub(crate) fn day(seed: u64, messages: usize) -> Vec<u8> {
    let instrument = |number: u32| DayInstrument {
        symbol: Alpha::new(&format!("CLN{number:02}")).unwrap(),
        reference_price: Price4::from_raw(number * 100_000),
        tick: Price4::from_raw(100),
    };
    let instruments = (1..=8).map(instrument).collect();
    let spec = DaySpec { seed, instruments, messages: messages as u64, opening_orders: 100, wander_percent: 1 };
    let mut file = Vec::new();
    Day::new(spec).unwrap().read_to_end(&mut file).unwrap();
    file
}

pub(crate) fn session(name: &str) -> SessionName {
    Alpha::new(name).unwrap()
}

/// Both lines good and in time, no server, at a rate that a busy machine keeps up with.
pub(crate) fn good_lines(place: &Place) -> PlaySpec {
    PlaySpec {
        line_b: Some(LineSpec::new(place.line_b())),
        pace: Pace::Rate { messages_per_s: 100_000.0 },
        payload_max: 600,
        heartbeat: Duration::from_millis(20),
        linger: Duration::from_secs(600),
        ..PlaySpec::new(place.line_a())
    }
}

/// The same with a retransmission server.
pub(crate) fn with_server(place: &Place) -> PlaySpec {
    let server = RetransmissionSpec { listen: place.server(), messages_max: 1 << 20 };
    PlaySpec { retransmission: Some(server), ..good_lines(place) }
}

/// Loss, duplication and reordering of so much each, on both lines.
pub(crate) fn faulty(spec: PlaySpec, share: f64, seed: u64) -> PlaySpec {
    let faults = |seed| Faults { loss: share, duplication: share, reordering: share, seed };
    PlaySpec {
        line_a: LineSpec { faults: faults(seed), ..spec.line_a },
        line_b: spec.line_b.map(|line| LineSpec { faults: faults(!seed), ..line }),
        ..spec
    }
}

/// A player on a thread of its own.
pub(crate) struct Playing {
    stop: Arc<AtomicBool>,
    pause: Arc<AtomicBool>,
    thread: JoinHandle<PlayReport>,
}

impl Playing {
    pub(crate) fn start(spec: PlaySpec, file: Vec<u8>) -> Playing {
        let flags = [(); 2].map(|()| Arc::new(AtomicBool::new(false)));
        let [stop, pause] = flags.clone();
        let thread = thread::spawn(move || {
            let mut player = Player::new(spec, &file[..]).unwrap();
            let start = Instant::now();
            while !stop.load(Ordering::Relaxed) {
                let mut wait_ns = 1_000_000;
                if !pause.load(Ordering::Relaxed) {
                    let now_ns = start.elapsed().as_nanos() as u64;
                    let step = player.step(now_ns).unwrap();
                    wait_ns = if step.ended { wait_ns } else { step.next_due_ns.saturating_sub(now_ns).min(wait_ns) };
                }
                thread::sleep(Duration::from_nanos(wait_ns));
            }
            *player.report()
        });
        let [stop, pause] = flags;
        Playing { stop, pause, thread }
    }

    /// Nothing leaves any more, on any line, until it goes on.
    pub(crate) fn pause(&self) {
        self.pause.store(true, Ordering::Relaxed);
    }

    pub(crate) fn go_on(&self) {
        self.pause.store(false, Ordering::Relaxed);
    }

    /// Ends it, also before the end of the file.
    pub(crate) fn stop(self) -> PlayReport {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}

/// Answers every request with one lie after the other.
pub(crate) struct Liar {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<u64>,
}

impl Liar {
    pub(crate) fn start(listen: SocketAddr) -> Liar {
        let socket = UdpSocket::bind(listen).unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(10))).unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let thread = thread::spawn(move || {
            let mut lies = 0;
            let mut bytes = [0; 64];
            while !stopped.load(Ordering::Relaxed) {
                let Ok((length, from)) = socket.recv_from(&mut bytes) else { continue };
                let request = Request::decode(&bytes[..length]).unwrap();
                socket.send_to(&lie(lies, request), from).unwrap();
                lies += 1;
            }
            lies
        });
        Liar { stop, thread }
    }

    /// Returns how often it lied.
    pub(crate) fn stop(self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}

/// Another session, a range that was not asked for, a claim of more than there is, noise, nothing.
fn lie(number: u64, request: Request) -> Vec<u8> {
    let Request { session: asked, sequence, .. } = request;
    let packet = |session, sequence| {
        let mut buffer = [0; 1400];
        let mut packet = PacketBuilder::new(&mut buffer, session, sequence, 1400).unwrap();
        // An order to delete that may well exist.
        (0..5).for_each(|order| assert!(packet.push(&[&[b'D'][..], &[0; 17], &[order]].concat())));
        packet.finish().to_vec()
    };
    match number % 5 {
        0 => packet(session("LIES"), sequence),
        1 => packet(asked, sequence + 1_000_000),
        2 => [&packet(asked, sequence)[..18], &u16::MAX.to_be_bytes()].concat(),
        3 => vec![0xff; 700],
        _ => Vec::new(),
    }
}
