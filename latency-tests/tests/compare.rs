//! Comparison of results that the binary made.

mod support;

use std::{
    fs,
    path::PathBuf,
    process::{Command, Output},
};

use corelane_latency::{
    compare::{Comparison, Finding},
    result::Run,
};
use support::Folder;

/// A folder with results.
struct Results(Folder);

impl Results {
    /// With `old.json`, the result of a real run of the venue.
    fn of_a_run(name: &str) -> (Self, Run) {
        let folder = Results(Folder::with_a_profile(name, 5, 200));
        let output = folder.run(&["run", "--profile", "profile.toml", "--out", "."]);
        let written = fs::read_to_string(folder.path("result.json"));
        let written = written.unwrap_or_else(|_| panic!("{}{}", text(&output.stdout), text(&output.stderr)));
        let mut run = Run::from_json(&written).unwrap();
        // A machine whose CPUs others use too misses rates, which is not what is tested here.
        run.scenarios.iter_mut().flat_map(|seen| &mut seen.contenders).for_each(|contender| {
            contender.rounds.iter_mut().for_each(|round| round.problems.clear());
        });
        // Nor are its stalls: the medians of its rounds lie near each other here.
        for_medians(&mut run, |round, median| *median = 1.0 + round as f64 / 100.0);
        folder.write("old.json", &run);
        (folder, run)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.0.join(name)
    }

    fn write(&self, name: &str, run: &Run) {
        fs::write(self.path(name), serde_json::to_string(run).unwrap()).unwrap();
    }

    fn run(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_corelane-latency")).current_dir(&self.0.0).args(arguments).output().unwrap()
    }

    fn comparison(&self, new: &str) -> Comparison {
        serde_json::from_slice(&self.run(&["compare", "old.json", new, "--json"]).stdout).unwrap()
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Changes the ratios of medians, each with the number of its round; tails stay.
fn for_medians(run: &mut Run, change: impl Fn(usize, &mut f64)) {
    for ratio in
        run.scenarios.iter_mut().flat_map(|scenario| &mut scenario.ratios).filter(|ratio| ratio.figure == "p50")
    {
        ratio.rounds.iter_mut().enumerate().for_each(|(round, median)| change(round, median));
    }
}

#[test]
fn the_same_shows_no_difference_a_shift_is_found_and_what_does_not_count_is_refused() {
    let (folder, run) = Results::of_a_run("compare");

    let output = folder.run(&["compare", "old.json", "old.json"]);
    let shown = text(&output.stdout);
    assert!(output.status.success() && shown.contains("no difference shown"), "{shown}");
    assert!(!shown.contains("WORSE"), "{shown}");
    let last = shown.lines().last().unwrap();
    assert!(last.starts_with("compare: ") && last.ends_with(" the same within noise, 0 better, 0 worse"), "{shown}");

    // Far more than its rounds differ among themselves.
    let mut slower = run.clone();
    for_medians(&mut slower, |_, median| *median *= 100.0);
    folder.write("slower.json", &slower);
    let output = folder.run(&["compare", "old.json", "slower.json"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stdout).contains("WORSE"), "{}", text(&output.stdout));
    assert!(text(&output.stderr).contains("p50, venue to echo of tiny"), "{}", text(&output.stderr));
    let comparison = folder.comparison("slower.json");
    let rows = &comparison.scenarios[0].rows;
    let row = |figure: &str, is_ratio: bool| {
        rows.iter().find(|row| row.figure == figure && row.to.is_some() == is_ratio).unwrap()
    };
    assert_eq!(row("p50", true).finding, Finding::Worse);
    assert!((50.0..200.0).contains(&row("p50", true).factor.estimate), "{:?}", row("p50", true));
    assert_eq!(row("p99", true).finding, Finding::NoDifferenceShown);
    // The ratio counts, the figure itself does not.
    assert!(row("p50", true).counts && !row("p50", false).counts);
    // What got slower is not slower by more than a large threshold.
    assert!(folder.run(&["compare", "old.json", "slower.json", "--threshold", "1e6"]).status.success());
    for no_share in ["nan", "inf", "-0.1", "5 %"] {
        let output = folder.run(&["compare", "old.json", "slower.json", &format!("--threshold={no_share}")]);
        assert_eq!(output.status.code(), Some(2), "{no_share}");
        assert!(text(&output.stderr).contains("expected a share of 0 or more"), "{no_share}");
    }
    // The other way round it is better, which is no failure.
    let output = folder.run(&["compare", "slower.json", "old.json"]);
    let shown = text(&output.stdout);
    assert!(output.status.success() && shown.ends_with(" 1 better, 0 worse\n"), "{shown}");

    let mut invalid = run.clone();
    invalid.scenarios[0].contenders[1].rounds[2].problems.push("an answer was wrong".to_owned());
    let mut other_host = run.clone();
    other_host.host.cpu_model = Some("another".to_owned());
    let mut other_load = run.clone();
    other_load.scenarios[0].load.push_str(", twice");
    let mut other_scenario = run.clone();
    other_scenario.scenarios[0].name = "other".to_owned();
    let cases = [
        (invalid, "the newer result is invalid: "),
        (other_host, "another host or build: cpu model is \"another\""),
        (other_load, "another load: "),
        (other_scenario, "the older result has no such scenario"),
    ];
    for (case, reason) in cases {
        folder.write("new.json", &case);
        let output = folder.run(&["compare", "old.json", "new.json"]);
        assert_eq!(output.status.code(), Some(2), "{reason}");
        assert!(text(&output.stdout).contains(reason), "{reason} in {}", text(&output.stdout));
        assert!(text(&output.stderr).contains("nothing in these two results is comparable"), "{reason}");
    }

    fs::write(folder.path("broken.json"), "{").unwrap();
    for (file, reason) in [("broken.json", "no result of corelane-latency"), ("absent.json", "cannot read the result")]
    {
        let output = folder.run(&["compare", "old.json", file]);
        assert!(text(&output.stderr).contains(reason), "{}", text(&output.stderr));
    }
}
