//! How mistakes in a topology are reported: together, bounded, safe to show.

mod mistakes;

use std::path::PathBuf;

use corelane_config::{Config, ConfigErrors, ErrorKind, VENUE_TOML};
use miette::{GraphicalReportHandler, GraphicalTheme};
use mistakes::{VALID, are_reported, errors_of};

#[test]
fn the_topology_that_cases_start_from_is_valid() {
    let config = Config::parse("test.toml", VALID).expect("a valid topology");
    assert_eq!(config.edges.ingress_capacity, 1000, "a capacity need not be a power of two");
    assert_eq!(config.locate("shards[1].cpu"), Some((12, 1)));
}

#[test]
fn text_that_is_no_toml_is_reported_where_it_goes_wrong() {
    are_reported(&[
        (
            "name = \"test\"",
            "name = ",
            &[
                "2:8 Syntax: string values must be quoted, expected literal string; correct the TOML syntax (https://toml.io); other checks follow once it parses",
            ],
        ),
        (
            "name = \"test\"",
            "name = \"test\"\nname = \"again\"",
            &[
                "3:1 Syntax: duplicate key; correct the TOML syntax (https://toml.io); other checks follow once it parses",
            ],
        ),
        (
            "to = \"127.0.0.1:26400\"",
            "to = \"127.0.0.1:26400",
            &[
                "57:22 Syntax: invalid basic string, expected `\"`; correct the TOML syntax (https://toml.io); other checks follow once it parses",
            ],
        ),
    ]);
}

/// The five mistakes shown in the crate's documentation, in the shipped venue.
fn venue_with_five_mistakes() -> String {
    [
        ("core = \"hot\" ", "core = \"hto\" "),
        ("ingress_capacity = 4096", "ingres_capacity = 4096"),
        ("client_timeout_ms = 15_000", "client_timeout_ms = \"15000\""),
        ("quantity_max = 100_000", "quantity_max = 0"),
        ("to = \"127.0.0.1:26400\" ", "# "),
    ]
    .iter()
    .fold(VENUE_TOML.to_owned(), |text, (part, replacement)| {
        assert_eq!(text.matches(part).count(), 1, "{part:?} is not one place");
        text.replace(part, replacement)
    })
}

fn rendered(errors: &ConfigErrors) -> String {
    let mut page = String::new();
    GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor())
        .with_width(100)
        .render_report(&mut page, errors)
        .expect("a String takes everything");
    page
}

#[test]
fn five_different_mistakes_are_reported_together() {
    let text = venue_with_five_mistakes();
    let errors = Config::parse("venue.toml", &text).expect_err("the text has five mistakes");
    let kinds: Vec<ErrorKind> = errors.iter().map(|error| error.kind).collect();
    use ErrorKind::{Conflict, InvalidValue, MissingKey, UnknownKey, WrongType};
    assert_eq!(kinds, [Conflict, UnknownKey, WrongType, InvalidValue, MissingKey]);
    assert_eq!(errors.to_string(), "venue.toml: 5 errors");

    let page = rendered(&errors);
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/five_errors.txt");
    if std::env::var_os("UPDATE_GENERATED").is_some() {
        std::fs::write(&path, &page).expect("a writable file");
    }
    let shown = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(page == shown, "tests/five_errors.txt is out of date (UPDATE_GENERATED=1 rewrites it); now:\n{page}");
}

#[test]
fn a_file_that_cannot_be_read_is_an_error_with_a_remedy() {
    let cases = [
        ("no/such/venue.toml", "No such file"),
        ("/", "Is a directory"),
        // It would take all memory.
        ("/dev/zero", "it has more than 64 MiB"),
    ];
    for (path, problem) in cases {
        let lines = Config::load(path).expect_err("it is no topology").plain();
        assert!(lines.starts_with(&format!("{path}: cannot read the file: {problem}")), "{lines}");
        assert!(lines.ends_with("such as config/venue.toml\n"), "{lines}");
    }
}

#[test]
fn a_file_in_another_encoding_is_an_error_with_its_line() {
    let path = std::env::temp_dir().join(format!("corelane-config-latin1-{}.toml", std::process::id()));
    std::fs::write(
        &path,
        VALID
            .replace("\"test\"", "\"t?st\"")
            .bytes()
            .map(|byte| if byte == b'?' { 0xe9 } else { byte })
            .collect::<Vec<u8>>(),
    )
    .unwrap();
    let lines = Config::load(&path).expect_err("it is no UTF-8").plain();
    std::fs::remove_file(&path).unwrap();
    assert!(lines.contains("cannot read the file: line 2 is no UTF-8 text; save it as UTF-8"), "{lines}");
}

#[test]
fn no_report_shows_a_password_however_it_is_written() {
    let with = |line: &str| VALID.replace("password = \"secret\"", line);
    for (text, case) in [
        (with("pasword = \"hunter2\""), "a typing error"),
        (with("passwd = \"hunter2\""), "another word"),
        (with("pwd = \"\"\"\nhunter2\"\"\""), "another word, in two lines"),
        (with("login = { password = \"hunter2\", key = [\"hunter2\"] }"), "a table"),
        (with("\"pass\\u0077ort\" = 'hunter2'"), "an escape"),
        (with("Password = \"hunter2\""), "a capital letter"),
        (with("password: hunter2"), "YAML"),
        (with("password \"hunter2\""), "no equals sign"),
        (with("password.value = \"hunter2\""), "a dotted key"),
        (with("password = \"\"\"\nhunter2\"\"\"\nx = 1"), "two lines"),
        (with("pasword = \"hunter2"), "a typing error, without an end"),
        (with("pwd hunter2"), "another word, without quotes"),
        (with("pasword = \"hunter2\"\nx = "), "a typing error, beside broken syntax"),
        (with("pwd = \"\"\"\nhunter2\"\"\"\nx = "), "another word, in two lines, beside broken syntax"),
        (with("pasword = \"hunter2\"").replace("[[ports]]\nuser = \"ALICE\"", "\n[[port]]"), "another section"),
    ] {
        let errors = errors_of(&text);
        let page = rendered(&errors);
        assert!(!page.contains("hunter2") && !errors.plain().contains("hunter2"), "{case}: {page}");
        assert!(page.contains("[test.toml:"), "{case}: the place is shown: {page}");
    }
}

#[test]
fn the_number_of_reported_errors_is_bounded() {
    let text: String = (0..1000).map(|index| format!("unknown{index} = 1\n")).collect();
    let errors = errors_of(&text);
    assert_eq!(errors.iter().len(), ConfigErrors::KEPT_MAX);
    assert!(errors.omitted() >= 950, "{errors}");
}

#[test]
fn a_quoted_key_cannot_confuse_a_terminal() {
    let errors = errors_of(&format!("\"\\u001b[2J\" = 1\n{VALID}"));
    assert_eq!(errors.iter().len(), 1);
    assert!(!rendered(&errors).contains('\u{1b}') && !errors.plain().contains('\u{1b}'));
}
