//! The bulkheads of ports, accounts and firms: their own keys, and those of `[bulkhead]` for the rest.

mod mistakes;

use corelane_config::{Bulkhead, BulkheadLevel, Config};

/// Level, name, limits and ports of a bulkhead.
type Summary = (BulkheadLevel, String, [Option<u32>; 3], Vec<usize>);

/// The bulkheads with a limit.
fn bulkheads(text: &str) -> Vec<Summary> {
    let config = Config::parse("test.toml", text).unwrap_or_else(|errors| panic!("{}", errors.plain()));
    let limits = |one: Bulkhead| [one.orders_per_second, one.burst, one.in_flight_max];
    config.bulkheads().into_iter().map(|one| (one.level, one.name, limits(one.limits), one.ports)).collect()
}

#[test]
fn without_a_key_there_are_none() {
    assert_eq!(bulkheads(mistakes::VALID), []);
}

#[test]
fn what_a_level_leaves_out_is_that_of_all() {
    let text = mistakes::VALID
        .replace("user = \"ALICE\"", "user = \"ALICE\"\naccount = \"HOUSE\"\nbulkhead = { orders_per_second = 5 }")
        .replace(
            "[risk]",
            "[[accounts]]\nname = \"HOUSE\"\nfirm = \"CORE\"\n[[firms]]\nname = \"CORE\"\nbulkhead = { in_flight_max = 9 }\n\
             [bulkhead]\nport = { orders_per_second = 100, burst = 10 }\naccount = { in_flight_max = 50 }\n[risk]",
        );
    let expected = [
        (BulkheadLevel::Port, "ALICE", [Some(5), Some(10), None], 0),
        (BulkheadLevel::Port, "BOB", [Some(100), Some(10), None], 1),
        (BulkheadLevel::Account, "HOUSE", [None, None, Some(50)], 0),
        (BulkheadLevel::Account, "BOB", [None, None, Some(50)], 1),
        (BulkheadLevel::Firm, "CORE", [None, None, Some(9)], 0),
    ];
    let expected = expected.map(|(level, name, limits, port)| (level, name.to_owned(), limits, vec![port]));
    assert_eq!(bulkheads(&text), expected);
}

#[test]
fn an_account_and_a_firm_have_the_ports_of_all_their_users() {
    let text = mistakes::VALID
        .replace("password", "account = \"HOUSE\"\npassword")
        .replace("[risk]", "[[accounts]]\nname = \"HOUSE\"\n[bulkhead.firm]\nin_flight_max = 7\n[risk]");
    let expected = (BulkheadLevel::Firm, "HOUSE".to_owned(), [None, None, Some(7)], vec![0, 1]);
    assert_eq!(bulkheads(&text), [expected]);
}

/// More wait in the socket, so that the bulkhead would never be reached.
#[test]
fn a_ports_bound_of_unanswered_requests_is_below_that_of_order_entry_or_refused() {
    let problems = |of_port: u32, of_all: u32| {
        let text = mistakes::VALID
            .replace("user = \"ALICE\"", &format!("user = \"ALICE\"\nbulkhead = {{ in_flight_max = {of_port} }}"))
            .replace(
                "[risk]",
                &format!("[bulkhead.port]\nin_flight_max = {of_all}\n[bulkhead.firm]\nin_flight_max = 255\n[risk]"),
            );
        match Config::parse("test.toml", &text) {
            Ok(_) => Vec::new(),
            Err(errors) => mistakes::lines_of(&errors),
        }
    };
    let refused = |place: &str, key: &str, most: u32| {
        format!(
            "{place} Conflict: `{key}.in_flight_max` is {most}, but a port has at most 256 in any case; lower it to 255 or less, or remove it"
        )
    };
    assert_eq!(problems(255, 255), Vec::<String>::new());
    assert_eq!(problems(256, 255), [refused("31:30", "ports[0].bulkhead", 256)]);
    assert_eq!(problems(255, 256), [refused("48:17", "bulkhead.port", 256)]);
}
