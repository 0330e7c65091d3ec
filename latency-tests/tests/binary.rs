//! The binary on scenarios of its reader's own, against the real venue.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    process::{Command, Output, Stdio},
    sync::{Mutex, PoisonError},
};

use corelane_latency::result::{Judgement, Role, Run};
use corelane_test_support::wait::until;

/// One run at a time: each spins on two CPUs.
static CPUS: Mutex<()> = Mutex::new(());

const PROFILE: &str = r#"
summary = "tiny"
jitter_ms = 20
warmup_ms = 100
interval_ms = 125
[[scenarios]]
name = "tiny.toml"
rounds = 2
round_ms = 500
"#;

const SCENARIO: &str = r#"
summary = "a few orders of all kinds, in bursts, with a market and raw sockets beside"
kind = "order_ack"
category = "execution_latency"
sessions = 3
instruments = 7
rates_per_s = [500]
mix = "full"
control = true
raw_sockets = true
[arrival]
kind = "bursts"
burst = 5
[market]
messages_per_s = 500
"#;

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("corelane-latency-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.0.join(name), text).unwrap();
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let _alone = CPUS.lock().unwrap_or_else(PoisonError::into_inner);
        let binary = env!("CARGO_BIN_EXE_corelane-latency");
        Command::new(binary).current_dir(&self.0).args(arguments).output().unwrap()
    }
}

impl Folder {
    /// What a run has written.
    fn result(&self, output: &Output) -> Run {
        let written = fs::read_to_string(self.0.join("out/result.json"));
        Run::from_json(&written.unwrap_or_else(|_| panic!("{}\n{}", text(&output.stdout), text(&output.stderr))))
            .unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_tiny_profile_runs_the_real_venue_and_writes_its_files() {
    let folder = Folder::new("tiny");
    folder.write("tiny.toml", SCENARIO);
    folder.write("profile.toml", PROFILE);
    let output = folder.run(&["run", "--profile", "profile.toml", "--out", "out", "--tables", "tables.md"]);
    let shown = text(&output.stdout);
    let result = folder.result(&output);
    let mut files: Vec<_> = fs::read_dir(folder.0.join("out")).unwrap().map(|file| file.unwrap().file_name()).collect();
    files.sort();
    assert_eq!(files, ["report.html", "result.json"]);
    // The same tables can be had later.
    let tables = fs::read_to_string(folder.0.join("tables.md")).unwrap();
    let again = folder.run(&["report", "out/result.json", "--tables", "again.md"]);
    assert!(again.status.success(), "{}", text(&again.stderr));
    assert_eq!(fs::read_to_string(folder.0.join("again.md")).unwrap(), tables);
    for part in ["-- run --profile profile.toml --out out --tables tables.md\n", "### tiny\n", "| venue "] {
        assert!(tables.contains(part), "no {part:?} in\n{tables}");
    }
    // A machine that is busy with other tests misses rates; nothing else may be wrong, and the exit code must agree.
    let problems = &result.verdict.problems;
    assert!(problems.iter().all(|problem| problem.ends_with("lower the rate")), "{shown}");
    assert_eq!(result.verdict.valid, problems.is_empty());
    assert_eq!(output.status.code(), Some(i32::from(!result.verdict.valid)), "{shown}\n{}", text(&output.stderr));
    assert!(shown.contains(if result.verdict.valid { "\nVALID: " } else { "\nINVALID:\n" }), "{shown}");

    assert_eq!(result.context.profile, "profile");
    assert_eq!(result.jitter.len(), 2);
    let [scenario] = &result.scenarios[..] else { panic!("{} scenarios", result.scenarios.len()) };
    let contenders: Vec<(&str, Role)> =
        scenario.contenders.iter().map(|contender| (contender.name.as_str(), contender.role)).collect();
    let expected = [
        ("echo", Role::Baseline),
        ("venue", Role::Ours),
        ("raw sockets", Role::Baseline),
        ("echo again", Role::Control),
    ];
    assert_eq!(contenders, expected);
    for contender in &scenario.contenders {
        assert_eq!(contender.rounds.len(), 2, "{}", contender.name);
        for round in &contender.rounds {
            let counts = round.counts.as_ref().unwrap();
            // 500/s for a tenth of a second and half a one, in whole bursts, and what cleans up.
            assert!((300..400).contains(&counts.sent), "{}: {}", contender.name, counts.sent);
            assert_eq!(counts.sent, counts.answered + counts.silent, "{}", contender.name);
            assert_eq!(round.rate.unwrap().asked_per_s, 500.0);
            assert_eq!(round.series.len(), 4, "{}", contender.name);
            let in_series: u64 = round.series.iter().map(|one| one.intended.percentiles.count).sum();
            assert_eq!(in_series, round.intended.unwrap().count, "{}", contender.name);
        }
        let all = contender.intended.as_ref().unwrap();
        assert_eq!(all.histogram.decode().unwrap().len(), all.percentiles.count);
    }
    let venue = scenario.contender("venue").unwrap();
    let whole = venue.intended.as_ref().unwrap().percentiles;
    for part in [
        "intended to sent by the tester",
        "batch reaped to answer handed to the driver",
        "answer in the tester's kernel to read",
    ] {
        let hop = venue.hops.iter().find(|hop| hop.name == part).unwrap_or_else(|| panic!("{part}: {:?}", venue.hops));
        assert!((1..whole.p50_ns).contains(&hop.percentiles.p50_ns), "{part}: {:?} of {whole:?}", hop.percentiles);
    }
    let counts = venue.rounds[0].counts.as_ref().unwrap();
    assert!(counts.checked > counts.answered && !counts.rejects.is_empty());
    assert!(matches!(scenario.ratio("p50", "venue", "echo").unwrap().judgement, Judgement::Shown));
    assert!(scenario.ratio("p50", "venue", "raw sockets").is_some());
}

#[test]
fn every_kind_of_scenario_runs_and_the_last_lines_are_the_ratios() {
    let folder = Folder::new("kinds");
    let kinds = [
        ("hop", "kind = \"hop\"\n"),
        ("wire", "kind = \"order_ack\"\nsessions = 2\nrates_per_s = [300]\n"),
        ("saturation", "kind = \"saturation\"\nsessions = 2\n"),
        ("slow", "kind = \"order_ack\"\nsessions = 2\nrates_per_s = [300]\nslow_readers = 1\n"),
        (
            "back",
            "kind = \"order_ack\"\nsessions = 2\nrates_per_s = [2000]\nreconnecting = 1\nanswer_within_us = 1000000\n",
        ),
        ("decode", "kind = \"decode\"\n"),
        ("books", "kind = \"books\"\n"),
        ("feed", "kind = \"feed_to_book\"\n[market]\nmessages_per_s = 2000\n"),
        ("engine", "kind = \"engine\"\nrates_per_s = [1000]\n"),
    ];
    let mut profile = PROFILE[..PROFILE.find("[[scenarios]]").unwrap()].to_owned();
    for (name, text) in kinds {
        folder.write(&format!("{name}.toml"), &format!("summary = \"x\"\ncategory = \"throughput\"\n{text}"));
        profile += &format!("[[scenarios]]\nname = \"{name}.toml\"\nrounds = 1\nround_ms = 150\n");
    }
    profile += "[scaling]\nrounds = 1\nround_ms = 100\nrate_per_s = 300\nsessions = [1, 4]\ninstruments = [8, 64]\n";
    profile += "message_bytes = [50, 500]\nshards = [1, 2]\n";
    folder.write("profile.toml", &profile);
    let output = folder.run(&["run", "--profile", "profile.toml", "--out", "out"]);
    let shown = text(&output.stdout);
    let result = folder.result(&output);
    let names: Vec<&str> = result.scenarios.iter().map(|scenario| scenario.name.as_str()).collect();
    assert_eq!(names, kinds.map(|(name, _)| name), "{shown}");
    assert_eq!(output.status.code(), Some(i32::from(!result.verdict.valid)), "{shown}");
    for scenario in &result.scenarios {
        let subject = scenario.contenders.iter().find(|contender| contender.role == Role::Ours).unwrap();
        let round = &subject.rounds[0];
        assert!(round.intended.is_some_and(|seen| seen.p50_ns > 0) || round.throughput_per_s.is_some(), "{shown}");
    }
    let back = result.scenario("back").unwrap();
    let [alone, beside] =
        ["without reconnects", "beside reconnects"].map(|name| &back.contender(name).unwrap().rounds[0]);
    assert!(alone.recovery.is_none() && alone.availability.is_some(), "{shown}");
    // 32 last words and the request before are not read; a busy machine may take longer than it should for the rest.
    let recovery = beside.recovery.unwrap();
    if beside.problems.is_empty() {
        assert!(recovery.reconnects >= 1 && recovery.replayed >= 32 * recovery.reconnects, "{recovery:?}");
        assert!(recovery.first.min_ns > 0 && recovery.first.max_ns <= recovery.last.max_ns, "{recovery:?}");
    }
    let availability = beside.availability.unwrap();
    assert!((0.0..=1.0).contains(&availability.share) && availability.within_ns == 1_000_000_000, "{availability:?}");
    let saturation = &result.scenario("saturation").unwrap().contender("echo").unwrap().rounds[0];
    assert!(saturation.sweep.len() >= 2, "{shown}");
    let fits: Vec<(&str, &str)> = result.scaling.iter().map(|fit| (fit.over.as_str(), fit.of.as_str())).collect();
    let expected = [
        ("sessions", "venue"),
        ("sessions", "echo"),
        ("instruments", "venue"),
        ("message bytes", "echo"),
        ("shards", "actors"),
    ];
    assert_eq!(fits, expected);
    assert!(result.scaling.iter().all(|fit| fit.points.len() == 2 && fit.exponent.is_some()), "{shown}");
    let lines: Vec<&str> = shown.lines().collect();
    let last = lines.iter().rposition(|line| !line.starts_with("ratio ")).unwrap();
    let starts: Vec<&str> = lines[last + 1..].iter().map(|line| line.split('=').next().unwrap()).collect();
    // On a busy machine the saturation of the echo may not be found; then there is nothing to compare with.
    assert_eq!(starts[0], "ratio hop p50", "{shown}");
    assert_eq!(starts.get(1).copied().unwrap_or("ratio wire p50"), "ratio wire p50", "{shown}");
}

#[test]
fn a_missed_rate_is_invalid_and_the_exit_code_says_so() {
    let folder = Folder::new("invalid");
    let head = "summary = \"too fast\"\nkind = \"order_ack\"\ncategory = \"throughput\"\nbaseline = false\n";
    folder.write("tiny.toml", &format!("{head}sessions = 1\nrates_per_s = [10_000_000]\ncoalesce = false\n"));
    folder.write("profile.toml", &PROFILE.replace("rounds = 2\nround_ms = 500", "rounds = 1\nround_ms = 100"));
    let output = folder.run(&["run", "--profile", "profile.toml", "--out", "out"]);
    let shown = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{shown}");
    assert!(shown.contains("\nINVALID:\n  tiny, venue, round 1: "), "{shown}");
    assert!(shown.contains("achieved of 10000000/s asked: lower the rate"), "{shown}");
    // The result is there all the same, and says so.
    let result = folder.result(&output);
    assert!(!result.verdict.valid && !result.verdict.problems.is_empty());
}

#[test]
fn a_profile_that_needs_isolated_cpus_says_what_to_do_without_them() {
    let folder = Folder::new("isolated");
    folder.write("profile.toml", &format!("needs_isolated_cpus = true{PROFILE}"));
    folder.write("tiny.toml", SCENARIO);
    let isolated = fs::read_to_string("/sys/devices/system/cpu/isolated").unwrap_or_default();
    let output = folder.run(&["run", "--profile", "profile.toml", "--out", "out"]);
    let refused = text(&output.stderr).contains("profile profile needs isolated CPUs");
    // Whether it runs on a host that has some depends on which.
    assert!(refused || !isolated.trim().is_empty(), "{}", text(&output.stderr));
    assert_eq!(refused, !folder.0.join("out").exists());
    assert!(!refused || text(&output.stderr).contains("isolcpus="), "{}", text(&output.stderr));
}

#[test]
fn mistakes_have_their_place_and_remedy() {
    let folder = Folder::new("mistakes");
    folder.write("profile.toml", "summary = \"x\"\njiter_ms = 3\n");
    folder.write("mine.toml", "summary = \"x\"\nkind = \"hopp\"\ncategory = \"throughput\"\n");
    folder.write("tiny-profile.toml", PROFILE);
    folder.write("tiny.toml", SCENARIO);
    folder.write("broken.json", "{");
    folder.write("old.json", "{\"schema_version\": 0}");
    let remedy = "help: name a result.json that";
    let cases: [(&[&str], &[&str]); 16] = [
        (&["run", "--profile", "profile.toml"], &["profile.toml:2:1", "did you mean `jitter_ms`"]),
        (&["run", "--scenario", "mine.toml"], &["mine.toml:2:8", "did you mean \"hop\""]),
        (
            &["run", "--profile", "developement"],
            &["there is no profile", "benchmarks, development, production, staging"],
        ),
        (&["run", "--scenario", "absent.toml"], &["cannot read the scenario absent.toml", "help: name a file that"]),
        (
            &["run", "--out", "mine.toml/out"],
            &["cannot write mine.toml/out: Not a directory", "help: choose another path"],
        ),
        // Compared and judged, it would be the first one twice.
        (
            &["run", "--scenario", "wire", "--scenario", "wire"],
            &["two scenarios are named \"wire\"", "help: give it once"],
        ),
        (&["run", "--tables", "./out/report.html", "--out", "out"], &["are the same file", "help: give each a path"]),
        (&["run", "--profile", "tiny-profile.toml", "--tables", "./tiny-profile.toml"], &["are the same file"]),
        (&["run", "--scenario", "tiny.toml", "--tables", "./tiny.toml"], &["are the same file"]),
        (&["report", "broken.json", "--html", "./broken.json"], &["are the same file"]),
        (&["compare", "absent.json", "absent.json"], &["cannot read the result absent.json: No such file", remedy]),
        // It would take all memory.
        (
            &["compare", "/dev/zero", "/dev/zero"],
            &["cannot read the result /dev/zero: it has more than 64 MiB", remedy],
        ),
        (&["compare", "broken.json", "broken.json"], &["cannot read the result broken.json", remedy]),
        (&["compare", "old.json", "old.json"], &["has schema version 0", "help: make it again"]),
        (&["report", "absent.json", "--html", "x"], &["cannot read the result absent.json", remedy]),
        (
            &["budget", "--budget", "absent.toml", "--result", "x"],
            &["cannot read absent.toml", "help: name a file that"],
        ),
    ];
    for (arguments, expected) in cases {
        let output = folder.run(arguments);
        assert!(!output.status.success(), "{arguments:?}");
        let shown = text(&output.stderr);
        for part in expected {
            assert!(shown.contains(part), "{arguments:?}: no {part:?} in\n{shown}");
        }
    }
}

#[test]
fn what_is_shipped_is_listed_and_printed() {
    let folder = Folder::new("list");
    let all = text(&folder.run(&["scenarios"]).stdout);
    for name in ["wire", "hop", "market-open", "development", "production"] {
        assert!(all.contains(&format!("\n  {name} ")), "{name} in\n{all}");
    }
    let one = text(&folder.run(&["scenarios", "wire"]).stdout);
    assert_eq!(one, include_str!("../scenarios/wire.toml"));
}

#[test]
fn a_fault_matrix_without_a_server_does_not_begin() {
    let folder = Folder::new("no-server");
    fs::write(folder.0.join("text"), "no program").unwrap();
    for server in ["/absent/corelane", ".", "text"] {
        let output = folder.run(&["faults", "--server", server, "--row", "stop under load"]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{server}: {said}");
        assert!(said.contains(&format!("cannot run {server}: ")), "{said}");
    }
}

#[test]
fn a_fault_matrix_that_is_told_to_stop_leaves_no_server_and_no_files() {
    let folder = Folder::new("stopped-faults");
    // It never says its addresses.
    folder.write("server", "#!/bin/sh\necho $$ > \"$MARK.new\" && mv \"$MARK.new\" \"$MARK\"\nexec sleep 600\n");
    let (server, mark, temporary) = (folder.0.join("server"), folder.0.join("mark"), folder.0.join("temporary"));
    fs::set_permissions(&server, fs::Permissions::from_mode(0o755)).unwrap();
    for signal in ["INT", "TERM", "HUP"] {
        fs::create_dir(&temporary).unwrap();
        let mut env = Command::new("env");
        env.args([&format!("--default-signal={signal}"), env!("CARGO_BIN_EXE_corelane-latency"), "faults"]);
        env.arg("--server").arg(&server).args(["--row", "stop under load"]);
        let mut matrix = env.env("TMPDIR", &temporary).env("MARK", &mark).stdout(Stdio::null()).spawn().unwrap();
        until("the server runs", || mark.exists());
        let server = fs::read_to_string(&mark).unwrap();
        let kill = Command::new("kill").args([&format!("-{signal}"), &matrix.id().to_string()]).status().unwrap();
        assert!(kill.success());
        assert_eq!(matrix.wait().unwrap().code(), None, "it ends by the signal");
        // Whoever adopts it may take its time to notice.
        until("the server is gone", || {
            let status = fs::read_to_string(format!("/proc/{}/status", server.trim())).unwrap_or_default();
            !status.contains("State:") || status.contains("State:\tZ")
        });
        assert_eq!(fs::read_dir(&temporary).unwrap().count(), 0, "{signal}");
        fs::remove_dir(&temporary).unwrap();
        fs::remove_file(&mark).unwrap();
    }
}

#[test]
fn a_row_of_the_fault_matrix_that_does_not_exist_gets_the_list() {
    let folder = Folder::new("faults");
    let output = folder.run(&["faults", "--row", "nothing fails"]);
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("no row is named \"nothing fails\"") && said.contains("group panics"), "{said}");
}
