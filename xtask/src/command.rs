//! Running other programs.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

/// A command with its arguments, run in `root`.
pub(crate) fn command(root: &Path, program: &str, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(root);
    command
}

/// Runs it to its end.
///
/// # Errors
///
/// If it cannot be run, or does not end with success.
pub(crate) fn run(command: &mut Command) -> Result<(), String> {
    let words = [command.get_program()].into_iter().chain(command.get_args());
    let shown = words.map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ");
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("`{shown}` ended with {status}")),
        Err(e) => Err(format!("cannot run `{shown}`: {e}")),
    }
}

/// Runs `cargo` with the words of `arguments`.
///
/// # Errors
///
/// As [`run`].
pub(crate) fn cargo(root: &Path, arguments: &str) -> Result<(), String> {
    run(&mut command(root, "cargo", arguments.split(' ')))
}
