//! The parts of a text that name something. A string of several lines is read line by line, so that a span in backticks
//! must be on one.

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The target of a link or of an image.
    Link,
    /// What is in backticks.
    Span,
    /// What is in backticks in the first column of a table whose head says "Key".
    Key,
    /// A line of a block of commands.
    Command,
    /// A line of a configuration's comment.
    Comment,
    /// What is in backticks in a comment of a Rust file.
    Source,
    /// What is in backticks in a string of a Rust file: an error that names a key or a command.
    Said,
}

/// A part of a text, with its line from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Snippet {
    pub kind: Kind,
    pub line: usize,
    pub text: String,
}

/// The snippets of a Markdown text.
pub(super) fn of_markdown(text: &str) -> Vec<Snippet> {
    let line_of = |offset: usize| text[..offset].matches('\n').count() + 1;
    let mut snippets = Vec::new();
    let mut block_of_commands = false;
    let (mut is_head, mut column, mut keys_are_first) = (false, 0, false);
    for (event, range) in Parser::new_ext(text, Options::ENABLE_TABLES).into_offset_iter() {
        let line = line_of(range.start);
        let mut add = |kind, line, text: &str| snippets.push(Snippet { kind, line, text: text.trim().to_owned() });
        match event {
            Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => add(Kind::Link, line, &dest_url),
            Event::Code(code) if keys_are_first && column == 1 && !is_head => add(Kind::Key, line, &code),
            Event::Code(code) => add(Kind::Span, line, &code),
            Event::Start(Tag::CodeBlock(kind)) => {
                block_of_commands = match kind {
                    CodeBlockKind::Fenced(language) => ["", "sh", "bash", "console"].contains(&&*language),
                    CodeBlockKind::Indented => true,
                };
            }
            Event::End(TagEnd::CodeBlock) => block_of_commands = false,
            Event::Text(code) if block_of_commands => {
                code.lines().enumerate().for_each(|(below, code)| add(Kind::Command, line + below, code));
            }
            Event::Start(Tag::TableHead) => (is_head, column, keys_are_first) = (true, 0, false),
            Event::End(TagEnd::TableHead) => is_head = false,
            Event::Start(Tag::TableRow) => column = 0,
            Event::Start(Tag::TableCell) => column += 1,
            Event::Text(head) if is_head && column == 1 => keys_are_first = head.eq_ignore_ascii_case("key"),
            Event::End(TagEnd::Table) => keys_are_first = false,
            _ => {}
        }
    }
    snippets
}

/// The comments of a TOML file, with what is in backticks there by itself, too.
pub(super) fn of_comments(text: &str) -> Vec<Snippet> {
    let mut snippets = Vec::new();
    for (at, line) in text.lines().enumerate() {
        // A `#` within a string would need quotes after it, and something before it.
        let is_comment = |(before, comment): &(&str, &str)| before.trim().is_empty() || !comment.contains('"');
        let Some((_, comment)) = line.split_once('#').filter(is_comment) else { continue };
        let mut add = |kind, text: &str| snippets.push(Snippet { kind, line: at + 1, text: text.trim().to_owned() });
        let parts: Vec<&str> = comment.split('`').collect();
        parts.iter().skip(1).step_by(2).for_each(|span| add(Kind::Span, span));
        parts.iter().step_by(2).for_each(|plain| add(Kind::Comment, plain));
    }
    snippets
}

/// What is in backticks in the comments of a Rust file, without blocks of code.
pub(super) fn of_rust(text: &str) -> Vec<Snippet> {
    let mut snippets = Vec::new();
    let mut is_code = false;
    for (at, line) in text.lines().enumerate() {
        let Some(comment) = line.trim_start().strip_prefix("//") else {
            is_code = false;
            // Without a string on the line, or its end, backticks are the code's.
            let strings = line.split('"').skip(1).step_by(2);
            let spans = strings.flat_map(|string| string.split('`').skip(1).step_by(2));
            snippets.extend(spans.map(|span| Snippet { kind: Kind::Said, line: at + 1, text: span.to_owned() }));
            continue;
        };
        let comment = comment.trim_start_matches(['/', '!']).trim_start();
        if comment.starts_with("```") {
            is_code = !is_code;
        } else if !is_code {
            let spans = comment.split('`').skip(1).step_by(2);
            snippets.extend(spans.map(|span| Snippet {
                kind: Kind::Source,
                line: at + 1,
                text: span.trim().to_owned(),
            }));
        }
    }
    snippets
}

#[cfg(test)]
mod tests {
    use super::{Kind, Snippet, of_comments, of_markdown, of_rust};

    fn shown(snippets: &[Snippet]) -> Vec<String> {
        snippets.iter().map(|s| format!("{}:{:?}:{}", s.line, s.kind, s.text)).collect()
    }

    #[test]
    fn markdown_names_in_links_spans_blocks_and_tables_of_keys() {
        let text =
            "See [`a`](b.md).\n\n```\nc d\ne\n```\n\n```rust\nf\n```\n\n| Key | Value |\n|---|---|\n| `g` | `h` |\n";
        let expected = ["1:Link:b.md", "1:Span:a", "4:Command:c d", "5:Command:e", "14:Key:g", "14:Span:h"];
        assert_eq!(shown(&of_markdown(text)), expected);
    }

    #[test]
    fn comments_of_rust_are_read_and_code_is_not() {
        let text = "//! See `a.md`.\n//! ```\n//! `b`\n//! ```\nlet c = \"`d`\";\n    // As `cargo xtask e` or `f`.\n";
        assert_eq!(shown(&of_rust(text)), ["1:Source:a.md", "5:Said:d", "6:Source:cargo xtask e", "6:Source:f"]);
    }

    #[test]
    fn comments_are_read_and_values_are_not() {
        let text = "# see `x y` and [z]\nkey = \"v\" # w\nuser = \"a#b\"\n# k = \"v\"\n";
        let expected = ["1:Span:x y", "1:Comment:see", "1:Comment:and [z]", "2:Comment:w", "4:Comment:k = \"v\""];
        assert_eq!(shown(&of_comments(text)), expected);
        assert_eq!(of_comments("a = 1\n"), []);
        assert_eq!(of_comments("#")[0].kind, Kind::Comment);
    }
}
