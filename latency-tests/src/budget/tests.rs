use super::*;

const BUDGET: &str = r#"
messages_per_run = 1000
[[instructions]]
name = "hop"
target = 100
warning = 110
critical = 130
[[ratios]]
scenario = "hop"
figure = "throughput"
of = "actors"
to = "raw ring"
target = 0.8
warning = 0.5
critical = 0.2
"#;

/// As gungraun 0.20 prints it, without what is not read.
fn summary(name: &str, instructions: u64) -> String {
    format!(
        r#"{{"version":"7","function_name":"{name}","id":"run","profiles":[{{"tool":"Callgrind","data":{{"parts":[],
        "total":{{"metrics":{{"Ir":{{"values":{{"new":{instructions},"old":5}}}}}},"regressions":[]}}}}}}]}}
        "#
    )
}

fn level(seen: Option<f64>, is_rate: bool) -> Level {
    let limits = if is_rate { [0.8, 0.5, 0.2] } else { [100.0, 110.0, 130.0] };
    Entry { name: String::new(), place: String::new(), seen, limits, is_rate }.level()
}

#[test]
fn the_shipped_budget_is_valid_and_its_limits_are_in_order() {
    let budget = Budget::parse("budget.toml", include_str!("../../../benches/budget.toml")).unwrap();
    for InstructionLimits { name, target, warning, critical } in &budget.instructions {
        assert!(target < warning && warning < critical, "{name}");
    }
    let ratios = budget.ratios.iter().map(|one| (&one.figure, [one.target, one.warning, one.critical]));
    let figures = budget.figures.iter().map(|one| (&one.figure, [one.target, one.warning, one.critical]));
    for (figure, mut limits) in ratios.chain(figures) {
        if is_rate(figure) {
            limits.reverse();
        }
        assert!(limits.is_sorted(), "{figure}: {limits:?}");
    }
}

#[test]
fn a_figure_has_four_levels() {
    let of_latency = [(100.0, Level::Good), (105.0, Level::Fair), (120.0, Level::Warning), (131.0, Level::Critical)];
    for (seen, expected) in of_latency {
        assert_eq!(level(Some(seen), false), expected, "{seen}");
    }
    for (seen, expected) in [(0.9, Level::Good), (0.6, Level::Fair), (0.3, Level::Warning), (0.1, Level::Critical)] {
        assert_eq!(level(Some(seen), true), expected, "{seen}");
    }
    assert_eq!(level(None, false), Level::Critical);
}

#[test]
fn what_is_critical_says_what_how_much_and_where_its_limit_is() {
    let budget = Budget::parse("budget.toml", BUDGET).unwrap();
    let entries = budget.of_instructions(&summary("hop", 143_000)).unwrap();
    let expected =
        "hop, instructions per message: 143.00, 10.0 % above the critical 130 ([[instructions]] name = \"hop\")";
    assert_eq!(entries[0].complaint("budget.toml"), expected);
    assert_eq!(entries[0].level(), Level::Critical);
    assert_eq!(budget.of_instructions(&summary("hop", 99_000)).unwrap()[0].level(), Level::Good);
}

#[test]
fn what_was_not_measured_is_critical_and_what_has_no_limits_is_an_error() {
    let budget = Budget::parse("budget.toml", BUDGET).unwrap();
    assert_eq!(budget.of_instructions("").unwrap()[0].level(), Level::Critical);
    let both = summary("hop", 1) + &summary("new", 1);
    assert!(matches!(budget.of_instructions(&both), Err(SummaryError::NoLimits { name }) if name == "new"));
}

#[test]
fn a_figure_of_a_run_is_the_median_of_its_rounds() {
    let limits = "scenario = \"wire\"\nfigure = \"p50\"\ntarget = 10\nwarning = 20\ncritical = 30\n";
    let text = format!("{BUDGET}[[figures]]\nof = \"venue\"\n{limits}[[figures]]\nof = \"nobody\"\n{limits}");
    let mut run = crate::report::fixture::run("echo");
    for (round, p50_ns) in run.scenarios[0].contenders[0].rounds.iter_mut().zip([5, 15, 25, 100]) {
        round.intended.as_mut().unwrap().p50_ns = p50_ns;
    }
    let entries = Budget::parse("budget.toml", &text).unwrap().of_run(&run);
    let [_, venue, nobody] = &entries[..] else { panic!("{entries:?}") };
    assert_eq!((venue.seen, venue.level()), (Some(20.0), Level::Fair));
    assert_eq!((nobody.seen, nobody.level()), (None, Level::Critical));
    let complaint = "wire: p50 of nobody: not measured, though b.toml has limits for it ([[figures]] scenario = \"wire\", figure = \"p50\")";
    assert_eq!(nobody.complaint("b.toml"), complaint);
}

#[test]
fn other_output_is_refused() {
    assert!(matches!(per_message("hop: 12 instructions", 1000), Err(SummaryError::Json(_))));
    let newer = summary("hop", 1).replace("\"7\"", "\"8\"");
    assert!(matches!(per_message(&newer, 1000), Err(SummaryError::Version { found }) if found == "8"));
    let without = summary("hop", 1).replace("Callgrind", "DHAT");
    assert!(matches!(per_message(&without, 1000), Err(SummaryError::NotCounted { .. })));
}
