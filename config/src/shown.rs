//! The text of a file as reports show it: a report goes to a terminal, a log or a ticket, and the file may hold anything.

/// The key whose values are not shown.
const SECRET: &str = "password";

/// The text without what must not reach the reader of a report: control characters, which a terminal would obey, and passwords.
/// Every byte stays at its place.
pub(crate) fn shown(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(SECRET) {
        let (before, value) = rest.split_at(at + SECRET.len());
        let begin = value.len() - value.trim_start_matches(['"', '\'', ' ', '\t', '=']).len();
        let is_value = value[..begin].contains('=');
        let (begin, end) = if is_value { (begin, begin + length(&value[..begin], &value[begin..])) } else { (0, 0) };
        shown.extend(before.chars().chain(value[..begin].chars()).map(harmless));
        shown.extend(std::iter::repeat_n('*', end - begin));
        rest = &value[end..];
    }
    shown.extend(rest.chars().map(harmless));
    shown
}

/// The bytes of a value behind what begins it. One without quotes is a mistake, and is not shown either.
fn length(before: &str, value: &str) -> usize {
    let quote = before.chars().next_back().filter(|letter| matches!(letter, '"' | '\''));
    let mut is_escaped = false;
    let ends = |letter: char| match quote {
        _ if letter == '\n' => true,
        Some(quote) => {
            let was_escaped = is_escaped;
            is_escaped = letter == '\\' && !was_escaped;
            letter == quote && !was_escaped
        }
        None => matches!(letter, ',' | '}' | '#'),
    };
    value.find(ends).unwrap_or(value.len())
}

fn harmless(letter: char) -> char {
    match letter {
        '\n' | '\t' | '\r' => letter,
        _ if !letter.is_control() => letter,
        _ if letter.len_utf8() == 1 => '?',
        _ => '¿',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_must_not_be_read_is_hidden_and_every_byte_stays_at_its_place() {
        for (text, expected) in [
            ("a = 1 # passwords\nb = 2\n", "a = 1 # passwords\nb = 2\n"),
            ("password = \"hunter2\" # old", "password = \"*******\" # old"),
            ("{ user = \"A\", password='hünter', x = 1 }", "{ user = \"A\", password='*******', x = 1 }"),
            ("\"password\" =\t\"\"\"x\"\"\"\n", "\"password\" =\t\"\"\"*\"\"\"\n"),
            ("password = \"a,'#\\\"b\" # c", "password = \"*******\" # c"),
            ("password = hunter2\nuser = \"A\"", "password = *******\nuser = \"A\""),
            ("password = \"\"\nuser = \"A\"", "password = \"\"\nuser = \"A\""),
            ("password = ", "password = "),
            ("password = \"a\u{1b}[31m", "password = \"******"),
            ("name = \"\u{1b}[31m\u{9b}1m\"\t\r\n", "name = \"?[31m¿1m\"\t\r\n"),
        ] {
            let shown = shown(text);
            assert_eq!(shown, expected);
            assert_eq!(shown.len(), text.len(), "{text:?}");
        }
    }
}
