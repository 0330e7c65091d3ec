//! The fault points that the venue lists are those that its sources name.

use super::finding::Finding;
use crate::workspace;
use std::fs;
use std::path::Path;

/// The list.
const LIST: &str = "venue/src/fault_points.rs";
/// Whose code a venue runs.
const SOURCES: [&str; 3] = ["actors/src", "runtime/src", "venue/src"];

/// Compares the list with all `fault!` of the sources.
pub(super) fn check(root: &Path) -> Result<Vec<Finding>, String> {
    let read = |file: &Path| fs::read_to_string(root.join(file)).map_err(|e| format!("{}: {e}", file.display()));
    let listed = listed(&read(Path::new(LIST))?);
    let mut found = Vec::new();
    let mut passed = Vec::new();
    let is_source = |file: &Path| {
        file.extension().is_some_and(|extension| extension == "rs") && SOURCES.iter().any(|from| file.starts_with(from))
    };
    for file in workspace::tree(root)?.into_iter().filter(|file| is_source(file)) {
        for (line, name) in passed_in(&read(&file)?) {
            if !listed.iter().any(|(_, one)| *one == name) {
                found.push(Finding::new(&file, line, format!("the fault point {name:?} is missing in {LIST}")));
            }
            passed.push(name);
        }
    }
    let unknown = listed.into_iter().filter(|(_, name)| !passed.contains(name));
    found.extend(unknown.map(|(line, name)| Finding::new(LIST, line, format!("no source names fault!({name:?})"))));
    Ok(found)
}

/// The names at the beginning of the list's entries, with their lines from 1.
fn listed(text: &str) -> Vec<(usize, String)> {
    named_after(text, "(\"")
}

/// The names of the fault points of a source, comments left out, with their lines from 1.
fn passed_in(text: &str) -> Vec<(usize, String)> {
    named_after(text, "fault!(\"")
}

/// What lines of code that begin with `start` go on with, up to the next quotation mark.
fn named_after(text: &str, start: &str) -> Vec<(usize, String)> {
    let name = |(at, line): (usize, &str)| {
        let (name, _) = line.trim_start().strip_prefix(start)?.split_once('"')?;
        Some((at + 1, name.to_owned()))
    };
    text.lines().enumerate().filter_map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::{listed, passed_in};

    #[test]
    fn points_are_read_from_code_and_not_from_comments() {
        let source = "fn f() {\n    fault!(\"a.b\");\n    // fault!(\"c.d\");\n//!     fault!(\"doc.step\");\n}\n";
        assert_eq!(passed_in(source), [(2, "a.b".to_owned())]);
        assert_eq!(listed("    [\n        (\"a.b\", End),\n    ]\n"), [(2, "a.b".to_owned())]);
    }
}
