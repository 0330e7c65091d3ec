//! `corelane-latency profile` on the real venue, with the real perf.

use std::{
    fs,
    path::PathBuf,
    process::{Command, Output},
    sync::{Mutex, PoisonError},
};

use corelane_latency::profiler::{
    allocations::Calls,
    folded::Folded,
    model::{Profile, Site},
    stages::Stage,
};

/// One run at a time: each spins on two CPUs.
static CPUS: Mutex<()> = Mutex::new(());

const SCENARIO: &str = "summary = \"a few orders\"\nkind = \"order_ack\"\ncategory = \"execution_latency\"\nsessions = 2\nrates_per_s = [2000]\n";
const PROBLEMS_OF_A_BUSY_MACHINE: [&str; 2] = ["lower the rate", " lost "];

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("corelane-profile-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        fs::write(path.join("tiny.toml"), SCENARIO).unwrap();
        Self(path)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_corelane-latency"));
        command.current_dir(&self.0).arg("profile").args(arguments);
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let _alone = CPUS.lock().unwrap_or_else(PoisonError::into_inner);
        self.command(arguments).output().unwrap()
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.0.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
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

/// `None`, and a line that says why, where perf is missing or may not sample.
fn profiled(folder: &Folder, arguments: &[&str]) -> Option<String> {
    let output = folder.run(arguments);
    let error = text(&output.stderr);
    if output.status.success() {
        return Some(text(&output.stdout));
    }
    if error.contains("perf is not installed") || error.contains("does not permit perf") {
        eprintln!("skipped, because perf cannot sample here:\n{error}");
        return None;
    }
    panic!("{}\n{error}", text(&output.stdout));
}

#[test]
fn a_scenario_is_profiled_and_compared() {
    let folder = Folder::new("wire");
    let load = ["--scenario", "tiny.toml", "--seconds", "1.5", "--frequency", "199"];
    let Some(shown) = profiled(&folder, &[&load[..], &["--out", "old"]].concat()) else { return };
    let profile: Profile = serde_json::from_str(&folder.read("old/profile.json")).unwrap();
    let hot = profile.threads.first().unwrap();
    assert!(hot.is_server && hot.name == "hot", "{shown}");
    let is_expected = |problem: &String| PROBLEMS_OF_A_BUSY_MACHINE.iter().any(|part| problem.contains(part));
    assert!(profile.problems.iter().all(|problem| is_expected(problem) || !profile.sampling.kernel), "{shown}");
    assert_eq!(profile.sampling.stage, Stage::Load);
    // 2000/s for two seconds, warm-up included, and what cleans up.
    assert!((4000..4100).contains(&profile.requests().unwrap()), "{:?}", profile.requests());

    // It spins, so that it has samples for all of its time, unless others take the CPU.
    let sampled = hot.samples[&Stage::Load];
    assert!((20..600).contains(&sampled), "{sampled} samples\n{shown}");
    let folded = Folded::parse(&folder.read("old/cpu.folded")).unwrap();
    assert_eq!(folded.threads()["hot"], sampled);
    let tally = folded.tally("hot");
    let inclusive =
        |part: &str| tally.functions.iter().filter(|one| one.name.contains(part)).map(|one| one.inclusive).max();
    assert!(inclusive("corelane_runtime::shard").unwrap() > sampled / 2, "{shown}");
    assert!(folded.threads()["tester"] > 0);
    assert!(profile.lines.iter().any(|line| line.line.starts_with("runtime/src/")), "{shown}");
    let graph = folder.read("old/cpu.svg");
    for expected in ["<title>hot (", "<title>tester (", "corelane_runtime::shard"] {
        assert!(graph.contains(expected), "no {expected} in the flame graph");
    }

    // What the shard is built of it takes from its own thread: the counter counts. After start it takes nothing.
    assert!(hot.allocations[&Stage::Start].allocations > 100, "{shown}");
    assert_eq!(hot.allocations.get(&Stage::Load), None::<&Calls>, "{shown}");
    assert!(shown.contains("hot: no call of the allocator after start"), "{shown}");
    let mut by_hot = profile.allocation_sites.iter().filter(|site| site.thread == "hot" && site.stage == Stage::Start);
    let is_named = |site: &Site| site.functions.iter().any(|function| function.contains("corelane_runtime::"));
    assert!(by_hot.any(is_named), "{:?}", profile.allocation_sites);
    assert!(shown.contains("calls /req"), "{shown}");

    let Some(shown) = profiled(&folder, &[&load[..], &["--out", "new", "--against", "old"]].concat()) else { return };
    assert!(folder.read("new/difference.svg").contains("red grew, blue shrank"), "{shown}");
    assert!(shown.contains("\ndifference: new/difference.svg"), "{shown}");
    let files: Vec<_> = fs::read_dir(folder.0.join("new")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(files.len(), 4, "no samples stay: {files:?}");
}

#[test]
fn a_market_and_a_hop_are_profiled_too() {
    let folder = Folder::new("kinds");
    let head = "summary = \"x\"\ncategory = \"throughput\"\n";
    fs::write(folder.0.join("feed.toml"), format!("{head}kind = \"feed_to_book\"\n[market]\nmessages_per_s = 2000\n"))
        .unwrap();
    fs::write(folder.0.join("hop.toml"), format!("{head}kind = \"hop\"\n")).unwrap();
    for (scenario, stage, server) in [("feed.toml", Stage::Load, "hot"), ("hop.toml", Stage::Other, "near")] {
        let arguments = ["--scenario", scenario, "--seconds", "0.5", "--frequency", "199", "--out", "out"];
        let Some(shown) = profiled(&folder, &arguments) else { return };
        let profile: Profile = serde_json::from_str(&folder.read("out/profile.json")).unwrap();
        assert_eq!(profile.sampling.stage, stage, "{shown}");
        let threads: Vec<&str> = profile.server().map(|thread| thread.name.as_str()).collect();
        assert!(threads.contains(&server), "{shown}");
        assert!(Folded::parse(&folder.read("out/cpu.folded")).unwrap().threads().contains_key(server), "{shown}");
    }
}

#[test]
fn what_is_missing_or_wrong_is_said_with_its_remedy() {
    let folder = Folder::new("mistakes");
    let without_perf = folder.command(&["--scenario", "tiny.toml"]).env("PATH", &folder.0).output().unwrap();
    fs::create_dir(folder.0.join("old")).unwrap();
    fs::write(folder.0.join("old/profile.json"), "{\"schema_version\": 99}").unwrap();
    let cases: [(Output, &[&str]); 6] = [
        (without_perf, &["perf is not installed", "apt-get install linux-perf"]),
        (folder.run(&["--against", "nowhere"]), &["cannot read nowhere/profile.json"]),
        (
            folder.run(&["--against", "old"]),
            &["old/profile.json has schema version 99", "take the older profile again"],
        ),
        (folder.run(&["--scenario", "wired"]), &["there is no scenario", "wire"]),
        (folder.run(&["--scenario", "hop", "--rate", "5"]), &["has no rate that could be changed"]),
        (folder.run(&["--seconds", "0"]), &["from 0.1 to 600"]),
    ];
    for (output, expected) in cases {
        let shown = text(&output.stderr);
        assert!(!output.status.success(), "{shown}");
        for part in expected {
            assert!(shown.contains(part), "no {part:?} in\n{shown}");
        }
    }
}
