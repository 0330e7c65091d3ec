use super::*;
use crate::engine::Measured;
use crate::jitter::latency_histogram;

/// A run with fixed figures.
fn load() -> LoadResult {
    let mut intended = latency_histogram();
    let mut send = latency_histogram();
    for request in 1..=100_000_u64 {
        // The last per mille is slow; by send times only a tenth of it.
        let slow = request > 99_900;
        let ns = 9_000 + request / 20;
        intended.record(if slow { 2_000_000 } else { ns }).unwrap();
        send.record(if slow && request % 10 == 0 { 2_000_000 } else { ns }).unwrap();
    }
    LoadResult {
        measured: Measured {
            intended,
            send,
            late: latency_histogram(),
            kernel_times: None,
            asked_per_s: 10_000.0,
            achieved_per_s: 9_999.7,
            sent: 110_000,
            answered: 108_900,
            silent: 1_100,
            unsent: 0,
            missing: 0,
            drops: 0,
            faults: Vec::new(),
            bytes_sent: 5_500_000,
            bytes_received: 8_000_000,
            loop_gaps: gaps_of(1_500_000),
        },
        answers: 131_234,
        rejects: vec![(0x17, 400), (0x26, 412), (0x100, 1)],
        executed_resting: 1_234_567,
        executed_incoming: 1_234_567,
        accepted: 70_000,
    }
}

fn gaps_of(stall_ns: u64) -> Gaps {
    let mut gaps = Gaps::new();
    let stall = 500_000_000..500_000_000 + stall_ns;
    for now_ns in (0..=1_000_000_000).step_by(2_000) {
        if !stall.contains(&now_ns) {
            gaps.pass(now_ns);
        }
    }
    gaps
}

fn jitter() -> Vec<CpuJitter> {
    let cpus = [(0, 40_000), (1, 3_000_000)];
    cpus.map(|(cpu, stall_ns)| CpuJitter { cpu, gaps: gaps_of(stall_ns) }).into()
}

#[test]
fn the_table_has_every_figure_in_its_place() {
    let (load, jitter) = (load(), jitter());
    let report = Report { title: "Demo", load: &load, jitter: &jitter, market: None, feed: None };
    assert_eq!(report.table(None), include_str!("table.snapshot").trim_end());
}

#[test]
fn figures_are_valid_only_if_nothing_is_wrong() {
    let mut feed = FeedReport { messages: 10, executed_shares: 1_234_567, ..FeedReport::default() };
    type Change = fn(&mut LoadResult, &mut FeedReport);
    let cases: [(&str, Change); 10] = [
        ("session 1: odd", |load, _| load.measured.faults.push("session 1: odd".into())),
        ("2 connections lost", |load, _| load.measured.drops = 2),
        ("1,000 answers missing", |load, _| load.measured.missing = 1000),
        ("7 requests were due", |load, _| load.measured.unsent = 7),
        ("nothing was measured", |load, _| load.measured.intended.clear()),
        ("9700/s achieved of 10000/s", |load, _| load.measured.achieved_per_s = 9700.0),
        ("no messages arrived on the venue's feed", |_, feed| feed.messages = 0),
        ("3 messages missing", |_, feed| feed.messages_missed = 3),
        ("1 invalid packets", |_, feed| feed.invalid = 1),
        ("feed reports 5 shares executed, its answers to clients 1,234,567", |_, feed| {
            feed.executed_shares = 5;
        }),
    ];
    let problems = |load: &LoadResult, feed: &FeedReport| {
        let report = Report { title: "", load, jitter: &[], market: None, feed: Some(feed) };
        let (problems, json) = (report.problems(), report.json());
        assert_eq!(json["valid"], problems.is_empty());
        problems
    };
    assert_eq!(problems(&load(), &feed), Vec::<String>::new());
    let sound = feed.clone();
    for (expected, change) in cases {
        let mut load = load();
        feed.clone_from(&sound);
        change(&mut load, &mut feed);
        let problems = problems(&load, &feed);
        assert!(problems.len() == 1 && problems[0].contains(expected), "{expected}: {problems:?}");
    }
}

#[test]
fn json_has_nanoseconds_and_reasons() {
    let (load, jitter) = (load(), jitter());
    let market = PlayReport { messages: 5, ..PlayReport::default() };
    let json = Report { title: "Demo", load: &load, jitter: &jitter, market: Some(&market), feed: None }.json();
    assert_eq!(json["intended_time_ns"]["p50"], load.measured.intended.value_at_quantile(0.5));
    assert_eq!(json["rejects"][0][0], "InvalidSymbol (0x17)");
    assert_eq!(json["machine"][1]["cpu"], 1);
    assert_eq!(json["market"]["messages"], 5);
    assert!(json["feed"].is_null());
}

#[test]
fn the_plot_is_well_formed_and_has_its_curves() {
    let (load, jitter) = (load(), jitter());
    let mut report = Report { title: "Orders & <answers>", load: &load, jitter: &jitter, market: None, feed: None };
    let svg = report.plot().unwrap();
    assert_well_formed(&svg);
    for name in ["from intended time", "from send time", "machine jitter", "99.9%", "Orders &amp; "] {
        assert!(svg.contains(name), "{name}");
    }
    // The three curves have their colours; each has one line in the legend too.
    for color in ["#005EB8", "#DE6E14", "#8C929E"] {
        let lines = svg.matches("<polyline").count();
        let colored = svg.lines().filter(|line| line.contains("<polyline") && line.contains(color));
        assert_eq!(colored.count(), 2, "{color} among {lines}");
    }
    let path = std::env::temp_dir().join(format!("corelane-plot-{}.svg", std::process::id()));
    report.write_plot(&path).unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), svg);
    std::fs::remove_file(&path).unwrap();
    let error = report.write_plot(&path.join("below-no-folder")).unwrap_err();
    assert!(error.to_string().contains("below-no-folder"), "{error}");
    // Without jitter and without a single answer there is still a plot.
    let mut empty = load.clone();
    empty.measured.intended.clear();
    empty.measured.send.clear();
    report.load = &empty;
    report.jitter = &[];
    assert_well_formed(&report.plot().unwrap());
}

/// Every tag is closed in order, attributes are quoted, and no bare `&` or `<` is in the text.
fn assert_well_formed(xml: &str) {
    let mut open = Vec::new();
    let mut rest = xml;
    while let Some((text, tag_and_rest)) = rest.split_once('<') {
        for entity in text.split('&').skip(1) {
            let name = entity.split(';').next().unwrap();
            assert!(["amp", "lt", "gt", "quot", "apos"].contains(&name), "&{entity}");
        }
        let (tag, after) = tag_and_rest.split_once('>').expect("a tag is closed");
        assert!(!tag.contains('<'), "{tag}");
        assert!(tag.matches('"').count().is_multiple_of(2), "{tag}");
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name.trim()));
        } else if !tag.ends_with('/') && !tag.starts_with(['?', '!']) {
            open.push(tag.split_whitespace().next().unwrap());
        }
        rest = after;
    }
    assert!(open.is_empty(), "{open:?}");
}
