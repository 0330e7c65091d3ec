//! One turn of a server under an open loop.

use std::time::Duration;

use corelane_benches::wire;
use corelane_runtime::{
    running::Outcome,
    telemetry::{Counter, Timing},
};
#[cfg(feature = "peers")]
use corelane_tester::script::Mix;
use corelane_tester::{
    echo::{self, EchoSpec},
    engine::{Cycle, Measured, Pacing, Timing as Arrival},
    load::{self, LoadSpec},
};

use super::{
    Bench, MeasureError,
    hops::Stretches,
    market::Market,
    recorder::Recorder,
    side::{Turn, counter, failures, timing},
    slow_reader::SlowReaders,
};
use crate::{
    memory,
    result::{Counts, Rate, Resources, Round},
    scenario::{Kind, Scenario},
    target::{RawEcho, VenueSpec, VenueUnderTest},
};

/// Which server.
#[derive(Clone, Copy, Debug)]
pub(super) enum Target {
    /// The echo on our driver.
    Echo,
    /// The same with frames of this size.
    EchoOf {
        /// Bytes of a frame.
        frame_bytes: usize,
    },
    /// The echo by busy system calls.
    RawEcho,
    /// The venue.
    Venue,
    /// The venue, with sessions beside that do not read.
    VenueWithSlowReaders(usize),
    /// The same logic on tokio with channels.
    #[cfg(feature = "peers")]
    TokioChannels,
    /// The same logic on tokio, on one thread that spins.
    #[cfg(feature = "peers")]
    TokioSingleThreaded,
}

/// The load of one turn.
pub(super) struct Turned<'a> {
    pub scenario: &'a Scenario,
    pub bench: &'a Bench<'a>,
    pub rate_per_s: f64,
    /// Of the round.
    pub seed: u64,
}

impl Turned<'_> {
    /// How the requests are spread. The times of a cycle are whole periods, so that the rate is what was asked.
    fn pacing(&self) -> Result<Pacing, MeasureError> {
        let Turned { scenario, bench, .. } = self;
        let mut pacing = wire::pacing(bench.cpus[1], self.rate_per_s, bench.warmup, bench.round);
        pacing.coalesce = scenario.coalesce;
        pacing.kernel_times = scenario.kernel_times && scenario.kind == Kind::OrderAck;
        if let Some(arrival) = &scenario.arrival {
            pacing.timing = arrival.timing(self.rate_per_s, self.seed)?;
        }
        if let Arrival::Cycle(cycle) = &pacing.timing {
            pacing.rate_per_s = cycle.rate_per_s();
            pacing.warmup = whole(pacing.warmup, cycle);
            pacing.duration = whole(pacing.duration, cycle);
        }
        Ok(pacing)
    }

    /// Runs it once.
    pub(super) fn run(&self, target: Target) -> Result<Turn, MeasureError> {
        match target {
            Target::Echo => self.echo(wire::FRAME_BYTES),
            Target::EchoOf { frame_bytes } => self.echo(frame_bytes),
            Target::RawEcho => self.raw_echo(),
            Target::Venue => self.venue(0),
            Target::VenueWithSlowReaders(slow) => self.venue(slow),
            #[cfg(feature = "peers")]
            Target::TokioChannels => self.tokio(corelane_benches::peers::tokio_venue::channels),
            #[cfg(feature = "peers")]
            Target::TokioSingleThreaded => self.tokio(corelane_benches::peers::tokio_venue::single_threaded),
        }
    }

    fn recorder(&self, pacing: &Pacing) -> Recorder<'_> {
        Recorder::new(pacing.warmup, pacing.duration, self.bench.interval)
    }

    /// The echo on our driver, with frames of this size.
    fn echo(&self, frame_bytes: usize) -> Result<Turn, MeasureError> {
        let before = memory::resident_bytes();
        let (running, server) = wire::start_echo(self.bench.cpus[0]);
        let pacing = Pacing { server, ..self.pacing()? };
        let spec = EchoSpec { connections: self.scenario.sessions, frame_bytes, pacing };
        let mut recorder = self.recorder(&spec.pacing);
        let measured = echo::run(&spec, &mut recorder)?;
        let memory = memory::growth(before);
        let outcome = running.stop();
        let mut turn = turn(&measured, &recorder);
        take_outcome(&mut turn, &outcome, &measured, &spec.pacing, memory);
        Ok(turn)
    }

    fn raw_echo(&self) -> Result<Turn, MeasureError> {
        let echo = RawEcho::start(self.bench.cpus[0], self.scenario.sessions)?;
        let pacing = Pacing { server: echo.address(), ..self.pacing()? };
        let spec = EchoSpec { connections: self.scenario.sessions, frame_bytes: wire::FRAME_BYTES, pacing };
        let mut recorder = self.recorder(&spec.pacing);
        let measured = echo::run(&spec, &mut recorder)?;
        echo.stop()?;
        Ok(turn(&measured, &recorder))
    }

    /// A peer that panics has failed its oracle.
    #[cfg(feature = "peers")]
    fn tokio(&self, serve: fn(usize, usize, u64, Mix, Pacing) -> wire::Run) -> Result<Turn, MeasureError> {
        let pacing = self.pacing()?;
        let (cpu, sessions, mix) = (self.bench.cpus[0], self.scenario.sessions, self.scenario.mix.mix());
        let run = std::panic::catch_unwind(|| serve(cpu, sessions, self.seed, mix, pacing.clone()));
        Ok(match run {
            Ok(run) => {
                let mut turn = turn(&run.measured, &self.recorder(&pacing));
                turn.round.resources = Some(Resources { busy: Some(run.busy), ..Resources::default() });
                turn
            }
            Err(panic) => {
                let why = panic.downcast_ref::<String>().cloned().unwrap_or_else(|| "it panicked".to_owned());
                Turn { round: Round { problems: vec![why], ..Round::default() }, ..Turn::default() }
            }
        })
    }

    fn venue(&self, slow_readers: usize) -> Result<Turn, MeasureError> {
        let scenario = self.scenario;
        let mut pacing = self.pacing()?;
        let before = memory::resident_bytes();
        let length = pacing.warmup + pacing.duration;
        let sessions = scenario.sessions + slow_readers;
        let requests = (pacing.rate_per_s * length.as_secs_f64() / scenario.sessions as f64).ceil() as u64;
        let venue = VenueUnderTest::start(&VenueSpec {
            sessions,
            instruments: scenario.instruments.unwrap_or(sessions),
            requests_per_session: requests,
            feed_in: scenario.market.is_some(),
        })?;
        pacing.server = venue.order_entry();
        let users = venue.credentials();
        let (users, slow_users) = users.split_at(scenario.sessions);
        let mut slow = if slow_users.is_empty() {
            None
        } else {
            let script = venue.script(scenario.sessions..sessions, self.seed, scenario.mix.mix());
            Some(SlowReaders::connect(pacing.server, slow_users, script)?)
        };
        let mut market = match (&scenario.market, venue.feed_in()) {
            (Some(market), Some(to)) => {
                Some(Market::new(to, venue.market(), market.messages_per_s, length, self.seed)?)
            }
            _ => None,
        };
        let mut script = venue.script(0..scenario.sessions, self.seed, scenario.mix.mix());
        let spec = LoadSpec { sessions: users.to_vec(), pacing };
        let mut recorder = self.recorder(&spec.pacing).with(market.as_mut(), slow.as_mut());
        let load = load::run(&spec, &mut script, &mut recorder)?;
        let memory = memory::growth(before);
        let mut turn = turn(&load.measured, &recorder);
        let outcome = venue.stop();
        turn.stretches.inside = timing(&outcome.status, Timing::OrderToAnswer);
        take_outcome(&mut turn, &outcome, &load.measured, &spec.pacing, memory);
        if let Some(counts) = &mut turn.round.counts {
            counts.checked = load.answers;
            counts.rejects = load.rejects_by_name().collect();
        }
        if load.executed_resting != load.executed_incoming {
            turn.round.problems.push(format!(
                "resting orders executed {} shares, incoming ones {}",
                load.executed_resting, load.executed_incoming
            ));
        }
        if let Some(slow) = slow {
            let slow = slow.disconnected();
            let closed = counter(&outcome.status, Counter::NetSlowReaders);
            if closed < slow as u64 {
                turn.round
                    .problems
                    .push(format!("{slow} slow sessions ended, {closed} of them for reading too slowly"));
            }
        }
        if let Some(market) = market {
            market.finish()?;
        }
        Ok(turn)
    }
}

/// So many whole periods, at least one.
fn whole(length: Duration, cycle: &Cycle) -> Duration {
    let periods = (length.as_nanos() as u64).div_ceil(cycle.period_ns).max(1);
    Duration::from_nanos(periods * cycle.period_ns)
}

fn turn(measured: &Measured, recorder: &Recorder<'_>) -> Turn {
    let round = Round {
        intended: Some((&measured.intended).into()),
        send: Some((&measured.send).into()),
        rate: Some(Rate { asked_per_s: measured.asked_per_s, achieved_per_s: measured.achieved_per_s }),
        counts: Some(Counts {
            sent: measured.sent,
            answered: measured.answered,
            silent: measured.silent,
            unsent: measured.unsent,
            missing: measured.missing,
            checked: measured.answered,
            drops: measured.drops,
            rejects: Default::default(),
        }),
        series: recorder.series(),
        problems: measured.problems(),
        ..Round::default()
    };
    Turn {
        round,
        intended: Some(measured.intended.clone()),
        send: Some(measured.send.clone()),
        stretches: Stretches::of(measured),
    }
}

/// What the server says of itself.
fn take_outcome(turn: &mut Turn, outcome: &Outcome, measured: &Measured, pacing: &Pacing, memory_bytes: u64) {
    let status = &outcome.status;
    let count = |which| counter(status, which) as f64;
    let per_request = |which| Some(count(which) / measured.sent.max(1) as f64);
    turn.round.resources = Some(Resources {
        busy: Some(count(Counter::BusyNs) / (pacing.warmup + pacing.duration).as_nanos() as f64),
        enters_per_request: per_request(Counter::NetEnters),
        messages_per_request: per_request(Counter::Messages),
        wire_bytes_per_request: Some(
            (count(Counter::NetBytesIn) + count(Counter::NetBytesOut)) / measured.sent.max(1) as f64,
        ),
        memory_bytes: Some(memory_bytes),
    });
    turn.round.problems.extend(failures(status));
    if !outcome.drained {
        turn.round.problems.push("the server stopped with work in flight".to_owned());
    }
}
