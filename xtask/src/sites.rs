//! The memory orderings of `runtime/sync`, read from its source, so that no mutant can be forgotten.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// A place in the source with an ordering stronger than `Relaxed`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Site {
    pub name: String,
    pub order: String,
}

/// Defines the macros that name the sites, and is therefore not searched for them.
const MACROS_FILE: &str = "atomic.rs";

const NAMED: [&str; 2] = ["order!(", "fence!("];
const STRONG: [&str; 4] = ["Acquire", "Release", "AcqRel", "SeqCst"];

/// All sites below `folder`, in the order of the files' names.
///
/// # Errors
///
/// If a file cannot be read, an ordering has no name, or two share one.
pub(crate) fn sites(folder: &Path) -> Result<Vec<Site>, String> {
    let mut sites = Vec::new();
    for file in source_files(folder)? {
        let source = fs::read_to_string(&file).map_err(|e| format!("{}: {e}", file.display()))?;
        sites.extend(sites_of(&source).map_err(|e| format!("{}: {e}", file.display()))?);
    }
    let mut names = BTreeSet::new();
    match sites.iter().find(|site| !names.insert(&site.name)) {
        Some(site) => Err(format!("two orderings are named {:?}: give each its own name", site.name)),
        None if sites.is_empty() => Err(format!("{}: no named ordering found", folder.display())),
        None => Ok(sites),
    }
}

fn source_files(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let mut files = Vec::new();
    let entries = fs::read_dir(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    for entry in entries {
        let path = entry.map_err(|e| format!("{}: {e}", folder.display()))?.path();
        if path.is_dir() {
            files.extend(source_files(&path)?);
        } else if path.extension().is_some_and(|e| e == "rs") && !path.ends_with(MACROS_FILE) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn sites_of(source: &str) -> Result<Vec<Site>, String> {
    let code: String =
        source.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join(" ");
    let calls = NAMED.iter().flat_map(|call| code.match_indices(call));
    let mut calls: Vec<_> = calls.map(|(at, call)| &code[at + call.len()..]).collect();
    calls.sort_by_key(|rest| std::cmp::Reverse(rest.len()));
    let sites = calls.into_iter().map(parse).collect::<Result<Vec<_>, _>>()?;

    let words = code.split(|c: char| !c.is_alphanumeric() && c != '_');
    let strong = words.filter(|word| STRONG.contains(word)).count();
    match strong == sites.len() {
        true => Ok(sites),
        false => Err(format!(
            "{strong} orderings stronger than Relaxed, but {} of them named: write order!(\"site\", Order)",
            sites.len()
        )),
    }
}

/// Parses `"name", Order)` and what follows it.
fn parse(call: &str) -> Result<Site, String> {
    let arguments = call.split(')').next().unwrap_or_default();
    let (name, order) =
        arguments.split_once(',').ok_or_else(|| format!("({arguments}): expected (\"site\", Order)"))?;
    Ok(Site { name: name.trim().trim_matches('"').to_owned(), order: order.trim().trim_end_matches(',').to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_strong_ordering_is_found_or_refused() {
        let cases = [
            ("x.load(Ordering::Relaxed);", Some("")),
            (r#"x.load(order!("get", Acquire));"#, Some("get=Acquire")),
            (r#"fence!("f", SeqCst); x.store(1, order!("s", Release));"#, Some("f=SeqCst s=Release")),
            ("x.store(order!(\n    \"wrapped\",\n    Release,\n));", Some("wrapped=Release")),
            ("// Acquire, or order!(\"comment\", Acquire)", Some("")),
            ("x.load(Ordering::Acquire);", None),
            ("x.load(order!(Acquire));", None),
        ];
        for (source, expected) in cases {
            let found = sites_of(source).ok().map(|sites| {
                let sites = sites.iter().map(|site| format!("{}={}", site.name, site.order));
                sites.collect::<Vec<_>>().join(" ")
            });
            assert_eq!(found.as_deref(), expected, "{source}");
        }
    }
}
