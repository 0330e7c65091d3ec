//! An actor of the network that cannot answer by itself.

use corelane_runtime::{
    actor::{Actor, Context, NetActor, Step},
    edge::port::Port,
    net::{ConnId, Flow},
};

use super::{Note, note};

/// Asks another actor about each frame, and holds the frame until the answer has come.
pub(crate) struct Asks {
    /// It asks at the end of the batch, not at the frame.
    at_batch_end: bool,
    is_to_ask: bool,
    asked: bool,
    answered: bool,
}

impl Asks {
    pub(crate) fn new(at_batch_end: bool) -> Self {
        Asks { at_batch_end, is_to_ask: false, asked: false, answered: false }
    }
}

impl Actor for Asks {
    type In = Note;
    type Out = Port<Note>;
    const OUTPUTS_MAX: usize = 1;
    fn on_message(&mut self, _: &mut Context<'_, Port<Note>>, _: &Note) -> Step {
        self.answered = true;
        Step::Done
    }
    fn on_batch_end(&mut self, ctx: &mut Context<'_, Port<Note>>) {
        if std::mem::take(&mut self.is_to_ask) {
            ctx.out.send(note(1));
        }
    }
}

impl NetActor for Asks {
    fn on_frame(&mut self, ctx: &mut Context<'_, Port<Note>>, conn: ConnId, frame: &[u8]) -> Flow {
        if std::mem::take(&mut self.answered) {
            self.asked = false;
            return ctx.net.send(conn, frame).map_or(Flow::Hold, |()| Flow::Taken);
        }
        if !std::mem::replace(&mut self.asked, true) {
            if self.at_batch_end {
                self.is_to_ask = true;
            } else {
                ctx.out.send(note(1));
            }
        }
        Flow::Hold
    }
}
