//! Requests with a mark: the group rejects what raises something, and lets the rest pass.

use crate::group_support::{Outputs, Venue, cancel, config, enter, market, replace};
use corelane_actors::types::{Command, Enter, GroupConfig, Mark, Replace, Reply};
use corelane_codecs::ouch::Outbound;

const MARKS: [(Mark, u16); 4] =
    [(Mark::Rate, 0x29), (Mark::InFlight, 0x0f), (Mark::Breaker, 0x0a), (Mark::Delay, 0x07)];

/// What a delay does beside its mark is in `delay.rs`.
fn without_pauses() -> GroupConfig {
    GroupConfig { pause_ns: 0, ..config() }
}

/// Replies as `1 A`: the order and the kind of the answer, with the reason of a reject.
fn answers(outputs: &Outputs) -> Vec<String> {
    let one = |reply: &Reply| match Outbound::decode(&reply.bytes[..usize::from(reply.length)]).unwrap() {
        Outbound::Rejected(rejected, _) => format!("{} J {:#04x}", reply.user_ref, rejected.reason_code.get()),
        _ => format!("{} {}", reply.user_ref, char::from(reply.bytes[0])),
    };
    outputs.replies.iter().map(one).collect()
}

fn run(venue: &mut Venue, command: Command) -> Vec<String> {
    answers(&venue.run(0, command))
}

#[test]
fn an_enter_with_a_mark_is_rejected_and_its_number_is_used() {
    for (mark, reason) in MARKS {
        let mut venue = Venue::new(without_pauses());
        let order = |user_ref, mark| Command::Enter(Enter { mark, ..enter(0, user_ref, b'B', 10, 100_000) });
        let seen = venue.run(0, order(1, mark));
        assert_eq!(answers(&seen), [format!("1 J {reason:#04x}")]);
        assert!(seen.publications.is_empty());
        assert_eq!(run(&mut venue, order(1, Mark::None)), [""; 0], "its number is used");
        assert_eq!(run(&mut venue, order(1, mark)), [""; 0], "a retransmission gets no second answer");
        assert_eq!(run(&mut venue, order(2, Mark::None)), ["2 A"]);
    }
}

#[test]
fn a_mark_comes_before_every_other_reason() {
    for (mark, reason) in MARKS {
        let mut venue = Venue::new(without_pauses());
        let garbled = Enter { mark, unsupported: 0x17, ..enter(0, 1, b'?', 0, 0) };
        assert_eq!(run(&mut venue, Command::Enter(garbled)), [format!("1 J {reason:#04x}")]);
        run(&mut venue, Command::Enter(enter(0, 2, b'B', 10, 100_000)));
        for code in *b"OSQM" {
            run(&mut venue, market(code));
        }
        let late = Command::Enter(Enter { mark, ..enter(0, 3, b'B', 10, 100_000) });
        assert_eq!(run(&mut venue, late), [format!("3 J {reason:#04x}")], "the market is closed");
    }
}

#[test]
fn a_replace_with_a_mark_is_rejected_if_it_raises_something_and_leaves_its_order() {
    // The new total and price of a buy order of 100 at 10.00, and whether that raises something.
    let cases = [
        (100, 100_000, false),
        (99, 100_000, false),
        (100, 99_900, false),
        (101, 100_000, true),
        (100, 100_100, true),
        (50, 100_100, true),
        (101, 90_000, true),
    ];
    for ((mark, reason), (total, price, raises)) in MARKS.into_iter().flat_map(|mark| cases.map(|case| (mark, case))) {
        let mut venue = Venue::new(without_pauses());
        run(&mut venue, Command::Enter(enter(0, 1, b'B', 100, 100_000)));
        let request = Replace { mark, ..replace(0, 1, 2, total, price) };
        let expected = if raises { format!("2 J {reason:#04x}") } else { "2 U".to_owned() };
        assert_eq!(run(&mut venue, Command::Replace(request)), [expected], "{total} at {price}");
        let plain = |original, user_ref| Command::Replace(replace(0, original, user_ref, 90, 99_000));
        assert_eq!(run(&mut venue, plain(1, 2)), [""; 0], "the number is used");
        let live = if raises { 1 } else { 2 };
        assert_eq!(run(&mut venue, plain(live, 3)), ["3 U"], "the order stays");
        assert_eq!(run(&mut venue, cancel(0, 3, 0)), ["3 C"]);
    }
}

#[test]
fn a_replace_with_a_mark_that_ends_its_order_ends_it() {
    for (mark, _) in MARKS {
        for (total, price) in [(20, 100_000), (100, 100_001)] {
            let mut venue = Venue::new(without_pauses());
            run(&mut venue, Command::Enter(enter(0, 1, b'B', 100, 100_000)));
            run(&mut venue, Command::Enter(enter(1, 1, b'S', 20, 100_000)));
            let request = Replace { mark, ..replace(0, 1, 2, total, price) };
            assert_eq!(run(&mut venue, Command::Replace(request)), ["1 C"], "{total} at {price}");
        }
    }
}
