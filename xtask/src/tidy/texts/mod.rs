//! Texts name what exists: links, paths, commands with their flags, and keys of the configuration.
//!
//! Looked at are README, ARCHITECTURE, CONTRIBUTING, SECURITY, CHANGELOG, all Markdown below `docs`, README and REFERENCE anywhere, and the
//! comments of `config/*.toml`. CHANGELOG and `docs/performance` tell of what was, so only their links must lead
//! somewhere. What is in backticks or in a block of commands counts; in the comments of a configuration, every word.

mod command_line;
mod commands;
mod keys;
mod paths;
mod snippets;

use super::finding::Finding;
use crate::workspace;
use commands::Commands;
use keys::Keys;
use paths::Paths;
use snippets::{Kind, Snippet};
use std::fs;
use std::path::{Path, PathBuf};

/// Checks the texts of the repository.
pub(super) fn check(root: &Path) -> Result<Vec<Finding>, String> {
    let tree = workspace::tree(root)?;
    let texts: Vec<PathBuf> = tree.iter().filter(|path| is_text(path)).cloned().collect();
    let known = Known { paths: Paths::new(tree), commands: Commands::read(root)?, keys: Keys::read(root)? };
    let mut found = Vec::new();
    for file in texts {
        let text = fs::read_to_string(root.join(&file)).map_err(|e| format!("{}: {e}", file.display()))?;
        found.extend(findings(&file, &text, &known));
    }
    Ok(found)
}

/// What there is.
struct Known {
    paths: Paths,
    commands: Commands,
    keys: Keys,
}

fn is_text(path: &Path) -> bool {
    let is_public = path.components().count() == 1 || path.starts_with("docs");
    let is_markdown = path.extension().is_some_and(|e| e == "md")
        && (is_public || path.ends_with("README.md") || path.ends_with("REFERENCE.md"));
    let is_configuration = path.parent() == Some(Path::new("config")) && path.extension().is_some_and(|e| e == "toml");
    // The manifest of the package, not a topology.
    (is_markdown || is_configuration) && !path.ends_with("Cargo.toml")
}

fn findings(file: &Path, text: &str, known: &Known) -> Vec<Finding> {
    let tells_of_what_was = file == Path::new("CHANGELOG.md") || file.starts_with("docs/performance");
    let snippets = match file.extension().is_some_and(|e| e == "toml") {
        true => snippets::of_comments(text),
        false => snippets::of_markdown(text),
    };
    let mut found = Vec::new();
    for snippet in snippets {
        let messages = match snippet.kind {
            Kind::Link => known.paths.check_link(file, &snippet.text),
            _ if tells_of_what_was => continue,
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
        }
        Kind::Comment => {
            messages.extend(known.paths.check_words(file, &snippet.text));
            messages.extend(known.keys.check_comment(&snippet.text));
        }
        Kind::Key => messages.extend(known.keys.check_key(&snippet.text)),
    }
    messages
}
