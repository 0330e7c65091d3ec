//! The text of a file as reports show it: a report goes to a terminal, a log or a ticket, and the file may hold anything.

/// The key whose values are not shown.
pub(crate) const SECRET: &str = "password";

/// The text without what must not reach the reader of a report: control characters, which a terminal would obey, and passwords,
/// also where they are not written as TOML wants. Every byte stays at its place.
pub(crate) fn shown(text: &str) -> String {
    // Of the same length, byte by byte.
    let lower = text.to_ascii_lowercase();
    let mut shown = String::with_capacity(text.len());
    let mut at = 0;
    while let Some(found) = lower[at..].find(SECRET) {
        let key = at + found + SECRET.len();
        let (begin, end) = value_behind(&text[key..]);
        shown.extend(text[at..key + begin].chars().map(harmless));
        shown.push_str(&hidden(&text[key + begin..key + end]));
        at = key + end;
    }
    shown.extend(text[at..].chars().map(harmless));
    shown
}

/// The text as [`shown`], with no value but those behind keys of `known`: where a text is no TOML, nobody knows what is a password,
/// whose key may be mistyped, too. A line is shown up to the first thing in it that is not known.
pub(crate) fn shown_behind(text: &str, known: impl Fn(&str) -> bool) -> String {
    let text = shown(text);
    let of_line = |line: &str| {
        let (clear, rest) = line.split_at(known_bytes(line, &known));
        [clear, &hidden(rest)].concat()
    };
    text.split_inclusive('\n').map(of_line).collect()
}

/// The bytes at the beginning of a line that are keys of `known`, one value of each, headers and comments.
fn known_bytes(line: &str, known: impl Fn(&str) -> bool) -> usize {
    // Whether the next word is shown, whatever it says.
    let mut is_value = line.trim_start().starts_with('[');
    let mut opened = None;
    let mut at = 0;
    while let Some(first) = line[at..].chars().next() {
        let rest = &line[at..];
        match first {
            '[' | '{' => opened = Some(first),
            ']' | '}' => opened = None,
            ',' => is_value = opened == Some('['),
            '=' | ':' | ' ' | '\t' | '\r' | '\n' => {}
            // What was a key once is still hidden.
            '#' => return if rest.contains(['=', ':', '"', '\'']) { at } else { line.len() },
            _ => {
                let length = match first {
                    '"' | '\'' => rest[1..].find(first).map_or(rest.len(), |end| end + 2),
                    _ => rest.find(|letter| ends_word(letter) || letter == ':' && !is_value).unwrap_or(rest.len()),
                };
                let word = rest[..length].trim_matches(['"', '\'']);
                let is_known = known(word.rsplit('.').next().unwrap_or(word));
                let is_key = rest[length..].trim_start_matches([' ', '\t']).starts_with(['=', ':']);
                if if is_key { !is_known } else { !is_value && !is_known } {
                    return at;
                }
                is_value = is_key;
                at += length;
                continue;
            }
        }
        at += 1;
    }
    line.len()
}

fn ends_word(letter: char) -> bool {
    letter.is_whitespace() || matches!(letter, '"' | '\'' | '=' | ',' | '[' | ']' | '{' | '}' | '#')
}

/// As many bytes, in as many lines, that say nothing.
pub(crate) fn hidden(text: &str) -> String {
    text.bytes().map(|byte| if byte == b'\n' { '\n' } else { '*' }).collect()
}

/// Where the value behind a key is, without its quotes; nowhere if there is none.
fn value_behind(text: &str) -> (usize, usize) {
    let is_of_key = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-' | '.');
    let behind_key = text.trim_start_matches(is_of_key);
    let value = behind_key.trim_start_matches(['"', '\'', ' ', '\t', '=', ':']);
    let before = &behind_key[..behind_key.len() - value.len()];
    let opens = [" \"", " '", "\t\"", "\t'"].iter().any(|quote| before.ends_with(quote));
    let begin = text.len() - value.len();
    match opens || before.contains(['=', ':']) {
        true => (begin, begin + length(before, value)),
        false => (0, 0),
    }
}

/// The bytes of a value behind what begins it. One without quotes is a mistake, and is not shown either.
fn length(before: &str, value: &str) -> usize {
    if let Some(quotes) = ["\"\"\"", "'''"].into_iter().find(|quotes| before.ends_with(quotes)) {
        return value.find(quotes).unwrap_or(value.len());
    }
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
    fn behind_what_is_not_known_a_broken_text_shows_nothing() {
        for (text, expected) in [
            ("[[ports]]\nuser = \"A\"\n", "[[ports]]\nuser = \"A\"\n"),
            ("pasword = \"hunter2\n", "******************\n"),
            ("pasword = hunter2 # a\r\n", "**********************\n"),
            ("{ user = \"A\", pwd = \"hunter2\" }", "{ user = \"A\", *****************"),
            ("user = \"A\" pwd \"hunter2\"", "user = \"A\" *************"),
            ("user = \"A, pwd = \"hunter2\"", "user = \"A, pwd = \"********"),
            ("user \"hunter2\"", "user *********"),
            ("{\"user\":\"A\",\"pwd\":\"hunter2\"}", "{\"user\":\"A\",****************"),
            ("user: A pwd: hunter2", "user: A ************"),
            ("user = [\"A\", \"B\"], \"hunter2\"", "user = [\"A\", \"B\"], *********"),
            ("[[ports]] pwd = 1", "[[ports]] *******"),
            ("listen = 127.0.0.1:9001", "listen = 127.0.0.1:9001"),
            ("ports.user = A", "ports.user = A"),
            ("hunter2\n\"\"\"\n", "*******\n***\n"),
            ("# a comment\n# pwd = 1\n", "# a comment\n*********\n"),
            ("user = \"\"\"\nhünter2", "user = \"\"*\n********"),
            ("password = \"hunter2\"", "password = \"*******\""),
        ] {
            let shown = shown_behind(text, |key| ["ports", "user", "listen", "password"].contains(&key));
            assert_eq!(shown, expected);
            assert_eq!(shown.len(), text.len(), "{text:?}");
        }
    }

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
            ("password = \"\"\"\nhunter2\n\"\"\"\nx = 1", "password = \"\"\"\n*******\n\"\"\"\nx = 1"),
            ("PassWord = \"hunter2\"", "PassWord = \"*******\""),
            ("password \"hunter2\"\n", "password \"*******\"\n"),
            ("password: hunter2\n", "password: *******\n"),
            ("{\"user\":\"A\",\"password\":\"hunter2\"}", "{\"user\":\"A\",\"password\":\"*******\"}"),
            ("password.new = \"hunter2\"", "password.new = \"*******\""),
            ("# a \"password\" is kept, 'password' too", "# a \"password\" is kept, 'password' too"),
            ("password = \"a\u{1b}[31m", "password = \"******"),
            ("name = \"\u{1b}[31m\u{9b}1m\"\t\r\n", "name = \"?[31m¿1m\"\t\r\n"),
        ] {
            let shown = shown(text);
            assert_eq!(shown, expected);
            assert_eq!(shown.len(), text.len(), "{text:?}");
        }
    }
}
