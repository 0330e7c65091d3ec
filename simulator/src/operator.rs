//! The operator: works at the venue's desk, turns kill switches and forces circuit breakers, and wants an answer each time.

use std::{ops::ControlFlow, sync::mpsc};

use corelane_actors::types::{AccountId, FirmId, KillSwitch, PortId, Scope};
use corelane_codecs::itch::EventCode;
use corelane_runtime::{
    resilience::BreakerState,
    simulation::{Source, World},
};
use corelane_venue::{Answer, Request, SimulatedDesk};

use crate::profile::Rates;

/// Tokens of its wake-ups.
pub(crate) const OPERATE: u64 = 4 << 56;

pub(crate) const KILL: Source = Source::new("operator.kill-switch");
pub(crate) const FORCE: Source = Source::new("operator.breaker");
const TURN: Source = Source::new("operator.turn");
/// Whether a switch is turned is decided once in this time.
const SLOT_NS: u64 = 10_000_000;
/// The time between two turns of the desk.
const TURN_NS: (u64, u64) = (18_000_000, 24_000_000);
/// How long an answer may take: as long as the desk waits for the group, and some turns.
const ANSWER_NS_MAX: u64 = 5_500_000_000;

/// The operator and the desk.
pub(crate) struct Operator {
    desk: SimulatedDesk,
    /// What was asked for, and when.
    asked: Vec<(u64, Request, mpsc::Receiver<Answer>)>,
    /// What is to be asked for later.
    later: Vec<(u64, Request)>,
    rates: Rates,
    ports: u64,
    breakers: u64,
    slot: u64,
    next_turn_ns: u64,
    /// When entry was shut and opened by breakers, alternately.
    gate_ns: Vec<u64>,
    /// The desk has ended the day of a venue that halts.
    pub has_ended: bool,
}

impl Operator {
    pub(crate) fn new(desk: SimulatedDesk, ports: usize, breakers: usize, rates: Rates) -> Operator {
        Operator {
            desk,
            asked: Vec::new(),
            later: Vec::new(),
            rates,
            ports: ports as u64,
            breakers: breakers as u64,
            slot: 0,
            next_turn_ns: 0,
            gate_ns: Vec::new(),
            has_ended: false,
        }
    }

    fn ask(&mut self, now_ns: u64, request: Request) {
        self.asked.push((now_ns, request, self.desk.ask(request)));
    }

    /// Ends the day.
    pub(crate) fn end_day(&mut self, now_ns: u64) {
        self.ask(now_ns, Request::Phase(EventCode::EndOfMessages));
    }

    /// Releases what is engaged.
    pub(crate) fn release_all(&mut self, now_ns: u64) {
        for (_, request) in std::mem::take(&mut self.later) {
            self.ask(now_ns, request);
        }
    }

    /// Asks for what is due, and gives the desk its turn.
    ///
    /// # Errors
    /// A wrong answer, or none.
    pub(crate) fn operate(&mut self, world: &mut World) -> Result<(), String> {
        let now_ns = world.now_ns();
        let slot = now_ns / SLOT_NS;
        if std::mem::replace(&mut self.slot, slot) != slot {
            self.turn_switches(world, slot);
        }
        while let Some(at) = self.later.iter().position(|(at_ns, _)| *at_ns <= now_ns) {
            let (_, request) = self.later.remove(at);
            self.ask(now_ns, request);
        }
        if self.next_turn_ns <= now_ns {
            self.has_ended |= self.desk.turn(world.simulation(), now_ns) == ControlFlow::Break(());
            let is_shut = self.gate_ns.len() % 2 == 1;
            if self.desk.is_entry_shut() != is_shut {
                self.gate_ns.push(now_ns);
            }
            self.next_turn_ns = now_ns + world.draw(TURN, now_ns).within(TURN_NS.0, TURN_NS.1);
            self.take_answers(now_ns, world.simulation().escalation().is_some())?;
        }
        world.wake_at(self.next_turn_ns.min((slot + 1) * SLOT_NS), OPERATE);
        Ok(())
    }

    fn turn_switches(&mut self, world: &mut World, slot: u64) {
        let now_ns = world.now_ns();
        if let Some(mut draw) = world.strikes(KILL, slot, self.rates.kill) {
            let scope = match draw.below(8) {
                0 => Scope::Everyone,
                1 => Scope::Firm(FirmId::from_index(0)),
                2 => Scope::Account(AccountId::from_index(0)),
                _ => Scope::Port(PortId::from_index(draw.below(self.ports) as usize)),
            };
            let until_ns = now_ns + draw.within(1_000_000, 30_000_000);
            self.later.push((until_ns, Request::KillSwitch(KillSwitch::new(scope, false))));
            self.ask(now_ns, Request::KillSwitch(KillSwitch::new(scope, true)));
        }
        if self.breakers > 0
            && let Some(mut draw) = world.strikes(FORCE, slot, self.rates.breaker)
        {
            let index = draw.below(self.breakers) as usize;
            let until_ns = now_ns + draw.within(1_000_000, 60_000_000);
            self.later.push((until_ns, Request::Breaker { index, state: BreakerState::Closed }));
            self.ask(now_ns, Request::Breaker { index, state: BreakerState::ForcedOpen });
        }
    }

    /// A venue that halts may refuse; nothing else may go wrong.
    fn take_answers(&mut self, now_ns: u64, is_halting: bool) -> Result<(), String> {
        let mut wrong = None;
        self.asked.retain(|(asked_ns, request, waiting)| match waiting.try_recv() {
            Err(_) if now_ns - asked_ns < ANSWER_NS_MAX => true,
            Err(_) => {
                wrong = Some(format!("the desk: {request:?} has no answer"));
                false
            }
            Ok(Err(problem)) if !is_halting => {
                wrong = Some(format!("the desk: {request:?} is refused: {problem}"));
                false
            }
            Ok(_) => false,
        });
        wrong.map_or(Ok(()), Err)
    }

    /// Whether entry was open at some time, and shut at some time, from one time to another.
    pub(crate) fn gate_within(&self, from_ns: u64, to_ns: u64) -> (bool, bool) {
        let before = self.gate_ns.partition_point(|&at_ns| at_ns <= from_ns);
        let changes = self.gate_ns[before..].iter().any(|&at_ns| at_ns <= to_ns);
        let is_shut = before % 2 == 1;
        (!is_shut || changes, is_shut || changes)
    }

    /// What it still waits for.
    pub(crate) fn waits_for(&self) -> Option<String> {
        let asked = self.asked.first().map(|(_, request, _)| format!("the desk: {request:?} is not answered"));
        asked.or_else(|| self.desk.waits_for().map(|what| format!("the desk: {what}")))
    }
}
