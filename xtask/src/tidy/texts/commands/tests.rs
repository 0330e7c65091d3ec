use super::{CommandLine, Commands, first_cells};
use crate::workspace::{Package, Target};

fn commands() -> Commands {
    let venue = r#"
        #[derive(Parser)] struct Cli { #[command(subcommand)] command: Option<Command> }
        #[derive(Subcommand)] enum Command { Run { topology: PathBuf }, Demo { #[arg(long)] seconds: u32 } }
    "#;
    let latency = r#"
        #[derive(Parser)] struct Cli { #[command(subcommand)] command: Command }
        #[derive(Subcommand)] enum Command { Run { #[arg(long)] scenario: String } }
    "#;
    let line = |source: &str| CommandLine::read(&[source.to_owned()]).expect("the case has a parser");
    let package = |name: &str, kind: &str, target: &str| Package {
        name: name.into(),
        manifest_path: "Cargo.toml".into(),
        targets: vec![Target { name: target.into(), kind: vec![kind.into()], src_path: "x.rs".into() }],
        features: [("peers".to_owned(), Vec::new())].into(),
        dependencies: Vec::new(),
    };
    Commands {
        programs: [("corelane".into(), line(venue)), ("corelane-latency".into(), line(latency))].into(),
        packages: vec![
            package("corelane-runtime", "example", "first_actor"),
            package("corelane-benches", "bench", "hop"),
            package("corelane-latency-tests", "bin", "corelane-latency"),
        ],
        shipped: [("scenario".into(), ["wire".into()].into())].into(),
        parts: [("tidy".into(), ["circles".into()].into())].into(),
    }
}

#[test]
fn commands_that_exist_pass() {
    let good = [
        "corelane",
        "corelane run config/venue.toml      # serve --nothing",
        "./target/release/corelane demo --seconds=5 | tee x",
        "cargo run --release",
        "cargo run --release -- demo --seconds 5",
        "RUST_LOG=debug cargo run -p corelane-runtime --example first_actor",
        "cargo bench -p corelane-benches --bench hop -- --save-baseline x",
        "cargo run -p corelane-latency-tests --features peers -- run --scenario wire",
        "corelane-latency run --scenario mine.toml",
        "corelane SUBCOMMAND",
        "cargo xtask tidy circles",
        "cargo +nightly fuzz list",
        "--seconds 5",
        "--release",
        "--",
        "anything --else",
    ];
    for line in good {
        assert_eq!(commands().check(line), [""; 0], "{line}");
    }
}

#[test]
fn commands_that_do_not_exist_are_found() {
    let bad = [
        ("corelane serve config/venue.toml", "no subcommand serve"),
        ("corelane demo --minutes 5", "no flag --minutes"),
        ("true && corelane run --seconds", "`corelane run` has no flag --seconds"),
        ("cargo run --release -- demos", "no subcommand demos"),
        ("cargo run -p corelane-gone", "no package corelane-gone"),
        ("cargo run -p corelane-runtime --example hop", "no example hop"),
        ("cargo bench --bench gone", "no bench gone"),
        ("cargo tests --workspace", "cargo has no tests"),
        ("cargo run -p corelane-latency-tests --features pears", "no feature pears"),
        ("cargo run -p corelane-latency-tests -- run --scenario wires", "no scenario wires"),
        ("cargo xtask tidyup", "no task tidyup"),
        ("cargo xtask tidy circle", "has no circle"),
        ("--minutes", "no program of ours has a flag --minutes"),
    ];
    for (line, expected) in bad {
        let found = commands().check(line);
        assert!(found.len() == 1 && found[0].contains(expected), "{line}: {found:?}");
    }
}

#[test]
fn the_first_cells_of_a_table_are_its_names() {
    let source = r#"const STEPS: &[(&str, fn())] = &[("a", f), ("b", || g(1))];"#;
    assert_eq!(first_cells(source, "STEPS"), Some(["a".to_owned(), "b".to_owned()].into()));
    assert_eq!(first_cells(source, "RULES"), None);
}
