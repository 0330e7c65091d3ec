//! Texts name one kernel that the project needs: the README's.

use super::finding::Finding;
use crate::workspace;
use std::fs;
use std::path::Path;

/// Where the needed kernel is said first.
const README: &str = "README.md";

/// Checks the README, the Markdown of `docs`, and all Rust sources but those of tests.
pub(super) fn check(root: &Path) -> Result<Vec<Finding>, String> {
    let read = |file: &Path| fs::read_to_string(root.join(file)).map_err(|e| format!("{}: {e}", file.display()));
    let readme = read(Path::new(README))?;
    let Some((line, needed)) = needed_kernels(&readme).into_iter().next() else {
        return Ok(vec![Finding::new(README, 1, "say which kernel is needed: Linux N.M or newer")]);
    };
    let mut found = Vec::new();
    for file in workspace::tree(root)?.into_iter().filter(|file| is_read(file)) {
        let text = read(&file)?;
        let others = needed_kernels(&text).into_iter().filter(|(_, kernel)| *kernel != needed);
        found.extend(others.map(|(at, kernel)| {
            Finding::new(&file, at, format!("Linux {kernel} or newer, but {README}:{line} says {needed}"))
        }));
    }
    Ok(found)
}

fn is_read(file: &Path) -> bool {
    let is_of_tests = file.components().any(|part| part.as_os_str() == "tests") || file.ends_with("tests.rs");
    match file.extension().and_then(|extension| extension.to_str()) {
        // This rule's own examples.
        Some("rs") => !is_of_tests && !file.ends_with("tidy/kernel.rs"),
        Some("md") => file == Path::new(README) || file.starts_with("docs"),
        _ => false,
    }
}

/// Each `Linux N.M or newer`, with its line from 1.
fn needed_kernels(text: &str) -> Vec<(usize, &str)> {
    let on_line = |(at, line)| {
        let starts = ["Linux ", "kernel "].iter().flat_map(move |word| str::match_indices(line, word));
        starts.filter_map(move |(start, word)| {
            let (version, _) = line[start + word.len()..].split_once(" or newer")?;
            version.chars().all(|c| c.is_ascii_digit() || c == '.').then_some((at + 1, version))
        })
    };
    text.lines().enumerate().flat_map(on_line).collect()
}

#[cfg(test)]
mod tests {
    use super::needed_kernels;

    #[test]
    fn kernels_that_are_needed_are_found_and_others_are_not() {
        let text = "On Linux 6.18.\nIt needs Linux 6.1 or newer.\na kernel 5.6 or newer, cmake 3.30 or newer\n";
        assert_eq!(needed_kernels(text), [(2, "6.1"), (3, "5.6")]);
    }
}
