//! One row: a server under load, a fault, and what followed.

use std::{
    path::Path,
    sync::{Arc, OnceLock},
    thread,
    time::{Duration, Instant},
};

use corelane_config::{Config, VENUE_TOML};
use corelane_tester::{
    configured,
    engine::{Answered, IdleStrategy, Observer, Pacing},
    load::{self, Credentials, LoadResult, LoadSpec},
    script::{MarketScript, MarketSpec, Mix},
};
use hdrhistogram::Histogram;

use super::{
    ending::Ending,
    feed::Feed,
    peers,
    records::Records,
    rows::{Cause, Outcome, Peers, Row},
    server::{self, Ended, Line, Server, Setup},
    tape::{Subscriber, Tape},
};

/// Sessions of the load, and their rate together.
const SESSIONS: usize = 4;
const RATE_PER_S: f64 = 4000.0;
const OPEN_ORDERS_MAX: usize = 16;
const WARMUP: Duration = Duration::from_millis(300);
const DURATION: Duration = Duration::from_millis(3000);
/// When the fault is brought about, from the load's start.
const FAULT_AFTER: Duration = Duration::from_millis(1300);
/// How long after it requests count as sent during the fault.
const DURING: Duration = Duration::from_secs(1);
/// A later answer counts against availability.
const IN_TIME_NS: u64 = 100_000_000;
/// Orders that the venue must reject.
const REJECTED: Mix =
    Mix { rest: 0, cross: 0, immediate: 0, cancel: 0, reduce: 0, replace: 0, silent: 0, violation: 1 };
/// What the log says when a part has failed.
const SAID: [&str; 6] = ["panic", "gave up", "made no turn", "actor failed", "could not be restarted", "fault point"];

/// The shipped topology with short time-outs.
const CHANGES: [(&str, &str); 4] = [
    ("stale_after_ms = 3000", "stale_after_ms = 500"),
    ("client_timeout_ms = 15_000", "client_timeout_ms = 1000"),
    ("heartbeat_ms = 1000\n", "heartbeat_ms = 200\n"),
    ("[feeds.in]\n", "[supervision]\nwatchdog_ms = 1000\nhousekeeping_watchdog_ms = 1000\n\n[feeds.in]\n"),
];

/// The smallest rings allowed.
const SMALL_RINGS: [(&str, &str); 4] = [
    ("ingress_capacity = 4096", "ingress_capacity = 16"),
    ("group_capacity = 1024", "group_capacity = 16"),
    ("replies_capacity = 4096", "replies_capacity = 32"),
    ("publications_capacity = 8192", "publications_capacity = 64"),
];
/// How long the process stands still, for which many times what those rings hold comes.
const PAUSE: Duration = Duration::from_millis(60);
/// Orders that are older are rejected, in the row of the stall; and how long it lasts.
const PROTECTION: (&str, &str) =
    ("[matching]\n", "[delay_protection]\nmax_age_ms = 100\npause_ms = 300\n\n[matching]\n");
const STALL: &str = "fault shard.turn stall-500";

pub(super) struct Trial<'a> {
    pub row: &'a Row,
    pub binary: &'a Path,
    pub folder: &'a Path,
    /// Of the server, and of the load.
    pub cpus: [usize; 2],
    pub seed: u64,
}

/// What a row found.
pub(super) struct Findings {
    pub detected: Option<Duration>,
    pub recovered: Option<Duration>,
    pub lost: u64,
    pub doubled: u64,
    pub unanswered: u64,
    pub sent: u64,
    pub answered_in_time: u64,
    /// Records of failures.
    pub records: u64,
    pub before: Histogram<u64>,
    pub during: Histogram<u64>,
    /// What is not as it must be.
    pub problems: Vec<String>,
}

impl Findings {
    fn none() -> Findings {
        let histogram = || Histogram::new_with_bounds(1, 60_000_000_000, 3).expect("the bounds are valid constants");
        Findings {
            detected: None,
            recovered: None,
            lost: 0,
            doubled: 0,
            unanswered: 0,
            sent: 0,
            answered_in_time: 0,
            records: 0,
            before: histogram(),
            during: histogram(),
            problems: Vec::new(),
        }
    }

    /// Of a row that could not be judged.
    pub(super) fn failed(problem: String) -> Findings {
        Findings { problems: vec![problem], ..Findings::none() }
    }

    fn demand(&mut self, holds: bool, problem: impl FnOnce() -> String) {
        if !holds {
            self.problems.push(problem());
        }
    }
}

/// Notes when each request was due, and how long its answer took.
struct Watch {
    began: Arc<OnceLock<Instant>>,
    answered: Vec<(u64, u64)>,
}

impl Observer for Watch {
    fn step(&mut self, _: u64) -> u64 {
        self.began.get_or_init(Instant::now);
        u64::MAX
    }

    fn answered(&mut self, answered: &Answered) {
        self.answered.push((answered.intended_ns, answered.answered_ns.saturating_sub(answered.intended_ns)));
    }
}

/// What the thread that brings the fault about found.
struct Caused {
    at: Instant,
    /// How long the server took to end the peers that misbehaved.
    peers_ended: Option<Duration>,
    /// When the server ended, if it had to.
    ended_at: Option<Instant>,
}

impl Trial<'_> {
    pub(super) fn run(&self) -> Result<Findings, String> {
        let socket = server::tape_socket().map_err(|error| format!("a socket for the feed: {error}"))?;
        let tape = socket.local_addr().map_err(|error| error.to_string())?;
        let subscriber = Subscriber::start(socket);
        let limits = if let Cause::Limit(limits) = self.row.cause { limits } else { "exec" };
        let log_is_blocked = matches!(self.row.cause, Cause::BlockedLog);
        let changes: &[_] = match self.row.cause {
            Cause::FullRings => &SMALL_RINGS,
            Cause::Stall => &[PROTECTION],
            _ => &[],
        };
        let setup = Setup {
            binary: self.binary,
            folder: self.folder,
            changes: &[&CHANGES[..], changes].concat(),
            tape,
            log_is_blocked,
            limits,
            without_io_uring: matches!(self.row.cause, Cause::NoIoUring),
            patience: server::PATIENCE,
        };
        let begun = Instant::now();
        let server =
            match Server::start(&setup).map_err(|error| format!("starting {}: {error}", self.binary.display()))? {
                Ok(server) => server,
                Err(ended) => return self.refused(&ended, begun),
            };
        if self.row.outcome == Outcome::Refuses {
            return Err("it must be refused, and the server started".to_owned());
        }
        let config = shipped()?;
        let feed = match self.row.cause {
            Cause::Feed(trouble) => Feed::market(&config, &server.feed_in, self.seed, trouble)?,
            _ => Feed::quiet(&server.feed_in)?,
        };
        let mut findings = Findings::none();
        let (load, watch, caused, server) = self.load(server, &feed, &config)?;
        let caused = caused?;
        let fault_at = caused.at;
        self.judge_load(&load, &watch, fault_at, &mut findings);
        if self.row.outcome.is_survived() {
            server.signal_to_stop();
        }
        let (ended, output) = server.wait()?;
        drop(feed);
        let tape = subscriber.finish();
        self.judge_end(&ended, &output, &caused, &mut findings);
        self.judge_tape(&tape, &load, &mut findings);
        self.judge_records(&config, &mut findings)?;
        if !findings.problems.is_empty() {
            let log = ended.log.iter().rev().take(6).rev();
            findings.problems.extend(log.map(|line| format!("log: {}", line.text)));
        }
        Ok(findings)
    }

    /// Puts load on the server while the fault comes.
    fn load(
        &self,
        mut server: Server,
        feed: &Feed,
        config: &Config,
    ) -> Result<(LoadResult, Watch, Result<Caused, String>, Server), String> {
        let users = configured::credentials(config);
        let script = self.script(config, 0, Mix::default())?;
        let pacing = Pacing {
            duration: DURATION,
            warmup: WARMUP,
            // Housekeeping, and peers that misbehave, run on the same CPU.
            idle: IdleStrategy::Yield,
            cpu: Some(self.cpus[1]),
            kernel_times: false,
            drain: Duration::from_secs(2),
            ..Pacing::new(server.order_entry, RATE_PER_S)
        };
        let spec = LoadSpec { sessions: users[..SESSIONS].to_vec(), pacing };
        let began = Arc::<OnceLock<Instant>>::default();
        let room = ((WARMUP + DURATION).as_secs_f64() * RATE_PER_S) as usize + 1024;
        let mut watch = Watch { began: began.clone(), answered: Vec::with_capacity(room) };
        let cpu = self.cpus[1];
        let (load, caused, server) = thread::scope(|scope| {
            let cause = scope.spawn(|| {
                while began.get().is_none() {
                    thread::sleep(Duration::from_millis(1));
                }
                thread::sleep(FAULT_AFTER);
                let mut caused = self.cause(&server, feed, &users[SESSIONS], config);
                if !self.row.outcome.is_survived()
                    && let Ok(caused) = &mut caused
                {
                    caused.ended_at = server.ended_at();
                }
                (caused, server)
            });
            // Pinned: so it has a thread of its own.
            let load = scope.spawn(|| load::run(&spec, &mut Ending::of(MarketScript::new(script)), &mut watch));
            let load = load.join().unwrap_or_else(|_| panic!("the load on CPU {cpu} panicked"));
            // A load that could not begin has no start to wait for.
            began.get_or_init(Instant::now);
            let (caused, server) = cause.join().unwrap_or_else(|_| panic!("the thread that causes the fault panicked"));
            (load, caused, server)
        });
        Ok((load.map_err(|error| format!("the load: {error}"))?, watch, caused, server))
    }

    fn script(&self, config: &Config, first: usize, mix: Mix) -> Result<MarketSpec, String> {
        let own =
            config.instruments.iter().skip(first).take(SESSIONS).map(|one| Ok(vec![configured::instrument(one)?]));
        let own = own.collect::<Result<_, configured::ConfiguredError>>().map_err(|error| error.to_string())?;
        Ok(configured::script_of(config, own, self.seed, mix, OPEN_ORDERS_MAX))
    }

    /// Brings the fault about; says when, and how long the server took to end the peers that misbehave.
    fn cause(&self, server: &Server, feed: &Feed, user: &Credentials, config: &Config) -> Result<Caused, String> {
        let at = Instant::now();
        let caused = |peers_ended| Ok(Caused { at, peers_ended, ended_at: None });
        match self.row.cause {
            Cause::Point(site, kind, times) => {
                for _ in 0..times {
                    server.ask(&format!("fault {site} {kind}"))?;
                }
                caused(None)
            }
            Cause::Peers(misbehave) => {
                // The venue rejects all of them: the feed, which is compared with the answers, is the load's alone.
                let script = self.script(config, SESSIONS, REJECTED)?;
                let took = misbehave(&Peers { server: server.order_entry, user, script })?;
                caused(Some(took))
            }
            Cause::Feed(_) => {
                feed.trouble();
                caused(None)
            }
            Cause::Stall => {
                server.ask(STALL)?;
                caused(None)
            }
            Cause::Signal => {
                server.signal_to_stop();
                caused(None)
            }
            Cause::BlockedLog => {
                // Each failed log-in is a line, until the log's own bound; a pipe takes 64 KiB.
                peers::brute_force(server.order_entry, user, 400)?;
                caused(None)
            }
            Cause::FullRings => {
                server.pause(PAUSE);
                caused(None)
            }
            Cause::Limit(_) | Cause::NoIoUring | Cause::Missing(_) => Err("the server started".to_owned()),
        }
    }

    fn refused(&self, ended: &Ended, begun: Instant) -> Result<Findings, String> {
        let log: Vec<&str> = ended.log.iter().map(|line| line.text.as_str()).collect();
        if self.row.outcome != Outcome::Refuses {
            return Err(format!("the server did not start ({}): {}", ended.status, log.join("; ")));
        }
        let mut findings = Findings::none();
        findings.detected = Some(ended.at - begun);
        findings.demand(ended.status.code() == Some(2), || format!("it ended with {}, and must with 2", ended.status));
        findings.demand(!log.is_empty(), || "it did not say why".to_owned());
        self.judge_records(&shipped()?, &mut findings)?;
        Ok(findings)
    }

    fn judge_load(&self, load: &LoadResult, watch: &Watch, fault_at: Instant, findings: &mut Findings) {
        let measured = &load.measured;
        let began = watch.began.get().copied().unwrap_or(fault_at);
        let fault_ns = fault_at.saturating_duration_since(began).as_nanos() as u64;
        let during_ns = fault_ns + DURING.as_nanos() as u64;
        for &(intended_ns, latency_ns) in &watch.answered {
            if intended_ns < fault_ns {
                findings.before.saturating_record(latency_ns.max(1));
            } else if intended_ns < during_ns {
                findings.during.saturating_record(latency_ns.max(1));
            }
        }
        findings.sent = watch.answered.len() as u64 + measured.missing + measured.unsent;
        findings.answered_in_time =
            watch.answered.iter().filter(|(_, latency_ns)| *latency_ns <= IN_TIME_NS).count() as u64;
        // A server that has ended is sent nothing more.
        findings.unanswered = measured.missing + if self.row.outcome.is_survived() { measured.unsent } else { 0 };
        // An answer that is not the one that is due: told twice, or told wrong.
        // A session may end with the server.
        let is_expected = |fault: &&String| {
            fault.contains("connection lost")
                || (!self.row.outcome.is_survived() && fault.ends_with("ended by the server"))
        };
        let wrong = measured.faults.iter().filter(|fault| !is_expected(fault));
        let wrong: Vec<_> = wrong.cloned().collect();
        findings.doubled = wrong.len() as u64;
        findings.problems.extend(wrong);
        if self.row.outcome.is_survived() {
            findings.demand(measured.drops == 0, || format!("{} sessions were lost", measured.drops));
            let unanswered = findings.unanswered;
            findings.demand(unanswered == 0, || format!("{unanswered} answers did not come"));
        }
    }

    fn judge_end(
        &self,
        ended: &Ended,
        output: &str,
        &Caused { at: fault_at, peers_ended, ended_at }: &Caused,
        findings: &mut Findings,
    ) {
        let later = |line: &&Line| line.at >= fault_at;
        let noticed = ended.log.iter().filter(later).find_map(|line| line.field("noticed_after_us"));
        let silence = || {
            let line = ended.log.iter().find(|line| line.text.contains("made no turn for "))?;
            let number = line.text.split_once("made no turn for ")?.1.split(' ').next()?;
            Some(Duration::from_millis(number.parse().ok()?))
        };
        let says = |text: &'static str| {
            let said = move |line: &&Line| line.text.contains("delay protection: ") && line.text.contains(text);
            ended.log.iter().filter(later).find(said).map(|line| line.at - fault_at)
        };
        let resumed = says(" 0 instruments");
        let paused = says("instruments are paused");
        findings.detected = noticed.map(Duration::from_micros).or_else(silence).or(paused).or(peers_ended);
        let restarted = ended
            .log
            .iter()
            .filter(later)
            .find_map(|line| line.field("after_us").filter(|_| line.text.contains("restarted")));
        let is_panic = self.row.cause.is_panic();
        let code = match self.row.outcome {
            Outcome::GoesOn if !is_panic => 0,
            Outcome::Stops => 0,
            Outcome::GoesOn | Outcome::Halts | Outcome::Ends => 1,
            Outcome::Refuses => 2,
        };
        findings.recovered = match self.row.outcome {
            Outcome::GoesOn => restarted.map(Duration::from_micros).or(resumed),
            _ => ended_at.map(|at| at.saturating_duration_since(fault_at)),
        };
        findings.demand(ended.status.code() == Some(code), || {
            format!(
                "the server ended with {}, and must with exit code {code}; it said: {}",
                ended.status,
                output.trim()
            )
        });
        if self.row.outcome == Outcome::GoesOn && is_panic {
            findings.demand(restarted.is_some(), || "the log tells of no restart".to_owned());
        }
        if matches!(self.row.cause, Cause::FullRings) {
            findings
                .demand(output.contains(" holds="), || "no step waited for room: the rings were not full".to_owned());
        }
        if let Cause::Feed(trouble) = self.row.cause {
            let counts = output.lines().find(|line| line.starts_with("feed in: ")).unwrap_or_default();
            let wanted = trouble.count();
            findings.demand(counts.contains(wanted), || format!("the server counted no {wanted:?}: {counts:?}"));
            let loses = trouble.loses() || !counts.contains(" Lost=");
            findings.demand(loses, || format!("messages of the feed are lost: {counts}"));
        }
        if matches!(self.row.outcome, Outcome::Halts | Outcome::Ends) {
            let is_said = ended.log.iter().any(|line| SAID.iter().any(|word| line.text.contains(word)));
            findings.demand(is_said, || "the log does not say what failed".to_owned());
            findings.demand(findings.detected.is_some(), || "nobody noticed it".to_owned());
            findings.demand(!output.contains("nothing in flight was left"), || {
                "it says that nothing was left, and a part had failed".to_owned()
            });
        }
    }

    /// Each failure leaves one record, and nothing else any.
    fn judge_records(&self, config: &Config, findings: &mut Findings) -> Result<(), String> {
        let bytes_max = config.incidents.as_ref().map_or(0, |incidents| incidents.record_bytes_max);
        let records = Records::read(self.binary, self.folder)?;
        findings.records = records.listed.len() as u64;
        findings.problems.extend(records.problem(&self.row.cause.records(), bytes_max));
        Ok(())
    }

    fn judge_tape(&self, tape: &Tape, load: &LoadResult, findings: &mut Findings) {
        findings
            .demand(tape.out_of_sequence == 0, || format!("{} messages of the feed are missing", tape.out_of_sequence));
        findings.demand(!tape.goes_on, || "the feed goes on behind its end".to_owned());
        let must_end = matches!(self.row.outcome, Outcome::GoesOn | Outcome::Stops)
            || (self.row.outcome == Outcome::Halts && self.row.name != "publisher panics");
        findings.demand(tape.has_ended == must_end, || match must_end {
            true => format!("the feed has no end; its last message was {}", tape.messages),
            false => "the feed says that the session is over".to_owned(),
        });
        let must_pause = matches!(self.row.cause, Cause::Stall);
        findings.demand((tape.paused > 0) == must_pause && tape.paused == tape.resumed, || {
            format!("the feed tells of {} pauses and {} ends of pauses", tape.paused, tape.resumed)
        });
        if self.row.outcome.is_survived() {
            let told = load.executed_resting;
            // A load whose orders are rejected ends without waiting for its last answers.
            let not_told = if must_pause { tape.executed.saturating_sub(told) } else { 0 };
            findings.lost = tape.executed.abs_diff(told + not_told);
            findings.demand(findings.lost == 0, || {
                format!("clients were told of {told} executed shares, subscribers of {}", tape.executed)
            });
        }
    }
}

fn shipped() -> Result<Config, String> {
    Config::parse("the shipped topology", VENUE_TOML).map_err(|errors| errors.plain().to_string())
}
