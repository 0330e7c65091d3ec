//! Anchors in links lead to headings.

use super::paths::beside;
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The anchors of each Markdown text, as GitHub makes them from headings.
pub(super) struct Anchors {
    of_texts: BTreeMap<PathBuf, BTreeSet<String>>,
}

impl Anchors {
    /// Knows the headings of these texts.
    pub(super) fn new<'a>(texts: impl IntoIterator<Item = (&'a Path, &'a str)>) -> Self {
        Self { of_texts: texts.into_iter().map(|(file, text)| (file.to_owned(), anchors(text))).collect() }
    }

    /// What is wrong with the anchor of a link in `file`. Links to other files than the known texts pass.
    pub(super) fn check_link(&self, file: &Path, target: &str) -> Vec<String> {
        let Some((path, anchor)) = target.split_once('#') else { return Vec::new() };
        let to = if path.is_empty() { file.to_owned() } else { beside(file, path) };
        match self.of_texts.get(&to) {
            Some(anchors) if !target.contains("://") && !anchors.contains(anchor) => {
                vec![format!("{} has no heading for #{anchor}: correct the link", to.display())]
            }
            _ => Vec::new(),
        }
    }
}

fn anchors(text: &str) -> BTreeSet<String> {
    let mut anchors = BTreeSet::new();
    let mut heading: Option<String> = None;
    for event in Parser::new_ext(text, Options::ENABLE_TABLES) {
        match event {
            Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
            Event::End(TagEnd::Heading(_)) => anchors.extend(heading.take().map(|heading| anchor(&heading))),
            Event::Text(words) | Event::Code(words) => {
                if let Some(heading) = &mut heading {
                    heading.push_str(&words);
                }
            }
            _ => {}
        }
    }
    anchors
}

/// Small letters, without punctuation, with `-` for each space.
fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.map(|c| if c == ' ' { '-' } else { c }).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::Anchors;
    use std::path::Path;

    #[test]
    fn anchors_are_headings_of_the_text_that_the_link_leads_to() {
        let text = "# A\n\n## One `order`\u{2019}s way, and more\n";
        let anchors = Anchors::new([(Path::new("docs/a.md"), text)]);
        let from = |file: &str, target: &str| anchors.check_link(Path::new(file), target).len();
        for good in ["#a", "a.md#one-orders-way-and-more", "a.md", "b.rs#L3", "https://example.com/a.md#x"] {
            assert_eq!(from("docs/a.md", good), 0, "{good}");
        }
        assert_eq!(from("docs/a.md", "#b"), 1);
        assert_eq!(from("README.md", "docs/a.md#one-order"), 1);
    }
}
