//! Chores of the workspace: `cargo xtask <task>`.

mod loom;
mod sites;
mod tasks;
mod tidy;
mod workspace;

use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match arguments.as_slice() {
        ["loom"] => loom::models(root(), ""),
        ["loom", filter] => loom::models(root(), filter),
        ["tidy", rules @ ..] => tidy::run(root(), rules),
        ["mutants"] => loom::mutants(root()),
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
