//! A run as it might have been, for tests of reports.

use hdrhistogram::Histogram;

use crate::result::{
    Category, Contender, Context, Control, Host, Interval, Judgement, Latency, Promise, Rate, Ratio, Role, Round, Run,
    SCHEMA_VERSION, Scenario, Spread, SweepPoint, Threshold, Unjudged, Verdict,
};

fn latency() -> Latency {
    let mut histogram = Histogram::new_with_bounds(1, 60_000_000_000, 3).unwrap();
    (1..5000_u64).for_each(|value| histogram.record(value * 10).unwrap());
    Latency::from(&histogram)
}

pub(crate) fn contender(name: &str, role: Role) -> Contender {
    let interval = |start_s| Interval { start_s, length_s: 0.5, intended: latency() };
    let rate = Rate { asked_per_s: 1000.0, achieved_per_s: 1000.0 };
    let round = Round {
        intended: Some(latency().percentiles),
        rate: Some(rate),
        sweep: vec![SweepPoint { rate, p50_ns: 2000, busy: None }; 3],
        series: vec![interval(0.0), interval(0.5)],
        ..Round::default()
    };
    let rounds = vec![round; 4];
    Contender {
        name: name.to_owned(),
        role,
        rounds,
        intended: Some(latency()),
        send: Some(latency()),
        hops: Vec::new(),
        differs: None,
    }
}

/// A run with `name` in every place that may hold a text.
pub(crate) fn run(name: &str) -> Run {
    let host = r#"{"allowed_cpus": "0-1", "isolated_cpus": "", "smt_siblings": [], "memlock": "8 MiB", "io_uring": "all",
        "kind": "noisy"}"#;
    let host: Host = serde_json::from_str(host).unwrap();
    let context = Context {
        started_unix_s: 1_700_000_000,
        took_s: 1.0,
        command: vec![name.to_owned()],
        profile: "mine".to_owned(),
        profile_summary: name.to_owned(),
        revision: Some("0123456789abcdef".to_owned()),
        modified: Some(true),
        version: "1".to_owned(),
        debug_build: false,
        peers: false,
        aeron: false,
        cpus: vec![0, 1],
    };
    let ratio = Ratio {
        figure: "p50".to_owned(),
        of: "venue".to_owned(),
        to: name.to_owned(),
        spread: Spread { median: 1.234, low: 1.1, high: 1.3 },
        rounds: vec![1.1, 1.2, 1.234, 1.25, 1.3],
        control: Some(Control {
            spread: Spread { median: 1.05, low: 0.4, high: 3.4 },
            interval: Some([0.66, 1.99]),
            rounds: 7,
        }),
        judgement: Judgement::NotJudged { threshold: Threshold::AtMost(1.25), why: Unjudged::Control },
    };
    let promise = Promise {
        figure: "p99_99".to_owned(),
        of: "venue".to_owned(),
        spread: Spread { median: 1_234_567.0, low: 1_000_000.0, high: 2_000_000.0 },
        rounds: vec![1_000_000.0, 1_234_567.0, 2_000_000.0],
        control: None,
        judgement: Judgement::Missed { threshold: Threshold::AtMost(1_000_000.0) },
    };
    let scenario = Scenario {
        name: "wire".to_owned(),
        summary: name.to_owned(),
        category: Category::ExecutionLatency,
        load: name.to_owned(),
        contenders: vec![contender("venue", Role::Ours), contender(name, Role::Baseline)],
        ratios: vec![ratio],
        promises: vec![promise],
    };
    Run {
        schema_version: SCHEMA_VERSION,
        context,
        host,
        jitter: Vec::new(),
        scenarios: vec![scenario],
        scaling: Vec::new(),
        verdict: Verdict { valid: false, problems: vec![name.to_owned()] },
    }
}
