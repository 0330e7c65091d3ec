//! The phase of the trading day.

use corelane_codecs::{itch::EventCode, ouch::TimeInForce};

/// The phase of the trading day, see [`MarketEvent`](crate::types::MarketEvent).
#[derive(Clone, Copy, Debug)]
pub(super) struct Day {
    /// The last event of the day so far.
    last: Option<EventCode>,
    hours: Hours,
}

/// Which orders are accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hours {
    Closed,
    /// Before and after market hours: immediate-or-cancel orders.
    Extended,
    /// Market hours: all orders.
    Market,
}

impl Day {
    /// A day without events. If it `opens_at_start`, all orders are accepted before the first.
    pub(super) fn new(opens_at_start: bool) -> Day {
        Day { last: None, hours: if opens_at_start { Hours::Market } else { Hours::Closed } }
    }

    /// Takes an event; false if it is not later in the day than the last one.
    pub(super) fn advance(&mut self, event: EventCode) -> bool {
        let ends_too_early = event == EventCode::EndOfMessages && self.last != Some(EventCode::EndOfSystemHours);
        if ends_too_early || self.last.is_some_and(|last| place(event) <= place(last)) {
            return false;
        }
        self.last = Some(event);
        self.hours = match event {
            EventCode::StartOfMessages => return true,
            EventCode::StartOfMarketHours => Hours::Market,
            EventCode::StartOfSystemHours | EventCode::EndOfMarketHours => Hours::Extended,
            EventCode::EndOfSystemHours | EventCode::EndOfMessages => Hours::Closed,
        };
        true
    }

    /// Whether no order is accepted now.
    pub(super) fn is_closed(&self) -> bool {
        self.hours == Hours::Closed
    }

    /// Whether orders with this time in force (its wire byte) are accepted now.
    #[inline(always)]
    pub(super) fn accepts(&self, time_in_force: u8) -> bool {
        match self.hours {
            Hours::Market => true,
            Hours::Extended => time_in_force == TimeInForce::ImmediateOrCancel.to_wire(),
            Hours::Closed => false,
        }
    }
}

/// The place of an event in the order of the day.
fn place(event: EventCode) -> u8 {
    match event {
        EventCode::StartOfMessages => 0,
        EventCode::StartOfSystemHours => 1,
        EventCode::StartOfMarketHours => 2,
        EventCode::EndOfMarketHours => 3,
        EventCode::EndOfSystemHours => 4,
        EventCode::EndOfMessages => 5,
    }
}
