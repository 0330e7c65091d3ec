//! The feed of another venue: heartbeats alone, or a market on two lines, which can lose, double and reorder packets, fall silent
//! and begin again.

use std::{
    io::{Cursor, Read},
    net::{SocketAddr, UdpSocket},
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use corelane_codecs::{mold, text::Alpha};
use corelane_config::Config;
use corelane_market::{Day, DaySpec, Faults, LineSpec, Pace, PlaySpec, Player};
use corelane_tester::configured;

/// How often a feed without a market says that it is there.
const HEARTBEAT: Duration = Duration::from_millis(10);
/// Messages of the market, and their rate.
const MESSAGES: u64 = 12_000;
const MESSAGES_PER_S: f64 = 1500.0;
const OPENING_ORDERS: u64 = 500;
/// The share of packets with a fault.
const SHARE: f64 = 0.05;

/// What is wrong with a market from the fault on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// Packets of line A are lost.
    Loss,
    /// Packets of both lines come twice.
    Duplication,
    /// Packets of both lines overtake others.
    Reordering,
    /// Line A falls silent.
    LineDead,
    /// Both fall silent.
    BothDead,
    /// Both fall silent, and the feed begins again under another name.
    Restart,
}

impl Trouble {
    /// What the server counts when it has noticed.
    pub(super) fn count(self) -> &'static str {
        match self {
            Trouble::Loss | Trouble::Duplication | Trouble::Reordering | Trouble::LineDead => " Duplicates=",
            Trouble::BothDead | Trouble::Restart => " Silences=",
        }
    }

    /// Whether messages can be lost.
    pub(super) fn loses(self) -> bool {
        matches!(self, Trouble::BothDead | Trouble::Restart)
    }

    /// Whether a line falls silent.
    fn loses_line(self) -> bool {
        matches!(self, Trouble::LineDead | Trouble::BothDead | Trouble::Restart)
    }
}

/// A running feed.
pub(super) struct Feed {
    /// Set at the fault, and at the end.
    stage: Arc<AtomicU8>,
    threads: Vec<thread::JoinHandle<()>>,
}

const TROUBLED: u8 = 1;
const OVER: u8 = 2;

impl Feed {
    /// Heartbeats on all lines.
    pub(super) fn quiet(lines: &[SocketAddr]) -> Result<Feed, String> {
        let stage = Arc::<AtomicU8>::default();
        let threads = lines.iter().map(|&to| quiet_line(to, stage.clone())).collect::<Result<_, _>>()?;
        Ok(Feed { stage, threads })
    }

    /// A market on two lines.
    pub(super) fn market(config: &Config, lines: &[SocketAddr], seed: u64, trouble: Trouble) -> Result<Feed, String> {
        let spec = DaySpec {
            seed,
            instruments: configured::day_instruments(config),
            messages: MESSAGES,
            opening_orders: OPENING_ORDERS,
            wander_percent: 1,
        };
        let mut bytes = Vec::new();
        let mut day = Day::new(spec).map_err(|error| error.to_string())?;
        day.read_to_end(&mut bytes).map_err(|error| error.to_string())?;
        let (bytes, stage) = (Arc::new(bytes), Arc::<AtomicU8>::default());
        let line = |line, to| Line { line, to, seed, trouble };
        let all: Vec<Line> = lines.iter().enumerate().map(|(number, &to)| line(number, to)).collect();
        // Lines that end have a player each. Others have one together, so that they bring a message at about the same time.
        let played: Vec<&[Line]> = if trouble.loses_line() { all.chunks(1).collect() } else { vec![&all] };
        let threads = played.into_iter().map(|lines| start(lines.to_vec(), &bytes, &stage)).collect();
        Ok(Feed { stage, threads })
    }

    /// Lets the trouble begin.
    pub(super) fn trouble(&self) {
        self.stage.store(TROUBLED, Ordering::Release);
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.stage.store(OVER, Ordering::Release);
        self.threads.drain(..).for_each(|thread| _ = thread.join());
    }
}

fn quiet_line(to: SocketAddr, stage: Arc<AtomicU8>) -> Result<thread::JoinHandle<()>, String> {
    let socket = UdpSocket::bind(("127.0.0.1", 0)).map_err(|error| format!("a feed: {error}"))?;
    Ok(thread::spawn(move || {
        let mut bytes = [0; mold::HEADER_LEN];
        let session = Alpha::new("QUIET").expect("five letters");
        let length = mold::heartbeat(&mut bytes, session, 1).expect("it fits");
        while stage.load(Ordering::Acquire) < OVER {
            // A server that is gone refuses it.
            let _ = socket.send_to(&bytes[..length], to);
            thread::sleep(HEARTBEAT);
        }
    }))
}

/// One line of a market.
#[derive(Clone, Copy)]
struct Line {
    line: usize,
    to: SocketAddr,
    seed: u64,
    trouble: Trouble,
}

impl Line {
    /// What befalls its packets: from the start, since a player's faults do not change.
    fn spec(self) -> LineSpec {
        let none = Faults { seed: self.seed + self.line as u64, ..Faults::default() };
        let faults = match self.trouble {
            Trouble::Loss if self.line == 0 => Faults { loss: SHARE, ..none },
            Trouble::Duplication => Faults { duplication: SHARE, ..none },
            Trouble::Reordering => Faults { reordering: SHARE, ..none },
            _ => none,
        };
        LineSpec { faults, ..LineSpec::new(self.to) }
    }

    /// Whether the trouble ends it.
    fn ends(self) -> bool {
        match self.trouble {
            Trouble::Loss | Trouble::Duplication | Trouble::Reordering => false,
            Trouble::LineDead => self.line == 0,
            Trouble::BothDead | Trouble::Restart => true,
        }
    }
}

/// Plays a market on a thread, on one line or on both.
fn start(lines: Vec<Line>, bytes: &Arc<Vec<u8>>, stage: &Arc<AtomicU8>) -> thread::JoinHandle<()> {
    let (bytes, stage) = (bytes.clone(), stage.clone());
    thread::spawn(move || {
        let ends = lines[0].ends();
        play(&lines, &bytes, "MARKET0001", || stage.load(Ordering::Acquire) >= if ends { TROUBLED } else { OVER });
        if lines[0].trouble == Trouble::Restart {
            play(&lines, &bytes, "MARKET0002", || stage.load(Ordering::Acquire) >= OVER);
        }
    })
}

fn play(lines: &[Line], bytes: &[u8], session: &str, is_over: impl Fn() -> bool) {
    let spec = PlaySpec {
        line_a: lines[0].spec(),
        line_b: lines.get(1).map(|line| line.spec()),
        session: Alpha::new(session).expect("ten characters"),
        pace: Pace::Rate { messages_per_s: MESSAGES_PER_S },
        heartbeat: Duration::from_millis(100),
        ..PlaySpec::new(lines[0].to)
    };
    let Ok(mut player) = Player::new(spec, Cursor::new(bytes)) else { return };
    let begun = Instant::now();
    while !is_over() {
        // A server that is gone refuses it.
        let Ok(step) = player.step(begun.elapsed().as_nanos() as u64) else { return };
        if step.ended {
            return;
        }
        thread::sleep(Duration::from_millis(1));
    }
}
