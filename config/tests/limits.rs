//! Limits that let no order of an instrument pass.

mod mistakes;

use corelane_config::Config;
use mistakes::{VALID, lines_of};

/// What is said of a lot of AAPL, whose reference price is 190.00, and a largest notional.
fn problems(lot: u32, notional_max: &str) -> Vec<String> {
    let text = VALID
        .replace("notional_max = \"1000000\"", &format!("notional_max = \"{notional_max}\""))
        .replace("reference_price = \"190.00\"", &format!("reference_price = \"190.00\"\nlot = {lot}"));
    match Config::parse("test.toml", &text) {
        Ok(_) => Vec::new(),
        Err(errors) => lines_of(&errors),
    }
}

/// As a lot above the largest quantity.
#[test]
fn a_lot_at_its_reference_price_is_within_the_largest_notional_or_refused() {
    let refused = |lot: u32, most: &str| {
        format!(
            "40:19 Conflict: a lot of AAPL is {lot} at 190.00, more than the largest notional allowed; lower it, or raise `risk.notional_max` ({most})"
        )
    };
    let none = Vec::<String>::new();
    assert_eq!(problems(1, "190"), none);
    assert_eq!(problems(1, "189.9999"), [refused(1, "189.9999")]);
    assert_eq!(problems(1000, "190000"), none);
    assert_eq!(problems(1000, "189999.9999"), [refused(1000, "189999.9999")]);
}
