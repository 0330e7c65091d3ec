//! The message tables of the specifications, written down independently of the structs.

/// A message: type, bytes without appendage, appendage form, and the fields with closed sets of codes.
#[derive(Debug)]
pub(crate) struct Spec {
    pub kind: u8,
    pub len: usize,
    pub form: Form,
    pub coded: &'static [(usize, &'static str, &'static [u8])],
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Form {
    /// No appendage.
    Fixed,
    /// `len` includes an appendage length.
    Always,
    /// `len` is the short form; the long one adds an appendage length.
    Optional,
}

const fn spec(kind: u8, len: usize, form: Form, coded: &'static [(usize, &'static str, &'static [u8])]) -> Spec {
    Spec { kind, len, form, coded }
}

pub(crate) static OUCH_INBOUND: &[Spec] = &[
    spec(
        b'O',
        47,
        Form::Always,
        &[
            (5, "side", b"BSTE"),
            (26, "time_in_force", b"0356E"),
            (27, "display", b"YNA"),
            (28, "capacity", b"APRO"),
            (29, "intermarket_sweep", b"YN"),
            (30, "cross_type", b"NOCHSREA"),
        ],
    ),
    spec(
        b'U',
        40,
        Form::Always,
        &[(21, "time_in_force", b"0356"), (22, "display", b"YNA"), (23, "intermarket_sweep", b"YN")],
    ),
    spec(b'X', 9, Form::Optional, &[]),
    spec(b'M', 10, Form::Optional, &[(5, "side", b"BSTE")]),
    spec(b'C', 19, Form::Always, &[]),
    spec(b'D', 11, Form::Always, &[]),
    spec(b'E', 11, Form::Always, &[]),
    spec(b'Q', 1, Form::Optional, &[]),
];

pub(crate) static OUCH_OUTBOUND: &[Spec] = &[
    spec(b'S', 10, Form::Fixed, &[(9, "event_code", b"SE")]),
    spec(
        b'A',
        64,
        Form::Always,
        &[
            (13, "side", b"BSTE"),
            (34, "time_in_force", b"0356E"),
            (35, "display", b"YNAZ"),
            (44, "capacity", b"APRO"),
            (45, "intermarket_sweep", b"YN"),
            (46, "cross_type", b"NOCHSREA"),
            (47, "order_state", b"LD"),
        ],
    ),
    spec(
        b'U',
        68,
        Form::Always,
        &[
            (17, "side", b"BSTE"),
            (38, "time_in_force", b"0356E"),
            (39, "display", b"YNAZ"),
            (48, "capacity", b"APRO"),
            (49, "intermarket_sweep", b"YN"),
            (50, "cross_type", b"NOCHSREA"),
            (51, "order_state", b"LD"),
        ],
    ),
    spec(b'C', 18, Form::Optional, &[]),
    spec(b'D', 32, Form::Optional, &[]),
    spec(b'E', 36, Form::Always, &[]),
    spec(b'B', 36, Form::Optional, &[]),
    spec(b'J', 29, Form::Optional, &[]),
    spec(b'P', 13, Form::Optional, &[]),
    spec(b'I', 13, Form::Optional, &[]),
    spec(b'T', 30, Form::Optional, &[(21, "display", b"YNAZ")]),
    spec(b'R', 16, Form::Always, &[]),
    spec(b'M', 18, Form::Optional, &[(13, "side", b"BSTE")]),
    spec(b'X', 27, Form::Always, &[]),
    spec(b'G', 19, Form::Always, &[]),
    spec(b'K', 19, Form::Always, &[]),
    spec(b'Q', 13, Form::Optional, &[]),
];

/// All 23 types; side is the only code that can fail a message.
pub(crate) static ITCH: &[Spec] = &[
    spec(b'S', 12, Form::Fixed, &[]),
    spec(b'R', 39, Form::Fixed, &[]),
    spec(b'H', 25, Form::Fixed, &[]),
    spec(b'Y', 20, Form::Fixed, &[]),
    spec(b'L', 26, Form::Fixed, &[]),
    spec(b'V', 35, Form::Fixed, &[]),
    spec(b'W', 12, Form::Fixed, &[]),
    spec(b'K', 28, Form::Fixed, &[]),
    spec(b'J', 35, Form::Fixed, &[]),
    spec(b'h', 21, Form::Fixed, &[]),
    spec(b'A', 36, Form::Fixed, &[(19, "side", b"BS")]),
    spec(b'F', 40, Form::Fixed, &[(19, "side", b"BS")]),
    spec(b'E', 31, Form::Fixed, &[]),
    spec(b'C', 36, Form::Fixed, &[]),
    spec(b'X', 23, Form::Fixed, &[]),
    spec(b'D', 19, Form::Fixed, &[]),
    spec(b'U', 35, Form::Fixed, &[]),
    spec(b'P', 44, Form::Fixed, &[(19, "side", b"BS")]),
    spec(b'Q', 40, Form::Fixed, &[]),
    spec(b'B', 19, Form::Fixed, &[]),
    spec(b'I', 50, Form::Fixed, &[]),
    spec(b'N', 20, Form::Fixed, &[]),
    spec(b'O', 48, Form::Fixed, &[]),
];

/// Sizes of the values of the OUCH options by tag.
pub(crate) static OUCH_TAGS: &[(u8, usize)] = &[
    (1, 8),
    (2, 4),
    (3, 4),
    (4, 1),
    (5, 4),
    (6, 1),
    (7, 4),
    (9, 8),
    (10, 1),
    (11, 4),
    (12, 1),
    (13, 4),
    (14, 4),
    (15, 4),
    (16, 1),
    (17, 1),
    (18, 1),
    (22, 4),
    (23, 8),
    (24, 2),
    (25, 1),
    (26, 4),
    (27, 1),
    (28, 1),
];
