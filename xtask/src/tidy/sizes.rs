//! Long files are named, and are no failure: a file past 300 lines may hold a second concept, one past 600 does.

use crate::workspace;
use std::fs;
use std::path::Path;

const LINES_MAX: usize = 600;

/// One line per Rust file that is too long.
pub(super) fn warnings(root: &Path) -> Result<Vec<String>, String> {
    let files = workspace::tree(root)?.into_iter().filter(|file| file.extension().is_some_and(|e| e == "rs"));
    let lines = |file: &Path| fs::read_to_string(root.join(file)).unwrap_or_default().lines().count();
    Ok(files.filter_map(|file| warning(&file.display().to_string(), lines(&file))).collect())
}

fn warning(file: &str, lines: usize) -> Option<String> {
    (lines > LINES_MAX).then(|| format!("warning: {file} has {lines} lines: look for the second concept in it"))
}

#[cfg(test)]
mod tests {
    use super::warning;

    #[test]
    fn only_long_files_are_named() {
        assert_eq!(warning("a.rs", 600), None);
        assert_eq!(warning("a.rs", 601).unwrap(), "warning: a.rs has 601 lines: look for the second concept in it");
    }
}
