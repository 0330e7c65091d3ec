//! `corelane itch play`: sends a file or a capture as MoldUDP64 packets.

use std::{
    io::{self, Read},
    net::SocketAddr,
    process,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, SystemTime},
};

use corelane_codecs::{mold::SessionName, text::Alpha};
use corelane_console::{Exit, LostOutput, Output, set_ended_by_signals, stop_signals, warn};
use corelane_market::{Faults, LineReport, LineSpec, Order, Pace, PlayReport, PlaySpec, Player, RetransmissionSpec};
use miette::IntoDiagnostic;
use signal_hook::{
    consts::{SIGHUP, SIGXCPU},
    flag,
};

use super::input::Input;
use crate::cli::{InputArgs, PlayArgs, Speed};

/// The default time for repeating the end of session and answering requests, with a retransmission server.
const LINGER: Duration = Duration::from_secs(3);
/// The exit code when a second signal ends the command at once.
const KILLED: i32 = 2;

pub(super) fn play(args: &PlayArgs, out: &mut Output) -> miette::Result<Exit> {
    let input = InputArgs { file: args.file.clone(), port: args.from_port, session: args.from_session };
    let stop = Arc::<AtomicBool>::default();
    let input = Input::open_until(&input, Order::OneSession, &stop, |reader| reader)?;
    let mut messages = Messages::of(input, stop.clone());
    if !messages.begin() {
        return Ok(messages.input.finish());
    }
    stop_on_signals(&stop).into_diagnostic()?;
    let session = args.session.unwrap_or_else(session_of_now);
    let mut player = Player::new(spec(args, session), &mut messages).into_diagnostic()?;
    out.say(format_args!("session {session}"))?;
    if let Some(address) = player.retransmission() {
        out.say(format_args!("retransmission requests on {address}"))?;
    }
    let report = player.play_until(&stop).into_diagnostic()?;
    let is_stopped = player.is_stopped();
    let Messages { input, is_at_end, .. } = messages;
    // What a silent pipe would still have sent is not known.
    let is_cut = stop.load(Ordering::Relaxed) && !is_at_end;
    let exit = input.finish();
    print(&report, args, out)?;
    if is_stopped || is_cut {
        let place = if is_at_end { "after the last message" } else { "before the end of the file" };
        warn(format_args!("stopped by a signal {place}; the end of the session was sent"));
        return Ok(Exit::Damaged);
    }
    Ok(exit)
}

/// Sets the flag on a signal to stop. A second one ends the process at once if somebody has sent it: SIGXCPU comes every second, and
/// SIGHUP twice when a terminal is closed, from the kernel and from the shell.
fn stop_on_signals(stop: &Arc<AtomicBool>) -> io::Result<()> {
    for signal in stop_signals() {
        if ![SIGXCPU, SIGHUP].contains(&signal) {
            flag::register_conditional_shutdown(signal, KILLED, stop.clone())?;
        }
        flag::register(signal, stop.clone())?;
    }
    set_ended_by_signals(false);
    Ok(())
}

/// The name of a session that no other run has: a receiver takes a name that it knows for the session that it has read.
/// The milliseconds since 1970 and the process's number in base 36.
fn session_of_now() -> SessionName {
    const TIME_DIGITS: usize = 8;
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let mut name = *SessionName::BLANK.as_array();
    let (time, process) = name.split_at_mut(TIME_DIGITS);
    base36(since.as_millis() as u64, time);
    base36(process::id().into(), process);
    Alpha::from_bytes(name)
}

/// Fills `digits` with the last digits of `number`.
fn base36(mut number: u64, digits: &mut [u8]) {
    for digit in digits.iter_mut().rev() {
        *digit = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"[(number % 36) as usize];
        number /= 36;
    }
}

/// The messages of an input as the bytes of an ITCH file, which a player reads.
struct Messages {
    input: Input,
    /// Once it is set, the input ends.
    stop: Arc<AtomicBool>,
    /// Whether the input has ended by itself.
    is_at_end: bool,
    frame: Vec<u8>,
    /// The number of bytes of `frame` that are read.
    read: usize,
}

impl Messages {
    fn of(input: Input, stop: Arc<AtomicBool>) -> Self {
        Messages { input, stop, is_at_end: false, frame: Vec::new(), read: 0 }
    }

    /// Goes to the first valid message; false if there is none.
    fn begin(&mut self) -> bool {
        while let Some(found) = self.input.next() {
            if found.message.is_ok() {
                return found.append_to(&mut self.frame);
            }
        }
        false
    }

    /// Goes to the next message that can be played, valid or not; false at the end.
    fn advance(&mut self) -> bool {
        self.read = 0;
        self.frame.clear();
        while let Some(found) = self.input.next() {
            if found.append_to(&mut self.frame) {
                return true;
            }
        }
        false
    }
}

impl Read for Messages {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.read == self.frame.len() && !self.advance() {
            self.is_at_end = !self.stop.load(Ordering::Relaxed);
            return Ok(0);
        }
        let bytes = (&self.frame[self.read..]).read(out)?;
        self.read += bytes;
        Ok(bytes)
    }
}

fn spec(args: &PlayArgs, session: SessionName) -> PlaySpec {
    let faults_a = Faults {
        loss: args.loss_a.unwrap_or(args.loss),
        duplication: args.dup_a.unwrap_or(args.dup),
        reordering: args.reorder_a.unwrap_or(args.reorder),
        seed: args.seed,
    };
    let faults_b = Faults {
        loss: args.loss_b.unwrap_or(args.loss),
        duplication: args.dup_b.unwrap_or(args.dup),
        reordering: args.reorder_b.unwrap_or(args.reorder),
        // A different seed, so that the lines lose packets independently.
        seed: !args.seed,
    };
    let skew = Duration::from_millis(args.skew.into());
    let linger = args.linger.map(|seconds| Duration::from_secs(seconds.into()));
    PlaySpec {
        line_a: LineSpec { faults: faults_a, ..LineSpec::new(args.to) },
        line_b: args.to_b.map(|to| LineSpec { faults: faults_b, skew, ..LineSpec::new(to) }),
        retransmission: args.retransmission.map(|listen| RetransmissionSpec { listen, messages_max: args.keep }),
        linger: linger.unwrap_or(if args.retransmission.is_some() { LINGER } else { Duration::ZERO }),
        session,
        pace: match args.speed {
            Speed::Times(speed) => Pace::Timestamps { speed },
            Speed::Max => Pace::Max,
        },
        ..PlaySpec::new(args.to)
    }
}

fn print(report: &PlayReport, args: &PlayArgs, out: &mut Output) -> Result<(), LostOutput> {
    let [line_a, line_b] = &report.lines;
    out.say(format_args!("{} messages in {} packets", report.messages, report.packets))?;
    out.say(line("line A", args.to, line_a, args.seed))?;
    if let Some(to) = args.to_b {
        out.say(line("line B", to, line_b, args.seed))?;
    }
    if args.retransmission.is_some() {
        let sent = report.retransmission;
        out.say(format_args!(
            "{} retransmission requests, {} answers, {} messages retransmitted",
            sent.requests, sent.answers, sent.messages
        ))?;
    }
    Ok(())
}

fn line(name: &str, to: SocketAddr, report: &LineReport, seed: u64) -> String {
    let LineReport { bytes, lost, duplicated, reordered, .. } = report;
    let faults = match lost + duplicated + reordered {
        0 => String::new(),
        _ => format!("; {lost} packets lost, {duplicated} duplicated, {reordered} reordered (seed {seed})"),
    };
    format!("{name}: {bytes} bytes to {to}{faults}")
}
