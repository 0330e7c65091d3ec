//! Keys that would have no effect, and limits that would let no order pass: refused, and accepted one step further.

mod mistakes;

use corelane_config::Config;
use mistakes::VALID;

/// What is said of the valid topology with these keys before `[risk]`, and with replaced parts.
fn problems(keys: &str, replaced: &[(&str, &str)]) -> Vec<String> {
    let mut text = VALID.replace("[risk]", &format!("{keys}\n[risk]"));
    for (part, replacement) in replaced {
        assert!(text.contains(part), "{part:?}");
        text = text.replace(part, replacement);
    }
    match Config::parse("test.toml", &text) {
        Ok(_) => Vec::new(),
        Err(errors) => errors.iter().map(|error| format!("{error}; {}", error.help)).collect(),
    }
}

const NONE: [&str; 0] = [];

#[test]
fn the_bound_of_an_accounts_or_a_firms_unanswered_requests_can_be_reached_or_is_refused() {
    let house = [
        ("user = \"ALICE\"", "user = \"ALICE\"\naccount = \"HOUSE\""),
        ("user = \"BOB\"", "user = \"BOB\"\naccount = \"HOUSE\""),
    ];
    let account = |most: u32| {
        format!(
            "[[accounts]]\nname = \"HOUSE\"\nfirm = \"CORE\"\nbulkhead = {{ in_flight_max = {most} }}\n[[firms]]\nname = \"CORE\""
        )
    };
    assert_eq!(problems(&account(511), &house), NONE);
    assert_eq!(
        problems(&account(512), &house),
        [
            "`accounts[0].bulkhead.in_flight_max` is 512, but the ports of \"HOUSE\" have at most 512 in any case; lower it to 511 or less, or remove it"
        ]
    );
    let firm = |most: u32| {
        format!(
            "[[accounts]]\nname = \"HOUSE\"\nfirm = \"CORE\"\n[[firms]]\nname = \"CORE\"\nbulkhead = {{ in_flight_max = {most} }}"
        )
    };
    assert_eq!(problems(&firm(255), &house[..1]), NONE);
    assert_eq!(
        problems(&firm(256), &house[..1]),
        [
            "`firms[0].bulkhead.in_flight_max` is 256, but the ports of \"CORE\" have at most 256 in any case; lower it to 255 or less, or remove it"
        ]
    );
    let all = |most: u32| format!("[[accounts]]\nname = \"HOUSE\"\n[bulkhead.account]\nin_flight_max = {most}");
    assert_eq!(problems(&all(300), &house), NONE, "for the account of two ports");
    assert_eq!(
        problems(&all(300), &[]),
        [
            "`bulkhead.account.in_flight_max` is 300, but the ports of each account have at most 256 in any case; lower it to 255 or less, or remove it"
        ]
    );
}

#[test]
fn limits_of_an_account_or_a_firm_have_a_port_or_are_refused() {
    let alice = [("user = \"ALICE\"", "user = \"ALICE\"\naccount = \"HOUSE\"")];
    let account = "[[accounts]]\nname = \"HOUSE\"\nlimits = { quantity_max = 5 }";
    assert_eq!(problems(account, &alice), NONE);
    assert_eq!(
        problems("[[accounts]]\nname = \"ALICE\"\nlimits = { quantity_max = 5 }", &[]),
        NONE,
        "the account of the port's user"
    );
    assert_eq!(problems("[[accounts]]\nname = \"HOUSE\"", &[]), NONE, "it limits nothing");
    assert_eq!(
        problems(account, &[]),
        [
            "the account \"HOUSE\" has limits, but no port trades for it; name it in `account` of a port, or remove its limits"
        ]
    );
    let firm = "[[accounts]]\nname = \"HOUSE\"\nfirm = \"CORE\"\n[[firms]]\nname = \"CORE\"\nbulkhead = { orders_per_second = 5 }";
    assert_eq!(problems(firm, &alice), NONE);
    assert_eq!(
        problems(firm, &[]),
        [
            "the firm \"CORE\" has limits, but no port trades for it; name it in `account` of a port or in `firm` of such an account, or remove its limits"
        ]
    );
}

#[test]
fn limits_of_a_level_let_a_lot_of_some_instrument_pass_or_are_refused() {
    let limits = |limits: &str| [("user = \"BOB\"", format!("user = \"BOB\"\nlimits = {{ {limits} }}"))];
    let said = |text: &str, lots: [&str; 2]| {
        let limits = limits(text);
        let lots = [
            ("tick = \"0.01\"", format!("tick = \"0.01\"\nlot = {}", lots[0])),
            ("tick = \"0.25\"", format!("tick = \"0.25\"\nlot = {}", lots[1])),
        ];
        let all: Vec<(&str, &str)> = limits.iter().chain(&lots).map(|(part, other)| (*part, other.as_str())).collect();
        problems("", &all)
    };
    assert_eq!(said("quantity_max = 100", ["100", "1000"]), NONE);
    assert_eq!(
        said("quantity_max = 99", ["100", "1000"]),
        [
            "`ports[1].limits.quantity_max` is 99, less than the lot of any instrument; raise it to 100 or more, or remove it"
        ]
    );
    assert_eq!(said("notional_max = \"1\"", ["100", "1000"]), NONE);
    assert_eq!(
        said("notional_max = \"0.9999\"", ["100", "1000"]),
        [
            "`ports[1].limits.notional_max` is less than a lot of any instrument costs at its tick; raise it, or remove it"
        ]
    );
}

#[test]
fn an_instrument_without_a_reference_price_costs_a_tick_at_least() {
    let of = |most: &str| problems("", &[("tick = \"0.25\"", "tick = \"50.00\"\nlot = 1000"), ("\"1000000\"", most)]);
    assert_eq!(of("\"50000\""), NONE);
    assert_eq!(
        of("\"49999.9999\""),
        [
            "a lot of ESH4 is 1000 at 50.00, more than the largest notional allowed; lower it, or raise `risk.notional_max` (49999.9999)"
        ]
    );
}

#[test]
fn some_port_can_bring_the_first_price_of_an_instrument_or_it_needs_a_reference_price() {
    let no_feed = ("[feeds.in]\nlisten = \"239.192.0.1:26477\"\ninterface = \"127.0.0.1\"\n", "");
    let rejects = "limits = { collar_without_reference = \"reject\" }";
    let house = ("user = \"ALICE\"", "user = \"ALICE\"\naccount = \"HOUSE\"");
    let keys = format!("[[accounts]]\nname = \"HOUSE\"\nfirm = \"CORE\"\n[[firms]]\nname = \"CORE\"\n{rejects}");
    let bob = format!("user = \"BOB\"\n{rejects}");
    assert_eq!(problems(&keys, &[no_feed, house]), NONE, "BOB's orders pass");
    assert_eq!(problems(&keys, &[house, ("user = \"BOB\"", &bob)]), NONE, "the feed may have a price");
    assert_eq!(
        problems(&keys, &[no_feed, house, ("user = \"BOB\"", &bob)]),
        [
            "ESH4 has no `reference_price`, so every order would be rejected; write its reference price, add [feeds.in], or set `collar_without_reference = \"accept\"`"
        ]
    );
}

#[test]
fn a_breaker_has_no_key_that_what_it_watches_has_no_use_for() {
    let breaker = |keys: &str| problems(&format!("[[breaker]]\nname = \"a\"\n{keys}"), &[]);
    assert_eq!(breaker("watches = \"feed\"\nfailure_percent = 20"), NONE);
    assert_eq!(breaker("watches = \"answers\"\nslow_percent = 20\nslow_ms = 50"), NONE);
    assert_eq!(
        breaker("watches = \"feed\"\nslow_ms = 5"),
        ["`breaker[0].slow_ms` is set, but samples of `watches = \"feed\"` fail or not, but are never slow; remove it"]
    );
    assert_eq!(
        breaker("watches = \"publisher\"\nslow_percent = 5"),
        [
            "`breaker[0].slow_percent` is set, but samples of `watches = \"publisher\"` fail or not, but are never slow; remove it"
        ]
    );
    assert_eq!(
        breaker("watches = \"answers\"\nfailure_percent = 5"),
        [
            "`breaker[0].failure_percent` is set, but samples of `watches = \"answers\"` are slow or not, but never fail; remove it"
        ]
    );
}

#[test]
fn keys_of_requests_need_a_server() {
    let recovery = |keys: &str| problems("", &[("[feeds.out]", &format!("[feeds.in.recovery]\n{keys}\n[feeds.out]"))]);
    assert_eq!(recovery("wait_ms = 5"), NONE);
    for key in [
        "timeout_ms",
        "timeout_step_ms",
        "timeout_jitter_percent",
        "attempts_max",
        "messages_per_request",
        "requests_max",
    ] {
        assert_eq!(recovery(&format!("servers = [\"10.0.0.1:9\"]\n{key} = 5")), NONE);
        let said = format!(
            "`feeds.in.recovery.{key}` is set, but there is no server to ask; write `feeds.in.recovery.servers`, or remove it"
        );
        assert_eq!(recovery(&format!("{key} = 5")), [said]);
    }
    let with_server = |keys: &str| recovery(&format!("servers = [\"10.0.0.1:9\"]\n{keys}"));
    assert_eq!(with_server("timeout_step_ms = 1\ntimeout_max_ms = 20"), NONE, "as long as the first one's");
    assert_eq!(
        with_server("timeout_max_ms = 20"),
        [
            "`timeout_max_ms` is set, but without `timeout_step_ms` no time is longer than the first; set `timeout_step_ms`, or remove it"
        ]
    );
}

#[test]
fn permits_are_for_work_that_there_is() {
    let cases = [
        (
            "fetch",
            "[feeds.out]",
            "[feeds.in.recovery]\nservers = [\"10.0.0.1:9\"]\n[feeds.out]",
            "no server is asked for messages; set `feeds.in.recovery.servers`",
        ),
        ("venue", "[risk]", "[admin]\nsocket = \"a.sock\"\n[risk]", "the operator has no socket; set `admin.socket`"),
        (
            "storage",
            "[risk]",
            "[incidents]\ndirectory = \"records\"\n[risk]",
            "no record of a failure is written; set `incidents.directory`",
        ),
        (
            "analytics",
            "[risk]",
            "[admin]\nsocket = \"a.sock\"\n[risk]",
            "the operator has no socket; set `admin.socket`",
        ),
    ];
    for (class, part, used, why) in cases {
        let keys = format!("[bulkhead.permits]\n{class} = 1");
        assert_eq!(problems(&keys, &[(part, used)]), NONE, "{class}");
        assert_eq!(problems(&keys, &[]), [format!("`bulkhead.permits.{class}` is set, but {why}, or remove it")]);
    }
}

/// Rounded, 0.00004 would be zero: every order off the reference price would be rejected.
#[test]
fn a_percentage_finer_than_it_is_kept_is_refused_as_a_price_is() {
    let collar = |percent: &str| problems("", &[("collar_percent = 10", &format!("collar_percent = {percent}"))]);
    for percent in ["0.0001", "33.3333", "99.9999", "100", "100.0"] {
        assert_eq!(collar(percent), NONE, "{percent}");
    }
    for percent in ["0.00004", "0.00005", "33.33333", "1e-5"] {
        assert_eq!(
            collar(percent),
            ["`risk.collar_percent` has more than four decimals; a percentage is exact to 0.0001"]
        );
    }
}

#[test]
fn what_is_said_of_restarts_is_about_some_or_refused() {
    for key in ["period_ms = 1000", "backoff_first_ms = 1", "backoff_max_ms = 1000"] {
        let supervision = |restarts: u32| format!("[supervision]\nrestarts_max = {restarts}\n{key}\n");
        assert_eq!(problems(&supervision(1), &[]), NONE);
        let name = key.split(' ').next().unwrap();
        assert_eq!(
            problems(&supervision(0), &[]),
            [format!(
                "`supervision.{name}` is set, but nothing is restarted, since `supervision.restarts_max` is 0; remove it, or raise `restarts_max`"
            )]
        );
    }
}

#[test]
fn a_bound_of_the_connections_of_an_address_that_is_not_below_that_of_all_is_refused() {
    let bound = |most: u32| {
        let listen = "listen = \"127.0.0.1:9001\"";
        problems("", &[(listen, &format!("{listen}\nconnections_per_address_max = {most}"))])
    };
    assert_eq!(bound(7), NONE);
    assert_eq!(
        bound(8),
        [
            "`order_entry.connections_per_address_max` is 8, but `net.connections_max` is 8; lower it to 7 or less, or remove it"
        ]
    );
}
