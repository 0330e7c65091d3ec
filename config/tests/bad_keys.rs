//! Keys that are unknown or missing: each is reported at its place with its remedy.

mod mistakes;

use mistakes::are_reported;

#[test]
fn each_key_that_is_unknown_or_missing_is_reported() {
    are_reported(&[
        (
            "ingress_capacity = 1000",
            "ingres_capacity = 1000",
            &["21:1 UnknownKey: unknown key `edges.ingres_capacity`; did you mean `ingress_capacity`?"],
        ),
        (
            "connections_max = 8",
            "journal_path = \"/tmp\"",
            &[
                "24:1 UnknownKey: unknown key `net.journal_path`; remove it; the keys here are `receive_buffers`, `receive_buffer_bytes`, `send_buffer_bytes`, `connections_max`, `submission_entries`, `max_frame_bytes`, `sends_by_call`",
            ],
        ),
        ("[edges]", "[edge]", &["20:2 UnknownKey: unknown key `edge`; did you mean `edges`?"]),
        (
            "[feeds.in]",
            "[journal]\nmode = \"async\"\n\n[feeds.in]",
            &[
                "52:2 UnknownKey: unknown key `journal`; remove it; the keys here are `venue`, `shards`, `placement`, `edges`, `net`, `order_entry`, `ports`, `accounts`, `firms`, `instruments`, `risk`, `bulkhead`, `breaker`, `delay_protection`, `matching`, `feeds`, `day`, `supervision`, `admin`, `incidents`",
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
            &["33:1 MissingKey: `ports[1].user` is missing; add `user = …`, a string of 1 to 6 characters"],
        ),
        (
            "collar_percent = 10",
            "colar_percent = 10",
            &["49:1 UnknownKey: unknown key `risk.colar_percent`; did you mean `collar_percent`?"],
        ),
        (
            "[[ports]]\nuser = \"ALICE\"\npassword = \"secret\"\n\n[[ports]]\nuser = \"BOB\"\npassword = \"secret\"",
            "[x]",
            &[
                "1:1 MissingKey: `ports` is missing; add a section [[ports]]",
                "29:2 UnknownKey: unknown key `x`; remove it; the keys here are `venue`, `shards`, `placement`, `edges`, `net`, `order_entry`, `ports`, `accounts`, `firms`, `instruments`, `risk`, `bulkhead`, `breaker`, `delay_protection`, `matching`, `feeds`, `day`, `supervision`, `admin`, `incidents`",
            ],
        ),
    ]);
}
