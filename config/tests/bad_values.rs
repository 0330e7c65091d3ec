//! Values of a wrong type or out of range: each is reported at its place with its remedy.

mod mistakes;

use mistakes::are_reported;

#[test]
fn each_value_that_cannot_be_is_reported() {
    are_reported(&[
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
            &["12:7 InvalidValue: `shards[1].cpu` cannot be \"one\"; write \"auto\" or an integer from 0 to 1023"],
        ),
        (
            "idle = \"park\"",
            "idle = \"prak\"",
            &[
                "13:8 InvalidValue: `shards[1].idle` cannot be \"prak\"; did you mean \"park\"? Allowed: \"spin\", \"backoff\", \"park\" or \"auto\"",
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
        // T10
        (
            "connections_max = 8",
            "send_buffer_bytes = 8192",
            &[
                "24:21 InvalidValue: `net.send_buffer_bytes` is 8192, less than 16384; write an integer from 16384 to 16777216, or leave it out for 262144",
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
            &["3:11 InvalidValue: `venue.session` has 11 characters; give 1 to 10 characters"],
        ),
        (
            "session = \"TEST000001\"",
            "session = \"\"",
            &["3:11 InvalidValue: `venue.session` has 0 characters; give 1 to 10 characters"],
        ),
        (
            "user = \"BOB\"",
            "user = \"BØB\"",
            &[
                "34:8 InvalidValue: `ports[1].user` contains 'Ø'; use letters, digits and ASCII punctuation without spaces",
            ],
        ),
        (
            "user = \"BOB\"",
            "user = \"BO B\"",
            &[
                "34:8 InvalidValue: `ports[1].user` contains ' '; use letters, digits and ASCII punctuation without spaces",
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
    ]);
}
