//! The operator: brings the day forward, and turns kill switches.

use std::collections::VecDeque;

use corelane_actors::{
    engine::GroupCount,
    types::{AccountId, Command, FirmId, KillSwitch, MarketEvent, PortId, Scope, SequencerIn},
};
use corelane_runtime::{
    simulation::{Source, World},
    telemetry::Counters,
    topology::ExternalSender,
};

/// Tokens of its wake-ups.
pub(crate) const OPERATE: u64 = 4 << 56;

const KILL: Source = Source::new("operator.kill-switch");
/// Whether a switch is turned is decided once in this time.
const SLOT_NS: u64 = 10_000_000;
/// How often what found no room is sent again.
const RETRY_NS: u64 = 100_000;

/// The operator.
pub(crate) struct Operator {
    control: ExternalSender<SequencerIn>,
    group: Counters<GroupCount>,
    waiting: VecDeque<Command>,
    engaged: Vec<(u64, Scope)>,
    /// Commands given so far that the group counts.
    pub commands: u64,
    kill: u32,
    ports: u64,
}

impl Operator {
    pub(crate) fn new(
        control: ExternalSender<SequencerIn>,
        group: Counters<GroupCount>,
        ports: usize,
        kill: u32,
    ) -> Operator {
        let (waiting, engaged) = (VecDeque::new(), Vec::new());
        Operator { control, group, waiting, engaged, commands: 0, kill, ports: ports as u64 }
    }

    /// Brings the day through these events.
    pub(crate) fn events(&mut self, codes: &[u8]) {
        codes.iter().for_each(|&code| self.command(Command::MarketEvent(MarketEvent { code })));
    }

    /// Releases what is engaged.
    pub(crate) fn release_all(&mut self) {
        for (_, scope) in std::mem::take(&mut self.engaged) {
            self.command(Command::KillSwitch(KillSwitch::new(scope, false)));
        }
    }

    fn command(&mut self, command: Command) {
        self.commands += 1;
        self.waiting.push_back(command);
        self.send();
    }

    fn send(&mut self) {
        let mut batch = self.control.batch();
        while let Some(&command) = self.waiting.front()
            && batch.send(SequencerIn::Command(command)).is_ok()
        {
            self.waiting.pop_front();
        }
    }

    /// Turns switches that are due, and sends what waits.
    pub(crate) fn operate(&mut self, world: &mut World) {
        let now_ns = world.now_ns();
        if let Some(mut draw) = world.strikes(KILL, now_ns / SLOT_NS, self.kill) {
            let scope = match draw.below(8) {
                0 => Scope::Everyone,
                1 => Scope::Firm(FirmId::from_index(0)),
                2 => Scope::Account(AccountId::from_index(0)),
                _ => Scope::Port(PortId::from_index(draw.below(self.ports) as usize)),
            };
            self.engaged.push((now_ns + draw.within(1_000_000, 30_000_000), scope));
            self.command(Command::KillSwitch(KillSwitch::new(scope, true)));
        }
        // As the desk of a venue does while instruments are paused.
        if self.waiting.is_empty() && self.group.get(GroupCount::InstrumentsPaused) > 0 {
            self.waiting.push_back(Command::EndPauses);
        }
        let is_due = |(until_ns, _): &(u64, Scope)| *until_ns <= now_ns;
        while let Some(at) = self.engaged.iter().position(is_due) {
            let (_, scope) = self.engaged.remove(at);
            self.command(Command::KillSwitch(KillSwitch::new(scope, false)));
        }
        self.send();
        let next_ns = if self.waiting.is_empty() { (now_ns / SLOT_NS + 1) * SLOT_NS } else { now_ns + RETRY_NS };
        world.wake_at(next_ns, OPERATE);
    }

    /// Whether all commands have been taken.
    pub(crate) fn waits_for(&self) -> Option<String> {
        (!self.waiting.is_empty()).then(|| format!("the operator: {} commands wait", self.waiting.len()))
    }
}
