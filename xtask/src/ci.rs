//! The gate: what must pass before a change is taken. `.ci/run` installs the tools that it needs and calls it.

use crate::command::{cargo, command, run};
use crate::{fuzz, interop, loom, tidy, workspace};
use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::Instant;

type Step = fn(&Path) -> Result<(), String>;

/// Name, what it shows, and how; in this order.
const STEPS: &[(&str, &str, Step)] = &[
    ("format", "rustfmt changes nothing", format),
    ("tidy", "the house rules", |root| tidy::run(root, &[])),
    ("lints", "clippy, with warnings as errors", lints),
    ("doc", "the documentation builds without a warning", doc),
    ("deny", "licences, banned crates and sources of all dependencies", deny),
    ("test", "the README's test command", test),
    ("loom", "the models of runtime/sync", |root| loom::models(root, "")),
    ("mutants", "each weakened ordering fails its model", loom::mutants),
    ("fuzz", "every decoder, the arbiter and the group, for a few seconds", |root| fuzz::run(root, FUZZ_SECONDS, &[])),
    ("examples", "every example of the workspace runs to its end", examples),
    ("check", "every shipped topology passes its check", check),
    ("budget", "instructions of a message at each stage", budget),
    ("interop", "Python clients that share no code with us, and tshark on our feed", interop),
    ("demo", "the README's first command", demo),
    ("sim", "the venue in simulated worlds, the same in every build", sim),
    ("recorded", "the demo on a recorded day, if there is one", recorded),
];

/// Of each target: enough to see that it works. Longer runs are for one's own machine.
const FUZZ_SECONDS: u32 = 8;
const CORELANE: &str = "./target/release/corelane";

/// Runs the steps of these names, or all if none is given, up to the first that fails.
///
/// # Errors
///
/// If a step fails or does not exist.
pub(crate) fn gate(root: &Path, names: &[&str]) -> Result<(), String> {
    if names == ["--list"] {
        STEPS.iter().for_each(|(name, what, _)| println!("{name:<10}{what}"));
        return Ok(());
    }
    if let Some(unknown) = names.iter().find(|name| STEPS.iter().all(|(step, ..)| step != *name)) {
        return Err(format!("the gate has no step {unknown}: see `cargo xtask ci --list`"));
    }
    let started = Instant::now();
    for (name, what, step) in STEPS.iter().filter(|(name, ..)| names.is_empty() || names.contains(name)) {
        println!("\n== {name}: {what} ({} s, {} free)", started.elapsed().as_secs(), disk_free(root));
        step(root).map_err(|e| format!("{e}\nthe step failed; to run it by itself: cargo xtask ci {name}"))?;
    }
    println!("\n== done ({} s, {} free)", started.elapsed().as_secs(), disk_free(root));
    Ok(())
}

/// As `df` prints it.
fn disk_free(root: &Path) -> String {
    let output = command(root, "df", ["-h", "--output=avail", "."]).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    text.lines().last().unwrap_or("?").trim().to_owned()
}

fn format(root: &Path) -> Result<(), String> {
    cargo(root, "fmt --all --check")?;
    cargo(root, "fmt --manifest-path fuzz/Cargo.toml --check")
}

fn lints(root: &Path) -> Result<(), String> {
    cargo(root, "clippy --workspace --all-targets --quiet -- -D warnings")?;
    // What only a build with fault points has.
    cargo(root, "clippy -p corelane -p corelane-runtime --features corelane/faults --quiet -- -D warnings")
}

fn doc(root: &Path) -> Result<(), String> {
    run(command(root, "cargo", ["doc", "--workspace", "--no-deps", "--quiet"]).env("RUSTDOCFLAGS", "-D warnings"))
}

fn deny(root: &Path) -> Result<(), String> {
    cargo(root, "deny check licenses bans sources")
}

fn test(root: &Path) -> Result<(), String> {
    readme_command(root, "test --workspace")
}

fn examples(root: &Path) -> Result<(), String> {
    for package in workspace::packages(root)? {
        for example in package.targets_of("example") {
            println!("{}: {example}", package.name);
            cargo(root, &format!("run --quiet -p {} --example {example}", package.name))?;
        }
    }
    Ok(())
}

fn check(root: &Path) -> Result<(), String> {
    cargo(root, "build --release")?;
    let is_topology = |path: &&std::path::PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        path.parent() == Some(Path::new("config")) && name.starts_with("venue") && name.ends_with(".toml")
    };
    for topology in workspace::tree(root)?.iter().filter(is_topology) {
        run(command(root, CORELANE, ["check"]).arg(topology))?;
    }
    Ok(())
}

fn budget(root: &Path) -> Result<(), String> {
    let counted = "target/instructions.json";
    let file = fs::File::create(root.join(counted)).map_err(|e| format!("{counted}: {e}"))?;
    let bench = ["bench", "--quiet", "-p", "corelane-benches", "--bench", "instructions", "--", "--output-format=json"];
    run(command(root, "cargo", bench).stdout(Stdio::from(file)))?;
    cargo(root, &format!("run --quiet -p corelane-latency-tests -- budget --instructions {counted}"))
}

fn interop(root: &Path) -> Result<(), String> {
    cargo(root, "build --release")?;
    interop::run(root, &root.join(CORELANE))
}

/// Runs seeds with all faults, and a few of them in the build of the tests too, which must give the same hash.
fn sim(root: &Path) -> Result<(), String> {
    cargo(root, "build --quiet")?;
    cargo(root, "build --quiet --release")?;
    let few = ["sim", "--seeds", "2", "--requests", "2000"];
    let [debug, release] = ["target/debug/corelane", CORELANE].map(|binary| command(root, binary, few).output());
    let last = |output: std::io::Result<std::process::Output>| {
        let output = output.map_err(|e| format!("cannot run the simulation: {e}"))?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        text.lines().last().map(str::to_owned).ok_or_else(|| format!("the simulation says nothing ({})", output.status))
    };
    let (debug, release) = (last(debug)?, last(release)?);
    if debug != release {
        return Err(format!("the same seeds give other runs:\n{debug}, without optimization\n{release}, with it"));
    }
    run(&mut command(root, CORELANE, ["sim", "--seeds", "20", "--requests", "20000"]))?;
    // With fault points, which the other builds do not have.
    cargo(root, "run --quiet -p corelane --features faults -- sim --seeds 20 --requests 2000")?;
    cargo(root, "test --quiet -p corelane-venue --features faults --test incidents")
}

fn demo(root: &Path) -> Result<(), String> {
    readme_command(root, "run --release")
}

fn recorded(root: &Path) -> Result<(), String> {
    let folder = std::env::var("CORELANE_DATA").unwrap_or_else(|_| "../shared/data".into());
    let day = root.join(folder).join("itch/esh4_20231225_mbo.itch");
    match day.exists() {
        true => run(command(root, "cargo", ["run", "--release", "--", "demo", "--seconds", "5", "--itch"]).arg(day)),
        false => {
            println!("no {}: set CORELANE_DATA to the folder that has it", day.display());
            Ok(())
        }
    }
}

/// Runs a cargo command that the README shows on a line by itself, as a reader would.
fn readme_command(root: &Path, arguments: &str) -> Result<(), String> {
    let readme = fs::read_to_string(root.join("README.md")).map_err(|e| format!("README.md: {e}"))?;
    match shows(&readme, arguments) {
        true => cargo(root, arguments),
        false => Err(format!("README.md shows no line `cargo {arguments}`: what the gate runs is what a reader runs")),
    }
}

fn shows(readme: &str, arguments: &str) -> bool {
    readme.lines().any(|line| line.strip_prefix("cargo ") == Some(arguments))
}

#[cfg(test)]
mod tests {
    use super::{STEPS, gate, shows};
    use std::path::Path;

    #[test]
    fn the_readme_shows_a_command_on_a_line_by_itself() {
        assert!(shows("```\ncargo run --release\n```", "run --release"));
        assert!(!shows("by `cargo run --release`, or\ncargo run --release -- demo", "run --release"));
    }

    #[test]
    fn steps_have_names_of_their_own_and_others_are_refused() {
        let names = || STEPS.iter().map(|(name, ..)| *name);
        assert!(names().all(|name| names().filter(|other| *other == name).count() == 1));
        assert!(gate(Path::new("."), &["nothing"]).unwrap_err().contains("no step nothing"));
    }
}
