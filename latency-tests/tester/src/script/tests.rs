use std::collections::VecDeque;

use corelane_codecs::IntoBytes;
use corelane_codecs::ouch::{
    CancelReason, Canceled, Inbound, Liquidity, Outbound, RejectReason, Rejected, Side, TimeInForce,
};
use corelane_codecs::price::Price;
use corelane_codecs::text::{ClOrdId, Symbol};
use proptest::prelude::*;

use super::*;

const SYMBOL: Symbol = Symbol::from_bytes(*b"TEST    ");

fn instrument() -> Instrument {
    Instrument { symbol: SYMBOL, reference_price: Price::from_raw(1_000_000), tick: Price::from_raw(100), lot: 10 }
}

fn limits() -> Limits {
    Limits { quantity_max: 10_000, notional_max: "500000".parse().unwrap(), far_percent: 25 }
}

/// Prices in these tests are in hundredths.
fn enter(user_ref: u32, side: Side, quantity: u32, cents: u64) -> Request {
    Request::Enter {
        user_ref,
        side,
        quantity,
        symbol: SYMBOL,
        price: Price::from_raw(cents * 100),
        time_in_force: TimeInForce::Day,
    }
}

fn immediate(user_ref: u32, side: Side, quantity: u32, cents: u64) -> Request {
    match enter(user_ref, side, quantity, cents) {
        Request::Enter { user_ref, side, quantity, symbol, price, .. } => {
            Request::Enter { user_ref, side, quantity, symbol, price, time_in_force: TimeInForce::ImmediateOrCancel }
        }
        other => other,
    }
}

fn replace(original: u32, user_ref: u32, quantity: u32, cents: u64) -> Request {
    Request::Replace { original, user_ref, quantity, price: Price::from_raw(cents * 100) }
}

fn cancel(user_ref: u32, quantity: u32) -> Request {
    Request::Cancel { user_ref, quantity }
}

/// The short notation of answers: `A1 200@100.00` accepted, `E1 50@100.00A` executed (added), `C1 150U` canceled, `U1>2
/// 400@99.00` replaced, `J1 0x17` rejected.
fn short(answer: &Expected) -> String {
    let cents = |price: Price| format!("{}.{:02}", price.raw() / 10_000, price.raw() / 100 % 100);
    match *answer {
        Expected::Accepted { user_ref, quantity, price, .. } => format!("A{user_ref} {quantity}@{}", cents(price)),
        Expected::Replaced { original, user_ref, quantity, price, .. } => {
            format!("U{original}>{user_ref} {quantity}@{}", cents(price))
        }
        Expected::Executed { user_ref, quantity, price, liquidity, .. } => {
            let flag = char::from(liquidity.to_wire());
            format!("E{user_ref} {quantity}@{}{flag}", cents(price))
        }
        Expected::Canceled { user_ref, quantity, reason } => {
            format!("C{user_ref} {quantity}{}", char::from(reason.to_wire()))
        }
        Expected::Rejected { user_ref, reason } => {
            format!("J{user_ref} 0x{:02x}", reason.to_wire())
        }
    }
}

fn check(name: &str, rules: Rules, requests: &[Request], expected: &[&str]) {
    let mut model = Model::new(vec![instrument()], limits(), rules);
    let mut answers = VecDeque::new();
    for request in requests {
        model.apply(*request, &mut answers);
    }
    let answers: Vec<_> = answers.iter().map(short).collect();
    assert_eq!(answers, expected, "{name}");
}

#[test]
fn the_model_keeps_the_rules_of_the_protocol() {
    use Side::{Buy, Sell};
    let cases: [(&str, &[Request], &[&str]); 20] = [
        (
            "both sides of a fill are told, the resting one first, at its price",
            &[enter(1, Sell, 100, 10_000), enter(2, Buy, 40, 10_500)],
            &["A1 100@100.00", "A2 40@105.00", "E1 40@100.00A", "E2 40@100.00R"],
        ),
        (
            "prices that do not meet do not trade",
            &[enter(1, Sell, 100, 10_001), enter(2, Buy, 100, 10_000)],
            &["A1 100@100.01", "A2 100@100.00"],
        ),
        (
            "better prices first, then older orders; the rest rests",
            &[
                enter(1, Sell, 10, 10_002),
                enter(2, Sell, 10, 10_001),
                enter(3, Sell, 10, 10_001),
                enter(4, Buy, 50, 10_002),
                enter(5, Sell, 20, 10_002),
            ],
            &[
                "A1 10@100.02",
                "A2 10@100.01",
                "A3 10@100.01",
                "A4 50@100.02",
                "E2 10@100.01A",
                "E4 10@100.01R",
                "E3 10@100.01A",
                "E4 10@100.01R",
                "E1 10@100.02A",
                "E4 10@100.02R",
                "A5 20@100.02",
                "E4 20@100.02A",
                "E5 20@100.02R",
            ],
        ),
        (
            "highest buy first",
            &[enter(1, Buy, 10, 9_999), enter(2, Buy, 10, 10_000), enter(3, Sell, 10, 9_000)],
            &["A1 10@99.99", "A2 10@100.00", "A3 10@90.00", "E2 10@100.00A", "E3 10@100.00R"],
        ),
        (
            "the remainder of an immediate order is cancelled after its fills",
            &[enter(1, Sell, 30, 10_000), immediate(2, Buy, 50, 10_000), enter(3, Sell, 10, 10_000)],
            &["A1 30@100.00", "A2 50@100.00", "E1 30@100.00A", "E2 30@100.00R", "C2 20I", "A3 10@100.00"],
        ),
        (
            "an immediate order that meets nobody is accepted, then cancelled",
            &[immediate(1, Buy, 50, 10_000)],
            &["A1 50@100.00", "C1 50I"],
        ),
        (
            "500 entered, 100 executed, replaced by 500: 400 are left",
            &[enter(1, Buy, 500, 10_000), enter(2, Sell, 100, 10_000), replace(1, 3, 500, 10_000)],
            &["A1 500@100.00", "A2 100@100.00", "E1 100@100.00A", "E2 100@100.00R", "U1>3 400@100.00"],
        ),
        (
            "executions count over a chain of replaces",
            &[
                enter(1, Buy, 500, 10_000),
                enter(2, Sell, 100, 10_000),
                replace(1, 3, 500, 10_000),
                enter(4, Sell, 100, 10_000),
                replace(3, 5, 200, 10_000),
            ],
            &[
                "A1 500@100.00",
                "A2 100@100.00",
                "E1 100@100.00A",
                "E2 100@100.00R",
                "U1>3 400@100.00",
                "A4 100@100.00",
                "E3 100@100.00A",
                "E4 100@100.00R",
                "C3 300U",
            ],
        ),
        (
            "a replace may trade",
            &[enter(1, Sell, 100, 10_000), enter(2, Buy, 60, 9_000), replace(2, 3, 60, 10_000)],
            &["A1 100@100.00", "A2 60@90.00", "U2>3 60@100.00", "E1 60@100.00A", "E3 60@100.00R"],
        ),
        (
            "replaces of dead or unknown orders are ignored",
            &[enter(1, Buy, 10, 10_000), cancel(1, 0), replace(1, 2, 10, 10_000), replace(9, 3, 10, 10_000)],
            &["A1 10@100.00", "C1 10U"],
        ),
        (
            "a cancel names the new total, executions included",
            &[enter(1, Buy, 500, 10_000), enter(2, Sell, 100, 10_000), cancel(1, 300), cancel(1, 100), cancel(1, 0)],
            &["A1 500@100.00", "A2 100@100.00", "E1 100@100.00A", "E2 100@100.00R", "C1 200U", "C1 200U"],
        ),
        (
            "a cancel to less than was executed takes what is left",
            &[enter(1, Buy, 500, 10_000), enter(2, Sell, 100, 10_000), cancel(1, 50)],
            &["A1 500@100.00", "A2 100@100.00", "E1 100@100.00A", "E2 100@100.00R", "C1 400U"],
        ),
        (
            "a cancel that changes nothing has no answer",
            &[enter(1, Buy, 50, 10_000), cancel(1, 50), cancel(1, 60), cancel(7, 0)],
            &["A1 50@100.00"],
        ),
        (
            "a cancelled part keeps the order's place",
            &[enter(1, Buy, 50, 10_000), enter(2, Buy, 50, 10_000), cancel(1, 40), enter(3, Sell, 40, 10_000)],
            &["A1 50@100.00", "A2 50@100.00", "C1 10U", "A3 40@100.00", "E1 40@100.00A", "E3 40@100.00R"],
        ),
        (
            "a replaced order loses its place",
            &[
                enter(1, Buy, 50, 10_000),
                enter(2, Buy, 50, 10_000),
                replace(1, 3, 40, 10_000),
                enter(4, Sell, 10, 10_000),
            ],
            &["A1 50@100.00", "A2 50@100.00", "U1>3 40@100.00", "A4 10@100.00", "E2 10@100.00A", "E4 10@100.00R"],
        ),
        (
            "limits are checked in order",
            &[
                enter(1, Buy, 0, 10_000),
                enter(2, Buy, 1_000_000, 10_000),
                enter(3, Buy, 15, 10_000),
                enter(4, Buy, 10_010, 15_000),
                enter(5, Buy, 6_000, 13_000),
                enter(6, Buy, 10, 12_501),
                enter(7, Sell, 10, 7_499),
            ],
            &["J1 0x13", "J2 0x13", "J3 0x13", "J4 0x31", "J5 0x30", "J6 0x26", "J7 0x26"],
        ),
        (
            "the collar holds on both sides, for buys and for sells",
            &[
                enter(1, Buy, 10, 7_499),
                enter(2, Buy, 10, 7_500),
                enter(3, Sell, 10, 12_500),
                enter(4, Sell, 10, 12_501),
            ],
            &["J1 0x26", "A2 10@75.00", "A3 10@125.00", "J4 0x26"],
        ),
        (
            "a replace is checked for what it raises, and one that is refused leaves the order",
            &[
                enter(1, Buy, 100, 10_000),
                replace(1, 2, 10_010, 10_000),
                replace(1, 3, 100, 12_501),
                replace(1, 4, 100, 7_499),
                replace(4, 5, 110, 7_499),
                replace(4, 6, 90, 7_400),
            ],
            &["A1 100@100.00", "J2 0x31", "J3 0x26", "U1>4 100@74.99", "J5 0x26", "U4>6 90@74.00"],
        ),
        (
            "a replace with invalid details cancels the order",
            &[enter(1, Buy, 100, 10_000), replace(1, 2, 95, 10_000)],
            &["A1 100@100.00", "C1 100Z"],
        ),
        (
            "a cancel leaves whole lots",
            &[enter(1, Buy, 100, 10_000), cancel(1, 55), cancel(1, 50), cancel(1, 49), cancel(1, 9)],
            &["A1 100@100.00", "C1 50U", "C1 10U", "C1 40U"],
        ),
    ];
    for (name, requests, expected) in cases {
        check(name, Rules::default(), requests, expected);
    }
}

#[test]
fn the_venues_own_choices_can_be_set() {
    use Side::{Buy, Sell};
    let aggressor_first = Rules { fill_order: FillOrder::AggressorFirst, ..Rules::default() };
    check(
        "the incoming side first",
        aggressor_first,
        &[enter(1, Sell, 10, 10_000), enter(2, Buy, 10, 10_000)],
        &["A1 10@100.00", "A2 10@100.00", "E2 10@100.00R", "E1 10@100.00A"],
    );
    let kept = Rules { priority: PriorityRule::KeptWhenReduced, ..Rules::default() };
    for (name, replace, first) in [
        ("smaller", replace(1, 3, 40, 10_000), 3),
        ("as large", replace(1, 3, 50, 10_000), 3),
        ("larger", replace(1, 3, 60, 10_000), 2),
    ] {
        let mut model = Model::new(vec![instrument()], limits(), kept);
        let mut answers = VecDeque::new();
        for request in [enter(1, Buy, 50, 10_000), enter(2, Buy, 50, 10_000), replace] {
            model.apply(request, &mut answers);
        }
        let best = model.best_against(Sell, SYMBOL).map(|order| order.user_ref);
        assert_eq!(best, Some(first), "{name}");
    }
}

#[test]
fn symbols_and_ticks_are_checked() {
    let mut model = Model::new(vec![instrument()], limits(), Rules::default());
    let mut answers = VecDeque::new();
    let request = |symbol, raw| Request::Enter {
        user_ref: 1,
        side: Side::Buy,
        quantity: 10,
        symbol,
        price: Price::from_raw(raw),
        time_in_force: TimeInForce::Day,
    };
    model.apply(request(Symbol::from_bytes(*b"OTHER   "), 1_000_000), &mut answers);
    model.apply(request(SYMBOL, 1_000_001), &mut answers);
    let answers: Vec<_> = answers.iter().map(short).collect();
    assert_eq!(answers, ["J1 0x17", "J1 0x1d"]);
}

fn market(seed: u64) -> MarketSpec {
    MarketSpec {
        seed,
        sessions: vec![vec![instrument()]],
        limits: limits(),
        rules: Rules::default(),
        mix: Mix::default(),
        open_orders_max: 20,
        first_user_ref: 1000,
        overload_reasons: vec![RejectReason::RiskPortMessageRate],
    }
}

/// Parses requests as a venue would.
fn requests(seed: u64, count: usize) -> Vec<Vec<u8>> {
    let mut script = MarketScript::new(market(seed));
    let request = |_| {
        let mut bytes = Vec::new();
        script.next(0, &mut bytes);
        bytes
    };
    (0..count).map(request).collect()
}

#[test]
fn the_seed_alone_decides_what_is_sent() {
    assert_eq!(requests(1, 2000), requests(1, 2000));
    assert_ne!(requests(1, 2000), requests(2, 2000));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    /// For any seed, open orders stay few, and every kind of answer and violation occurs.
    #[test]
    fn the_mix_has_everything_and_the_book_stays_bounded(seed: u64) {
        let mut model = Model::new(vec![instrument()], limits(), Rules::default());
        let mut answers = VecDeque::new();
        let mut silent = 0;
        let mut last_user_ref = 999;
        for bytes in requests(seed, 5000) {
            let before = answers.len();
            let request = match Inbound::decode(&bytes).unwrap() {
                Inbound::Enter(enter, _) => Request::Enter {
                    user_ref: enter.user_ref_num.get(),
                    side: enter.side,
                    quantity: enter.quantity.get(),
                    symbol: enter.symbol,
                    price: enter.price.get(),
                    time_in_force: enter.time_in_force,
                },
                Inbound::Replace(replace, _) => Request::Replace {
                    original: replace.orig_user_ref_num.get(),
                    user_ref: replace.user_ref_num.get(),
                    quantity: replace.quantity.get(),
                    price: replace.price.get(),
                },
                Inbound::Cancel(cancel, _) => super::tests::cancel(cancel.user_ref_num.get(), cancel.quantity.get()),
                other => panic!("the script sends no {other:?}"),
            };
            if let Request::Enter { user_ref, .. } | Request::Replace { user_ref, .. } = request {
                prop_assert!(user_ref > last_user_ref);
                last_user_ref = user_ref;
            }
            model.apply(request, &mut answers);
            silent += usize::from(answers.len() == before);
            prop_assert!(model.orders().len() <= 20);
        }
        let count = |letter: char| answers.iter().filter(|answer| short(answer).starts_with(letter)).count();
        prop_assert!(silent > 0);
        for letter in ['A', 'U', 'C', 'E', 'J'] {
            prop_assert!(count(letter) > 50, "{letter}: {}", count(letter));
        }
        for reason in ["0x17", "0x1d", "0x26", "0x30", "0x31"] {
            prop_assert!(answers.iter().any(|answer| short(answer).ends_with(reason)), "{reason}");
        }
        prop_assert!(!answers.iter().any(|answer| short(answer).ends_with("0x13")));
    }
}

#[test]
fn a_refusal_for_overload_takes_the_order_back() {
    let mut script = MarketScript::new(MarketSpec { mix: Mix::ENTER_AND_CANCEL, ..market(3) });
    let mut out = Vec::new();
    script.next(0, &mut out);
    let overload = |reason| Rejected::new(1, 1000, reason, ClOrdId::from_bytes(*b"00000000001000"));
    let refused = overload(RejectReason::RiskPortMessageRate);
    let answer = Outbound::decode(refused.as_bytes()).unwrap();
    assert_eq!(script.owed(0, 1), 1);
    assert_eq!(script.check(0, &answer), Ok(Completion::First { unanswered: 0 }));
    assert_eq!((script.owed(0, 0), script.open_orders(0)), (0, 0));
    // Another reason is a mismatch, and so is an answer without a request.
    script.next(0, &mut out);
    let refused = Rejected::new(1, 1001, RejectReason::Halted, ClOrdId::BLANK);
    let answer = Outbound::decode(refused.as_bytes()).unwrap();
    assert!(script.check(0, &answer).is_err());
    let canceled = Canceled::new(1, 1001, 5, CancelReason::UserRequested);
    let answer = Outbound::decode(canceled.as_bytes()).unwrap();
    let error = script.check(0, &answer).unwrap_err();
    assert_eq!(error.expected, "no answer");
}

#[test]
fn a_withdrawn_request_leaves_no_trace() {
    let mut script = MarketScript::new(market(3));
    let mut out = Vec::new();
    script.next(0, &mut out);
    assert_eq!(script.owed(0, 0), 0, "it is made, and not sent");
    assert!(script.owed(0, 1) > 0);
    script.withdraw(0);
    assert_eq!(script.owed(0, 1), 0);
    out.clear();
    assert!(!script.closing(0, &mut out));
    assert!(out.is_empty());
}

#[test]
fn liquidity_flags_are_compared() {
    let expected = Expected::Executed {
        user_ref: 1,
        quantity: 2,
        price: Price::from_raw(3),
        liquidity: Liquidity::Added,
        second_side: false,
    };
    for (liquidity, fits) in [(Liquidity::Added, true), (Liquidity::Removed, false)] {
        let price = Price::from_raw(3);
        let executed = corelane_codecs::ouch::Executed::new(9, 1, 2, price, liquidity, 4);
        let answer = Outbound::decode(executed.as_bytes()).unwrap();
        assert_eq!(expected.is(&answer), fits);
    }
}
