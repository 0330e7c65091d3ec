//! Tests in texts exist: a span such as `actors/tests/group/day.rs::a_test` names a function of that file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The Rust files, with their contents.
pub(super) struct TestNames {
    sources: BTreeMap<PathBuf, String>,
}

impl TestNames {
    /// Knows the tests of these files, relative to the root.
    pub(super) fn new<'t>(sources: impl IntoIterator<Item = (&'t Path, &'t str)>) -> Self {
        Self { sources: sources.into_iter().map(|(path, text)| (path.to_owned(), text.to_owned())).collect() }
    }

    /// What is wrong with a span, if it is a test's name.
    pub(super) fn check_span(&self, span: &str) -> Vec<String> {
        let Some((path, name)) = span.split_once("::").filter(|(path, _)| path.ends_with(".rs")) else {
            return Vec::new();
        };
        match self.sources.get(Path::new(path)) {
            None => vec![format!("{path} does not exist: correct the path, relative to the root")],
            Some(text) if !text.contains(&format!("fn {name}(")) => {
                vec![format!("{path} has no test {name}: correct the name, or write the test")]
            }
            Some(_) => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::TestNames;
    use std::path::Path;

    #[test]
    fn a_named_test_is_a_function_of_its_file() {
        let tests = TestNames::new([(Path::new("a/tests/b.rs"), "#[test]\nfn it_holds() {}\n")]);
        for good in ["a/tests/b.rs::it_holds", "a/tests/b.rs", "std::fmt", "it_holds"] {
            assert!(tests.check_span(good).is_empty(), "{good}");
        }
        for bad in ["a/tests/b.rs::it_hold", "b.rs::it_holds", "a/tests/c.rs::it_holds"] {
            assert_eq!(tests.check_span(bad).len(), 1, "{bad}");
        }
    }
}
