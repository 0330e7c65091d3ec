//! A valid topology, and what is said of it after a part was replaced.
#![allow(dead_code, reason = "each test file uses a part of it")]

use corelane_config::{Config, ConfigErrors};

/// A small valid topology; each case replaces a part of it.
pub(crate) const VALID: &str = r#"[venue]
name = "test"
session = "TEST000001"

[[shards]]
name = "hot"
cpu = 0
idle = "spin"

[[shards]]
name = "cold"
cpu = 1
idle = "park"

[placement]
ingress = "hot"
core = "hot"
publisher = "cold"

[edges]
ingress_capacity = 1000

[net]
connections_max = 8

[order_entry]
listen = "127.0.0.1:9001"

[[ports]]
user = "ALICE"
password = "secret"

[[ports]]
user = "BOB"
password = "secret"

[[instruments]]
symbol = "AAPL"
tick = "0.01"
reference_price = "190.00"

[[instruments]]
symbol = "ESH4"
tick = "0.25"

[risk]
quantity_max = 1000
notional_max = "1000000"
collar_percent = 10
collar_without_reference = "accept"

[feeds.in]
listen = "239.192.0.1:26477"
interface = "127.0.0.1"

[feeds.out]
to = "127.0.0.1:26400"
"#;

pub(crate) fn errors_of(text: &str) -> ConfigErrors {
    Config::parse("test.toml", text).expect_err("the text has a mistake")
}

/// One line per error: `line:column kind: message; help`.
pub(crate) fn lines_of(errors: &ConfigErrors) -> Vec<String> {
    errors
        .iter()
        .map(|error| format!("{}:{} {:?}: {}; {}", error.line, error.column, error.kind, error.message, error.help))
        .collect()
}

/// A part of the valid topology, what stands in its place, and the lines of the errors that this gives.
pub(crate) type Case<'a> = (&'a str, &'a str, &'a [&'a str]);

/// Each case gives its errors, to the letter.
#[track_caller]
pub(crate) fn are_reported(cases: &[Case<'_>]) {
    for (part, replacement, expected) in cases {
        assert_eq!(VALID.matches(part).count(), 1, "{part:?} is not one place");
        let text = VALID.replace(part, replacement);
        match Config::parse("test.toml", &text) {
            Ok(_) => panic!("{replacement:?} is accepted"),
            Err(errors) => assert_eq!(lines_of(&errors), *expected, "{replacement:?}"),
        }
    }
}
