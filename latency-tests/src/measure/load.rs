//! One turn of a server under an open loop.

use std::time::Duration;

use corelane_actors::telemetry::OrderTiming;
use corelane_benches::wire;
use corelane_runtime::{lifecycle::Outcome, sequencer::SequencerTiming, telemetry::ShardCount};
#[cfg(feature = "peers")]
use corelane_tester::script::Mix;
use corelane_tester::{
    echo::{self, EchoSpec},
    engine::{Cycle, Measured, Pacing, Timing as Arrival},
    load::{self, LoadSpec},
};

use super::{
    bench::{Bench, MeasureError},
    contender::Turn,
    hops::Stretches,
    market::Market,
    reconnecting::Reconnecting,
    recorder::{Recorder, Rider},
    slow_reader::SlowReaders,
};
use crate::{
    memory,
    result::{Counts, Rate, Resources, Round},
    scenario::{Flow, Kind, Scenario},
    target::{RawEcho, VenueSpec, VenueUnderTest},
};

/// Server under load.
#[derive(Clone, Copy, Debug)]
pub(super) enum Target {
    /// The echo on our driver.
    Echo,
    /// The echo on our driver with frames of this size.
    EchoOf {
        /// Bytes of a frame.
        frame_bytes: usize,
    },
    /// The echo by busy system calls.
    RawEcho,
    /// The venue.
    Venue,
    /// The venue, with sessions beside that behave badly.
    VenueBeside(Neighbours),
    /// The venue's logic on tokio with channels.
    #[cfg(feature = "peers")]
    TokioChannels,
    /// The venue's logic on tokio, on one thread that spins.
    #[cfg(feature = "peers")]
    TokioSingleThreaded,
}

/// Sessions beside the load, so many.
#[derive(Clone, Copy, Debug)]
pub(super) enum Neighbours {
    /// They send and do not read.
    SlowReaders(usize),
    /// They go away and come back.
    Reconnecting(usize),
}

/// Running sessions beside the load.
enum Beside {
    SlowReaders(Box<SlowReaders>),
    Reconnecting(Box<Reconnecting>),
}

impl Target {
    /// Differences of a server from the venue in this scenario: work that it leaves out or does otherwise.
    pub(super) fn differs(self, scenario: &Scenario) -> Option<&'static str> {
        match self {
            Self::Echo | Self::EchoOf { .. } | Self::RawEcho => match (scenario.mix, &scenario.market) {
                (Flow::EnterAndCancel, None) => None,
                (Flow::EnterAndCancel, Some(_)) => Some("takes no market in"),
                (Flow::Full, None) => Some(ONE_ANSWER),
                (Flow::Full, Some(_)) => Some(ONE_ANSWER_AND_NO_MARKET),
            },
            Self::Venue | Self::VenueBeside(_) => None,
            #[cfg(feature = "peers")]
            Self::TokioChannels => Some(corelane_benches::peers::tokio_venue::CHANNELS_DIFFER),
            #[cfg(feature = "peers")]
            Self::TokioSingleThreaded => Some(corelane_benches::peers::tokio_venue::SINGLE_THREADED_DIFFERS),
        }
    }
}

/// Difference of an echo from the venue if sessions send all kinds of requests.
const ONE_ANSWER: &str = "one answer to each request, where the venue gives 1.7 on average";
const ONE_ANSWER_AND_NO_MARKET: &str =
    "one answer to each request, where the venue gives 1.7 on average, and takes no market in";

/// The load of one turn.
pub(super) struct Turned<'a> {
    pub scenario: &'a Scenario,
    pub bench: &'a Bench<'a>,
    pub rate_per_s: f64,
    /// Seed of the round.
    pub seed: u64,
}

impl Turned<'_> {
    /// Pacing of the requests. The times of a cycle are whole periods, so that the rate is what was asked.
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
            Target::Venue => self.venue(None),
            Target::VenueBeside(neighbours) => self.venue(Some(neighbours)),
            #[cfg(feature = "peers")]
            Target::TokioChannels => self.tokio(corelane_benches::peers::tokio_venue::channels),
            #[cfg(feature = "peers")]
            Target::TokioSingleThreaded => self.tokio(corelane_benches::peers::tokio_venue::single_threaded),
        }
    }

    fn recorder(&self, pacing: &Pacing) -> Recorder<'_> {
        Recorder::new(pacing.warmup, pacing.duration, self.bench.interval).within(self.scenario.answer_within_us)
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
                // It has no observer: there is no series, and no availability.
                let silent = Recorder::new(pacing.warmup, pacing.duration, self.bench.interval);
                let mut turn = turn(&run.measured, &silent);
                turn.round.resources = Some(Resources { busy: Some(run.busy), ..Resources::default() });
                turn
            }
            Err(panic) => {
                let why = panic.downcast_ref::<String>().cloned().unwrap_or_else(|| "it panicked".to_owned());
                Turn { round: Round { problems: vec![why], ..Round::default() }, ..Turn::default() }
            }
        })
    }

    fn venue(&self, neighbours: Option<Neighbours>) -> Result<Turn, MeasureError> {
        let scenario = self.scenario;
        let mut pacing = self.pacing()?;
        let before = memory::resident_bytes();
        let length = pacing.warmup + pacing.duration;
        let count = match neighbours {
            Some(Neighbours::SlowReaders(count) | Neighbours::Reconnecting(count)) => count,
            None => 0,
        };
        let sessions = scenario.sessions + count;
        let requests = (pacing.rate_per_s * length.as_secs_f64() / scenario.sessions as f64).ceil() as u64;
        let venue = VenueUnderTest::start(&VenueSpec {
            sessions,
            instruments: scenario.instruments.unwrap_or(sessions),
            requests_per_session: requests,
            feed_in: scenario.market.is_some(),
            // The model of a port knows nothing of connections.
            orders_stay: matches!(neighbours, Some(Neighbours::Reconnecting(_))),
        })?;
        pacing.server = venue.order_entry();
        let users = venue.credentials();
        let (users, others) = users.split_at(scenario.sessions);
        let others_script = || venue.script(scenario.sessions..sessions, self.seed, scenario.mix.mix());
        let mut beside = match neighbours {
            Some(Neighbours::SlowReaders(_)) => {
                let slow = SlowReaders::connect(pacing.server, others, others_script())?;
                Some(Beside::SlowReaders(Box::new(slow)))
            }
            Some(Neighbours::Reconnecting(_)) => {
                let reconnecting = Reconnecting::connect(pacing.server, others, others_script())?;
                Some(Beside::Reconnecting(Box::new(reconnecting)))
            }
            None => None,
        };
        let mut market = match (&scenario.market, venue.feed_in()) {
            (Some(market), Some(to)) => {
                Some(Market::new(to, venue.market(), market.messages_per_s, length, self.seed)?)
            }
            _ => None,
        };
        let mut script = venue.script(0..scenario.sessions, self.seed, scenario.mix.mix());
        let spec = LoadSpec { sessions: users.to_vec(), pacing };
        let rider = beside.as_mut().map(|beside| -> &mut dyn Rider {
            match beside {
                Beside::SlowReaders(slow) => slow.as_mut(),
                Beside::Reconnecting(reconnecting) => reconnecting.as_mut(),
            }
        });
        let mut recorder = self.recorder(&spec.pacing).with(market.as_mut(), rider);
        let load = load::run(&spec, &mut script, &mut recorder)?;
        let memory = memory::growth(before);
        let mut turn = turn(&load.measured, &recorder);
        let slow_ended = match beside {
            Some(Beside::Reconnecting(reconnecting)) => {
                let (recovery, problems) = reconnecting.finish(length.as_nanos() as u64);
                turn.round.recovery = Some(recovery);
                turn.round.problems.extend(problems);
                None
            }
            Some(Beside::SlowReaders(slow)) => Some(slow.disconnected()),
            None => None,
        };
        let outcome = venue.stop();
        turn.stretches.numbered = outcome.status.timing(SequencerTiming::InputToNumber);
        turn.stretches.decided = outcome.status.timing(OrderTiming::OrderToDecision);
        turn.stretches.inside = outcome.status.timing(OrderTiming::OrderToAnswer);
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
        if let Some(slow) = slow_ended {
            let closed = outcome.status.count(ShardCount::NetSlowReaders);
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
        availability: recorder.availability(measured),
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

/// Takes the server's own measurements into the turn.
fn take_outcome(turn: &mut Turn, outcome: &Outcome, measured: &Measured, pacing: &Pacing, memory_bytes: u64) {
    let status = &outcome.status;
    let count = |which| status.count(which) as f64;
    let per_request = |which| Some(count(which) / measured.sent.max(1) as f64);
    turn.round.resources = Some(Resources {
        busy: Some(count(ShardCount::BusyNs) / (pacing.warmup + pacing.duration).as_nanos() as f64),
        enters_per_request: per_request(ShardCount::NetEnters),
        messages_per_request: per_request(ShardCount::Messages),
        wire_bytes_per_request: Some(
            (count(ShardCount::NetBytesIn) + count(ShardCount::NetBytesOut)) / measured.sent.max(1) as f64,
        ),
        memory_bytes: Some(memory_bytes),
    });
    turn.round.problems.extend(outcome.problems());
}
