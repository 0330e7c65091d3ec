//! Texts name what exists: links, paths, tests, commands with their flags, and keys of the configuration.
//!
//! The rule reads all Markdown at the root and below `docs`, README and REFERENCE anywhere, the comments of `config/*.toml`,
//! and the comments of Rust files. [`RECORDS`] describe older code, so only their links are checked. Backticks and blocks of
//! commands are checked; in the comments of a configuration, every word; in Rust, paths and commands in backticks,
//! and keys and commands in backticks in strings.

mod anchors;
mod command_line;
mod commands;
mod keys;
mod paths;
mod snippets;
mod test_names;

use super::finding::Finding;
use crate::workspace;
use anchors::Anchors;
use commands::Commands;
use keys::Keys;
use paths::Paths;
use snippets::{Kind, Snippet};
use std::fs;
use std::path::{Path, PathBuf};
use test_names::TestNames;

/// Texts about older code, in which names of that time stay.
const RECORDS: [&str; 4] = [
    "CHANGELOG.md",
    "docs/performance/benchmarks.md",
    "docs/performance/experiments.md",
    "docs/performance/figures.md",
];

/// Checks the texts of the repository.
pub(super) fn check(root: &Path) -> Result<Vec<Finding>, String> {
    let tree = workspace::tree(root)?;
    let files: Vec<PathBuf> = tree.iter().filter(|path| is_text(path)).cloned().collect();
    let mut texts = Vec::new();
    for file in files {
        let text = fs::read_to_string(root.join(&file)).map_err(|e| format!("{}: {e}", file.display()))?;
        texts.push((file, text));
    }
    let markdown = texts.iter().filter(|(file, _)| file.extension().is_some_and(|e| e == "md"));
    let sources = texts.iter().filter(|(file, _)| file.extension().is_some_and(|e| e == "rs"));
    let known = Known {
        paths: Paths::new(tree),
        anchors: Anchors::new(markdown.map(|(file, text)| (file.as_path(), text.as_str()))),
        commands: Commands::read(root)?,
        keys: Keys::read(root)?,
        tests: TestNames::new(sources.map(|(file, text)| (file.as_path(), text.as_str()))),
    };
    Ok(texts.iter().flat_map(|(file, text)| findings(file, text, &known)).collect())
}

/// What there is.
struct Known {
    paths: Paths,
    anchors: Anchors,
    commands: Commands,
    keys: Keys,
    tests: TestNames,
}

fn is_text(path: &Path) -> bool {
    let is_public = path.components().count() == 1 || path.starts_with("docs");
    let is_markdown = path.extension().is_some_and(|e| e == "md")
        && (is_public || path.ends_with("README.md") || path.ends_with("REFERENCE.md"));
    let is_configuration = path.parent() == Some(Path::new("config")) && path.extension().is_some_and(|e| e == "toml");
    let is_source = path.extension().is_some_and(|e| e == "rs");
    // The manifest of the package, not a topology.
    (is_markdown || is_configuration || is_source) && !path.ends_with("Cargo.toml")
}

fn findings(file: &Path, text: &str, known: &Known) -> Vec<Finding> {
    let is_record = RECORDS.iter().any(|record| file == Path::new(record));
    let snippets = match file.extension().and_then(|extension| extension.to_str()) {
        Some("toml") => snippets::of_comments(text),
        Some("rs") => snippets::of_rust(text),
        _ => snippets::of_markdown(text),
    };
    let mut found = Vec::new();
    for snippet in snippets {
        let messages = match snippet.kind {
            Kind::Link => {
                [known.paths.check_link(file, &snippet.text), known.anchors.check_link(file, &snippet.text)].concat()
            }
            _ if is_record => continue,
            _ => check_snippet(file, &snippet, known),
        };
        found.extend(messages.into_iter().map(|message| Finding::new(file, snippet.line, message)));
    }
    found
}

fn check_snippet(file: &Path, snippet: &Snippet, known: &Known) -> Vec<String> {
    let mut messages = known.commands.check(&snippet.text);
    match snippet.kind {
        Kind::Link => {}
        Kind::Command => messages.extend(known.paths.check_words(file, &snippet.text)),
        Kind::Span => {
            messages.extend(known.paths.check_span(file, &snippet.text));
            messages.extend(known.keys.check_span(&snippet.text));
            messages.extend(known.tests.check_span(&snippet.text));
        }
        Kind::Source => messages.extend(known.paths.check_span(file, &snippet.text)),
        // Tests, and those of this rule, speak of mistakes.
        Kind::Said if file.components().any(|part| ["tests", "xtask"].iter().any(|of| part.as_os_str() == *of)) => {
            messages.clear();
        }
        Kind::Said => messages.extend(known.keys.check_span(&snippet.text)),
        Kind::Comment => {
            messages.extend(known.paths.check_words(file, &snippet.text));
            messages.extend(known.keys.check_comment(&snippet.text));
        }
        Kind::Key => messages.extend(known.keys.check_key(&snippet.text)),
    }
    messages
}

#[cfg(test)]
mod tests {
    use super::{RECORDS, is_text};
    use std::path::Path;

    #[test]
    fn every_text_for_readers_is_read_and_only_records_are_spared() {
        let read = ["README.md", "docs/a/b.md", "fuzz/README.md", "config/venue.toml", "runtime/src/lib.rs"];
        assert!(read.iter().all(|path| is_text(Path::new(path))));
        assert!(!is_text(Path::new("config/Cargo.toml")) && !is_text(Path::new("fuzz/notes.md")));
        assert!(RECORDS.iter().all(|record| *record != "docs/performance/README.md"));
    }
}
