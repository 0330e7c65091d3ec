//! A generated market that is played into the venue.

use std::{
    io::{Cursor, Read},
    net::SocketAddr,
    time::Duration,
};

use corelane_market::{Day, DayError, DayInstrument, DaySpec, Pace, PlayError, PlayReport, PlaySpec, Player};

/// Orders that rest from the start, at most.
const OPENING_ORDERS_MAX: u64 = 1000;
/// Maximum distance of the market from the reference prices, in percent: the collar moves and no order meets it.
const WANDER_PERCENT: u32 = 1;
/// Messages that a day needs besides those of its instruments.
const FRAME_MESSAGES: u64 = 16;

pub(super) struct Market {
    player: Player<Cursor<Vec<u8>>>,
    due_ns: u64,
    messages_per_s: f64,
    failure: Option<PlayError>,
    /// Messages of the whole day.
    pub messages: u64,
}

impl Market {
    /// A market of `length` at this rate.
    pub(super) fn new(
        to: SocketAddr,
        instruments: Vec<DayInstrument>,
        messages_per_s: f64,
        length: Duration,
        seed: u64,
    ) -> Result<Self, PlayError> {
        let asked = (messages_per_s * length.as_secs_f64()) as u64;
        let opening_orders = (asked / 10).min(OPENING_ORDERS_MAX);
        let least = opening_orders + FRAME_MESSAGES + 4 * instruments.len() as u64;
        let spec =
            DaySpec { seed, instruments, messages: asked.max(least), opening_orders, wander_percent: WANDER_PERCENT };
        let mut bytes = Vec::new();
        let mut day =
            Day::new(spec).unwrap_or_else(|error: DayError| unreachable!("the sizes are made to fit: {error}"));
        day.read_to_end(&mut bytes).expect("a day is read from memory");
        let messages = day.messages();
        let pace = Pace::Rate { messages_per_s };
        let player = Player::new(PlaySpec { pace, ..PlaySpec::new(to) }, Cursor::new(bytes))?;
        Ok(Self { player, due_ns: 0, messages_per_s, failure: None, messages })
    }

    /// Plays what is due; returns when to come again.
    #[inline]
    pub(super) fn step(&mut self, now_ns: u64) -> u64 {
        if now_ns >= self.due_ns {
            match self.player.step(now_ns) {
                Ok(step) => self.due_ns = if step.ended { u64::MAX } else { step.next_due_ns },
                Err(failure) => {
                    self.failure = Some(failure);
                    self.due_ns = u64::MAX;
                }
            }
        }
        self.due_ns
    }

    /// The rate asked for.
    pub(super) fn messages_per_s(&self) -> f64 {
        self.messages_per_s
    }

    /// Intended send time of the message of this number, from 1, in nanoseconds after the first.
    pub(super) fn intended_ns(&self, number: u64) -> u64 {
        (number.saturating_sub(1) as f64 * 1e9 / self.messages_per_s) as u64
    }

    /// Whether all was played, or cannot be.
    pub(super) fn has_ended(&self) -> bool {
        self.due_ns == u64::MAX
    }

    /// Returns the report of what was played.
    ///
    /// # Errors
    /// What ended it early.
    pub(super) fn finish(self) -> Result<PlayReport, PlayError> {
        match self.failure {
            Some(failure) => Err(failure),
            None => Ok(*self.player.report()),
        }
    }
}
