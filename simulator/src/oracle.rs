//! The oracle: what the venue must have said, by the slow model, for the inputs that its sequencer numbered.

use corelane_actors::types::{Command, GroupConfig, Publication};
use corelane_config::Config;
use corelane_model::Model;
use corelane_runtime::topology::ExternalReceiver;

use crate::{
    client::Client,
    marks::{Marks, When},
    operator::Operator,
    request::Request,
    stream::Stream,
};

/// How far the venue's time may be from the world's: a clock that is slewed by 500 ppm for a run, and a turn.
const DRIFT_NS_MAX: u64 = 100_000_000;

/// Follows the sequenced inputs.
#[derive(Debug)]
pub(crate) struct Oracle {
    record: ExternalReceiver<Command>,
    model: Model,
    pub marks: Marks,
    /// By port: the answers that the model gives.
    pub answers: Vec<Stream>,
    /// The feed that the model publishes.
    pub tape: Stream,
    /// Inputs so far, of which clients sent `requests`.
    inputs: u64,
    pub requests: u64,
    last_time_ns: u64,
    /// By port.
    log_ins: Vec<LogIn>,
}

/// What the group was told of a port.
#[derive(Clone, Copy, Debug, Default)]
struct LogIn {
    number: u32,
    is_in: bool,
}

impl Oracle {
    pub(crate) fn new(venue: &Config, config: GroupConfig, record: ExternalReceiver<Command>) -> Oracle {
        Oracle {
            record,
            marks: Marks::new(venue),
            answers: config.ports.iter().map(|_| Stream::default()).collect(),
            log_ins: vec![LogIn::default(); config.ports.len()],
            model: Model::new(config),
            tape: Stream::default(),
            inputs: 0,
            requests: 0,
            last_time_ns: 0,
        }
    }

    /// Follows what has been sequenced since the last call. It was marked `in_flight_ns` ago at most; the session has `taken` so many
    /// answers.
    ///
    /// # Errors
    /// An input that nobody sent, or that is not the next of who sent it, or has the wrong mark or time.
    pub(crate) fn follow(
        &mut self,
        clients: &mut [Client],
        now_ns: u64,
        in_flight_ns: u64,
        taken: u64,
        operator: &Operator,
    ) -> Result<(), String> {
        while let Some(envelope) = self.record.receive() {
            let (sequence, time_ns) = (envelope.header.sequence.0, envelope.header.time_ns);
            self.inputs += 1;
            if sequence != self.inputs || time_ns < self.last_time_ns {
                return Err(format!(
                    "input {sequence} at {time_ns} ns follows input {} at {}",
                    self.inputs - 1,
                    self.last_time_ns
                ));
            }
            self.last_time_ns = time_ns;
            if time_ns.abs_diff(now_ns) > DRIFT_NS_MAX {
                return Err(format!("input {sequence} has the time {time_ns}, and it is {now_ns}"));
            }
            self.follow_session(&envelope.body).map_err(|why| format!("input {sequence}: {why}"))?;
            let (was_open, was_shut) = operator.gate_within(now_ns.saturating_sub(in_flight_ns), now_ns);
            let mut when = When { time_ns, sent_ns: 0, taken_when_sent: 0, was_open, was_shut, taken };
            if let Some((port, request)) = Request::of(&envelope.body) {
                self.requests += 1;
                let client =
                    clients.get_mut(port.index()).ok_or_else(|| format!("input {sequence} is of port {port}"))?;
                let sent =
                    client.sequenced(&request).map_err(|why| format!("input {sequence} of port {port}: {why}"))?;
                // By the venue's clock, which is not more than a thousandth faster than the world's.
                let ago_ns = now_ns - sent.at_ns;
                when.sent_ns = time_ns.saturating_sub(ago_ns + ago_ns / 1000);
                when.taken_when_sent = sent.taken;
            }
            self.marks.follow(&envelope.body, when).map_err(|why| format!("input {sequence}: {why}"))?;
            let outputs = self.model.run(time_ns, &envelope.body);
            self.marks.answered(&outputs.replies);
            for reply in &outputs.replies {
                self.answers[reply.port.index()].push(&reply.bytes[..usize::from(reply.length)], time_ns);
            }
            outputs
                .publications
                .iter()
                .for_each(|Publication { length, bytes }| self.tape.push(&bytes[..usize::from(*length)], time_ns));
        }
        Ok(())
    }

    /// A port logs in and disconnects in turn, each time under the next number.
    fn follow_session(&mut self, command: &Command) -> Result<(), String> {
        let (Command::LogIn(change) | Command::Disconnect(change)) = command else { return Ok(()) };
        let known = &mut self.log_ins[change.port.index()];
        let is_next = match (command, *known) {
            (Command::LogIn(_), LogIn { number, is_in }) => !is_in && change.generation > number,
            (_, LogIn { number, is_in }) => is_in && change.generation == number,
        };
        *known = LogIn { number: change.generation, is_in: matches!(command, Command::LogIn(_)) };
        if is_next { Ok(()) } else { Err(format!("{command:?} does not follow what the group was told before")) }
    }

    /// The model's resting orders: reference, open shares.
    pub(crate) fn resting(&self) -> impl Iterator<Item = (u64, u32)> + '_ {
        self.model.orders.iter().map(|order| (order.order_ref, order.leaves))
    }
}
