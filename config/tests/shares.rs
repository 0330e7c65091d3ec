//! No port, and no account by all its ports, may take the room of others in the books.

mod mistakes;

use corelane_config::Config;
use mistakes::{VALID, lines_of};

/// Open orders that each port may have.
const SHARE: usize = 100;

/// What is said of three ports, of which two trade for one account, with books for so many orders and levels.
fn problems(orders_max: usize, levels_max: usize) -> Vec<String> {
    let text = VALID
        .replace(
            "listen = \"127.0.0.1:9001\"",
            &format!("listen = \"127.0.0.1:9001\"\nopen_orders_per_port_max = {SHARE}"),
        )
        .replace("password", "account = \"HOUSE\"\npassword")
        + &format!(
            "[[accounts]]\nname = \"HOUSE\"\n[[ports]]\nuser = \"CAROL\"\npassword = \"secret\"\n\
             [matching]\norders_max = {orders_max}\nlevels_max = {levels_max}\n"
        );
    match Config::parse("test.toml", &text) {
        Ok(_) => Vec::new(),
        Err(errors) => lines_of(&errors),
    }
}

/// M11: below the sum of all shares the account that has two ports could fill the books, or one port could take what another may
/// have; at the sum everyone has the whole of its share.
#[test]
fn books_hold_the_shares_of_all_ports_or_are_refused() {
    const ALL: usize = 3 * SHARE;
    let refused = |most: usize, what: &str| {
        format!(
            "28:28 Conflict: 3 ports may have {SHARE} open orders each, but the books hold {most} {what}; lower it to {} or less, or raise `matching.{what}_max`",
            most / 3
        )
    };
    let none = Vec::<String>::new();
    assert_eq!(problems(ALL, ALL), none);
    assert_eq!(problems(ALL + 1, ALL + 1), none);
    assert_eq!(problems(ALL - 1, ALL), [refused(ALL - 1, "orders")]);
    assert_eq!(problems(ALL, ALL - 1), [refused(ALL - 1, "levels")]);
    // Room for one port alone, or for the account's two.
    for most in [SHARE, 2 * SHARE] {
        assert_eq!(problems(most, most), [refused(most, "orders"), refused(most, "levels")]);
    }
}
