//! Bulkheads: how much the ports of a compartment may send and have unanswered, so that none of them takes the venue's room
//! from others.
//!
//! A request that a compartment has no room for is marked, and the group rejects it if it raises something. So cancels are
//! not counted, and a replace that lowers an order passes with its mark.

use corelane_runtime::resilience::{Rate, TokenBucket};

use super::{
    config::{Compartment, Level, SessionConfig},
    counts::SessionCount,
};
use crate::types::Mark;

/// The index of a compartment.
pub(super) type CompartmentId = u32;

/// All compartments. What a request reads and writes of one is on one cache line.
#[derive(Debug)]
pub(super) struct Bulkheads(Vec<Room>);

/// The room of a compartment.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct Room {
    rate: Option<Rate>,
    tokens: TokenBucket,
    in_flight_max: u32,
    in_flight: u32,
    level: Level,
}

impl Bulkheads {
    pub(super) fn new(config: &SessionConfig) -> Bulkheads {
        let room = |one: &Compartment| Room {
            rate: one.rate,
            tokens: TokenBucket::default(),
            in_flight_max: one.in_flight_max.unwrap_or(u32::MAX),
            in_flight: 0,
            level: one.level,
        };
        Bulkheads(config.compartments.iter().map(room).collect())
    }

    /// Takes a token of each of a port's compartments. If one of them has no room, takes none, and returns the mark and what
    /// to count.
    #[inline]
    pub(super) fn admit(&mut self, compartments: &[CompartmentId], now_ns: u64) -> Result<(), (Mark, SessionCount)> {
        for &id in compartments {
            self.0[id as usize].check(now_ns)?;
        }
        for &id in compartments {
            let Room { rate, tokens, .. } = &mut self.0[id as usize];
            if let Some(rate) = rate {
                tokens.take(rate);
            }
        }
        Ok(())
    }

    /// Notes that a port that had `before` unanswered requests has `after` now.
    #[inline]
    pub(super) fn note(&mut self, compartments: &[CompartmentId], before: usize, after: usize) {
        for &id in compartments {
            let in_flight = &mut self.0[id as usize].in_flight;
            // A port's requests are counted in as they are counted out, and fit: `SessionConfig::in_flight_max` bounds them.
            #[expect(clippy::cast_possible_truncation, reason = "modulo 2³²")]
            let change = after.wrapping_sub(before) as u32;
            *in_flight = in_flight.wrapping_add(change);
        }
    }
}

impl Room {
    #[inline]
    fn check(&mut self, now_ns: u64) -> Result<(), (Mark, SessionCount)> {
        if let Some(rate) = &self.rate
            && !self.tokens.has_token(now_ns, rate)
        {
            let count = match self.level {
                Level::Port => SessionCount::PortRateMarks,
                Level::Account => SessionCount::AccountRateMarks,
                Level::Firm => SessionCount::FirmRateMarks,
            };
            return Err((Mark::Rate, count));
        }
        if self.in_flight >= self.in_flight_max {
            let count = match self.level {
                Level::Port => SessionCount::PortInFlightMarks,
                Level::Account => SessionCount::AccountInFlightMarks,
                Level::Firm => SessionCount::FirmInFlightMarks,
            };
            return Err((Mark::InFlight, count));
        }
        Ok(())
    }
}

const _: () = assert!(size_of::<Room>() == 64, "a room is one cache line");

/// The compartments of each port, in the order of the configuration.
pub(super) fn compartments_by_port(config: &SessionConfig) -> Vec<Box<[CompartmentId]>> {
    let mut by_port = vec![Vec::new(); config.ports.len()];
    for (id, compartment) in (0..).zip(&config.compartments) {
        for port in &compartment.ports {
            let ids: &mut Vec<CompartmentId> = &mut by_port[port.index()];
            // A port that is listed twice has one request, not two.
            if ids.last() != Some(&id) {
                ids.push(id);
            }
        }
    }
    by_port.into_iter().map(Vec::into_boxed_slice).collect()
}
