//! Chores of the workspace: `cargo xtask <task>`.

mod ci;
mod command;
mod fuzz;
mod interop;
mod loom;
mod planted;
mod sites;
mod tasks;
mod tidy;
mod workspace;

use std::path::Path;
use std::process::ExitCode;

/// Per fuzz target, unless given.
const FUZZ_SECONDS: u32 = 60;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match arguments.as_slice() {
        ["loom"] => loom::models(root(), ""),
        ["loom", filter] => loom::models(root(), filter),
        ["fuzz"] => fuzz::run(root(), FUZZ_SECONDS, &[]),
        ["fuzz", seconds, targets @ ..] => match seconds.parse() {
            Ok(seconds) => fuzz::run(root(), seconds, targets),
            Err(_) => Err(format!("fuzz: {seconds:?} is not a number of seconds")),
        },
        ["interop"] => ci::gate(root(), &["interop"]),
        ["interop", binary] => interop::run(root(), Path::new(binary)),
        ["ci", steps @ ..] => ci::gate(root(), steps),
        ["tidy", rules @ ..] => tidy::run(root(), rules),
        ["mutants"] => loom::mutants(root()),
        ["planted"] => planted::run(root(), ""),
        ["planted", filter] => planted::run(root(), filter),
        _ => {
            eprint!("{}", tasks::usage());
            return ExitCode::from(2);
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The workspace's folder.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask is a folder of the workspace")
}
