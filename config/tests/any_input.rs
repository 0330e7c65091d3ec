//! No text makes the loader panic, hang or report a place that does not exist.

use corelane_config::{Config, VENUE_TOML};
use miette::{GraphicalReportHandler, GraphicalTheme};
use proptest::prelude::*;

fn check(text: &str) {
    let Err(errors) = Config::parse("any.toml", text) else {
        return;
    };
    assert!(errors.iter().len() > 0);
    let lines = text.split('\n').count();
    for error in errors.iter() {
        assert!((1..=lines).contains(&error.line), "line {} of {lines}: {}", error.line, error.plain());
        assert!(error.column >= 1 && !error.message.is_empty() && !error.help.is_empty(), "{error:?}");
    }
    let mut page = String::new();
    GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor())
        .render_report(&mut page, &errors)
        .expect("a String takes everything");
    assert!(!page.contains("Failed to read contents"), "{page}");
}

/// What may come in place of a part of a valid file.
fn replacement() -> impl Strategy<Value = String> {
    const TOKENS: &[&str] = &[
        "",
        "\n",
        "[",
        "]",
        "[[",
        "]]",
        "=",
        "\"",
        "'''",
        "#",
        ".",
        ",",
        "{",
        "}",
        "0",
        "-1",
        "1e999",
        "nan",
        "true",
        "\"\"",
        "\"auto\"",
        "2024-01-01",
        "[[shards]]\n",
        "[risk]\n",
        "name = \"x\"\n",
        "[[[[[[[[",
        "a.b.c = 1\n",
        "0xffffffffffffffff",
        "é",
        "\u{0}",
        "\r\n",
        "\t",
        "\u{feff}",
    ];
    prop_oneof![
        3 => proptest::sample::select(TOKENS).prop_map(str::to_owned),
        1 => "\\PC{0,12}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn arbitrary_text_is_answered(text in any::<String>()) {
        check(&text);
    }

    #[test]
    fn arbitrary_toml_like_text_is_answered(parts in prop::collection::vec(replacement(), 0..40)) {
        check(&parts.concat());
    }

    #[test]
    fn a_mutated_venue_is_answered(
        edits in prop::collection::vec((any::<prop::sample::Index>(), 0_usize..24, replacement()), 1..6)
    ) {
        let mut text = VENUE_TOML.to_owned();
        for (at, length, replacement) in edits {
            let start = text.floor_char_boundary(at.index(text.len() + 1));
            let end = text.ceil_char_boundary((start + length).min(text.len()));
            text.replace_range(start..end, &replacement);
        }
        check(&text);
    }
}

/// Deep nesting is refused by the parser before the comparison recurses over it.
#[test]
fn deep_nesting_is_answered() {
    for (open, close) in [("[", "]"), ("{a=", "}")] {
        check(&format!("x = {}1{}", open.repeat(100_000), close.repeat(100_000)));
    }
    check(&format!("{}a = 1", "a.".repeat(100_000)));
    check(&format!("shards = {}{}", "[".repeat(60), "]".repeat(60)));
}
