//! What the clients and the dissection need from the machine: a Python environment and `tshark`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Where programs of the system are.
pub(super) const PATH: &str = "/usr/sbin:/usr/bin:/sbin:/bin";

/// The interpreter of `target/interop-venv`, which has the packages of `requirements.txt`; makes it if need be.
pub(super) fn python(root: &Path, scripts: &Path) -> Result<PathBuf, String> {
    let folder = root.join("target/interop-venv");
    let (python, stamp) = (folder.join("bin/python"), folder.join("requirements.txt"));
    let list = scripts.join("requirements.txt");
    let requirements = fs::read_to_string(&list).map_err(|e| format!("{}: {e}", list.display()))?;
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == requirements) {
        return Ok(python);
    }
    if folder.exists() {
        fs::remove_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    }
    run(Command::new("python3").args(["-m", "venv"]).arg(&folder))
        .map_err(|e| format!("{e}; Debian has the module in its package python3-venv"))?;
    run(Command::new(&python).args(["-m", "pip", "install", "-q", "--no-deps", "-r"]).arg(&list))?;
    fs::write(&stamp, requirements).map_err(|e| format!("{}: {e}", stamp.display()))?;
    Ok(python)
}

fn run(command: &mut Command) -> Result<(), String> {
    let name = command.get_program().to_string_lossy().into_owned();
    // Standard output is for what was checked.
    let status = command.stdout(Stdio::null()).status().map_err(|e| format!("cannot run {name}: {e}"))?;
    match status.success() {
        true => Ok(()),
        false => Err(format!("{name} ended with {status}")),
    }
}
