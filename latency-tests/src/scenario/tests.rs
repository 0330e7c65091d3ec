use std::{io::Write, time::Duration};

use corelane_tester::engine::Timing;

use super::*;

#[test]
fn every_scenario_in_the_folder_is_shipped_and_valid() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios");
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    names.sort();
    assert_eq!(names, Scenario::SHIPPED.map(|(name, _)| name));
    for (name, text) in Scenario::SHIPPED {
        let scenario = Scenario::parse(name, text).unwrap_or_else(|errors| panic!("{}", errors.plain()));
        assert!(!scenario.summary.is_empty(), "{name}");
    }
}

#[test]
fn every_mistake_has_its_place_and_remedy() {
    let head = "summary = \"x\"\nkind = \"order_ack\"\ncategory = \"throughput\"\n";
    let cases = [
        (
            "summary = \"x\"\nkind = \"oder_ack\"\ncategory = \"throughput\"\n".to_owned(),
            "2:8: `kind` cannot be \"oder_ack\"; did you mean \"order_ack\"?",
        ),
        (format!("{head}rates_per_s = [25000]\nsesions = 3\n"), "5:1: unknown key `sesions`; did you mean `sessions`?"),
        (format!("{head}rates_per_s = [0]\n"), "4:16: `rates_per_s[0]` is 0, less than 1"),
        (head.to_owned(), "2:8: an order_ack scenario sends at given rates, and `rates_per_s` is missing"),
        (
            format!("{head}rates_per_s = [1000]\n[arrival]\nkind = \"bursts\"\n"),
            "6:8: arrivals in bursts need `burst`; add `burst` to [arrival]",
        ),
        (
            format!("{head}rates_per_s = [1000]\n[arrival]\nkind = \"poisson\"\nburst = 8\n"),
            "7:9: `arrival.burst` means nothing to arrivals Poisson; remove `burst`",
        ),
        (
            "summary = \"x\"\nkind = \"hop\"\ncategory = \"throughput\"\nsessions = 9\n".to_owned(),
            "4:12: `sessions` means nothing to a scenario of this kind",
        ),
        (
            format!("{head}rates_per_s = [1000]\np99_max_us = 4\n"),
            "5:14: `p99_max_us` means nothing to a scenario of this kind",
        ),
        (
            format!("{head}rates_per_s = [1000]\nslow_readers = 1\nreconnecting = 1\n"),
            "6:16: `reconnecting` is measured beside the same venue without it, and so is `slow_readers`",
        ),
    ];
    for (text, expected) in cases {
        let errors = Scenario::parse("mine.toml", &text).unwrap_err().plain();
        assert!(errors.contains(&format!("mine.toml:{expected}")), "{text}\n{errors}");
    }
}

fn arrival(text: &str) -> Arrival {
    let head = "summary = \"x\"\nkind = \"order_ack\"\ncategory = \"throughput\"\nrates_per_s = [1000]\n[arrival]\n";
    Scenario::parse("mine.toml", &format!("{head}{text}")).unwrap().arrival.unwrap()
}

fn cycle(arrival: &Arrival, rate_per_s: f64) -> corelane_tester::engine::Cycle {
    match arrival.timing(rate_per_s, 1).unwrap() {
        Timing::Cycle(cycle) => cycle,
        other => panic!("{other:?}"),
    }
}

#[test]
fn bursts_keep_the_rate_and_an_idle_time_lowers_it() {
    let bursts = cycle(&arrival("kind = \"bursts\"\nburst = 50\n"), 1000.0);
    assert_eq!((bursts.offsets_ns.len(), bursts.period_ns), (50, 50_000_000));
    assert_eq!(bursts.rate_per_s(), 1000.0);
    let idle = cycle(&arrival("kind = \"idle_then_burst\"\nburst = 100\nidle_ms = 900\n"), 1000.0);
    assert_eq!((idle.offsets_ns[0], idle.offsets_ns[99], idle.period_ns), (900_000_000, 999_000_000, 1_000_000_000));
    assert_eq!(idle.rate_per_s(), 100.0);
}

#[test]
fn recorded_times_keep_their_pattern_at_another_rate() {
    let path = std::env::temp_dir().join(format!("corelane-arrival-{}.itch", std::process::id()));
    let mut file = std::fs::File::create(&path).unwrap();
    for time_ns in [100u64, 200, 200, 1000] {
        // A system event: type, locate, tracking number, time in six bytes, code.
        let mut message = b"S\0\0\0\0".to_vec();
        message.extend_from_slice(&time_ns.to_be_bytes()[2..]);
        message.push(b'O');
        file.write_all(&(message.len() as u16).to_be_bytes()).unwrap();
        file.write_all(&message).unwrap();
    }
    let arrival = arrival(&format!("kind = \"recorded\"\nfile = {:?}\n", path.display().to_string()));
    let cycle = cycle(&arrival, 4.0);
    std::fs::remove_file(&path).unwrap();
    // Four in a second; the first 900 ns are stretched to three quarters of it.
    assert_eq!(cycle.period_ns, Duration::from_secs(1).as_nanos() as u64);
    let milliseconds: Vec<u64> = cycle.offsets_ns.iter().map(|ns| (ns + 500_000) / 1_000_000).collect();
    assert_eq!(milliseconds, [0, 83, 83, 750]);
    let error = arrival.timing(4.0, 1).unwrap_err();
    assert!(error.to_string().contains("cannot open"), "{error}");
}
