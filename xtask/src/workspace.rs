//! The packages of the workspace and of `fuzz`, as cargo itself reads their manifests.

use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A package with its targets.
#[derive(Clone, Debug, Deserialize)]
pub struct Package {
    pub targets: Vec<Target>,
}

/// A library, binary, test, benchmark or example.
#[derive(Clone, Debug, Deserialize)]
pub struct Target {
    pub src_path: PathBuf,
}

/// The packages that the manifest at `manifest` has as members, without what they depend on.
///
/// # Errors
///
/// If cargo cannot read the manifests.
pub fn packages(manifest: &Path) -> Result<Vec<Package>, String> {
    #[derive(Deserialize)]
    struct Metadata {
        packages: Vec<Package>,
    }
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1", "--manifest-path"])
        .arg(manifest)
        .output()
        .map_err(|e| format!("cannot run cargo metadata: {e}"))?;
    if !output.status.success() {
        return Err(format!("cargo metadata: {}", String::from_utf8_lossy(&output.stderr)));
    }
    let metadata: Metadata =
        serde_json::from_slice(&output.stdout).map_err(|e| format!("cargo metadata: unexpected answer: {e}"))?;
    Ok(metadata.packages)
}
