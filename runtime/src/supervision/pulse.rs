//! What housekeeping is doing, for the thread that watches it.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use crate::topology::ids::ActorIndex;

/// What housekeeping is doing: mostly the program's own code, which may not return.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Doing {
    /// Nothing of the program's.
    OwnWork,
    Log,
    Chore,
    Incident,
    /// Drops what the program gave it, at its end.
    LettingGo,
    Building(ActorIndex),
    Dropping(ActorIndex),
}

impl Doing {
    /// In words. `names` are those of the actors.
    pub(crate) fn words(self, names: &[String]) -> String {
        match self {
            Doing::OwnWork => "the runtime's own work: please report it".to_owned(),
            Doing::Log => "the program's log".to_owned(),
            Doing::Chore => "the program's chore".to_owned(),
            Doing::Incident => "what the program does with incidents".to_owned(),
            Doing::LettingGo => {
                "the drop of the program's chore, of its factories, or of what takes its incidents".to_owned()
            }
            Doing::Building(actor) => format!("the factory of actor {:?}", names[actor.position()]),
            Doing::Dropping(actor) => format!("the drop of actor {:?}", names[actor.position()]),
        }
    }

    /// The actor, if it is one's code.
    pub(crate) fn actor(self) -> Option<ActorIndex> {
        match self {
            Doing::Building(actor) | Doing::Dropping(actor) => Some(actor),
            _ => None,
        }
    }

    fn encode(self) -> u64 {
        let of = |kind: u64, actor: ActorIndex| kind << 32 | actor.position() as u64;
        match self {
            Doing::OwnWork => 0,
            Doing::Log => 1 << 32,
            Doing::Chore => 2 << 32,
            Doing::Incident => 3 << 32,
            Doing::LettingGo => 4 << 32,
            Doing::Building(actor) => of(5, actor),
            Doing::Dropping(actor) => of(6, actor),
        }
    }

    fn decode(word: u64) -> Doing {
        let actor = ActorIndex::new(word as u32);
        match word >> 32 {
            0 => Doing::OwnWork,
            1 => Doing::Log,
            2 => Doing::Chore,
            3 => Doing::Incident,
            4 => Doing::LettingGo,
            5 => Doing::Building(actor),
            _ => Doing::Dropping(actor),
        }
    }
}

/// Housekeeping's heartbeat, and what it is doing. Only housekeeping writes; nothing else is read by what these words say, so they
/// order nothing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pulse(Arc<Words>);

#[derive(Debug, Default)]
struct Words {
    beats: AtomicU64,
    doing: AtomicU64,
}

impl Pulse {
    /// Housekeeping goes on.
    pub(crate) fn beat(&self) {
        self.0.beats.fetch_add(1, Ordering::Relaxed);
    }

    /// Does something, and beats before and after it.
    pub(crate) fn during<R>(&self, doing: Doing, run: impl FnOnce() -> R) -> R {
        let before = self.0.doing.swap(doing.encode(), Ordering::Relaxed);
        self.beat();
        let _done = Done { pulse: self, before };
        run()
    }

    pub(crate) fn beats(&self) -> u64 {
        self.0.beats.load(Ordering::Relaxed)
    }

    pub(crate) fn doing(&self) -> Doing {
        Doing::decode(self.0.doing.load(Ordering::Relaxed))
    }
}

/// Goes back to what was being done before, after a panic too.
struct Done<'a> {
    pulse: &'a Pulse,
    before: u64,
}

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.pulse.0.doing.store(self.before, Ordering::Relaxed);
        self.pulse.beat();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_being_done_is_known_from_its_begin_to_its_end() {
        let (pulse, seen) = (Pulse::default(), Pulse::default());
        let actor = ActorIndex::new(u32::MAX);
        for doing in [
            Doing::Log,
            Doing::Chore,
            Doing::Incident,
            Doing::LettingGo,
            Doing::Building(actor),
            Doing::Dropping(actor),
        ] {
            let before = pulse.beats();
            pulse.during(doing, || assert_eq!((pulse.doing(), pulse.beats()), (doing, before + 1)));
            assert_eq!((pulse.doing(), pulse.beats()), (Doing::OwnWork, before + 2));
        }
        assert_eq!((seen.doing(), seen.beats()), (Doing::OwnWork, 0));
    }
}
