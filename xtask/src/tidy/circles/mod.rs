//! No circles between the module files of a crate.
//!
//! An edge leads from file A to file B if A's code, `use` declarations included, names an item that B defines:
//!
//! - Paths are resolved by modules, imports, globs and re-exports to the file that defines the item; a glob counts for the
//!   file of the module that it opens. Paths in macro calls and in macro definitions count as in plain code.
//! - A `mod x;` is no edge, nor is a re-export (`pub use`, `pub(crate) use`): a file may be the facade of its children. If its
//!   own code names what it re-exports, that is an edge.
//! - A child that names its parent's item is an edge to the parent; a parent whose code names a child's item is one to
//!   the child.
//! - The import of a module is no edge; what is named through it is.
//! - Code under `#[cfg(test)]`, attributes and documentation do not count.
//! - A method call names no file. If one type's `impl` blocks lie in several files, calls between them are not seen.
//!
//! A circle is a strongly connected component of more than one file. At version 0.1.0 before this rule, they were of 8 files
//! in `actors` and 2 in its books, 10 in `runtime`, 2 in `config` and in `server`, 13 and 3 in `tester`, 8 in
//! `latency-tests`; counting only imports and paths from `crate::`, `super::` or `self::` would have missed those between
//! a parent that calls `child::run` and the child that imports from it.

mod components;
mod crate_tree;
mod names;
mod resolve;

use super::finding::Finding;
use crate::workspace::packages;
use crate_tree::CrateTree;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Checks every library and binary of the workspace, and its tests, benchmarks and examples of several files.
pub(super) fn check(root: &Path) -> Result<Vec<Finding>, String> {
    let mut findings = Vec::new();
    for package in packages(root)? {
        for target in &package.targets {
            let tree = CrateTree::load(&target.src_path, &|file| fs::read_to_string(file).ok())?;
            findings.extend(circles(root, &tree));
        }
    }
    findings.dedup();
    Ok(findings)
}

/// One finding per circle, with a line for each pair of files in it.
fn circles(root: &Path, tree: &CrateTree) -> Vec<Finding> {
    let edges = edges(tree);
    let pairs: Vec<(usize, usize)> = edges.keys().copied().collect();
    let show = |file: usize| tree.files[file].strip_prefix(root).unwrap_or(&tree.files[file]).display().to_string();
    let mut findings = Vec::new();
    for component in components::of(tree.files.len(), &pairs) {
        let mut message =
            format!("circle of {} files: move what both sides need to a file that knows neither", component.len());
        for ((from, to), places) in &edges {
            if component.contains(from) && component.contains(to) {
                let (line, path) = &places[0];
                let more = if places.len() > 1 { format!(" and {} more", places.len() - 1) } else { String::new() };
                message += &format!("\n    {}:{line} -> {}  {path}{more}", show(*from), show(*to));
            }
        }
        findings.push(Finding::new(show(component[0]), 1, message));
    }
    findings
}

/// The pairs of files with the places where the first names an item of the second: line and path as written.
fn edges(tree: &CrateTree) -> BTreeMap<(usize, usize), Vec<(usize, String)>> {
    let mut edges: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (at, module) in tree.modules.iter().enumerate() {
        let imports = module.imports.iter().filter(|import| !import.is_reexport);
        let imports = imports.map(|import| (&import.path, import.line, import.is_glob));
        let names = module.names.iter().map(|name| (&name.path, name.line, false));
        for (path, line, is_glob) in imports.chain(names) {
            let Some(to) = resolve::file_of(tree, at, path, is_glob) else { continue };
            if to != module.file {
                edges.entry((module.file, to)).or_default().push((line, path.join("::")));
            }
        }
    }
    edges
}

#[cfg(test)]
mod tests;
