//! Every direct dependency has a row with its reason in `docs/dependencies.md`, and every row names one that exists.
//!
//! A row's first cell lists names, divided by commas. A name is the crate's, or a tool's followed by where it comes from in
//! parentheses: `tshark (Debian)`. The last cell lists the folders of the packages whose manifests have one of the row's
//! crates; what stands there in parentheses is for the reader. Rows without a crate may name any folder that exists.

use super::finding::Finding;
use crate::workspace::{self, Package};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

const FILE: &str = "docs/dependencies.md";

/// Folders of packages by the crates that they depend on.
type Users = BTreeMap<String, BTreeSet<String>>;

/// Checks the table against the manifests of the workspace and of `fuzz`.
pub(super) fn check(root: &Path) -> Result<Vec<Finding>, String> {
    let text = fs::read_to_string(root.join(FILE)).map_err(|e| format!("{FILE}: {e}"))?;
    let packages = [workspace::packages(root)?, workspace::fuzz_packages(root)?].concat();
    Ok(findings(&text, &users(root, &packages), |folder| root.join(folder).exists()))
}

fn users(root: &Path, packages: &[Package]) -> Users {
    let mut users = Users::new();
    for package in packages {
        let folder = package.manifest_path.parent().unwrap_or(root);
        let folder = folder.strip_prefix(root).unwrap_or(folder).display().to_string();
        for dependency in package.dependencies.iter().filter(|dependency| dependency.path.is_none()) {
            users.entry(dependency.name.clone()).or_default().insert(folder.clone());
        }
    }
    users
}

fn findings(text: &str, users: &Users, exists: impl Fn(&str) -> bool) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut listed = BTreeSet::new();
    for (line, row) in text.lines().enumerate().filter_map(|(at, line)| Some((at + 1, cells(line)?))) {
        let names: Vec<&str> = row[0].split(", ").map(str::trim).collect();
        if row[1..row.len() - 1].iter().all(|cell| cell.is_empty()) {
            found.push(Finding::new(FILE, line, format!("{} has no reason: write what it does for us", row[0])));
        }
        let (tools, crates): (Vec<&str>, Vec<&str>) = names.iter().partition(|name| name.contains('('));
        for name in crates.iter().filter(|name| !users.contains_key(**name)) {
            let message =
                format!("no manifest has {name}: remove it, or say where the tool comes from: {name} (Debian)");
            found.push(Finding::new(FILE, line, message));
        }
        let expected: BTreeSet<&str> =
            crates.iter().filter_map(|name| users.get(*name)).flatten().map(String::as_str).collect();
        let used_in: BTreeSet<&str> =
            row[row.len() - 1].split(", ").map(|user| user.split(" (").next().unwrap_or_default().trim()).collect();
        if !expected.is_empty() && expected != used_in {
            let expected: Vec<&str> = expected.into_iter().collect();
            found.push(Finding::new(FILE, line, format!("used in: write {}", expected.join(", "))));
        }
        if crates.is_empty() {
            for folder in used_in.iter().filter(|folder| !exists(folder)) {
                found.push(Finding::new(FILE, line, format!("{}: no folder {folder}", tools.join(", "))));
            }
        }
        listed.extend(crates.into_iter().map(str::to_owned));
    }
    for (name, folders) in users.iter().filter(|(name, _)| !listed.contains(*name)) {
        let folders: Vec<&str> = folders.iter().map(String::as_str).collect();
        let message = format!("{name} has no row: add one with its reason, used in {}", folders.join(", "));
        found.push(Finding::new(FILE, text.lines().count(), message));
    }
    found
}

/// The cells of a row of the table; `None` for other lines, its head included.
fn cells(line: &str) -> Option<Vec<&str>> {
    let row = line.strip_prefix('|')?.strip_suffix('|')?;
    let cells: Vec<&str> = row.split('|').map(str::trim).collect();
    let is_head = cells[0] == "crate" || cells[0].starts_with("--");
    (!is_head && cells.len() >= 3).then_some(cells)
}

#[cfg(test)]
mod tests {
    use super::{Users, findings};

    #[test]
    fn rows_and_manifests_agree() {
        let folders = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let users: Users = [("a".into(), folders(&["x", "y"])), ("b".into(), folders(&["y"]))].into();
        let good = "| a, b | job | x, y (tests) |";
        let cases: &[(&str, &[&str])] = &[
            (good, &[]),
            ("| crate | job | used in |\n|---|---|---|\n| a | job | y, x |\n| b | job | y |", &[]),
            ("| a, b | job | x |", &["used in: write x, y"]),
            ("| a | job | x, y |", &["b has no row"]),
            (&format!("{good}\n| c | job | x |"), &["no manifest has c"]),
            ("| a, b | | x, y |", &["a, b has no reason"]),
            (&format!("{good}\n| c (Debian) | job | x |"), &[]),
            (&format!("{good}\n| c (Debian) | job | gone |"), &["no folder gone"]),
        ];
        for (text, expected) in cases {
            let found = findings(text, &users, |folder| folder == "x");
            assert_eq!(found.len(), expected.len(), "{text}: {found:?}");
            assert!(found.iter().zip(*expected).all(|(f, e)| f.message.contains(e)), "{text}: {found:?}");
        }
    }
}
