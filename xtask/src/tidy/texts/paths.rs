//! Paths in texts lead to files and folders of the repository.
//!
//! A link is relative to its text. A path in backticks may also be relative to the root, or be the end of a path, so that
//! `duty.rs` and `session/` may stand for files that a paragraph is about; such an end may leave out `.rs`.

use crate::workspace::WRITTEN_BY_TOOLS;
use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

const EXTENSIONS: [&str; 7] = ["rs", "md", "toml", "sh", "py", "yml", "txt"];

pub(super) struct Paths {
    all: BTreeSet<PathBuf>,
}

impl Paths {
    /// Knows these files and folders, relative to the root.
    pub(super) fn new(all: impl IntoIterator<Item = PathBuf>) -> Self {
        Self { all: all.into_iter().collect() }
    }

    /// What is wrong with the target of a link in `file`.
    pub(super) fn check_link(&self, file: &Path, target: &str) -> Vec<String> {
        let path = target.split(['#', '?']).next().unwrap_or_default();
        let is_elsewhere = target.contains("://") || target.starts_with("mailto:");
        if is_elsewhere || path.is_empty() || self.has(&beside(file, path)) {
            return Vec::new();
        }
        vec![format!("the link {target} leads nowhere: correct or remove it")]
    }

    /// What is wrong with a span, if it is a path.
    pub(super) fn check_span(&self, file: &Path, span: &str) -> Vec<String> {
        let is_path = self.looks_like_ours(file, span) || has_known_extension(span) || span.ends_with('/');
        let is_word = !span.contains(char::is_whitespace) && is_written_like_a_path(span);
        match is_word && is_path && !self.exists(file, span) && !self.is_end(span) {
            true => vec![missing(span)],
            false => Vec::new(),
        }
    }

    /// What is wrong with words that begin like a path of the repository.
    pub(super) fn check_words(&self, file: &Path, line: &str) -> Vec<String> {
        let words = line.split(|c: char| c.is_whitespace() || "()[],;:'\"`".contains(c));
        let words = words.map(|word| word.trim_end_matches('.').trim_start_matches("./"));
        let paths = words.filter(|word| is_written_like_a_path(word) && self.looks_like_ours(file, word));
        paths.filter(|path| !self.exists(file, path) && !self.is_end(path)).map(missing).collect()
    }

    /// Whether it begins with a folder beside the text or at the root.
    fn looks_like_ours(&self, file: &Path, path: &str) -> bool {
        let Some((first, _)) = path.split_once('/') else { return false };
        !first.is_empty() && (self.has(&beside(file, first)) || self.has(Path::new(first)) || first == "..")
    }

    fn exists(&self, file: &Path, path: &str) -> bool {
        [beside(file, path), beside(Path::new(""), path)].iter().any(|candidate| match path.split_once('*') {
            Some((_, end)) => {
                let candidate = candidate.to_string_lossy().into_owned();
                let (start, _) = candidate.split_once('*').unwrap_or((&candidate, ""));
                self.all.iter().map(|path| path.to_string_lossy()).any(|p| p.starts_with(start) && p.ends_with(end))
            }
            None => self.has(candidate),
        })
    }

    /// Whether some path ends like this.
    fn is_end(&self, end: &str) -> bool {
        let end = end.trim_end_matches('/');
        self.all.iter().any(|path| path.ends_with(end) || path.with_extension("").ends_with(end))
    }

    fn has(&self, path: &Path) -> bool {
        path == Path::new("") || self.all.contains(path)
    }
}

/// `path`, relative to the folder of `file`, without `.` and `..`.
pub(super) fn beside(file: &Path, path: &str) -> PathBuf {
    let mut joined = PathBuf::new();
    for component in file.parent().unwrap_or(Path::new("")).join(path).components() {
        match component {
            Component::ParentDir => _ = joined.pop(),
            Component::Normal(name) => joined.push(name),
            _ => {}
        }
    }
    joined
}

fn has_known_extension(path: &str) -> bool {
    path.rsplit_once('.').is_some_and(|(stem, extension)| {
        // A name in capitals stands for a reader's own file.
        let is_example = stem.chars().all(|c| c.is_ascii_uppercase() || c == '_');
        !stem.is_empty() && !is_example && EXTENSIONS.contains(&extension)
    })
}

fn is_written_like_a_path(word: &str) -> bool {
    let is_of_tools = word.starts_with("target/") || WRITTEN_BY_TOOLS.contains(&word.trim_end_matches('/'));
    let is_elsewhere = word.starts_with('/') || word.contains("://");
    !word.is_empty()
        && !is_of_tools
        && !is_elsewhere
        && word.chars().all(|c| c.is_ascii_alphanumeric() || "._-/*".contains(c))
}

fn missing(path: &str) -> String {
    format!("{path} does not exist: correct the path")
}

#[cfg(test)]
mod tests {
    use super::Paths;
    use std::path::Path;

    fn paths() -> Paths {
        Paths::new(["docs", "docs/a.md", "docs/b.md", "runtime", "runtime/src", "runtime/src/duty.rs"].map(Into::into))
    }

    #[test]
    fn links_are_relative_to_their_text() {
        let file = Path::new("docs/a.md");
        for good in ["b.md", "b.md#part", "../runtime/src/duty.rs", "..", "#part", "https://example.com/x"] {
            assert!(paths().check_link(file, good).is_empty(), "{good}");
        }
        for bad in ["docs/b.md", "c.md", "../c.md"] {
            assert_eq!(paths().check_link(file, bad).len(), 1, "{bad}");
        }
    }

    #[test]
    fn spans_and_words_that_are_paths_exist() {
        let file = Path::new("README.md");
        for good in [
            "docs/a.md",
            "duty.rs",
            "src/duty",
            "runtime/",
            "docs/*.md",
            "n/s",
            "a.b",
            "FILE.md",
            "target/x.rs",
            "corpus/",
        ] {
            assert!(paths().check_span(file, good).is_empty(), "{good}");
        }
        for bad in ["docs/c.md", "gone.rs", "runtime/src/gone", "gone/", "docs/*.rs"] {
            assert_eq!(paths().check_span(file, bad).len(), 1, "{bad}");
        }
        assert_eq!(paths().check_words(file, "see ./docs/a.md, (docs/c.md) or n/s.").len(), 1);
    }
}
