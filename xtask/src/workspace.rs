//! The packages of the workspace and of `fuzz`, as cargo itself reads their manifests, and the files of the repository.

use serde::Deserialize;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A package with its targets, features and direct dependencies.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Package {
    pub name: String,
    pub manifest_path: PathBuf,
    pub targets: Vec<Target>,
    pub features: BTreeMap<String, Vec<String>>,
    pub dependencies: Vec<Dependency>,
}

/// A library, binary, test, benchmark or example.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Target {
    pub name: String,
    pub kind: Vec<String>,
    pub src_path: PathBuf,
}

/// A line under `[dependencies]`, `[dev-dependencies]` or `[build-dependencies]`.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Dependency {
    pub name: String,
    /// Where it is, if it is ours.
    pub path: Option<PathBuf>,
}

impl Package {
    /// The names of its targets of this kind: `bin`, `test`, `bench` or `example`.
    pub(crate) fn targets_of(&self, kind: &str) -> impl Iterator<Item = &str> {
        let is_of = move |target: &&Target| target.kind.iter().any(|k| k == kind);
        self.targets.iter().filter(is_of).map(|target| target.name.as_str())
    }
}

/// The packages of the workspace at `root`.
///
/// # Errors
///
/// If cargo cannot read the manifests.
pub(crate) fn packages(root: &Path) -> Result<Vec<Package>, String> {
    packages_at(&root.join("Cargo.toml"))
}

/// The fuzz targets' package, which is a workspace of its own.
///
/// # Errors
///
/// If cargo cannot read the manifest.
pub(crate) fn fuzz_packages(root: &Path) -> Result<Vec<Package>, String> {
    packages_at(&root.join("fuzz/Cargo.toml"))
}

fn packages_at(manifest: &Path) -> Result<Vec<Package>, String> {
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

/// Folders with what tools write, and nothing of ours.
pub(crate) const WRITTEN_BY_TOOLS: [&str; 5] =
    ["__pycache__", "corpus", "artifacts", "corelane-latency", "corelane-profile"];

/// The files and folders of the repository, relative to `root` and sorted; without hidden ones and what tools write.
///
/// # Errors
///
/// If a folder cannot be read.
pub(crate) fn tree(root: &Path) -> Result<Vec<PathBuf>, String> {
    let mut found = Vec::new();
    add_tree(root, Path::new(""), &mut found)?;
    found.sort();
    Ok(found)
}

fn add_tree(root: &Path, folder: &Path, found: &mut Vec<PathBuf>) -> Result<(), String> {
    let unreadable = |e| format!("{}: {e}", root.join(folder).display());
    for entry in fs::read_dir(root.join(folder)).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_folder = entry.file_type().map_err(unreadable)?.is_dir();
        let is_hidden = name.starts_with('.') && ![".ci", ".cargo", ".github"].contains(&name.as_str());
        let is_of_tools = folder == Path::new("") && name.starts_with("target")
            || WRITTEN_BY_TOOLS.contains(&name.as_str())
            || entry.path().join("CACHEDIR.TAG").exists();
        if is_hidden || is_folder && is_of_tools {
            continue;
        }
        let path = folder.join(name);
        found.push(path.clone());
        if is_folder {
            add_tree(root, &path, found)?;
        }
    }
    Ok(())
}
