//! Values that contradict each other: each contradiction is reported at its place with its remedy.

mod mistakes;

use mistakes::are_reported;

#[test]
fn each_contradiction_is_reported() {
    are_reported(&[
        (
            "connections_max = 8",
            "receive_buffers = 1000",
            &["24:19 Conflict: `net.receive_buffers` is 1000, which is not a power of two; write 512 or 1024"],
        ),
        // T10
        (
            "connections_max = 8",
            "send_buffer_bytes = 20000",
            &["24:21 Conflict: `net.send_buffer_bytes` is 20000, which is not a power of two; write 16384 or 32768"],
        ),
        (
            "symbol = \"ESH4\"",
            "symbol = \"AAPL\"",
            &[
                "43:10 Conflict: two instruments have the symbol \"AAPL\"; give each instrument its own symbol; `instruments[0]` has this one",
            ],
        ),
        (
            "user = \"BOB\"",
            "user = \"alice\"",
            &["34:8 Conflict: two ports have the user \"ALICE\"; give each port its own user; `ports[0]` has this one"],
        ),
        (
            "user = \"BOB\"",
            "user = \"BOB\"\naccount = \"HUOSE\"\npassword = \"secret\"\n[[accounts]]\nname = \"HOUSE\"\n[[ports]]\nuser = \"CAROL\"",
            &[
                "35:11 Conflict: the account \"HUOSE\" is not declared; did you mean \"HOUSE\"? Otherwise add a section [[accounts]] with this name",
            ],
        ),
        (
            "user = \"BOB\"",
            "account = \"ALICE\"\nuser = \"BOB\"",
            &[
                "34:11 Conflict: the account \"ALICE\" is not declared; add a section [[accounts]] with this name, or remove `account` to use the default one",
            ],
        ),
        (
            "symbol = \"AAPL\"\ntick = \"0.01\"\nreference_price = \"190.00\"",
            "symbol = \"AAPL\"\ntick = \"0.01\"\n\n[[accounts]]\nname = \"HOUSE\"\nfirm = \"CORE\"\n\n[[firms]]\nname = \"COER\"\nlimits = { notional_max = \"0\" }",
            &[
                "43:8 Conflict: the firm \"CORE\" is not declared; did you mean \"COER\"? Otherwise add a section [[firms]] with this name",
                "47:27 Conflict: `firms[0].limits.notional_max` is zero, so every order would be rejected; write the largest price times quantity of one order, such as \"1000000\"",
            ],
        ),
        (
            "symbol = \"AAPL\"\ntick = \"0.01\"\nreference_price = \"190.00\"",
            "symbol = \"AAPL\"\ntick = \"0.01\"\n\n[[accounts]]\nname = \"HOUSE\"\n\n[[accounts]]\nname = \"HOUSE\"\n\n[[firms]]\nname = \"CORE\"\n\n[[firms]]\nname = \"CORE\"",
            &[
                "45:8 Conflict: two accounts have the name \"HOUSE\"; give each account its own name; `accounts[0]` has this one",
                "51:8 Conflict: two firms have the name \"CORE\"; give each firm its own name; `firms[0]` has this one",
            ],
        ),
        (
            "name = \"cold\"",
            "name = \"hot\"",
            &[
                "11:8 Conflict: two shards have the name \"hot\"; give each shard its own name; `shards[0]` has this one",
            ],
        ),
        (
            "publisher = \"cold\"",
            "publisher = \"cool\"",
            &[
                "18:13 Conflict: publisher is placed on \"cool\", which is not a shard; name one of the shards, \"hot\", \"cold\", or add a section [[shards]] with this name",
            ],
        ),
        (
            "core = \"hot\"",
            "core = \"matching\"",
            &[
                "17:8 Conflict: core is placed on \"matching\", which is not a shard; name one of the shards, \"hot\", \"cold\", or add a section [[shards]] with this name",
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
            "connections_max = 3",
            &[
                "24:19 Conflict: 2 ports may log in, but `net.connections_max` is 3; raise it to 4 or more, so that new connections have room beside them",
            ],
        ),
        (
            "connections_max = 8",
            "send_buffer_bytes = 16384\nmax_frame_bytes = 16385",
            &[
                "24:21 Conflict: `net.send_buffer_bytes` is less than one frame of 16385 bytes; raise it, or lower `net.max_frame_bytes`",
            ],
        ),
        (
            "listen = \"127.0.0.1:9001\"",
            "listen = \"127.0.0.1:0\"",
            &[
                "27:10 Conflict: `order_entry.listen` has port 0; write the port that clients use, or set order_entry.allow_ephemeral_port = true",
            ],
        ),
        (
            "listen = \"127.0.0.1:9001\"",
            "listen = \"239.192.0.1:9001\"",
            &[
                "27:10 Conflict: a TCP server cannot listen on 239.192.0.1; listen on an address of this host, such as 127.0.0.1, or on 0.0.0.0 for all",
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
            "listen = \"127.0.0.1:9001\"\nreply_log_bytes = 1_048_575",
            &[
                "28:19 Conflict: `order_entry.reply_log_bytes` (1048575) is less than twice `net.send_buffer_bytes` (262144), 60 for each of `open_orders_per_port_max` (8192), and 32768 more; raise it to 1048576 or more, or lower one of these",
            ],
        ),
        (
            "listen = \"127.0.0.1:9001\"",
            "listen = \"127.0.0.1:9001\"\nopen_orders_per_port_max = 131_073",
            &[
                "28:28 Conflict: 2 ports may have 131073 open orders each, but the books hold 262144 orders; lower it to 131072 or less, or raise `matching.orders_max`",
                "28:28 Conflict: 2 ports may have 131073 open orders each, but the books hold 65536 levels; lower it to 32768 or less, or raise `matching.levels_max`",
            ],
        ),
        (
            "listen = \"127.0.0.1:9001\"",
            "listen = \"127.0.0.1:9001\"\nopen_orders_per_port_max = 32_769",
            &[
                "28:28 Conflict: 2 ports may have 32769 open orders each, but the books hold 65536 levels; lower it to 32768 or less, or raise `matching.levels_max`",
            ],
        ),
        (
            "listen = \"239.192.0.1:26477\"",
            "listen = \"239.192.0.1:0\"",
            &[
                "53:10 Conflict: `feeds.in.listen` has port 0; write the port that clients use, or set feeds.in.allow_ephemeral_port = true",
            ],
        ),
        (
            "listen = \"239.192.0.1:26477\"",
            "listen = \"127.0.0.1:26477\"",
            &[
                "53:10 Conflict: `feeds.in.interface` is set, but 127.0.0.1 is not a multicast group; write a group from 224.0.0.0 to 239.255.255.255, such as 239.192.0.1, or remove `feeds.in.interface`",
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
                "57:6 Conflict: `feeds.out.to`: nothing can be sent to 0.0.0.0:26400; write the address and port that subscribers listen on, such as \"239.192.0.1:26400\"",
            ],
        ),
        (
            "to = \"127.0.0.1:26400\"",
            "to = \"255.255.255.255:26400\"",
            &[
                "57:6 Conflict: `feeds.out.to`: nothing can be sent to 255.255.255.255:26400; write the address and port that subscribers listen on, such as \"239.192.0.1:26400\"",
            ],
        ),
        (
            "to = \"127.0.0.1:26400\"",
            "to = \"127.0.0.1:0\"",
            &[
                "57:6 Conflict: `feeds.out.to`: nothing can be sent to 127.0.0.1:0; write the address and port that subscribers listen on, such as \"239.192.0.1:26400\"",
            ],
        ),
        (
            "interface = \"127.0.0.1\"",
            "[feeds.in.recovery]\nservers = [\"10.0.0.1:1\", \"0.0.0.0:1\", \"255.255.255.255:1\", \"239.0.0.1:1\"]",
            &[
                "55:26 Conflict: `feeds.in.recovery.servers[1]`: nothing can be sent to 0.0.0.0:1; write the unicast address and port of the retransmission server",
                "55:39 Conflict: `feeds.in.recovery.servers[2]`: nothing can be sent to 255.255.255.255:1; write the unicast address and port of the retransmission server",
                "55:60 Conflict: no server can receive requests at 239.0.0.1:1; write the unicast address and port of the retransmission server",
            ],
        ),
        (
            "listen = \"239.192.0.1:26477\"\ninterface = \"127.0.0.1\"",
            "listen = \"255.255.255.255:26477\"\n[feeds.in.line_b]\nlisten = \"255.255.255.255:26478\"",
            &[
                "53:10 Conflict: `feeds.in.listen` is the broadcast address 255.255.255.255; listen on an address of this host, such as 127.0.0.1, on a multicast group, or on 0.0.0.0 for all",
                "55:10 Conflict: `feeds.in.line_b.listen` is the broadcast address 255.255.255.255; listen on an address of this host, such as 127.0.0.1, on a multicast group, or on 0.0.0.0 for all",
            ],
        ),
        (
            "interface = \"127.0.0.1\"",
            "interface = \"255.255.255.255\"",
            &[
                "54:13 Conflict: `feeds.in.interface` is a broadcast address; write the unicast address of a local interface, such as 127.0.0.1",
            ],
        ),
        (
            "to = \"127.0.0.1:26400\"",
            "to = \"127.0.0.1:26400\"\n[feeds.out.retransmission]\nlisten = \"255.255.255.255:26401\"",
            &[
                "59:10 Conflict: `feeds.out.retransmission.listen` is the broadcast address 255.255.255.255; listen on an address of this host, such as 127.0.0.1, on a multicast group, or on 0.0.0.0 for all",
            ],
        ),
        (
            "to = \"127.0.0.1:26400\"",
            "to = \"127.0.0.1:26400\"\nsource_interface = \"127.0.0.1\"",
            &[
                "57:6 Conflict: `feeds.out.source_interface` is set, but 127.0.0.1 is not a multicast group; write a group from 224.0.0.0 to 239.255.255.255, such as 239.192.0.1, or remove `feeds.out.source_interface`",
            ],
        ),
        (
            "interface = \"127.0.0.1\"",
            "[feeds.in.line_b]\nlisten = \"239.192.0.1:26477\"",
            &[
                "55:10 Conflict: line B listens on 239.192.0.1:26477, as line A does; write the address of the second line, or remove [feeds.in.line_b]",
            ],
        ),
        (
            "interface = \"127.0.0.1\"",
            "[feeds.in.line_b]\nlisten = \"127.0.0.1:0\"\ninterface = \"127.0.0.1\"",
            &[
                "55:10 Conflict: `feeds.in.line_b.listen` has port 0; write the port that clients use, or set feeds.in.allow_ephemeral_port = true",
                "55:10 Conflict: `feeds.in.line_b.interface` is set, but 127.0.0.1 is not a multicast group; write a group from 224.0.0.0 to 239.255.255.255, such as 239.192.0.1, or remove `feeds.in.line_b.interface`",
            ],
        ),
        (
            "interface = \"127.0.0.1\"",
            "[feeds.in.recovery]\nservers = [\"10.0.0.1:1\", \"10.0.0.2:0\"]",
            &[
                "55:26 Conflict: `feeds.in.recovery.servers[1]`: nothing can be sent to 10.0.0.2:0; write the unicast address and port of the retransmission server",
            ],
        ),
        (
            "to = \"127.0.0.1:26400\"",
            "to = \"127.0.0.1:26400\"\n[feeds.out.retransmission]\nlisten = \"239.192.0.1:0\"",
            &[
                "59:10 Conflict: `feeds.out.retransmission.listen` has port 0; write the port that clients use, or set feeds.out.retransmission.allow_ephemeral_port = true",
                "59:10 Conflict: requests cannot be answered from the multicast group 239.192.0.1; listen on an address of this host, such as 127.0.0.1, or on 0.0.0.0 for all",
            ],
        ),
        // T10
        (
            "to = \"127.0.0.1:26400\"",
            "to = \"239.192.0.1:26477\"",
            &[
                "57:6 Conflict: 239.192.0.1:26477 is where the venue itself listens, as `feeds.in.listen`; write the address of another, or change `feeds.in.listen`",
            ],
        ),
        (
            "to = \"127.0.0.1:26400\"",
            "to = \"127.0.0.1:26401\"\n[feeds.out.retransmission]\nlisten = \"0.0.0.0:26401\"",
            &[
                "57:6 Conflict: 127.0.0.1:26401 is where the venue itself listens, as `feeds.out.retransmission.listen`; write the address of another, or change `feeds.out.retransmission.listen`",
            ],
        ),
        (
            "to = \"127.0.0.1:26400\"",
            "to = \"127.0.0.1:26400\"\n[feeds.out.retransmission]\nlisten = \"0.0.0.0:26477\"",
            &[
                "59:10 Conflict: `feeds.out.retransmission.listen` is 0.0.0.0:26477, where `feeds.in.listen` listens too; give each its own port, or change `feeds.in.listen`",
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
                "45:19 Conflict: the reference price of ESH4 is 4800.10, not a multiple of its tick 0.25; write \"4800.00\" or \"4800.25\"",
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
                "45:7 Conflict: the lot of ESH4 is 2000, more than the largest order allowed; lower it, or raise `risk.quantity_max` (1000)",
            ],
        ),
        // M9
        (
            "collar_without_reference = \"accept\"\n\n[feeds.in]\nlisten = \"239.192.0.1:26477\"\ninterface = \"127.0.0.1\"",
            "collar_without_reference = \"reject\"",
            &[
                "42:1 Conflict: ESH4 has no `reference_price`, so every order would be rejected; write its reference price, add [feeds.in], or set `risk.collar_without_reference = \"accept\"`",
            ],
        ),
        (
            "[risk]",
            "[[breaker]]\nname = \"a\"\nwatches = \"feed\"\n[[breaker]]\nname = \"a\"\nwatches = \"answers\"\nslow_percent = 0\nsamples_min = 41\n\n[risk]",
            &[
                "50:8 Conflict: two breakers have the name \"a\"; give each breaker its own name; `breaker[0]` has this one",
                "52:16 Conflict: `breaker[1].slow_percent` is zero, so the breaker would open without a cause; write a share above zero, up to 100",
                "53:15 Conflict: `breaker[1].window_ms` (1000) is sure to have 40 samples only; lower `samples_min` to 40 or less, or raise `window_ms`",
            ],
        ),
        (
            "[risk]",
            "[[breaker]]\nname = \"a\"\nwatches = \"log\"\nedge = \"group\"\n[[breaker]]\nname = \"b\"\nwatches = \"edge\"\n\n[risk]",
            &[
                "48:11 Conflict: the breaker \"a\" watches an edge and names none, or names one and watches none; write `watches = \"edge\"` and `edge` together, or neither",
                "52:11 Conflict: the breaker \"b\" watches an edge and names none, or names one and watches none; write `watches = \"edge\"` and `edge` together, or neither",
            ],
        ),
        (
            "[risk]",
            "[[breaker]]\nname = \"a\"\nwatches = \"log\"\nwindow_samples = 9\nwindow_ms = 1000\n\n[risk]",
            &[
                "46:1 Conflict: `breaker[0].window_samples` is 9; lower `samples_min` to 9 or less, or raise `window_samples`",
                "50:13 Conflict: the window of the breaker \"a\" is a time and a number of samples; write one of `window_ms` and `window_samples`",
            ],
        ),
        (
            "[risk]",
            "[[breaker]]\nname = \"a\"\nwatches = \"housekeeping\"\nslow_ms = 20\n[[breaker]]\nname = \"b\"\nwatches = \"answers\"\nslow_ms = 21\n\n[risk]",
            &[
                "49:11 Conflict: `breaker[0].slow_ms` is 20, but a sample is only taken every 20 ms; write several times 20, such as 200",
            ],
        ),
        (
            "[feeds.in]\nlisten = \"239.192.0.1:26477\"\ninterface = \"127.0.0.1\"",
            "[[breaker]]\nname = \"a\"\nwatches = \"feed\"",
            &[
                "54:11 Conflict: the breaker \"a\" watches a feed that is not configured; add [feeds.in], or remove the breaker",
            ],
        ),
        (
            "user = \"ALICE\"",
            "user = \"ALICE\"\nbulkhead = { burst = 3 }",
            &[
                "31:22 Conflict: `ports[0].bulkhead.burst` is set without a rate; set `ports[0].bulkhead.orders_per_second` too, or remove `burst`",
            ],
        ),
        (
            "notional_max = \"1000000\"",
            "notional_max = \"0.0\"",
            &[
                "48:16 Conflict: `risk.notional_max` is zero, so every order would be rejected; write the largest price times quantity of one order, such as \"1000000\"",
            ],
        ),
        (
            "[feeds.out]",
            "[supervision]\nbackoff_first_ms = 1001\n\n[feeds.out]",
            &[
                "57:20 Conflict: `supervision.backoff_first_ms` (1001) is more than `supervision.backoff_max_ms` (1000); lower it, or raise `backoff_max_ms`",
            ],
        ),
        (
            "[feeds.out]",
            "[feeds.in.recovery]\nservers = [\"10.0.0.1:1\"]\ntimeout_ms = 30\ntimeout_step_ms = 1\ntimeout_max_ms = 29\n\n[feeds.out]",
            &[
                "60:18 Conflict: `timeout_max_ms` (29) is less than `timeout_ms` (30); write 30 or more, or lower `timeout_ms`",
            ],
        ),
    ]);
}
