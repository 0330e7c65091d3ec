//! The answers to a script when the venue stops beneath it, or rejects what has waited too long: from the first order that the end
//! of the day cancels, or that delay protection rejects, the script no longer knows which orders rest. Each order gets one final
//! answer.

use std::collections::BTreeSet;

use corelane_codecs::ouch::{CancelReason, Outbound, RejectReason};
use corelane_tester::script::{Completion, MarketScript, Mismatch, Script};

pub(super) struct Ending {
    script: MarketScript,
    has_begun: bool,
    /// Sessions and their orders that got a final answer since.
    final_answers: BTreeSet<(usize, u32)>,
}

impl Ending {
    pub(super) fn of(script: MarketScript) -> Ending {
        Ending { script, has_begun: false, final_answers: BTreeSet::new() }
    }
}

impl Script for Ending {
    fn next(&mut self, session: usize, out: &mut Vec<u8>) {
        self.script.next(session, out);
    }

    fn check(&mut self, session: usize, answer: &Outbound<'_>) -> Result<Completion, Mismatch> {
        let last = match answer {
            Outbound::Canceled(canceled, _) => {
                // At the client's wish it may be of a part, and may be read after the end has begun for another session.
                let is_closed = canceled.reason_code == CancelReason::Closed.to_wire();
                self.has_begun |= is_closed;
                is_closed.then_some(canceled.user_ref_num.get())
            }
            Outbound::Rejected(rejected, _) => {
                self.has_begun |= rejected.reason_code.get() == RejectReason::Halted.to_wire();
                Some(rejected.user_ref_num.get())
            }
            _ => None,
        };
        if !self.has_begun {
            return self.script.check(session, answer);
        }
        match last {
            Some(order) if !self.final_answers.insert((session, order)) => Err(Mismatch {
                expected: format!("no more about order {order}, which has its final answer"),
                actual: format!("{answer:?}"),
            }),
            _ => Ok(Completion::Further),
        }
    }

    fn withdraw(&mut self, session: usize) {
        self.script.withdraw(session);
    }

    fn owed(&self, session: usize, outstanding: usize) -> u64 {
        if self.has_begun { 0 } else { self.script.owed(session, outstanding) }
    }

    fn closing(&mut self, session: usize, out: &mut Vec<u8>) -> bool {
        !self.has_begun && self.script.closing(session, out)
    }
}
