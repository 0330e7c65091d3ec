//! What a mistake in a topology is answered with: place, kind, message and remedy, to the letter.

use std::path::PathBuf;

use corelane_config::{Config, ConfigErrors, ErrorKind, VENUE_TOML};
use miette::{GraphicalReportHandler, GraphicalTheme};

/// A small valid topology; each case replaces a part of it.
const VALID: &str = r#"[venue]
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

[[sessions]]
user = "ALICE"
password = "secret"

[[sessions]]
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

fn errors_of(text: &str) -> ConfigErrors {
    Config::parse("test.toml", text).expect_err("the text has a mistake")
}

/// One line per error: `line:column kind: message; help`.
fn lines_of(errors: &ConfigErrors) -> Vec<String> {
    errors
        .iter()
        .map(|error| format!("{}:{} {:?}: {}; {}", error.line, error.column, error.kind, error.message, error.help))
        .collect()
}

#[test]
fn the_topology_that_cases_start_from_is_valid() {
    let config = Config::parse("test.toml", VALID).expect("a valid topology");
    assert_eq!(config.edges.ingress_capacity, 1000, "a capacity need not be a power of two");
    assert_eq!(config.locate("shards[1].cpu"), Some((12, 1)));
}

#[test]
fn each_mistake_is_reported_at_its_place_with_its_remedy() {
    let cases: &[(&str, &str, &[&str])] = &[
        (
            "ingress_capacity = 1000",
            "ingres_capacity = 1000",
            &["21:1 UnknownKey: unknown key `edges.ingres_capacity`; did you mean `ingress_capacity`?"],
        ),
        (
            "connections_max = 8",
            "journal_path = \"/tmp\"",
            &[
                "24:1 UnknownKey: unknown key `net.journal_path`; remove it; the keys here are `receive_buffers`, `receive_buffer_bytes`, `send_buffer_bytes`, `connections_max`, `submission_entries`, `max_frame_bytes`",
            ],
        ),
        ("[edges]", "[edge]", &["20:2 UnknownKey: unknown key `edge`; did you mean `edges`?"]),
        (
            "[feeds.in]",
            "[journal]\nmode = \"async\"\n\n[feeds.in]",
            &[
                "52:2 UnknownKey: unknown key `journal`; remove it; the keys here are `venue`, `shards`, `placement`, `edges`, `net`, `order_entry`, `sessions`, `instruments`, `risk`, `matching`, `feeds`",
            ],
        ),
        (
            "tick = \"0.25\"",
            "tick = \"0.25\"\ntick_size = \"0.25\"",
            &[
                "45:1 UnknownKey: unknown key `instruments[1].tick_size`; remove it; the keys here are `symbol`, `tick`, `lot`, `reference_price`",
            ],
        ),
        (
            "quantity_max = 1000\n",
            "",
            &["46:1 MissingKey: `risk.quantity_max` is missing; add `quantity_max = …`, an integer from 1 to 999999"],
        ),
        (
            "[order_entry]\nlisten = \"127.0.0.1:9001\"\n",
            "",
            &["1:1 MissingKey: `order_entry` is missing; add a section [order_entry]"],
        ),
        (
            "user = \"BOB\"\n",
            "",
            &["33:1 MissingKey: `sessions[1].user` is missing; add `user = …`, a string of 1 to 6 characters"],
        ),
        (
            "collar_percent = 10",
            "colar_percent = 10",
            &["49:1 UnknownKey: unknown key `risk.colar_percent`; did you mean `collar_percent`?"],
        ),
        (
            "ingress_capacity = 1000",
            "ingress_capacity = \"1000\"",
            &[
                "21:20 WrongType: `edges.ingress_capacity` takes an integer from 16 to 1048576, not a string; remove the quotes: ingress_capacity = 1000",
            ],
        ),
        (
            "tick = \"0.25\"",
            "tick = 0.25",
            &[
                "44:8 WrongType: `instruments[1].tick` takes a decimal string such as \"101.25\", not a float; put it in quotes: tick = \"0.25\"",
            ],
        ),
        (
            "tick = \"0.25\"",
            "tick = 1",
            &[
                "44:8 WrongType: `instruments[1].tick` takes a decimal string such as \"101.25\", not an integer; put it in quotes: tick = \"1\"",
            ],
        ),
        (
            "listen = \"127.0.0.1:9001\"",
            "listen = 9001",
            &[
                "27:10 WrongType: `order_entry.listen` takes an address string \"ip:port\" such as \"127.0.0.1:9000\", not an integer; write an address string \"ip:port\" such as \"127.0.0.1:9000\"",
            ],
        ),
        (
            "cpu = 1",
            "cpu = 1.5",
            &[
                "12:7 WrongType: `shards[1].cpu` takes \"auto\" or an integer from 0 to 1023, not a float; write \"auto\" or an integer from 0 to 1023, or leave it out for \"auto\"",
            ],
        ),
        (
            "cpu = 1",
            "cpu = \"one\"",
            &["12:7 InvalidValue: `shards[1].cpu` does not know \"one\"; write \"auto\" or an integer from 0 to 1023"],
        ),
        (
            "idle = \"park\"",
            "idle = \"prak\"",
            &[
                "13:8 InvalidValue: `shards[1].idle` does not know \"prak\"; did you mean \"park\"? It takes \"spin\", \"backoff\", \"park\" or \"auto\"",
            ],
        ),
        (
            "idle = \"park\"",
            "idle = true",
            &[
                "13:8 WrongType: `shards[1].idle` takes \"spin\", \"backoff\", \"park\" or \"auto\", not a boolean; write \"spin\", \"backoff\", \"park\" or \"auto\", or leave it out for \"auto\"",
            ],
        ),
        (
            "[venue]\nname = \"test\"\nsession = \"TEST000001\"",
            "venue = \"test\"",
            &["1:9 WrongType: `venue` takes a table, not a string; write its keys in a section [venue]"],
        ),
        (
            "[risk]",
            "[[risk]]",
            &["46:1 WrongType: `risk` takes a table, not an array; write its keys in a section [risk]"],
        ),
        (
            "session = \"TEST000001\"",
            "session = 2024-01-01",
            &[
                "3:11 WrongType: `venue.session` takes a string of 1 to 10 characters, not a date or time; write a string of 1 to 10 characters",
            ],
        ),
        (
            "connections_max = 8",
            "connections_max = [8]",
            &[
                "24:19 WrongType: `net.connections_max` takes an integer from 1 to 32768, not an array; write an integer from 1 to 32768, or leave it out for 1024",
            ],
        ),
        (
            "ingress_capacity = 1000",
            "ingress_capacity = 0",
            &[
                "21:20 InvalidValue: `edges.ingress_capacity` is 0, less than 16; write an integer from 16 to 1048576, or leave it out for 4096",
            ],
        ),
        (
            "ingress_capacity = 1000",
            "ingress_capacity = -1",
            &[
                "21:20 InvalidValue: `edges.ingress_capacity` is -1, less than 16; write an integer from 16 to 1048576, or leave it out for 4096",
            ],
        ),
        (
            "ingress_capacity = 1000",
            "ingress_capacity = 0x100001",
            &[
                "21:20 InvalidValue: `edges.ingress_capacity` is 0x100001, more than 1048576; write an integer from 16 to 1048576, or leave it out for 4096",
            ],
        ),
        (
            "ingress_capacity = 1000",
            "ingress_capacity = 99999999999999999999",
            &[
                "21:20 InvalidValue: `edges.ingress_capacity` is 99999999999999999999, more than 1048576; write an integer from 16 to 1048576, or leave it out for 4096",
            ],
        ),
        (
            "collar_percent = 10",
            "collar_percent = 100.5",
            &["49:18 InvalidValue: `risk.collar_percent` is 100.5, more than 100.0; write a number from 0.0 to 100.0"],
        ),
        (
            "collar_percent = 10",
            "collar_percent = -0.1",
            &["49:18 InvalidValue: `risk.collar_percent` is -0.1, less than 0.0; write a number from 0.0 to 100.0"],
        ),
        (
            "collar_percent = 10",
            "collar_percent = nan",
            &[
                "49:18 InvalidValue: `risk.collar_percent` is nan, not a finite number of 64 bits; write a number from 0.0 to 100.0",
            ],
        ),
        (
            "collar_percent = 10",
            "collar_percent = inf",
            &["49:18 InvalidValue: `risk.collar_percent` is inf, more than 100.0; write a number from 0.0 to 100.0"],
        ),
        (
            "cpu = 1",
            "cpu = 1024",
            &[
                "12:7 InvalidValue: `shards[1].cpu` is 1024, more than 1023; write \"auto\" or an integer from 0 to 1023, or leave it out for \"auto\"",
            ],
        ),
        (
            "session = \"TEST000001\"",
            "session = \"TEST0000001\"",
            &["3:11 InvalidValue: `venue.session` has 11 a character; give 1 to 10 a character"],
        ),
        (
            "session = \"TEST000001\"",
            "session = \"\"",
            &["3:11 InvalidValue: `venue.session` has 0 a character; give 1 to 10 a character"],
        ),
        (
            "user = \"BOB\"",
            "user = \"BØB\"",
            &[
                "34:8 InvalidValue: `sessions[1].user` contains 'Ø'; use letters, digits and ASCII punctuation without spaces",
            ],
        ),
        (
            "user = \"BOB\"",
            "user = \"BO B\"",
            &[
                "34:8 InvalidValue: `sessions[1].user` contains ' '; use letters, digits and ASCII punctuation without spaces",
            ],
        ),
        (
            "session = \"TEST000001\"",
            "session = \"TEST000001\"\nutc_offset_minutes = 841",
            &[
                "4:22 InvalidValue: `venue.utc_offset_minutes` is 841, more than 840; write an integer from -720 to 840, or leave it out for 0",
            ],
        ),
        (
            "[[sessions]]\nuser = \"ALICE\"\npassword = \"secret\"\n\n[[sessions]]\nuser = \"BOB\"\npassword = \"secret\"",
            "[x]",
            &[
                "1:1 MissingKey: `sessions` is missing; add a section [[sessions]]",
                "29:2 UnknownKey: unknown key `x`; remove it; the keys here are `venue`, `shards`, `placement`, `edges`, `net`, `order_entry`, `sessions`, `instruments`, `risk`, `matching`, `feeds`",
            ],
        ),
        (
            "connections_max = 8",
            "receive_buffers = 1000",
            &["24:19 Conflict: `net.receive_buffers` is 1000, which is no power of two; write 512 or 1024"],
        ),
        (
            "tick = \"0.25\"",
            "tick = \"0.00001\"",
            &[
                "44:8 InvalidValue: `instruments[1].tick` has more than four decimals; the wire formats carry four, such as \"101.2525\"",
            ],
        ),
        (
            "tick = \"0.25\"",
            "tick = \"-0.25\"",
            &[
                "44:8 InvalidValue: `instruments[1].tick` is not a decimal number; write digits with an optional point, such as \"101.25\"",
            ],
        ),
        (
            "listen = \"127.0.0.1:9001\"",
            "listen = \"localhost:9001\"",
            &[
                "27:10 InvalidValue: `order_entry.listen` is not an address; write \"ip:port\", such as \"127.0.0.1:9000\"",
            ],
        ),
        (
            "to = \"127.0.0.1:26400\"",
            "to = \"[::1]:26400\"",
            &[
                "57:6 InvalidValue: `feeds.out.to` is not an IPv4 address; write \"ip:port\", such as \"239.192.0.1:26400\"",
            ],
        ),
        (
            "interface = \"127.0.0.1\"",
            "interface = \"lo\"",
            &["54:13 InvalidValue: `feeds.in.interface` is not an IPv4 address; write it as in \"127.0.0.1\""],
        ),
        (
            "symbol = \"ESH4\"",
            "symbol = \"AAPL\"",
            &[
                "43:10 Conflict: two instruments have the symbol \"AAPL\"; give each instrument a symbol of its own; `instruments[0]` has this one",
            ],
        ),
        (
            "user = \"BOB\"",
            "user = \"alice\"",
            &[
                "34:8 Conflict: two sessions have the user \"ALICE\"; give each session a user of its own; `sessions[0]` has this one",
            ],
        ),
        (
            "name = \"cold\"",
            "name = \"hot\"",
            &[
                "11:8 Conflict: two shards have the name \"hot\"; give each shard a name of its own; `shards[0]` has this one",
            ],
        ),
        (
            "publisher = \"cold\"",
            "publisher = \"cool\"",
            &[
                "18:13 Conflict: publisher is placed on \"cool\", which is no shard; name one of the shards, \"hot\", \"cold\", or add a [[shards]] of this name",
            ],
        ),
        (
            "core = \"hot\"",
            "core = \"matching\"",
            &[
                "17:8 Conflict: core is placed on \"matching\", which is no shard; name one of the shards, \"hot\", \"cold\", or add a [[shards]] of this name",
            ],
        ),
        (
            "publisher = \"cold\"",
            "publisher = \"hot\"",
            &["11:8 Conflict: no role is placed on the shard \"cold\"; remove the shard, or name it in [placement]"],
        ),
        (
            "cpu = 1",
            "cpu = 0",
            &[
                "12:7 Conflict: the shards \"hot\" and \"cold\" share CPU 0, and \"hot\" spins on it; give each spinning shard a CPU of its own, or set idle = \"auto\" on those that share one",
            ],
        ),
        (
            "publisher = \"cold\"",
            "publisher = \"cold\"\nhousekeeping_cpu = 0",
            &[
                "19:20 Conflict: housekeeping and the spinning shard \"hot\" share CPU 0; choose another CPU or \"auto\", or set shards[0].idle = \"auto\"",
            ],
        ),
        (
            "connections_max = 8",
            "connections_max = 1",
            &["24:19 Conflict: 2 users may log in, but `net.connections_max` is 1; raise it to 2 or more"],
        ),
        (
            "connections_max = 8",
            "send_buffer_bytes = 4096\nmax_frame_bytes = 8192",
            &[
                "24:21 Conflict: `net.send_buffer_bytes` is less than one frame of 8192 bytes; raise it, or lower `net.max_frame_bytes`",
            ],
        ),
        (
            "listen = \"127.0.0.1:9001\"",
            "listen = \"127.0.0.1:0\"",
            &[
                "27:10 Conflict: `order_entry.listen` has port 0; write the port that others know, or set order_entry.allow_ephemeral_port = true",
            ],
        ),
        (
            "listen = \"127.0.0.1:9001\"",
            "listen = \"239.192.0.1:9001\"",
            &[
                "27:10 Conflict: 239.192.0.1 is no address of a TCP server; listen on an address of this host, such as 127.0.0.1, or on 0.0.0.0 for all",
            ],
        ),
        (
            "listen = \"127.0.0.1:9001\"",
            "listen = \"127.0.0.1:9001\"\nheartbeat_ms = 20_000",
            &[
                "26:1 Conflict: `order_entry.client_timeout_ms` (15000) is not longer than `order_entry.heartbeat_ms` (20000); make it several heartbeats long; 15000 is usual",
            ],
        ),
        (
            "listen = \"127.0.0.1:9001\"",
            "listen = \"127.0.0.1:9001\"\nopen_orders_per_session_max = 300_000",
            &[
                "28:31 Conflict: one session may have 300000 open orders, but the books hold 262144; lower it, or raise `matching.orders_max`",
            ],
        ),
        (
            "listen = \"239.192.0.1:26477\"",
            "listen = \"239.192.0.1:0\"",
            &[
                "53:10 Conflict: `feeds.in.listen` has port 0; write the port that others know, or set feeds.in.allow_ephemeral_port = true",
            ],
        ),
        (
            "listen = \"239.192.0.1:26477\"",
            "listen = \"127.0.0.1:26477\"",
            &[
                "53:10 Conflict: `feeds.in.interface` is set, but 127.0.0.1 is no multicast group; write a group from 224.0.0.0 to 239.255.255.255, such as 239.192.0.1, or remove `feeds.in.interface`",
            ],
        ),
        (
            "interface = \"127.0.0.1\"",
            "interface = \"224.0.0.1\"",
            &[
                "54:13 Conflict: `feeds.in.interface` is itself a multicast group; write the unicast address of a local interface, such as 127.0.0.1",
            ],
        ),
        (
            "to = \"127.0.0.1:26400\"",
            "to = \"0.0.0.0:26400\"",
            &[
                "57:6 Conflict: nothing can be sent to 0.0.0.0:26400; write the address and port that subscribers listen on, such as \"239.192.0.1:26400\"",
            ],
        ),
        (
            "to = \"127.0.0.1:26400\"",
            "to = \"127.0.0.1:26400\"\nsource_interface = \"127.0.0.1\"",
            &[
                "57:6 Conflict: `feeds.out.source_interface` is set, but 127.0.0.1 is no multicast group; write a group from 224.0.0.0 to 239.255.255.255, such as 239.192.0.1, or remove `feeds.out.source_interface`",
            ],
        ),
        (
            "interface = \"127.0.0.1\"",
            "[feeds.in.line_b]\nlisten = \"239.192.0.1:26477\"",
            &[
                "55:10 Conflict: line B listens on 239.192.0.1:26477, as line A does; write the address that the other line is sent to, or remove [feeds.in.line_b]",
            ],
        ),
        (
            "interface = \"127.0.0.1\"",
            "[feeds.in.line_b]\nlisten = \"127.0.0.1:0\"\ninterface = \"127.0.0.1\"",
            &[
                "55:10 Conflict: `feeds.in.line_b.listen` has port 0; write the port that others know, or set feeds.in.allow_ephemeral_port = true",
                "55:10 Conflict: `feeds.in.line_b.interface` is set, but 127.0.0.1 is no multicast group; write a group from 224.0.0.0 to 239.255.255.255, such as 239.192.0.1, or remove `feeds.in.line_b.interface`",
            ],
        ),
        (
            "interface = \"127.0.0.1\"",
            "[feeds.in.recovery]\nservers = [\"10.0.0.1:1\", \"10.0.0.2:0\"]",
            &[
                "55:26 Conflict: no server can be asked at 10.0.0.2:0; write the unicast address and port of the retransmission server",
            ],
        ),
        (
            "interface = \"127.0.0.1\"",
            "[feeds.in.recovery]\nservers = [\"server\"]\nwait_ms = 0",
            &[
                "55:12 InvalidValue: `feeds.in.recovery.servers[0]` is not an IPv4 address; write \"ip:port\", such as \"239.192.0.1:26400\"",
                "56:11 InvalidValue: `feeds.in.recovery.wait_ms` is 0, less than 1; write an integer from 1 to 60000, or leave it out for 1",
            ],
        ),
        (
            "interface = \"127.0.0.1\"",
            "[feeds.in.recovery]\nservers = \"10.0.0.1:1\"",
            &[
                "55:11 WrongType: `feeds.in.recovery.servers` takes an array, each element an address string \"ip:port\" such as \"127.0.0.1:9000\", not a string; write an array, each element an address string \"ip:port\" such as \"127.0.0.1:9000\"",
            ],
        ),
        (
            "to = \"127.0.0.1:26400\"",
            "to = \"127.0.0.1:26400\"\n[feeds.out.retransmission]\nlisten = \"239.192.0.1:0\"",
            &[
                "59:10 Conflict: `feeds.out.retransmission.listen` has port 0; write the port that others know, or set feeds.out.retransmission.allow_ephemeral_port = true",
                "59:10 Conflict: requests cannot be answered from the multicast group 239.192.0.1; listen on an address of this host, such as 127.0.0.1, or on 0.0.0.0 for all",
            ],
        ),
        (
            "tick = \"0.25\"",
            "tick = \"0\"",
            &[
                "44:8 Conflict: the tick of ESH4 is 0.00; write the smallest price step, such as \"0.01\", up to 199999.99",
            ],
        ),
        (
            "tick = \"0.25\"",
            "tick = \"0.25\"\nreference_price = \"4800.10\"",
            &[
                "45:19 Conflict: the reference price of ESH4 is 4800.10, no multiple of its tick 0.25; write \"4800.00\" or \"4800.25\"",
            ],
        ),
        (
            "tick = \"0.25\"",
            "tick = \"0.25\"\nreference_price = \"0\"",
            &[
                "45:19 Conflict: the reference price of ESH4 is 0.00; write a price from 0.25 to 199999.99, or leave it out",
            ],
        ),
        (
            "tick = \"0.25\"",
            "tick = \"0.25\"\nlot = 2000",
            &[
                "45:7 Conflict: the lot of ESH4 is 2000, more than one order may have; lower it, or raise `risk.quantity_max` (1000)",
            ],
        ),
        (
            "notional_max = \"1000000\"",
            "notional_max = \"0.0\"",
            &[
                "48:16 Conflict: `risk.notional_max` is zero, so that every order would be rejected; write the largest price times quantity of one order, such as \"1000000\"",
            ],
        ),
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
    ];
    for (part, replacement, expected) in cases {
        assert_eq!(VALID.matches(part).count(), 1, "{part:?} is not one place");
        let text = VALID.replace(part, replacement);
        match Config::parse("test.toml", &text) {
            Ok(_) => panic!("{replacement:?} is accepted"),
            Err(errors) => assert_eq!(lines_of(&errors), *expected, "{replacement:?}"),
        }
    }
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
    let errors = Config::load("no/such/venue.toml").expect_err("there is no such file");
    let lines = errors.plain();
    assert!(lines.starts_with("no/such/venue.toml: cannot read the file: No such file"), "{lines}");
    assert!(lines.ends_with("such as config/venue.toml\n"), "{lines}");
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
