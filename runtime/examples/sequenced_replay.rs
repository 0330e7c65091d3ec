//! A sequenced actor: its inputs are recorded, and a replay of the record gives the same outputs.
//! `cargo run -p corelane-runtime --example sequenced_replay`

use corelane_runtime::prelude::*;

/// An amount paid in, or out if negative.
#[derive(Clone, Copy)]
struct Payment(i64);
impl Message for Payment {}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Balance {
    cents: i64,
    time_ns: u64,
}
impl Message for Balance {}

/// Its only inputs are sequenced: numbered, and with the time at which the sequencer took them.
#[derive(Default)]
struct Account {
    cents: i64,
}

impl SequencedActor for Account {
    type In = Payment;
    type Out = Port<Balance>;
    const OUTPUTS_MAX: usize = 1;

    fn on_message(&mut self, ctx: &mut SequencedContext<'_, Self::Out>, payment: &Payment) -> Step {
        self.cents += payment.0;
        let time_ns = ctx.time_ns();
        ctx.out.send(Balance { cents: self.cents, time_ns });
        Step::Done
    }
}

/// A payment needs nothing attached before it is sequenced.
struct AsItComes;

impl SequencerPolicy for AsItComes {
    type In = Payment;
    type Out = Payment;
    fn sequence(&mut self, input: &Payment, _: Origin, emit: impl FnOnce(Payment)) {
        emit(*input);
    }
}

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Runs live; returns the recorded inputs and the outputs.
fn live() -> Result<(Vec<Envelope<Payment>>, Vec<Balance>)> {
    let mut topology = Topology::new();
    let shard = topology.shard(ShardSpec::new("live", allowed_cpus()[0]));
    let sequencer = topology.actor(shard, "sequencer", || Sequencer::new(AsItComes));
    let account = topology.sequenced(shard, "account", Account::default);
    let mut payments = topology.external_sender("payments", sequencer, EdgeSpec::backpressure(64));
    topology.connect(sequencer, |out| &mut out.group, account, EdgeSpec::backpressure(64));
    let mut record = topology.external_receiver(sequencer, |out| &mut out.record, EdgeSpec::backpressure(64));
    let mut balances = topology.external_receiver(account, |out| out, EdgeSpec::backpressure(64));
    let running = topology.start(RunOptions::default())?;
    for cents in [100, 250, -75, 8, -200] {
        payments.send(Payment(cents))?;
    }
    assert!(running.stop().drained);
    let record = std::iter::from_fn(|| record.receive()).collect();
    Ok((record, std::iter::from_fn(|| balances.receive()).map(|balance| balance.body).collect()))
}

/// Feeds the record to another such actor, on one thread and at any other time.
fn replay(record: &[Envelope<Payment>]) -> Result<Vec<Balance>> {
    let mut topology = Topology::new();
    let shard = topology.shard(ShardSpec::new("replay", allowed_cpus()[0]));
    let account = topology.sequenced(shard, "account", Account::default);
    let mut inputs = topology.external_sender("record", account, EdgeSpec::backpressure(64));
    let mut balances = topology.external_receiver(account, |out| out, EdgeSpec::backpressure(64));
    let mut simulation = topology.simulate()?;
    for input in record {
        inputs.batch().send_as(input.header, input.body)?;
    }
    simulation.run_until_idle();
    Ok(std::iter::from_fn(|| balances.receive()).map(|balance| balance.body).collect())
}

fn main() -> Result<()> {
    let (record, balances) = live()?;
    let replayed = replay(&record)?;
    for (input, balance) in record.iter().zip(&replayed) {
        let (number, cents) = (input.header.sequence, input.body.0);
        println!("input {number}: {cents:+} gives a balance of {} at {} ns", balance.cents, balance.time_ns);
    }
    assert_eq!(balances.last().map(|balance| balance.cents), Some(83));
    assert_eq!(replayed, balances, "the same inputs give the same outputs");
    Ok(())
}
