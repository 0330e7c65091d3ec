//! The operator: works at the venue's desk, turns kill switches and forces circuit breakers, and wants an answer each time.

use std::{ops::ControlFlow, sync::mpsc};

use corelane_actors::types::{AccountId, FirmId, KillSwitch, PortId, Scope};
use corelane_codecs::itch::EventCode;
use corelane_config::Breaker;
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
    /// The least time that a breaker is open, and the fewest trials that close one.
    open_ns_min: u64,
    trials_min: u32,
    /// When entry was shut, by the time that the desk goes by.
    shut_ns: u64,
    /// Turns of the desk since entry was shut in which a breaker may have had a trial.
    trials: u32,
    /// When a breaker was last forced.
    forced_ns: u64,
    slot: u64,
    next_turn_ns: u64,
    /// When entry was shut and opened by breakers, alternately.
    gate_ns: Vec<u64>,
    /// The desk has ended the day of a venue that halts.
    pub has_ended: bool,
}

impl Operator {
    pub(crate) fn new(desk: SimulatedDesk, ports: usize, breakers: &[Breaker], rates: Rates) -> Operator {
        let open_ms_min = breakers.iter().map(|one| one.open_ms).min();
        Operator {
            desk,
            asked: Vec::new(),
            later: Vec::new(),
            rates,
            ports: ports as u64,
            breakers: breakers.len() as u64,
            open_ns_min: open_ms_min.unwrap_or_default() * 1_000_000,
            trials_min: breakers.iter().map(|one| one.trials.min(one.samples_min)).min().unwrap_or_default(),
            shut_ns: 0,
            trials: 0,
            forced_ns: 0,
            slot: 0,
            next_turn_ns: 0,
            gate_ns: Vec::new(),
            has_ended: false,
        }
    }

    fn ask(&mut self, now_ns: u64, request: Request) {
        if matches!(request, Request::Breaker { .. }) {
            self.forced_ns = now_ns;
        }
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
            self.judge_gate(now_ns, world.simulation().status().clock.time_of_day_ns)?;
            self.next_turn_ns = now_ns + world.draw(TURN, now_ns).within(TURN_NS.0, TURN_NS.1);
            self.take_answers(now_ns, world.simulation().escalation().is_some())?;
        }
        world.wake_at(self.next_turn_ns.min((slot + 1) * SLOT_NS), OPERATE);
        Ok(())
    }

    /// Notes when entry is shut and opened. What breakers have shut by themselves stays so for their time and their trials, one a
    /// turn of the desk, by whose time they go.
    fn judge_gate(&mut self, now_ns: u64, desk_ns: u64) -> Result<(), String> {
        let (is_shut, last_ns) = (self.desk.is_entry_shut(), self.gate_ns.last().copied());
        let was_shut_ns = last_ns.filter(|_| self.gate_ns.len() % 2 == 1);
        if is_shut != was_shut_ns.is_some() {
            self.gate_ns.push(now_ns);
        }
        let Some(was_shut_ns) = was_shut_ns else {
            (self.shut_ns, self.trials) = (desk_ns, 0);
            return Ok(());
        };
        let age_ns = desk_ns - self.shut_ns;
        self.trials += u32::from(age_ns >= self.open_ns_min);
        let is_by_itself = self.forced_ns + TURN_NS.1 < was_shut_ns;
        if !is_shut && is_by_itself && self.trials < self.trials_min {
            let (ms, trials) = (age_ns / 1_000_000, self.trials);
            return Err(format!("breakers: entry is open again after {ms} ms and {trials} trials"));
        }
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

    /// Whether breakers keep entry shut, as of the desk's last turn.
    pub(crate) fn is_entry_shut(&self) -> bool {
        self.desk.is_entry_shut()
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
