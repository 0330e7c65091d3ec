//! Lines of text that fold where the terminal is narrow.

use textwrap::{Options, WordSplitter};

/// The text with no line longer than `columns`. Lines fold between words, and within a word that is too long by itself; the rest
/// of an indented line is indented twice as far.
pub(crate) fn folded(text: &str, columns: usize) -> String {
    let fold = |line: &str| {
        let indent = line.len() - line.trim_start_matches(' ').len();
        let rest = " ".repeat(2 * indent);
        let options = Options::new(columns).word_splitter(WordSplitter::NoHyphenation).subsequent_indent(&rest);
        textwrap::fill(line, options)
    };
    text.split('\n').map(fold).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_fold_between_words_and_keep_their_indent() {
        let text = "\nNever for these:\n  session.requests -> sequencer: an admission edge\n";
        let cases = [
            (80, text),
            (28, "\nNever for these:\n  session.requests ->\n    sequencer: an admission\n    edge\n"),
            (
                12,
                "\nNever for\nthese:\n  session.\n    requests\n    ->\n    sequence\n    r: an\n    admissio\n    n edge\n",
            ),
        ];
        for (columns, expected) in cases {
            assert_eq!(folded(text, columns), expected, "{columns} columns");
        }
    }
}
