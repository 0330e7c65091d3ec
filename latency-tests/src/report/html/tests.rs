use hdrhistogram::Histogram;

use super::*;
use crate::result::{
    Category, Context, Host, Interval, Judgement, Latency, Rate, Ratio, Role, Round, SCHEMA_VERSION, Scenario, Side,
    Spread, SweepPoint, Verdict,
};

fn latency() -> Latency {
    let mut histogram = Histogram::new_with_bounds(1, 60_000_000_000, 3).unwrap();
    (1..5000_u64).for_each(|value| histogram.record(value * 10).unwrap());
    Latency::from(&histogram)
}

fn side(name: &str, role: Role) -> Side {
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
    Side { name: name.to_owned(), role, rounds, intended: Some(latency()), send: Some(latency()), hops: Vec::new() }
}

fn run(name: &str) -> Run {
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
        cpus: vec![0, 1],
    };
    let ratio = Ratio {
        figure: "p50".to_owned(),
        of: "venue".to_owned(),
        to: name.to_owned(),
        spread: Spread { median: 1.234, low: 1.1, high: 1.3 },
        rounds: vec![1.1, 1.2, 1.25, 1.3],
        judgement: Judgement::NotJudged { control: 1.5 },
    };
    let scenario = Scenario {
        name: "wire".to_owned(),
        summary: name.to_owned(),
        category: Category::ExecutionLatency,
        load: name.to_owned(),
        sides: vec![side("venue", Role::Subject), side(name, Role::Floor)],
        ratios: vec![ratio],
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

#[test]
fn names_cannot_break_out_of_the_page() {
    let evil = "<script>alert(1)</script>\"'&";
    let page = page(&run(evil), None).unwrap();
    assert!(!page.contains("<script"), "a script got through");
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
}

#[test]
fn a_page_holds_all_it_needs_and_loads_nothing() {
    let run = run("echo");
    let comparison = Comparison::of(&run, &run, 0.05);
    let page = page(&run, Some(&comparison)).unwrap();
    // Percentiles, time series, sweep.
    assert_eq!(page.matches("<svg").count(), 3);
    for part in [
        "Invalid: these figures do not count",
        "not judged: the floor, measured twice, gave a ratio of 1.50",
        "no difference shown",
        "started 2023-11-14T22:13:20Z",
        "revision 0123456789ab, with changes",
        "1.23 [1.10…1.30]",
        "venue, from send time",
    ] {
        assert!(page.to_lowercase().contains(&part.to_lowercase()), "no {part:?}");
    }
    for loader in ["src=", "<link", "@import", "url("] {
        assert!(!page.contains(loader), "{loader}");
    }
}

#[test]
fn a_damaged_histogram_is_an_error() {
    let mut run = run("echo");
    run.scenarios[0].sides[0].intended.as_mut().unwrap().histogram = serde_json::from_str("\"AAAA\"").unwrap();
    assert!(matches!(page(&run, None), Err(PlotError::Histogram(_))));
}
