//! A synthetic trading day with the message mix of a real one: every reference is valid, and the same seed gives the
//! same day.
//!
//! A day begins with the directory and the state of every instrument. Orders that rest at the open follow, then trading
//! hours, then the close. References increase through the day, and those of one instrument share their low two bits, as
//! on a real venue with several matching engines. Books never cross, a paused or halted instrument does not trade, and
//! every order reference and every broken match number refers to an earlier message. The messages about IPOs, direct
//! listings, market-wide circuit breakers and market makers have no effect on trading.

mod book;
mod mix;
mod notices;
mod orders;
mod spec;

use std::io::{self, Read};

use corelane_codecs::binary_file;
use corelane_codecs::itch::{EventCode, Header, MAX_MESSAGE_LEN};
use corelane_codecs::price::Price4;

pub use spec::{DayError, DayInstrument, DaySpec};

use crate::rng::Rng;
use book::Book;
use mix::Activity;

/// 09:30:00.
const OPEN_NS: u64 = 34_200_000_000_000;
/// 16:00:00.
const CLOSE_NS: u64 = 57_600_000_000_000;
/// The time from the first orders to the open.
const OPENING_NS: u64 = 7_200_000_000_000;
/// The time between two messages before the first order.
const SPIN_GAP_NS: u64 = 1_000;
/// The number of attempts to find an instrument that fits a message.
const TRIES: usize = 16;

/// A part of the day with one kind of message generation.
#[derive(Clone, Copy, Debug)]
enum Stage {
    Event(EventCode),
    Directory,
    TradingActions,
    RegSho,
    Positions,
    DeclineLevels,
    Opening,
    Trading,
}

/// A day as a stream of messages and, through [`Read`], as the bytes of a BinaryFILE with its end marker.
///
/// It uses about 24 bytes of memory per resting order, and 7 KiB per instrument.
#[derive(Debug)]
pub struct Day {
    rng: Rng,
    instruments: Vec<DayInstrument>,
    books: Vec<Book>,
    activity: Activity,
    /// The remaining stages, last first, each with the number of its remaining messages.
    stages: Vec<(Stage, u64)>,
    /// The number of messages of the stage so far.
    stage_messages: u64,
    now_ns: u64,
    gap_ns: u64,
    last_ref: u64,
    last_match: u64,
    /// The last match number, if it is not broken yet, and its instrument.
    unbroken: Option<(u64, usize)>,
    paused: Option<usize>,
    halted: Option<usize>,
    breached_levels: u8,
    message: [u8; MAX_MESSAGE_LEN],
    message_len: usize,
    messages: u64,
    /// The frame being read, its length, and the number of bytes already read.
    frame: [u8; 2 + MAX_MESSAGE_LEN],
    frame_len: usize,
    frame_read: usize,
    has_end: bool,
}

impl Day {
    /// Creates the day of `spec`.
    ///
    /// # Errors
    /// [`DayError`] if its numbers are out of range or contradict each other.
    pub fn new(spec: DaySpec) -> Result<Self, DayError> {
        let (instruments, trading) = spec.check()?;
        let opening = spec.opening_orders;
        let mut rng = Rng::new(spec.seed);
        let activity = Activity::new(&mut rng, instruments);
        let books = spec.instruments.iter().map(|one| {
            let (reference, highest) = one.ticks();
            let wander = (reference / 100).saturating_mul(spec.wander_percent).max(1);
            Book::new(reference, wander, highest)
        });
        let each = u64::from(instruments);
        let mut stages = vec![
            (Stage::Event(EventCode::StartOfMessages), 1),
            (Stage::Directory, each),
            (Stage::TradingActions, each),
            (Stage::RegSho, each),
            (Stage::Positions, each),
            (Stage::DeclineLevels, 1),
            (Stage::Event(EventCode::StartOfSystemHours), 1),
            (Stage::Opening, opening),
            (Stage::Event(EventCode::StartOfMarketHours), 1),
            (Stage::Trading, trading),
            (Stage::Event(EventCode::EndOfMarketHours), 1),
            (Stage::Event(EventCode::EndOfSystemHours), 1),
            (Stage::Event(EventCode::EndOfMessages), 1),
        ];
        stages.reverse();
        Ok(Self {
            books: books.collect(),
            activity,
            rng,
            instruments: spec.instruments,
            stages,
            stage_messages: 0,
            now_ns: OPEN_NS - OPENING_NS - SPIN_GAP_NS * (4 * each + 3),
            gap_ns: SPIN_GAP_NS,
            last_ref: 0,
            last_match: 0,
            unbroken: None,
            paused: None,
            halted: None,
            breached_levels: 0,
            message: [0; MAX_MESSAGE_LEN],
            message_len: 0,
            messages: 0,
            frame: [0; 2 + MAX_MESSAGE_LEN],
            frame_len: 0,
            frame_read: 0,
            has_end: false,
        })
    }

    /// The number of messages returned so far.
    #[must_use]
    pub fn messages(&self) -> u64 {
        self.messages
    }

    /// The number of resting orders now.
    #[must_use]
    pub fn resting_orders(&self) -> usize {
        self.books.iter().map(Book::orders).sum()
    }

    /// The next message; `None` after the last.
    pub fn next_message(&mut self) -> Option<&[u8]> {
        let stage = loop {
            let (stage, left) = self.stages.last_mut()?;
            if *left > 0 {
                *left -= 1;
                break *stage;
            }
            self.stages.pop();
            self.stage_messages = 0;
        };
        if self.stage_messages == 0 {
            self.begin(stage);
        }
        // A random delay of up to one gap, so that times never decrease.
        let place_ns = self.now_ns;
        self.now_ns += self.rng.below(self.gap_ns.max(1));
        let at = self.stage_messages as usize;
        match stage {
            Stage::Event(code) => self.event(code),
            Stage::Directory => self.directory(at),
            Stage::TradingActions => self.trading_starts(at),
            Stage::RegSho => self.reg_sho(at),
            Stage::Positions => self.position(at),
            Stage::DeclineLevels => self.decline_levels(),
            Stage::Opening => self.opening_order(),
            Stage::Trading => self.trade_on(),
        }
        self.now_ns = place_ns + self.gap_ns;
        self.stage_messages += 1;
        self.messages += 1;
        Some(&self.message[..self.message_len])
    }

    /// Sets the pace of a stage.
    fn begin(&mut self, stage: Stage) {
        let left = self.stages.last().map_or(0, |(_, left)| left + 1);
        match stage {
            Stage::Opening => self.gap_ns = (OPEN_NS.saturating_sub(self.now_ns)) / left,
            Stage::Event(EventCode::StartOfMarketHours) => self.set_time(OPEN_NS),
            Stage::Trading => self.gap_ns = (CLOSE_NS - OPEN_NS) / (left + 1),
            Stage::Event(EventCode::EndOfMarketHours) => self.set_time(CLOSE_NS),
            _ => {}
        }
    }

    fn set_time(&mut self, ns: u64) {
        self.now_ns = self.now_ns.max(ns);
        self.gap_ns = SPIN_GAP_NS;
    }

    fn put(&mut self, message: &[u8]) {
        self.message[..message.len()].copy_from_slice(message);
        self.message_len = message.len();
    }

    fn header<const CODE: u8>(&self, index: usize) -> Header<CODE> {
        Header::new(index as u16 + 1, 0, self.now_ns)
    }

    /// A header without an instrument.
    fn market_header<const CODE: u8>(&self) -> Header<CODE> {
        Header::new(0, 0, self.now_ns)
    }

    fn price(&self, index: usize, ticks: u32) -> Price4 {
        Price4::from_raw(ticks * self.instruments[index].tick.raw())
    }

    fn take_match(&mut self, index: usize) -> u64 {
        self.last_match += 1;
        self.unbroken = Some((self.last_match, index));
        self.last_match
    }

    /// Draws an instrument by its activity.
    fn any(&mut self) -> usize {
        let index = self.activity.draw(&mut self.rng);
        self.books[index].visit(&mut self.rng);
        index
    }

    /// Draws an instrument for which `is_fit` holds; `None` if none was found.
    fn any_of(&mut self, is_fit: impl Fn(&Self, usize) -> bool) -> Option<usize> {
        (0..TRIES).find_map(|_| {
            let index = self.any();
            is_fit(self, index).then_some(index)
        })
    }

    fn trades(&self, index: usize) -> bool {
        self.paused != Some(index) && self.halted != Some(index)
    }
}

impl Read for Day {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let mut written = 0;
        while written < out.len() {
            if self.frame_read == self.frame_len && !self.next_frame() {
                break;
            }
            let length = (self.frame_len - self.frame_read).min(out.len() - written);
            out[written..][..length].copy_from_slice(&self.frame[self.frame_read..][..length]);
            written += length;
            self.frame_read += length;
        }
        Ok(written)
    }
}

impl Day {
    /// Loads the next frame. Returns false after the end marker.
    fn next_frame(&mut self) -> bool {
        let mut frame = [0; 2 + MAX_MESSAGE_LEN];
        let message = self.next_message().unwrap_or_default();
        let is_end = message.is_empty();
        let length = binary_file::encode(message, &mut frame).expect("the frame holds the longest message");
        if is_end && std::mem::replace(&mut self.has_end, true) {
            return false;
        }
        (self.frame, self.frame_len, self.frame_read) = (frame, length, 0);
        true
    }
}
